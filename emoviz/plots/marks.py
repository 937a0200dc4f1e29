"""Which emotions a figure marks: one before all, and others beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

# One emotion, several with the most important first, or none.
Marked = str | Sequence[str] | None


def names(marked: Marked) -> tuple[str, ...]:
    """The emotions, each once, the most important first. Raises InputError for what is no name and no list of names."""
    if marked is None:
        return ()
    found = [marked] if isinstance(marked, str) or not isinstance(marked, Sequence) else marked
    if not all(isinstance(name, str) for name in found):
        raise InputError(f"emotion {marked!r:.60} was given; the name of an emotion or a list of names is needed.")
    return tuple(dict.fromkeys(found))


def marked_pairs(pairs: Sequence[tuple[str, str]], marked: Marked) -> np.ndarray:
    """Whether each pair is marked, as booleans: of one emotion all its pairs are, of several those among them."""
    found = names(marked)
    if len(found) > 1:
        return np.array([a in found and b in found for a, b in pairs], bool)
    return np.array([bool(found) and found[0] in pair for pair in pairs], bool)
