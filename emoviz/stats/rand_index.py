"""Do clusters agree with a grouping known beforehand?"""

from __future__ import annotations

import numpy as np

from .mantel import MIN_CLASSES


def adjusted_rand_index(a: np.ndarray, b: np.ndarray) -> float:
    """Agreement of two partitions of the same n items: 1 = the same, 0 = what chance gives on average.

    NaN where both put everything into one group or every item into its own, since then nothing could disagree.
    Source : Hubert and Arabie 1985, equation 5.
    """
    table = _one_hot(a).T @ _one_hot(b)
    together, expected, most = _pair_counts(table)
    return float((together - expected) / (most - expected)) if most != expected else float("nan")


def rand_index_p(a: np.ndarray, b: np.ndarray, n_permutations: int = 10_000, seed: int = 0) -> float:
    """One-sided p of the adjusted Rand index, by relabelling the items; NaN below 7 items, where there are too few
    ways.

    (1 + #{index* >= index}) / (1 + n_permutations).
    """
    if len(a) < MIN_CLASSES:
        return float("nan")
    first, second = _one_hot(a), _one_hot(b)
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(len(b)), (n_permutations, 1)), axis=1)
    # Group sizes stay, so that the index grows with the sum of squares of the table alone.
    tables = np.einsum("ia,nib->nab", first, second[orders])
    observed = ((first.T @ second) ** 2).sum()
    return float((1 + ((tables**2).sum((1, 2)) >= observed - 1e-9).sum()) / (1 + n_permutations))


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return (np.asarray(labels)[:, None] == np.unique(labels)).astype(float)


def _pair_counts(table: np.ndarray) -> tuple[float, float, float]:
    """Pairs together in both partitions, as many as chance gives, and the most there could be."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns, every = pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([table.sum()]))
    return pairs(table), rows * columns / every if every else 0.0, (rows + columns) / 2
