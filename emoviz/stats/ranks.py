"""Spearman correlations of many condensed RDMs at once."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def standard_ranks(condensed: np.ndarray) -> np.ndarray:
    """Ranks (ties averaged) of each row, centred and of length 1: dot products of rows are then Spearman's rho.

    condensed : (..., P). A constant row has no ranks to correlate and becomes NaN.
    """
    ranks = rankdata(condensed, axis=-1)
    ranks -= ranks.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return ranks / np.linalg.norm(ranks, axis=-1, keepdims=True)


def spearman_matrix(condensed: np.ndarray) -> np.ndarray:
    """Spearman's rho between all rows. condensed : (K, P). Returns (K, K)."""
    ranks = standard_ranks(condensed)
    return np.clip(ranks @ ranks.T, -1.0, 1.0)


def partial_spearman(rho_xy: np.ndarray, rho_xz: np.ndarray, rho_yz: np.ndarray) -> np.ndarray:
    """Rank correlation of x and y with z held constant; NaN where z explains x or y fully."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (rho_xy - rho_xz * rho_yz) / np.sqrt((1 - rho_xz**2) * (1 - rho_yz**2))
