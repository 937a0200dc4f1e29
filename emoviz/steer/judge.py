"""Verdicts on all texts of one prompt, with the unsteered model as the judge of sense."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..models.load import LoadedModel
from ..models.prompts import prompt_ids
from ..types import Generation, Verdict
from .leak import own_scripts
from .perplexity import log_perplexities, text_ids, until_end
from .verdict import verdict


def judge(
    loaded: LoadedModel,
    prompt: str,
    twin: str,
    texts: Sequence[str],
    ids: Sequence[Sequence[int]] | None = None,
    *,
    chat: bool = False,
) -> list[Verdict]:
    """One verdict per text; `twin` is the unsteered continuation of the same prompt with the same seed.

    ids : the tokens that were written, which end with or without an end token; without them the texts are tokenized
    again, which may split them otherwise than they were written. chat : whether the prompt stood in the chat template.
    ppl_ratio = perplexity of the text / perplexity of the twin, both given the prompt under the unsteered model; NaN if
    one of them is empty. It is 1 for the twin itself.
    """
    rows = [text_ids(loaded, text) for text in texts] if ids is None else [until_end(loaded, row) for row in ids]
    twin_ids = text_ids(loaded, twin) if twin not in texts else rows[list(texts).index(twin)]
    # Texts that are written twice, the twin above all, are scored once.
    distinct = list(dict.fromkeys(tuple(row) for row in [twin_ids, *rows]))
    scores = log_perplexities(loaded, prompt_ids(loaded, prompt, chat), distinct)
    score = dict(zip(distinct, scores, strict=True))
    own = own_scripts(prompt)
    return [
        verdict(
            text,
            row,
            loaded.tokenizer.decode,
            own,
            unchanged=text == twin,
            ppl_ratio=float(np.exp(score[tuple(row)] - score[tuple(twin_ids)])),
        )
        for text, row in zip(texts, rows, strict=True)
    ]


def judge_batch(loaded: LoadedModel, made: Sequence[Generation], *, chat: bool = False) -> list[Verdict]:
    """One verdict per text of a batch as `steer_texts` gives it, the unsteered twin first."""
    texts, ids = [one.text for one in made], [one.ids for one in made]
    return judge(loaded, made[0].prompt, made[0].text, texts, ids, chat=chat)
