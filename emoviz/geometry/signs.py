"""Where theory puts the classes: quadrant signs, and how an axis goes with them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..emotions import arousal, valence


def sign_correlation(axis: np.ndarray, signs: np.ndarray) -> float:
    """Pearson's r of an axis with signs over the classes that have one (not 0); NaN where either has no spread."""
    known = signs != 0
    if not known.any() or np.ptp(signs[known]) == 0 or np.ptp(axis[known]) == 0:
        return float("nan")
    return float(np.corrcoef(axis[known], signs[known])[0, 1])


def valence_signs(classes: Iterable[str]) -> np.ndarray:
    return np.array([valence(name) for name in classes])


def arousal_signs(classes: Iterable[str]) -> np.ndarray:
    return np.array([arousal(name) for name in classes])
