"""What the two topic halves say about noise: reliability, ceiling, and agreement on disjoint stimuli."""

from __future__ import annotations

import numpy as np

from ..geometry.ranks import standard_ranks


def split_half(halves: np.ndarray) -> np.ndarray:
    """Spearman's rho between the half RDMs of each set. halves : (2, K, P). Returns (K,)."""
    first, second = standard_ranks(halves)
    return (first * second).sum(-1)


def noise_ceiling(halves: np.ndarray) -> np.ndarray:
    """The rho that two sets with the same true geometry could reach, given their noise. Returns (K, K).

    sqrt(r_i r_j) with r the split-half rho stepped up to the whole corpus (Spearman 1910, Brown 1910). NaN where a
    half-to-half rho is not positive, since then there is no reliable geometry to agree on.
    """
    half = split_half(halves)
    half = np.where(half > 0, half, np.nan)
    whole = 2 * half / (1 + half)
    return np.sqrt(np.outer(whole, whole))


def disjoint_rho(halves: np.ndarray) -> np.ndarray:
    """Spearman's rho of one set on one half of the topics against the other set on the other half. Returns (K, K).

    Mean of both ways round. Noise from shared stimuli cannot help here; the diagonal is the split-half rho.
    """
    first, second = standard_ranks(halves)
    crossed = first @ second.T
    return (crossed + crossed.T) / 2
