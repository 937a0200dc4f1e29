"""The condensed form of a symmetric matrix: its upper triangle row by row, in the order of scipy's squareform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pair_indices(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every pair of n items, (n * (n - 1) / 2,) each."""
    return np.triu_indices(n, 1)


def pair_names(classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The two classes of every pair."""
    return tuple((classes[i], classes[j]) for i, j in zip(*pair_indices(len(classes)), strict=True))


def condensed(matrices: np.ndarray) -> np.ndarray:
    """The pairs of symmetric matrices, (..., n, n) to (..., n * (n - 1) / 2)."""
    rows, columns = pair_indices(matrices.shape[-1])
    return matrices[..., rows, columns]


def square(pairs: np.ndarray, n: int) -> np.ndarray:
    """The symmetric (n, n) matrix of a condensed one, zero on the diagonal."""
    full = np.zeros((n, n))
    rows, columns = pair_indices(n)
    full[rows, columns] = full[columns, rows] = pairs
    return full
