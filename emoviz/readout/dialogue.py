"""The emotional state in a conversation, as the unsteered model reads it: before an answer, and over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch

from ..extract.batches import padded
from ..geometry.vectors import check_layer
from ..models.blocks import hidden_of
from ..models.dialogue import pieces_of
from ..models.fit import check_fit
from ..models.loaded import LoadedModel
from ..models.prompts import text_ids
from ..stimuli.corpus import neutral_sentences
from ..types import VectorSet
from .projection import axes_of

# Tokens of one pass.
_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores of neutral exchanges, (C,) each, which a reading is taken against.

    before, over : in the model's chat template. plain : of the same sentences without it, so that `over - plain` is
    what the template alone adds to every score.
    """

    before: np.ndarray
    over: np.ndarray
    plain: np.ndarray


_REFERENCES: WeakKeyDictionary[LoadedModel, dict[tuple, Reference]] = WeakKeyDictionary()


def dialogue_scores(
    loaded: LoadedModel,
    vectors: VectorSet,
    layer: int,
    contexts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
) -> tuple[np.ndarray, np.ndarray]:
    """(before, over): scores at the last token of each context, and their mean over the answer, (n, C) float64 each.

    Nothing is injected. NaN over an empty answer. Beyond the model's context an answer is cut.
    Raises InputError for a set of another model or a layer that is not there.
    """
    check_fit(vectors, loaded)
    check_layer(vectors, layer)
    axes = axes_of(vectors, layer)
    room = loaded.max_tokens
    before = np.full((len(contexts), len(vectors.classes)), np.nan)
    over = before.copy()
    order = sorted(range(len(contexts)), key=lambda k: len(contexts[k]) + len(answers[k]))
    while order:
        longest = len(contexts[order[-1]]) + len(answers[order[-1]])
        size = max(1, _TOKENS // longest)
        part, order = order[-size:], order[:-size]
        rows = [[*contexts[k], *answers[k]][:room] for k in part]
        states = _unit_states(loaded, layer, rows)
        for found, k in zip(states, part, strict=True):
            n = len(contexts[k])
            before[k] = axes.of_unit_states(found[n - 1])
            if len(found) > n:
                over[k] = axes.of_unit_states(found[n:].mean(0))
    return before, over


def neutral_reference(loaded: LoadedModel, vectors: VectorSet, layer: int, system: str | None) -> Reference:
    """Scores where nobody says anything of an emotion: each shipped neutral sentence, answered by the next one.

    Read once for each model, set, layer and system prompt.
    """
    known = _REFERENCES.setdefault(loaded, {})
    key = (vectors.name, layer, system)
    if key not in known:
        said = neutral_sentences()
        answers = [text_ids(loaded, text) for text in (*said[1:], said[0])]
        contexts = [pieces_of(loaded, [text], system)[0] for text in said]
        before, over = dialogue_scores(loaded, vectors, layer, contexts, answers)
        # The first token of a text alone may be a sink; in an answer it is an ordinary one.
        alone = [loaded.tokenizer(text)["input_ids"] for text in said]
        _, plain = dialogue_scores(loaded, vectors, layer, [ids[:1] for ids in alone], [ids[1:] for ids in alone])
        known[key] = Reference(before.mean(0), over.mean(0), plain.mean(0))
    return known[key]


def _unit_states(loaded: LoadedModel, layer: int, rows: list[list[int]]) -> list[np.ndarray]:
    """The states of each row after a block, each brought to length 1: (tokens, D) float64."""
    ids, attention, there = padded([], rows)
    found: list[torch.Tensor] = []

    def keep(_module, _inputs, output) -> None:
        hidden = hidden_of(output, loaded.d_model).float()
        found.append((hidden / torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)).cpu())

    with loaded.inference():
        hook = loaded.blocks[layer].register_forward_hook(keep)
        try:
            loaded.decoder(input_ids=ids.to(loaded.device), attention_mask=attention.to(loaded.device), use_cache=False)
        finally:
            hook.remove()
    (states,) = found
    return [row[:length].double().numpy() for row, length in zip(states, there.sum(1).tolist(), strict=True)]
