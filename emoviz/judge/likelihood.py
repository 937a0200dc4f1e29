"""How likely a steered model finds given texts: many continuations of one prompt under every row of offsets."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from ..models.blocks import past_name, text_config
from ..models.loaded import LoadedModel
from ..steer.injection import Offsets, injected, on_device
from .perplexity import LOGIT_BYTES


def log_likelihoods(
    loaded: LoadedModel, prompt: Sequence[int], continuations: Sequence[Sequence[int]], added: Offsets
) -> np.ndarray:
    """Log probability of each continuation given the prompt under every row of offsets, in nats: (rows, n) float64.

    The tokens are given, not chosen (teacher forcing). They are steered as if they were being written: the prompt is
    read in a pass of its own, and once for all continuations; scopes mean what they mean there. Continuations of one
    length are read together, so that nothing is padded.

    prompt : at least one token. continuations : at least one token each. added : as many rows as `rows_at_once`.
    """
    acting, name = on_device(added, loaded), str(past_name(loaded.model))
    ids = torch.tensor([list(prompt)], dtype=torch.long, device=loaded.device)
    keeps = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    def read(times: int) -> Any:
        repeated = {layer: step.repeated(times) for layer, step in acting.items()}
        with loaded.inference(), injected(loaded, added, repeated, written=0):
            rows = ids.expand(added.rows * times, -1)
            return loaded.model(input_ids=rows, use_cache=True, **({"logits_to_keep": 1} if keeps else {}))

    out = read(1)
    first, kept = out.logits[:, -1].float().log_softmax(-1), getattr(out, name)
    found = np.empty((added.rows, len(continuations)))
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for k, one in enumerate(continuations):
        by_length[len(one)].append(k)
    for places in by_length.values():
        targets = torch.tensor([list(continuations[k]) for k in places], device=loaded.device)
        known = first[:, targets[:, 0]].double()
        if targets.shape[1] > 1:
            n = len(places)
            if hasattr(kept, "reorder_cache"):
                # The pass writes its own tokens into the cache, which the other lengths need as it is.
                cache = kept if len(by_length) == 1 else deepcopy(kept)
                # Not `batch_repeat_interleave`, which states of recurrent layers do not have.
                cache.reorder_cache(torch.arange(added.rows, device=loaded.device).repeat_interleave(n))
            else:
                # That of xLSTM.
                cache = getattr(read(n), name)
            known = known + _rest(loaded, targets, cache, added, acting)
        found[:, places] = known.cpu().numpy()
    return found


def rows_at_once(loaded: LoadedModel, continuations: Sequence[Sequence[int]]) -> int:
    """Rows of offsets whose logits fit into half a gigabyte, one at least."""
    tokens = sum(map(len, continuations))
    return max(1, LOGIT_BYTES // (4 * text_config(loaded.model).vocab_size * tokens))


def _rest(
    loaded: LoadedModel, targets: torch.Tensor, cache: Any, added: Offsets, acting: dict[int, Any]
) -> torch.Tensor:
    """Log probability of all but the first tokens: (n, tokens) to (rows, n) float64. cache : of each row n times."""
    n = len(targets)
    repeated = {layer: step.repeated(n) for layer, step in acting.items()}
    ids = targets.repeat(added.rows, 1)
    name, last = str(past_name(loaded.model)), ids.shape[1] - 1
    step = 1 if loaded.support.singly else last
    found = torch.zeros(len(ids), dtype=torch.float64, device=ids.device)
    for at in range(0, last, step):
        with loaded.inference(), injected(loaded, added, repeated, written=at + 1):
            out = loaded.model(input_ids=ids[:, at : at + step], use_cache=True, **{name: cache})
            cache, logits = getattr(out, name), out.logits.float()
            chosen = logits.gather(-1, ids[:, at + 1 : at + step + 1, None])[..., 0]
            found += (chosen - logits.logsumexp(-1)).double().sum(1)
    return found.view(added.rows, n)
