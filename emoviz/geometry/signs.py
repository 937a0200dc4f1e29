"""Where theory puts the classes: quadrant signs, and how an axis goes with them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..emotions import arousal, valence
from .dissimilarity import SAME

# Two classes lie on every axis exactly as their signs do, or the other way round.
MIN_SIGNED = 3


def sign_correlation(axis: np.ndarray, signs: np.ndarray) -> float:
    """Pearson's r of an axis with signs over the classes that have one (not 0); NaN where either has no spread, and of
    fewer than 3 classes."""
    return float(pearson_with_signs(axis[None], signs)[0])


def pearson_with_signs(axes: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """`sign_correlation` of many axes at once, (B, C) to (B,), by the steps of numpy's corrcoef."""
    known = signs != 0
    if not can_correlate(signs):
        return np.full(len(axes), np.nan)
    both = np.stack([axes[:, known], np.broadcast_to(signs[known], (len(axes), known.sum()))], axis=1).astype(float)
    both -= both.mean(-1, keepdims=True)
    covariance = both @ both.transpose(0, 2, 1).conj() * np.true_divide(1, known.sum() - 1)
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covariance / spread[:, :, None] / spread[:, None, :]
    flat = np.ptp(axes[:, known], axis=1) == 0
    return np.where(flat, np.nan, np.clip(r[:, 0, 1], -1, 1))


def can_correlate(signs: np.ndarray) -> bool:
    """Whether enough classes have a sign, and not all the same."""
    known = signs[signs != 0]
    return len(known) >= MIN_SIGNED and np.ptp(known) > 0


def told_apart(values: np.ndarray) -> np.ndarray:
    """Which principal axes are one direction and no other, by their eigenvalues in order, (n,) bool.

    Along an axis without variance there is nothing, and two of the same variance can be turned at will.
    """
    least = SAME * np.abs(values).max(initial=0.0)
    apart = np.abs(np.diff(values)) > least
    return (np.abs(values) > least) & np.append(apart, True) & np.insert(apart, 0, True)


def valence_signs(classes: Iterable[str]) -> np.ndarray:
    return np.array([valence(name) for name in classes])


def arousal_signs(classes: Iterable[str]) -> np.ndarray:
    return np.array([arousal(name) for name in classes])
