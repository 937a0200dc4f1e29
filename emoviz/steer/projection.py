"""Where a written text lies on the emotion vectors when the unsteered model reads it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..geometry.vectors import check_layer, unit
from ..models.blocks import hidden_of
from ..models.fit import check_fit
from ..models.load import LoadedModel
from ..types import VectorSet
from .perplexity import padded

# Tokens of one pass.
_TOKENS = 8192


def projections(
    loaded: LoadedModel,
    vectors: VectorSet,
    layer: int,
    prompt_ids: Sequence[int],
    continuations: Sequence[Sequence[int]],
) -> np.ndarray:
    """Mean over a continuation's tokens of (h / |h| - c / r) . unit(m_k - c), (rows, C) float64; NaN for an empty one.

    h : state of a token after the layer, the prompt before it and nothing injected. m_k : mean of class k, c : mean over
    the classes, r : the set's median residual norm, as in `extract.read`. What the steering itself added is not in it.
    Raises InputError for a set of another model or a layer that is not there.
    """
    check_fit(vectors, loaded)
    check_layer(vectors, layer)
    means = np.asarray(vectors.class_means[layer], np.float64)
    centre = means.mean(0)
    directions = unit(means - centre, vectors.classes)
    offset = centre / float(vectors.residual_norm[layer])
    found = np.full((len(continuations), len(vectors.classes)), np.nan)
    room = None if loaded.max_tokens is None else max(0, loaded.max_tokens - len(prompt_ids))
    rows = [(k, list(ids[:room])) for k, ids in enumerate(continuations) if len(ids[:room])]
    rows.sort(key=lambda row: len(row[1]))
    while rows:
        size = max(1, _TOKENS // (len(prompt_ids) + len(rows[-1][1])))
        part, rows = rows[-size:], rows[:-size]
        states = _unit_means(loaded, layer, list(prompt_ids), [ids for _, ids in part])
        found[[k for k, _ in part]] = (states - offset) @ directions.T
    return found


def _unit_means(loaded: LoadedModel, layer: int, prompt: list[int], rows: list[list[int]]) -> np.ndarray:
    """Mean over each continuation of its states, each brought to length 1, (rows, D)."""
    ids, attention, there = padded(prompt, rows)
    out = []

    def keep(_module, _inputs, output) -> None:
        hidden = hidden_of(output, loaded.d_model)[:, len(prompt) :].float()
        unit_states = hidden / torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        mask = there.to(hidden.device)[..., None]
        out.append((torch.where(mask, unit_states, 0.0).sum(1) / mask.sum(1)).double().cpu().numpy())

    with loaded.lock, torch.inference_mode():
        hook = loaded.blocks[layer].register_forward_hook(keep)
        try:
            loaded.decoder(input_ids=ids.to(loaded.device), attention_mask=attention.to(loaded.device), use_cache=False)
        finally:
            hook.remove()
    return out[0]
