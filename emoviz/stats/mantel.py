"""Is the agreement of two RDMs more than relabelled classes would give?"""

from __future__ import annotations

import numpy as np

# Below this, all relabellings together are too few for a p value (6! = 720; rsatoolbox issue 334).
MIN_CLASSES = 7
# Values that are held at once: more falls out of the processor's cache.
_CHUNK_VALUES = 4_000_000
# A tie that differs in the last bits of a float32 sum is still a tie.
_TIE = 1e-6


def mantel_p(ranks: np.ndarray, n_classes: int, n_permutations: int, seed: int) -> np.ndarray:
    """One-sided p of Spearman's rho for every pair of RDMs, by permuting the class labels of one of them.

    ranks   : (K, P), `standard_ranks` of condensed RDMs, P = n_classes * (n_classes - 1) / 2.
    p = (1 + #{rho* >= rho}) / (1 + n_permutations), with rho* of the relabelled RDMs.
    Returns : (K, K), symmetric, NaN on the diagonal (a set against itself is not a test) and where rho
              is undefined (an RDM without spread).
    Source  : Mantel 1967; pairs of an RDM are not independent, so the p of a plain Spearman test is far too small.
    """
    rng = np.random.default_rng(seed)
    ranks = ranks.astype(np.float32)
    k, n_pairs = ranks.shape
    observed = ranks @ ranks.T
    rows, columns = np.triu_indices(n_classes, 1)
    square = np.zeros((n_classes, n_classes), np.intp)
    square[rows, columns] = square[columns, rows] = np.arange(n_pairs)
    at_least = np.zeros((k, k), np.intp)
    chunk = max(1, _CHUNK_VALUES // ranks.size)
    for start in range(0, n_permutations, chunk):
        n = min(chunk, n_permutations - start)
        order = rng.permuted(np.tile(np.arange(n_classes), (n, 1)), axis=1)
        moved = square.take(order[:, rows] * n_classes + order[:, columns])
        # One gather and one product for all sets: numpy is slow in small steps.
        relabelled = ranks.take(moved.ravel(), axis=1, mode="clip").reshape(k * n, n_pairs)
        rho = (relabelled @ ranks.T).reshape(k, n, k)
        at_least += np.count_nonzero(rho >= observed[:, None] - _TIE, axis=1)
    # Of the two ways round, the set named first is the one that is relabelled.
    at_least = np.triu(at_least, 1)
    p = (1 + at_least + at_least.T) / (1 + n_permutations)
    p[~np.isfinite(observed)] = np.nan
    np.fill_diagonal(p, np.nan)
    return p
