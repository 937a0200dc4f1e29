"""Is the agreement of two RDMs more than relabelled classes would give?"""

from __future__ import annotations

import numpy as np

from ..geometry.ranks import standard_ranks

# Below this, all relabellings together are too few for a p value (6! = 720; rsatoolbox issue 334).
MIN_CLASSES = 7
_CHUNK = 1000


def mantel_p(condensed: np.ndarray, n_classes: int, n_permutations: int, seed: int) -> np.ndarray:
    """One-sided p of Spearman's rho for every pair of RDMs, by permuting the class labels of one of them.

    condensed : (K, P) with P = n_classes * (n_classes - 1) / 2. p = (1 + #{rho* >= rho}) / (1 + n_permutations).
    Returns   : (K, K), symmetric, NaN on the diagonal (a set against itself is not a test) and where rho
                is undefined (an RDM without spread).
    Source    : Mantel 1967; pairs of an RDM are not independent, so the p of a plain Spearman test is far too small.
    """
    rng = np.random.default_rng(seed)
    ranks = standard_ranks(condensed)
    k = len(ranks)
    observed = ranks @ ranks.T
    rows, columns = np.triu_indices(n_classes, 1)
    square = np.zeros((n_classes, n_classes), np.intp)
    square[rows, columns] = square[columns, rows] = np.arange(len(rows))
    at_least = np.zeros((k, k))
    for start in range(0, n_permutations, _CHUNK):
        n = min(_CHUNK, n_permutations - start)
        order = rng.permuted(np.tile(np.arange(n_classes), (n, 1)), axis=1)
        pair = square[order[:, rows], order[:, columns]]
        for i in range(k - 1):
            rho = ranks[i][pair] @ ranks[i + 1 :].T
            # A tie that differs in the last bits is still a tie.
            at_least[i, i + 1 :] += (rho >= observed[i, i + 1 :] - 1e-12).sum(0)
    p = (1 + at_least + at_least.T) / (1 + n_permutations)
    p[~np.isfinite(observed)] = np.nan
    np.fill_diagonal(p, np.nan)
    return p
