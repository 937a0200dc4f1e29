"""Where states lie on the class vectors of a set. One formula, for tokens, texts and pooled passages alike:

    score(k) = (h / |h| - c / r) . unit(m_k - c)

h : a state after the layer. m_k : mean of class k, c : mean over the classes, r : the set's median residual norm there.
A cleaned set has its own directions in place of m_k - c, and `against E` the mean of E as c (`geometry.cleaning`).
States are brought to one length first, as protocol `emoviz` does, so that no token counts more for a massive
activation; c takes off the direction that all states share. A score is a fraction of the residual norm, as a steering
dose is, and scaling the model's states and vectors changes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.directions import origin_of, units_at
from ..geometry.vectors import check_layer, residual_norm_at
from ..types import Missing, VectorSet
from ..types.vectors import IMPORTED

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel

# Tokens of one pass.
_TOKENS = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The class vectors of one layer as axes. units : (C, D) float64; centre : (D,) what is taken off; norm : r."""

    units: np.ndarray
    centre: np.ndarray
    norm: float

    @property
    def offset(self) -> np.ndarray:
        """c / r, (D,)."""
        return self.centre / self.norm

    def of_unit_states(self, states: np.ndarray) -> np.ndarray:
        """Scores of states of length 1, or of their means: (..., D) to (..., C)."""
        return (states - self.offset) @ self.units.T

    def of_pooled_states(self, states: np.ndarray) -> np.ndarray:
        """Scores of states that were pooled at the layer's median length, as the passages are: (..., D) to (..., C)."""
        return (states - self.centre) / self.norm @ self.units.T


def axes_of(vectors: VectorSet, layer: int) -> Axes:
    """Raises InputError for a class without a direction, or a layer without a residual norm."""
    units, _ = units_at(vectors, layer, dtype=np.float64)
    return Axes(units, origin_of(vectors, layer), residual_norm_at(vectors, layer))


def passage_scale(vectors: VectorSet, layer: int) -> tuple[np.ndarray, np.ndarray] | Missing:
    """Mean and standard deviation of the scores of the set's own passages at one layer, (C,) each, or why there are
    none.

    They put the mean of a text on the scale of texts that were written to evoke the classes. Only for pooling over all
    tokens: a single token spreads far more than the mean of a text.
    """
    if vectors.provenance.method == IMPORTED:
        return Missing("z", None, f"the passages of {vectors.name} are not known")
    if vectors.provenance.protocol.pooling != "mean":
        return Missing("z", None, f"the passages of {vectors.name} were not pooled over all their tokens")
    if vectors.activations is None or layer not in vectors.activations.layers:
        return Missing("z", None, f"the states of the passages are not kept at layer {layer}")
    scores = axes_of(vectors, layer).of_pooled_states(vectors.activations.at(layer))
    return scores.mean(0), scores.std(0)


def projections(
    loaded: LoadedModel,
    vectors: VectorSet,
    layer: int,
    prompt_ids: Sequence[int],
    continuations: Sequence[Sequence[int]],
) -> np.ndarray:
    """Mean score of each continuation's tokens after a prompt, (rows, C) float64; NaN for an empty one.

    Nothing is injected, so that what the steering itself added is not in it.
    Raises InputError for a set of another model or a layer that is not there.
    """
    from ..models.fit import check_fit

    check_fit(vectors, loaded)
    check_layer(vectors, layer)
    axes = axes_of(vectors, layer)
    found = np.full((len(continuations), len(vectors.classes)), np.nan)
    room = None if loaded.max_tokens is None else max(0, loaded.max_tokens - len(prompt_ids))
    rows = [(k, list(ids[:room])) for k, ids in enumerate(continuations) if len(ids[:room])]
    rows.sort(key=lambda row: len(row[1]))
    while rows:
        size = max(1, _TOKENS // (len(prompt_ids) + len(rows[-1][1])))
        part, rows = rows[-size:], rows[:-size]
        states = unit_states(loaded, layer, [[*prompt_ids, *ids] for _, ids in part])
        means = np.stack([one[len(prompt_ids) :].mean(0) for one in states])
        found[[k for k, _ in part]] = axes.of_unit_states(means)
    return found


def unit_states(loaded: LoadedModel, layer: int, rows: list[list[int]]) -> list[np.ndarray]:
    """The states of each row of tokens after a block, each brought to length 1: (tokens, D) float64."""
    import torch

    from ..extract.batches import padded
    from ..models.blocks import hidden_of

    ids, attention, there = padded([], rows)
    found = []

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
