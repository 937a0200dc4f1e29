"""Spearman correlations of many condensed RDMs at once."""

from __future__ import annotations

import numpy as np


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 along the last axis, ties averaged, as scipy's rankdata (whose import costs the page a second)."""
    rows = np.asarray(values).reshape(-1, np.shape(values)[-1])
    ranks = np.empty(rows.shape)
    for row, out in zip(rows, ranks, strict=True):
        _, place, count = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks.reshape(np.shape(values))


def standard_ranks(condensed: np.ndarray) -> np.ndarray:
    """Ranks of each row, centred and of length 1: dot products of rows are then Spearman's rho.

    condensed : (..., P). A constant row, or one that holds NaN, has no ranks to correlate and becomes NaN.
    """
    ranks = np.where(np.isnan(condensed).any(-1, keepdims=True), np.nan, average_ranks(condensed))
    ranks -= ranks.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return ranks / np.linalg.norm(ranks, axis=-1, keepdims=True)


def spearman_matrix(condensed: np.ndarray) -> np.ndarray:
    """Spearman's rho between all rows. condensed : (K, P). Returns (K, K)."""
    ranks = standard_ranks(condensed)
    return np.clip(ranks @ ranks.T, -1.0, 1.0)
