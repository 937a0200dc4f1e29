"""Adding emotion vectors to the residual stream, one offset per batch row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..geometry import class_vectors
from ..geometry.vectors import check_layer, unit
from ..models.blocks import hidden_of, with_hidden
from ..models.fit import check_fit as check_fit
from ..models.load import LoadedModel
from ..types import VectorSet
from .doses import check_doses


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added after each block: layer -> (rows, D), float32, in units of the residual stream."""

    by_layer: dict[int, np.ndarray]
    rows: int


def window(n_layers: int) -> tuple[int, ...]:
    """The default layers: the middle third, where the papers and the depth curves put the emotion geometry."""
    return tuple(range(n_layers // 3, 2 * n_layers // 3 + 1))


def parse_layers(text: str, n_layers: int) -> tuple[int, ...]:
    """`window`, `all`, one layer (`12`) or a range (`10-20`). Raises InputError for anything else."""
    if text == "window":
        return window(n_layers)
    if text == "all":
        return tuple(range(n_layers))
    first, dash, last = text.partition("-")
    last = last if dash else first
    # Digits are counted first: nobody has a million layers, and a range of them would fill the memory.
    if first.isdecimal() and last.isdecimal() and len(first) <= 6 and len(last) <= 6 and int(last) < n_layers:
        layers = tuple(range(int(first), int(last) + 1))
        if layers:
            return layers
    raise InputError(
        f"layers {text!r} were asked for; window, all, one layer or a range like 10-20 within 0-{n_layers - 1} are "
        "allowed; choose one of them."
    )


def emotion_offsets(
    vectors: VectorSet, emotion: str, doses: Sequence[float], layers: Sequence[int], centring: str = "class"
) -> Offsets:
    """One row per dose: dose * r * unit(v) at each of the layers, with v the emotion's vector there.

    r is the layer's stored median residual norm, so that a dose is a fraction of the typical state, ||added|| / ||h||,
    the same for any prompt.
    Raises InputError for an unknown emotion, a dose that is not finite or beyond +-1, or a missing layer.
    """
    check_doses(doses)
    by_layer = {}
    for layer in layers:
        check_layer(vectors, layer)
        rows, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
        if emotion not in classes:
            raise InputError(
                f"emotion {emotion!r} is not in {vectors.name}; {', '.join(classes)} are allowed; choose one of them."
            )
        direction = unit(rows, classes)[classes.index(emotion)]
        by_layer[layer] = np.outer(doses, vectors.residual_norm[layer] * direction).astype(np.float32)
    return Offsets(by_layer, len(doses))


@contextmanager
def injected(loaded: LoadedModel, offsets: dict[int, Tensor]) -> Iterator[None]:
    """While open, every forward pass adds `offsets[layer]`, (rows, D), to all tokens of each row after that block.

    Open it around single forward passes and under the model's lock: a hook then never outlives the pass it is for.
    Other hooks on the same block see the steered output, since ours run first.
    """
    with ExitStack() as hooks:
        for layer, offset in offsets.items():
            handle = loaded.blocks[layer].register_forward_hook(
                _adder(offset[:, None, :], loaded.d_model), prepend=True
            )
            hooks.callback(handle.remove)
        yield


def _adder(offset: Tensor, width: int):
    def add(_module, _inputs, output):
        hidden = hidden_of(output, width)
        # Blocks of a model that is spread over several devices put out on their own; else this does nothing.
        return with_hidden(output, hidden + offset.to(hidden.device))

    return add


def on_device(offsets: Offsets, loaded: LoadedModel) -> dict[int, Tensor]:
    """The offsets as tensors of the model's type and device, made once per generation."""
    return {
        layer: torch.from_numpy(rows).to(device=loaded.device, dtype=loaded.model.dtype)
        for layer, rows in offsets.by_layer.items()
    }
