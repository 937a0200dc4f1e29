"""How far all states point the same way, whatever they say."""

from __future__ import annotations

import numpy as np


def mean_pairwise_cosine(states: np.ndarray) -> float:
    """Mean cosine over all pairs of rows, NaN if a row is not finite.

    states : (n, D), one state per unrelated sentence, n >= 2.
    Uses sum_ij cos_ij = |sum_i u_i|^2 over unit rows u, less the n ones of the diagonal.
    Source : Ethayarajh 2019 (anisotropy of contextual embeddings); as measured in Jeong 2026 (arXiv 2604.11050).
    """
    states = np.asarray(states, np.float64)
    n = len(states)
    rows = states / np.linalg.norm(states, axis=1, keepdims=True)
    total = rows.sum(0)
    return float((total @ total - n) / (n * (n - 1)))
