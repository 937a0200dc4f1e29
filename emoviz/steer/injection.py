"""Adding directions to the residual stream, one offset per batch row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.blocks import hidden_of, with_hidden
from ..models.load import LoadedModel
from ..types import Recipe, VectorSet
from .directions import directions
from .doses import check_doses
from .recipes import check_recipe

# Which positions of a pass get the offset: in the first pass, which reads the prompt, and in those after it.
_PROMPT_POSITIONS = {"all": slice(None), "prompt": slice(None), "response": slice(-1, None)}


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added after each block: layer -> (rows, D), float32.

    In units of the residual stream where the norm is fixed; as fractions of the states' mean length where it is live.
    """

    by_layer: dict[int, np.ndarray]
    rows: int
    scope: str = "all"
    norm: str = "fixed"


def offsets(vectors: VectorSet, rows: Sequence[tuple[str, float]], recipe: Recipe) -> Offsets:
    """One row per (direction, dose): dose * r * u at each of the recipe's layers, u the direction's unit vector.

    r is the layer's stored median residual norm, so that a dose is a fraction of the typical state, ||added|| / ||h||,
    the same for any prompt; with a live norm it is the mean length of each row's states in the pass, as in Jeong 2026
    (arXiv 2604.04064). At dose 0 nothing is added, whatever the direction.
    Raises InputError as `check_recipe`, `check_doses` and `directions`.
    """
    check_recipe(recipe, vectors)
    doses = [dose for _, dose in rows]
    check_doses(doses)
    source = recipe.layers if recipe.vector_layer is None else (recipe.vector_layer,)
    steered = dict.fromkeys(direction for direction, dose in rows if dose)
    units = {direction: directions(vectors, direction, source, recipe.centring) for direction in steered}
    by_layer = {}
    for k, layer in enumerate(recipe.layers):
        added = np.zeros((len(rows), vectors.d_model), np.float32)
        length = vectors.residual_norm[layer] if recipe.norm == "fixed" else 1.0
        for row, (direction, dose) in enumerate(rows):
            if dose:
                added[row] = dose * length * units[direction][k if recipe.vector_layer is None else 0]
        by_layer[layer] = added
    return Offsets(by_layer, len(rows), recipe.scope, recipe.norm)


@contextmanager
def injected(loaded: LoadedModel, added: Offsets, tensors: dict[int, Tensor], *, first: bool) -> Iterator[None]:
    """While open, every forward pass adds each row's offset to its tokens after each of the blocks.

    first : whether the pass reads the prompt, which scope `response` enters at its last position only; scope `prompt`
    adds nothing to later passes.
    Open it around single forward passes and under the model's lock: a hook then never outlives the pass it is for.
    Other hooks on the same block see the steered output, since ours run first.
    """
    with ExitStack() as hooks:
        if first or added.scope != "prompt":
            positions = _PROMPT_POSITIONS[added.scope] if first else slice(None)
            for layer, offset in tensors.items():
                add = _adder(offset[:, None, :], loaded.d_model, positions, added.norm == "live")
                handle = loaded.blocks[layer].register_forward_hook(add, prepend=True)
                hooks.callback(handle.remove)
        yield


def _adder(offset: Tensor, width: int, positions: slice, live: bool):
    everywhere = positions == slice(None)

    def add(_module, _inputs, output):
        hidden = hidden_of(output, width)
        # Blocks of a model that is spread over several devices put out on their own; else this does nothing.
        step = offset.to(hidden.device)
        if live:
            step = step * hidden.float().norm(dim=-1).mean(1)[:, None, None].to(hidden.dtype)
        if everywhere:
            return with_hidden(output, hidden + step)
        changed = hidden.clone()
        changed[:, positions] += step
        return with_hidden(output, changed)

    return add


def on_device(added: Offsets, loaded: LoadedModel) -> dict[int, Tensor]:
    """The offsets as tensors of the model's type and device, made once per generation."""
    return {
        layer: torch.from_numpy(rows).to(device=loaded.device, dtype=loaded.model.dtype)
        for layer, rows in added.by_layer.items()
    }
