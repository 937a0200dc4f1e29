"""Verdicts on all texts of one prompt, with the unsteered model as the judge of sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..models.loaded import LoadedModel, loaded_model
from ..models.prompts import prompt_ids, text_ids, until_end
from ..readout.scripts import own_scripts
from ..types import Generation, Generations, Verdict
from .perplexity import log_perplexities
from .verdict import verdict, with_break


def judge(
    loaded: LoadedModel,
    prompt: str,
    baseline: str,
    texts: Sequence[str],
    ids: Sequence[Sequence[int]] | None = None,
    *,
    chat: bool = False,
) -> list[Verdict]:
    """One verdict per text; `baseline` is the unsteered continuation of the same prompt with the same seed.

    ids : the tokens that were written, which end with or without an end token; without them the texts are tokenized
    again, which may split them otherwise than they were written. chat : whether the prompt stood in the chat template.
    ppl_ratio = perplexity of the text / perplexity of the baseline, both given the prompt under the unsteered model;
    NaN if one of them is empty. It is 1 for the baseline itself.
    """
    rows = [text_ids(loaded, text) for text in texts] if ids is None else [until_end(loaded, row) for row in ids]
    baseline_ids = text_ids(loaded, baseline) if baseline not in texts else rows[list(texts).index(baseline)]
    # Texts that are written twice, the baseline above all, are scored once.
    distinct = list(dict.fromkeys(tuple(row) for row in [baseline_ids, *rows]))
    scores = log_perplexities(loaded, prompt_ids(loaded, prompt, chat), distinct)
    score = dict(zip(distinct, scores, strict=True))
    own = own_scripts(prompt)
    return [
        verdict(
            text,
            row,
            loaded.tokenizer.decode,
            own,
            unchanged=text == baseline,
            ppl_ratio=float(np.exp(score[tuple(row)] - score[tuple(baseline_ids)])),
        )
        for text, row in zip(texts, rows, strict=True)
    ]


def judge_batch(loaded: LoadedModel, made: Sequence[Generation]) -> list[Verdict]:
    """One verdict per text of a batch as `steer_texts` gives it, the baseline first."""
    texts, ids = [one.text for one in made], [one.ids for one in made]
    found = judge(loaded, made[0].prompt, made[0].text, texts, ids, chat=made[0].chat)
    return [with_break(said, one.broken) for said, one in zip(found, made, strict=True)]


def judge_texts(model: LoadedModel, made: Sequence[Generation]) -> Generations:
    """Texts with their verdicts: did the model keep writing sense, fall into a loop, or into noise?

    made : texts of one prompt as `steer_texts` gives them, the unsteered one first.
    Returns : Generations, each with `verdict`: the regime, its reason, perplexity ratio, repetition and leak.
    Raises  : InputError if the first text is not the unsteered one, or the texts are those of several prompts.
    Source  : the three regimes of Jeong 2026 (arXiv 2604.04064); the thresholds are ours, docs/methods.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> texts = ez.steer_texts(model, None, "calm", [0.04, 0.3], "I opened the door and")
    >>> [one.verdict.regime for one in ez.judge_texts(model, texts)]
    ['unchanged', 'surgical', 'repetitive_collapse']
    """
    loaded_model(model)
    made = [made] if isinstance(made, Generation) else list(made)
    wrong = next((one for one in made if not isinstance(one, Generation)), None)
    if wrong is not None:
        raise InputError(f"{wrong!r:.60} was given; texts as steer_texts gives them are judged.")
    if not made or made[0].dose != 0 or any(one.prompt != made[0].prompt for one in made):
        raise InputError(
            "texts are judged against the unsteered text of the same prompt. Give it first, as steer_texts does."
        )
    verdicts = judge_batch(model, made)
    return Generations(replace(one, verdict=verdict) for one, verdict in zip(made, verdicts, strict=True))
