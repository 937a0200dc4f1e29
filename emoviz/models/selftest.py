"""Does reading and steering work on this model? Tried on a few tokens whenever a model is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .. import __version__
from ..errors import InputError, first_line
from ..store.stamps import remembered
from .blocks import decoder_of, device_of, hidden_of, past_name, unwrapped, with_hidden
from .registry import TESTED_ARCHITECTURES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Relative difference that counts as equal. A row that sees its padding differs by about its own length; rounding stays
# well below, but adds up over many layers of 16 bits, and bitsandbytes picks its outlier columns over the whole batch,
# so that company changes a text (0.15 was seen in Gemma 3).
_TOLERANCE = {"fp32": 0.01, "bf16": 0.25, "fp16": 0.25, "int8": 0.4}
_TOLERANCE_QUANTIZED = 0.4
# Of a step in fp32, where nothing is padded: rounding is a millionth, and what a step forgets may be little.
_TOLERANCE_STEP = 0.001
# The large offset, in lengths of the state it is added to, and the least relative change that it must make.
_OFFSET = 3.0
_LEAST_CHANGE = 0.2
# Counts up when more is tried, so that it is tried on models that passed before.
_TESTS = 3


@dataclass(frozen=True, slots=True)
class Support:
    """How far a model's architecture is trusted: `tested` on small models by the test suite, or `untested`.

    Both have passed the self-test with their own weights. A model that cannot be read raises instead.
    unsteered : why it can be read and not steered; empty where it can. silent : why no conversation can be had with it.
    singly : whether what stands behind tokens that it keeps is read one by one, since a pass over several forgets them.
    """

    badge: str
    reason: str
    unsteered: str = ""
    silent: str = ""
    singly: bool = False


def self_test(
    model: PreTrainedModel, blocks: nn.ModuleList, width: int, vocabulary: int, precision: str, weights: object = None
) -> Support:
    """Runs a few short rows through the decoder and checks what reading and steering rely on.

    Every block fires exactly once; a zero offset after the first block changes nothing and a large one does; a padded
    row equals the same row alone; what comes later in a text does not change what stands before it. Raises InputError
    with the reason if one of these fails. Then what only steering needs, with an offset: a token that is read in a pass
    of its own, after what is kept of the others, equals the same token in one pass; and, for conversations, also as one
    of several, and after a place that does not count.

    weights : what tells the model's weights from others; a self-test that passed with them, under the same versions,
    is not run again. None for a model that anybody may have changed in memory, which is tested every time.
    """

    def tried() -> str:
        return json.dumps(_tried(model, blocks, width, vocabulary, precision))

    versions = [_TESTS, __version__, *(version(name) for name in ("torch", "transformers"))]
    key = (weights, precision, str(device_of(model)), versions)
    passed, *lost = json.loads(tried() if weights is None else remembered("selftests", key, tried))
    name = type(unwrapped(model)).__name__
    if name in TESTED_ARCHITECTURES:
        return Support("tested", f"{name} is in the test suite; {passed}", *lost)
    return Support("untested", f"{name} is not in the test suite; its self-test passed: {passed}", *lost)


def _tried(
    model: PreTrainedModel, blocks: nn.ModuleList, width: int, vocabulary: int, precision: str
) -> tuple[str, str, str, bool]:
    """What passed, and the last three of `Support`."""
    name = type(unwrapped(model)).__name__
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokens = torch.randint(min(10, vocabulary - 1), vocabulary, (6,))
    long, short = tokens, tokens[:3]
    padded = torch.cat([short, short[:1].repeat(3)])
    rows = torch.stack([long, padded, long, long, long])
    steered = torch.tensor([0.0, 0.0, 0.0, _OFFSET, 0.0])
    try:
        batch, fired = _run(model, blocks, width, rows, [6, 3, 6, 6, 6], [5, 2, 5, 5, 2], steered)
        alone, _ = _run(model, blocks, width, short[None], [3], [2], torch.zeros(1))
    except InputError:
        raise
    # What a stranger's model raises is anything at all.
    except Exception as error:
        raise _unsupported(
            name, f"a pass over six tokens fails ({type(error).__name__}: {first_line(error):.100})"
        ) from error
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

    def stepped(left: int, gap: int = 0) -> str:
        # What a stranger's model makes of its own cache is anything at all.
        try:
            found = _stepped(model, blocks, width, long, left, gap)[deepest][0]
        except Exception as error:
            return f"it cannot go on after tokens that it has read ({type(error).__name__}: {first_line(error):.80})"
        difference = _relative(found, large)
        # Not below the tolerance where a state is not finite, either.
        if difference <= (_TOLERANCE_STEP if precision == "fp32" else tolerance):
            return ""
        what = "a token" if left == 1 else f"the last of {left} tokens"
        where = "after a place that does not count" if gap else "after those that it has read"
        return f"{what} {where} has another state than in one pass (by {difference:.2g} of its length)"

    if past_name(model) is None:
        why = "it keeps nothing of the tokens that it has read"
        return passed, why, why, False
    if unsteered := stepped(1):
        return passed, unsteered, unsteered, False
    if _recurrent(model, long):
        # What passes over several tokens forget of it may be less than is seen on a few tokens.
        return passed, "", "it keeps a state in place of its tokens, which a place that does not count changes", True
    several = stepped(3)
    return passed, "", several if several else stepped(1, 1), bool(several)


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
    device = device_of(model)
    attention = (torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]).long()
    with _hooked(blocks, width, read_at, offset) as (states, fired):
        decoder_of(model)(input_ids=ids.to(device), attention_mask=attention.to(device), use_cache=False)
    return states, fired


def _recurrent(model: PreTrainedModel, ids: Tensor) -> bool:
    """Whether it keeps a state of the tokens before in some of its layers."""
    name = str(past_name(model))
    with torch.inference_mode():
        kept = getattr(decoder_of(model)(input_ids=ids[None].to(device_of(model)), use_cache=True), name)
    return name == "cache_params" or any(hasattr(layer, "recurrent_states") for layer in getattr(kept, "layers", ()))


def _stepped(model: PreTrainedModel, blocks: nn.ModuleList, width: int, ids: Tensor, left: int, gap: int) -> Tensor:
    """State of the last token after each block, (L, 1, width), where the `left` last ones are read in a pass of their
    own; the large offset in every pass.

    gap : places before them that do not count, which the passes are told as a conversation is.
    """
    device, name = device_of(model), str(past_name(model))
    there = torch.ones(1, len(ids) + gap, dtype=torch.long, device=device)
    there[:, len(ids) - left :][:, :gap] = 0
    before = torch.cat([ids[:-left], ids[:1].repeat(gap)])[None].to(device)
    told: list[dict[str, Tensor]] = [{}, {}]
    if gap:
        places = (there.cumsum(1) - 1).clamp_min(0)
        split = before.shape[1]
        told = [
            {"attention_mask": there[:, :split], "position_ids": places[:, :split]},
            {"attention_mask": there, "position_ids": places[:, split:]},
        ]
    with _hooked(blocks, width, [-1], torch.tensor([_OFFSET])) as (states, _):
        read = decoder_of(model)(input_ids=before, use_cache=True, **told[0])
        last = ids[-left:][None].to(device)
        decoder_of(model)(input_ids=last, use_cache=True, **{name: getattr(read, name)}, **told[1])
    return states


@contextmanager
def _hooked(
    blocks: nn.ModuleList, width: int, read_at: list[int], offset: Tensor
) -> Iterator[tuple[Tensor, list[int]]]:
    """What `_run` gives, of the passes inside the block."""
    rows = torch.arange(len(read_at))
    states = torch.zeros(len(blocks), len(read_at), width)
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

    with torch.inference_mode(), ExitStack() as hooks:
        for layer, block in enumerate(blocks):
            hooks.callback(block.register_forward_hook(hook(layer)).remove)
        yield states, fired


def _relative(one: Tensor, other: Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other).clamp_min(1e-12))


def _unsupported(name: str, why: str) -> InputError:
    return InputError(f"{name} is not supported: {why}.")
