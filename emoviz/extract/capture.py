"""Pooled block outputs of many texts, read by hooks while the decoder runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..models.blocks import hidden_of
from ..models.loaded import LoadedModel
from ..types import Protocol
from ..words import counted
from .batches import Batch, Encoded, batches
from .work import arrays

log = logging.getLogger(__name__)

DEFAULT_BATCH_TOKENS = 2048
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Captured:
    """Pooled states of n texts.

    pooled : (L, n, D) float32, mapped from a file in long runs; scale : (L,) what brings them to their length.
    norms  : (L, T) float32, norm of every content token.
    """

    pooled: np.ndarray
    scale: np.ndarray
    norms: np.ndarray

    def at(self, layer: int) -> np.ndarray:
        """States after one of the read layers, (n, D) float32."""
        return self.pooled[layer] * self.scale[layer]

    @property
    def states(self) -> np.ndarray:
        """All states, (n, L, D) float32, in memory."""
        return np.stack([self.at(layer) for layer in range(len(self.pooled))], axis=1)


class DeepEnough(Exception):
    """Ends a forward pass after the deepest block that is read."""


def capture(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    protocol: Protocol,
    *,
    layers: Sequence[int] | None = None,
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    work: Path | None = None,
    progress: Callable[[int], None] = lambda tokens: None,
) -> Captured:
    """Runs every text through the decoder once and pools each block's output inside the hook.

    The residual stream is taken after each block and never after the final norm (transformers overwrites the last of
    `output_hidden_states` with the normed one). Only (batch, D) per layer outlives a block; sums are float32; nothing
    runs after the deepest block that is read. A batch that does not fit into memory is halved.

    layers   : which blocks to read, all by default; the first axis of the result.
    work     : folder in which an interrupted run leaves its states, and finds them again.
    progress : called with the number of tokens read since the last call.
    Raises   : InputError if a single text does not fit into memory, or the states do not fit on the disk.
    """
    layers = tuple(range(loaded.n_layers)) if layers is None else tuple(sorted(layers))
    tokens = np.array([int(one.content.sum()) for one in encoded])
    out = arrays(work, len(layers), loaded.d_model, tokens)
    done = out.done()
    damaged = int((out.sums != 0).sum() - done.sum())
    if damaged:
        log.warning("what an earlier run had read of %s is damaged: it is read again", counted(damaged, "text"))
    # What an earlier run has read is reported at once, before anything that takes time.
    progress(sum(len(one.ids) for one, read in zip(encoded, done, strict=True) if read))
    for batch in batches(encoded, batch_tokens):
        left = ~done[batch.rows]
        if left.any():
            for part, found in in_parts(loaded, batch, lambda one: _forward(loaded, one, protocol, layers)):
                if found is None:
                    raise InputError(
                        f"a passage of {part.ids.shape[1]} tokens does not fit into the memory of {loaded.device}. "
                        "Shorten it, or use another --device or --precision."
                    )
                pooled, norms = found
                out.pooled[:, part.rows] = pooled
                at = 0
                for row in part.rows:
                    out.norms[:, out.tokens(row)] = norms[:, at : at + tokens[row]]
                    at += tokens[row]
                    out.finish(row)
            progress(int(batch.attention.sum(1).numpy()[left].sum()))
    scale = np.ones(len(layers), np.float32)
    if protocol.equal_norm:
        scale[:] = np.median(out.norms, axis=1)
    return Captured(out.pooled, scale, out.norms)


def in_parts(loaded: LoadedModel, batch: Batch, run: Callable[[Batch], T]) -> Iterator[tuple[Batch, T | None]]:
    """A batch and what `run` gives of it, in halves where the whole does not fit into memory; None of a single text
    that does not."""
    try:
        found = run(batch)
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        found = None
    # Outside the handler, whose traceback would keep the tensors of the failed pass alive.
    if found is not None or len(batch.rows) == 1:
        yield batch, found
        return
    if loaded.device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(batch.rows) // 2
    for part in (slice(None, half), slice(half, None)):
        yield from in_parts(loaded, batch.part(part), run)


def _forward(
    loaded: LoadedModel, batch: Batch, protocol: Protocol, layers: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    pooled: list[Tensor] = []
    norms: list[Tensor] = []

    def read(_module, _inputs, output) -> None:
        hidden = hidden_of(output, loaded.d_model).float()
        # Blocks of a model that is spread over several devices put out on their own.
        content = batch.content.to(hidden.device)
        length = torch.linalg.vector_norm(hidden, dim=-1)
        norms.append(length[content])
        pooled.append(pool(hidden / length[..., None] if protocol.equal_norm else hidden, content, protocol.pooling))
        if len(pooled) == len(layers):
            raise DeepEnough

    with loaded.inference(), ExitStack() as hooks:
        for layer in layers:
            hooks.callback(loaded.blocks[layer].register_forward_hook(read).remove)
        ids, attention = batch.ids.to(loaded.device), batch.attention.to(loaded.device)
        with suppress(DeepEnough):
            loaded.decoder(input_ids=ids, attention_mask=attention, use_cache=False)
        return np.stack([p.cpu().numpy() for p in pooled]), np.stack([n.cpu().numpy() for n in norms])


def out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def pool(hidden: Tensor, content: Tensor, pooling: str) -> Tensor:
    """(batch, tokens, D) to (batch, D): the mean over content tokens, or the last one.

    For `mid`, the content is that one token already (see `encode`).
    """
    if pooling == "mean":
        # Filled, not multiplied by zero: what stands on padding may be infinite in fp16.
        return hidden.masked_fill(~content[..., None], 0.0).sum(1) / content.sum(1, keepdim=True)
    last = content.shape[1] - 1 - content.flip(1).int().argmax(1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]
