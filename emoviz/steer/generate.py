"""Writing several steered texts at once: every row of one batch has the same prompt and its own offset."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import InputError
from ..models.load import LoadedModel
from ..types import Generation, VectorSet
from .injection import Offsets, check_fit, emotion_offsets, injected, on_device

MAX_NEW_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Partial:
    """The texts so far, one per row; `finished` rows have written their end token."""

    texts: tuple[str, ...]
    finished: tuple[bool, ...]


def generate(
    loaded: LoadedModel,
    prompt: str,
    offsets: Offsets,
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[Partial]:
    """Continues one prompt under every row of offsets, yielding all texts after each token.

    All rows start from the same tokens, so nothing is padded. Greedy at temperature 0; above it, all rows share the
    same noise at each step, so that they differ by their offsets alone. A caller may stop iterating at any time: hooks
    live only during a forward pass and nothing is left behind.

    Raises InputError for an empty prompt, a prompt that does not fit the context, or limits out of range.
    """
    ids = _prompt_ids(loaded, prompt, max_new_tokens)
    if not 0 <= temperature <= 2:
        raise InputError(f"temperature {temperature} was given; 0 (greedy) to 2 is allowed; choose one in that range.")
    return _steps(loaded, ids, offsets, max_new_tokens, temperature, seed)


def steer_texts(
    loaded: LoadedModel,
    vectors: VectorSet,
    emotions: Sequence[str],
    doses: Sequence[float],
    prompt: str,
    layers: Sequence[int],
    *,
    max_new_tokens: int = 40,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Generation]:
    """All emotions x doses of one model in one batch. Errors as `generate`, `emotion_offsets` and `check_fit`."""
    check_fit(vectors, loaded)
    offsets = stack([emotion_offsets(vectors, emotion, doses, layers) for emotion in emotions])
    steps = generate(loaded, prompt, offsets, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
    partial = deque(steps, maxlen=1).pop()
    labels = [(emotion, dose) for emotion in emotions for dose in doses]
    return [
        Generation(loaded.name, vectors.name, emotion, dose, prompt, text, finished)
        for (emotion, dose), text, finished in zip(labels, partial.texts, partial.finished, strict=True)
    ]


def stack(parts: Sequence[Offsets]) -> Offsets:
    """Offsets of several emotions as the rows of one batch; all parts must name the same layers."""
    layers = parts[0].by_layer
    return Offsets(
        {layer: np.concatenate([part.by_layer[layer] for part in parts]) for layer in layers},
        sum(part.rows for part in parts),
    )


def _prompt_ids(loaded: LoadedModel, prompt: str, max_new_tokens: int) -> torch.Tensor:
    if not prompt.strip():
        raise InputError("the prompt is empty; a text to continue is needed; write one.")
    if not 1 <= max_new_tokens <= MAX_NEW_TOKENS:
        raise InputError(
            f"{max_new_tokens} new tokens were asked for; 1 to {MAX_NEW_TOKENS} are allowed; choose fewer."
        )
    ids = torch.tensor([loaded.tokenizer(prompt)["input_ids"]], dtype=torch.long)
    if loaded.max_tokens is not None and ids.shape[1] + max_new_tokens > loaded.max_tokens:
        raise InputError(
            f"the prompt has {ids.shape[1]} tokens and {max_new_tokens} more were asked for; {loaded.name} reads at most "
            f"{loaded.max_tokens}; shorten it."
        )
    return ids


def _steps(
    loaded: LoadedModel, ids: torch.Tensor, offsets: Offsets, max_new_tokens: int, temperature: float, seed: int
) -> Iterator[Partial]:
    added = on_device(offsets, loaded)
    end = torch.tensor(loaded.end_tokens if loaded.end_tokens else (-1,))
    random = torch.Generator().manual_seed(seed)
    # Vocabulary logits of the whole prompt would be computed for nothing.
    options = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(loaded.model.forward).parameters else {}
    step_ids = ids.expand(offsets.rows, -1).to(loaded.device)
    written: list[torch.Tensor] = []
    finished = torch.zeros(offsets.rows, dtype=torch.bool)
    cache = None
    for _ in range(max_new_tokens):
        with loaded.lock, torch.inference_mode(), injected(loaded, added):
            out = loaded.model(input_ids=step_ids, past_key_values=cache, use_cache=True, **options)
        cache = out.past_key_values
        chosen = _choose(out.logits[:, -1].float().cpu(), temperature, random)
        written.append(torch.where(finished, end[0], chosen))
        finished |= torch.isin(chosen, end)
        yield Partial(_texts(loaded, torch.stack(written, 1)), tuple(finished.tolist()))
        if finished.all():
            return
        step_ids = written[-1][:, None].to(loaded.device)


def _choose(logits: torch.Tensor, temperature: float, random: torch.Generator) -> torch.Tensor:
    """Next token per row; sampling by the Gumbel trick with one noise vector for all rows."""
    if temperature == 0:
        return logits.argmax(-1)
    noise = -torch.log(-torch.log(torch.rand(logits.shape[-1], generator=random).clamp(1e-12, 1 - 1e-7)))
    return (logits / temperature + noise).argmax(-1)


def _texts(loaded: LoadedModel, ids: torch.Tensor) -> tuple[str, ...]:
    # A character whose bytes are not complete yet decodes to U+FFFD; it is held back until it is.
    return tuple(text.rstrip("\ufffd") for text in loaded.tokenizer.batch_decode(ids, skip_special_tokens=True))
