"""Which classes are nearest to each."""

from __future__ import annotations

import numpy as np

from ..types import RDM


def nearest_neighbours(found: RDM, k: int = 3) -> dict[str, list[tuple[str, float]]]:
    """The k nearest classes of each class with their cosines, nearest first; fewer where there are fewer classes."""
    full = found.square()
    return {
        name: [(found.classes[j], 1 - float(full[i, j])) for j in row]
        for i, (name, row) in enumerate(zip(found.classes, nearest(full, k), strict=True))
    }


def nearest(distances: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k nearest others of each row, nearest first, (C, min(k, C - 1)); a tie keeps the rows' order."""
    others = distances.astype(np.float64)
    np.fill_diagonal(others, np.inf)
    return others.argsort(axis=1, kind="stable")[:, : min(k, len(others) - 1)]
