"""Which emotions a figure marks: one before all, and others beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# One emotion, several with the most important first, or none.
Marked = str | Sequence[str] | None


def names(marked: Marked) -> tuple[str, ...]:
    """The emotions, each once, the most important first."""
    if marked is None:
        return ()
    return (marked,) if isinstance(marked, str) else tuple(dict.fromkeys(marked))


def marked_pairs(pairs: Sequence[tuple[str, str]], marked: Marked) -> np.ndarray:
    """Whether each pair is marked, as booleans: of one emotion all its pairs are, of several those among them."""
    found = names(marked)
    if len(found) > 1:
        return np.array([a in found and b in found for a, b in pairs], bool)
    return np.array([bool(found) and found[0] in pair for pair in pairs], bool)
