"""A Space with ZeroGPU lends a GPU for the length of a call; elsewhere nothing here has an effect.

Writing texts is what takes it; loading, reading and judging stay on the processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel
    from ..steer.generate import Partial
    from ..steer.injection import Offsets
    from ..types import Decoding

LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and find_spec("spaces") is not None
# Seconds that a call asks for: visitors have a few minutes a day.
_SECONDS = 60


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


if LENT:
    # At the start, and before torch is imported: it changes torch, and the Space looks for what it has decorated.
    import spaces  # type: ignore[import-not-found]

    _lent = spaces.GPU(duration=_SECONDS)
else:
    _lent = _as_it_is


def written(loaded: LoadedModel, prompt: str, added: Offsets, decoding: Decoding) -> Iterator[Partial]:
    """`steer.generate.generate`, on a lent GPU where there is one. Raises InputError as it does, before any step."""
    from ..steer.generate import checked_ids, generate

    if not LENT:
        return generate(loaded, prompt, added, decoding)
    checked_ids(loaded, prompt, decoding)
    return _written(loaded.name, prompt, added, decoding)


@_lent
def _written(model: str, prompt: str, added: Offsets, decoding: Decoding) -> Iterator[Partial]:
    """In a process of its own, which has the GPU: hooks come and go there, and only plain values are handed over."""
    from ..models.load import moved_to_gpu
    from ..steer.generate import generate
    from .memory import model_named

    yield from generate(moved_to_gpu(model_named(model)), prompt, added, decoding)
