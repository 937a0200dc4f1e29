"""A Space with ZeroGPU lends a GPU for the length of a call; elsewhere nothing here has an effect.

Writing texts is what takes it (`app/steer/lent.py`); loading, reading and judging stay on the processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and find_spec("spaces") is not None
# Seconds that a call asks for: visitors have a few minutes a day.
_SECONDS = 60


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


if LENT:
    # At the start, and before torch is imported: it changes torch, and the Space looks for what it has decorated.
    import spaces  # type: ignore[import-not-found]

    lent = spaces.GPU(duration=_SECONDS)
else:
    lent = _as_it_is
