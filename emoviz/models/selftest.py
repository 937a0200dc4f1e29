"""Does reading and steering work on this model? Tried on a few tokens whenever a model is loaded."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .. import __version__
from ..errors import InputError
from ..store.stamps import remembered
from .blocks import decoder_of, device_of, hidden_of, unwrapped, with_hidden
from .registry import TESTED_ARCHITECTURES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Relative difference that counts as equal. A row that sees its padding differs by about its own length; rounding stays
# well below, but adds up over many layers of 16 bits, and bitsandbytes picks its outlier columns over the whole batch,
# so that company changes a text (0.15 was seen in Gemma 3).
_TOLERANCE = {"fp32": 0.01, "bf16": 0.25, "fp16": 0.25, "int8": 0.4}
_TOLERANCE_QUANTIZED = 0.4
# The large offset, in lengths of the state it is added to, and the least relative change that it must make.
_OFFSET = 3.0
_LEAST_CHANGE = 0.2


@dataclass(frozen=True, slots=True)
class Support:
    """How far a model's architecture is trusted: `tested` on small models by the test suite, or `untested`.

    Both have passed the self-test with their own weights. An unsupported model raises instead.
    """

    badge: str
    reason: str


def self_test(
    model: PreTrainedModel, blocks: nn.ModuleList, width: int, vocabulary: int, precision: str, weights: object = None
) -> Support:
    """Runs a few short rows through the decoder and checks what reading and steering rely on.

    Every block fires exactly once; a zero offset after the first block changes nothing and a large one does; a padded
    row equals the same row alone; what comes later in a text does not change what stands before it. Raises InputError
    with the reason if one of these fails.

    weights : what tells the model's weights from others; a self-test that passed with them, under the same versions,
    is not run again. None for a model that anybody may have changed in memory, which is tested every time.
    """

    def tried() -> str:
        return _tried(model, blocks, width, vocabulary, precision)

    versions = [__version__, *(version(name) for name in ("torch", "transformers"))]
    key = (weights, precision, str(device_of(model)), versions)
    passed = tried() if weights is None else remembered("selftests", key, tried)
    name = type(unwrapped(model)).__name__
    if name in TESTED_ARCHITECTURES:
        return Support("tested", f"{name} is in the test suite; {passed}")
    return Support("untested", f"{name} is not in the test suite; its self-test passed: {passed}")


def _tried(model: PreTrainedModel, blocks: nn.ModuleList, width: int, vocabulary: int, precision: str) -> str:
    name = type(unwrapped(model)).__name__
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokens = torch.randint(min(10, vocabulary - 1), vocabulary, (6,))
    long, short = tokens, tokens[:3]
    padded = torch.cat([short, short[:1].repeat(3)])
    rows = torch.stack([long, padded, long, long, long])
    steered = torch.tensor([0.0, 0.0, 0.0, _OFFSET, 0.0])
    batch, fired = _run(model, blocks, width, rows, [6, 3, 6, 6, 6], [5, 2, 5, 5, 2], steered)
    alone, _ = _run(model, blocks, width, short[None], [3], [2], torch.zeros(1))
    if set(fired) != {1}:
        raise _unsupported(name, f"in one pass its blocks ran {min(fired)} to {max(fired)} times instead of once")
    finite = [k for k in range(len(blocks)) if torch.isfinite(batch[k]).all() and torch.isfinite(alone[k]).all()]
    if not finite:
        raise InputError(f"no layer of {name} gives finite values in {precision}. Use --precision bf16 or fp32.")
    deepest = finite[-1]
    tolerance = _TOLERANCE.get(precision, _TOLERANCE_QUANTIZED)
    unsteered, short_in_batch, zero, large, beginning = batch[deepest]
    for what, one, other in (
        ("an offset of zero changes its states", zero, unsteered),
        ("a padded text has other states than the same text alone", short_in_batch, alone[deepest][0]),
        ("it is not causal: later tokens change the states of earlier ones", beginning, alone[deepest][0]),
    ):
        if (difference := _relative(one, other)) > tolerance:
            raise _unsupported(name, f"{what} (by {difference:.2g} of their length, {tolerance:g} is allowed)")
    if _relative(large, unsteered) < _LEAST_CHANGE:
        raise _unsupported(name, "what is added after its first block does not arrive at the later ones")
    passed = "every block fires once, offsets arrive, padding and later tokens change nothing"
    if len(finite) < len(blocks):
        passed += f"; layers {finite[-1] + 1} and up are not finite in {precision}"
    return passed


def _run(
    model: PreTrainedModel,
    blocks: nn.ModuleList,
    width: int,
    ids: Tensor,
    lengths: list[int],
    read_at: list[int],
    offset: Tensor,
) -> tuple[Tensor, list[int]]:
    """State at one position of each row after each block, (L, rows, width) float32, and how often each block ran.

    lengths : tokens of each row that are no padding. read_at : position of each row that is read.
    offset : (rows,), added after the first block along all axes alike, in lengths of the state there.
    """
    rows = torch.arange(len(lengths))
    attention = (torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]).long()
    states = torch.zeros(len(blocks), len(lengths), width)
    fired = [0] * len(blocks)

    def hook(layer: int):
        def read(_module, _inputs, output):
            hidden = hidden_of(output, width)
            if layer == 0:
                # Alternating signs: a constant would vanish in a LayerNorm.
                sign = torch.ones(width, device=hidden.device)
                sign[1::2] = -1
                length = torch.linalg.vector_norm(hidden.float(), dim=-1, keepdim=True)
                added = offset.to(hidden.device)[:, None, None] * length * sign / width**0.5
                hidden = hidden + added.to(hidden.dtype)
            fired[layer] += 1
            states[layer] = hidden.float().cpu()[rows, read_at]
            return with_hidden(output, hidden)

        return read

    device = device_of(model)
    with torch.inference_mode(), ExitStack() as hooks:
        for layer, block in enumerate(blocks):
            hooks.callback(block.register_forward_hook(hook(layer)).remove)
        decoder_of(model)(input_ids=ids.to(device), attention_mask=attention.to(device), use_cache=False)
    return states, fired


def _relative(one: Tensor, other: Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other).clamp_min(1e-12))


def _unsupported(name: str, why: str) -> InputError:
    return InputError(f"{name} is not supported: {why}.")
