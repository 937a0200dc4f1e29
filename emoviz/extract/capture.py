"""Pooled block outputs of many texts, read by hooks while the decoder runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.blocks import hidden_of
from ..models.load import LoadedModel
from ..types import Protocol
from .batches import Batch, Encoded, batches

DEFAULT_BATCH_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Captured:
    """states : (n, L, D) float32 pooled per text; norms : (n_content_tokens, L) float32 norm of every content token."""

    states: np.ndarray
    norms: np.ndarray


def capture(
    loaded: LoadedModel,
    encoded: Sequence[Encoded],
    protocol: Protocol,
    *,
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    progress: Callable[[int], None] = lambda tokens: None,
) -> Captured:
    """Runs every text through the decoder once and pools each block's output inside the hook.

    The residual stream is taken after each block and never after the final norm (transformers overwrites the last of
    `output_hidden_states` with the normed one). Only (batch, D) per layer outlives a block; sums are float32.

    progress : called with the number of tokens read since the last call.
    """
    n_layers, width = loaded.n_layers, loaded.d_model
    states = np.empty((len(encoded), n_layers, width), np.float32)
    norms: list[np.ndarray] = []
    for batch in batches(encoded, batch_tokens, loaded.device):
        pooled = torch.empty(n_layers, len(batch.rows), width)
        token_norms = torch.empty(n_layers, int(batch.content.sum()))
        with loaded.lock, torch.inference_mode(), ExitStack() as hooks:
            for layer, block in enumerate(loaded.blocks):
                handle = block.register_forward_hook(_reader(layer, batch, protocol, width, pooled, token_norms))
                hooks.callback(handle.remove)
            loaded.decoder(input_ids=batch.ids, attention_mask=batch.attention, use_cache=False)
        states[batch.rows] = pooled.transpose(0, 1).numpy()
        norms.append(token_norms.T.numpy())
        progress(int(batch.attention.sum()))
    all_norms = np.concatenate(norms)
    if protocol.equal_norm:
        states *= np.median(all_norms, axis=0)[:, None]
    return Captured(states, all_norms)


def _reader(layer: int, batch: Batch, protocol: Protocol, width: int, pooled: Tensor, token_norms: Tensor):
    def read(_module, _inputs, output) -> None:
        hidden = hidden_of(output, width).float()
        length = torch.linalg.vector_norm(hidden, dim=-1)
        token_norms[layer] = length[batch.content]
        pooled[layer] = pool(
            hidden / length[..., None] if protocol.equal_norm else hidden, batch.content, protocol.pooling
        )

    return read


def pool(hidden: Tensor, content: Tensor, pooling: str) -> Tensor:
    """(batch, tokens, D) to (batch, D) over content tokens, `mean` or `last`."""
    if pooling == "mean":
        # Filled, not multiplied by zero: what stands on padding may be infinite in fp16.
        return hidden.masked_fill(~content[..., None], 0.0).sum(1) / content.sum(1, keepdim=True)
    last = content.shape[1] - 1 - content.flip(1).int().argmax(1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]
