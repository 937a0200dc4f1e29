"""Adding directions to the residual stream, one offset per batch row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..models.blocks import hidden_of, with_hidden
from ..models.loaded import LoadedModel
from ..types import Recipe, Towards, VectorSet
from .directions import directions
from .doses import check_doses
from .recipes import check_recipe

# Which positions of a pass that reads the prompt get the offset, by scope.
PROMPT_POSITIONS = {"all": slice(None), "prompt": slice(None), "response": slice(-1, None)}


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added after each block: layer -> (rows, D), float32.

    In units of the residual stream where the norm is fixed; as fractions of the states' mean length where it is live.
    """

    by_layer: dict[int, np.ndarray]
    rows: int
    scope: str = "all"
    norm: str = "fixed"


def offsets(vectors: VectorSet, rows: Sequence[tuple[Towards, float]], recipe: Recipe) -> Offsets:
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
            positions = PROMPT_POSITIONS[added.scope] if first else slice(None)
            for layer, offset in tensors.items():

                def add(_module: nn.Module, _inputs: Any, output: Any, offset: Tensor = offset) -> Any:
                    return with_offset(output, offset, loaded.d_model, positions, added.norm)

                handle = loaded.blocks[layer].register_forward_hook(add, prepend=True)
                hooks.callback(handle.remove)
        yield


def with_offset(
    output: Any, offset: Tensor, width: int, positions: slice, norm: str, attended: Tensor | None = None
) -> Any:
    """A block's output with a row's offset added at some positions of each row.

    offset : (rows, width). attended : (rows, tokens), 1 where a token is no padding, which a live norm leaves out; None
    where there is no padding.
    """
    hidden = hidden_of(output, width)
    # Blocks of a model that is spread over several devices put out on their own; else this does nothing.
    step = offset[:, None, :].to(hidden.device)
    if norm == "live":
        lengths = hidden.float().norm(dim=-1)
        if attended is None:
            mean = lengths.mean(1)
        else:
            counted = attended.to(lengths)
            mean = (lengths * counted).sum(1) / counted.sum(1)
        step = step * mean[:, None, None].to(hidden.dtype)
    if positions == slice(None):
        return with_hidden(output, hidden + step)
    changed = hidden.clone()
    changed[:, positions] += step
    return with_hidden(output, changed)


def on_device(added: Offsets, loaded: LoadedModel) -> dict[int, Tensor]:
    """The offsets as tensors of the model's type and device, made once per generation."""
    return {
        layer: torch.from_numpy(rows).to(device=loaded.device, dtype=loaded.model.dtype)
        for layer, rows in added.by_layer.items()
    }
