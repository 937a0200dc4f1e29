"""How likely the unsteered model finds a text: the perplexity of many continuations of one prompt."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np
import torch

from ..extract.batches import padded
from ..models.blocks import text_config
from ..models.loaded import LoadedModel

# Vocabulary logits of one pass; Gemma's 262,144 words take 40 MB per row of 40 tokens.
LOGIT_BYTES = 1 << 29


def log_perplexities(
    loaded: LoadedModel, prompt_ids: Sequence[int], continuations: Sequence[Sequence[int]]
) -> np.ndarray:
    """Mean negative log probability per token, in nats, of each continuation given the prompt: (rows,) float64.

    Nothing is injected, so this is the opinion of the unsteered model. Rows are padded on the right and go through the
    model together, as many at a time as their logits fit into half a gigabyte.
    Continuations end before their end token (`until_end`); an empty one, and one of logits that are not finite, is NaN.
    What a text split anew has beyond the model's context is not scored.

    prompt_ids : at least one id, as the tokenizer gives them for the prompt, special tokens included.
    """
    found = np.full(len(continuations), np.nan)
    room = None if loaded.max_tokens is None else max(0, loaded.max_tokens - len(prompt_ids))
    scored = [list(ids[:room]) for ids in continuations]
    rows = [k for k, ids in enumerate(scored) if len(ids)]
    # Rows of like length together, so that little is padded.
    rows.sort(key=lambda k: len(scored[k]))
    while rows:
        size = max(1, LOGIT_BYTES // (4 * text_config(loaded.model).vocab_size * len(scored[rows[-1]])))
        part, rows = rows[-size:], rows[:-size]
        found[part] = _negative_log_probability(loaded, list(prompt_ids), [scored[k] for k in part])
    return np.where(np.isfinite(found), found, np.nan)


def _negative_log_probability(loaded: LoadedModel, prompt: list[int], rows: list[list[int]]) -> np.ndarray:
    ids, attention, there = padded(prompt, rows)
    lengths, longest, targets = there.sum(1), there.shape[1], ids[:, len(prompt) :]
    keeps = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters
    options = {"logits_to_keep": longest + 1} if keeps else {}
    with loaded.inference():
        logits = loaded.model(
            input_ids=ids.to(loaded.device), attention_mask=attention.to(loaded.device), use_cache=False, **options
        ).logits[:, -longest - 1 : -1]
        logits = logits.float()
        chosen = logits.gather(-1, targets.to(logits.device)[..., None])[..., 0]
        lost = (logits.logsumexp(-1) - chosen).double().cpu()
    return (torch.where(there, lost, 0.0).sum(1) / lengths).numpy()
