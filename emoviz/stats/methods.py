"""Do vectors by generation point further apart than vectors by comprehension? The test of the first paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import class_vectors
from ..geometry.dissimilarity import condensed_cosine
from ..geometry.ranks import average_ranks, spearman_matrix
from ..geometry.vectors import check_layer
from ..types import Difference, Separation, VectorSet
from ..types.condensed import square
from ..words import counted
from .bootstrap import resample_weights
from .contrasts import CHAINS


def separation(vectors: VectorSet, layer: int) -> Separation:
    """Cosines of all pairs of neutral-centred emotion vectors of one set, at one layer.

    Raises  : InputError for a set without neutral, a layer that it does not have, or a vector that is zero or not
    finite. Noise: neutral-centred vectors share that of the one neutral mean, so with variances e of an emotion's mean
    and n of neutral's, vectors without geometry have an expected cosine of n / (n + e), 1/2 where both have as many
    texts. Noise thus pulls cosines down or up without any geometry. e and n are the quarter of the squared distance of
    the halves.
    Source  : neutral centring, Jeong 2026 (arXiv 2604.04064). Class centring would force the mean to -1/(C - 1).
    """
    check_layer(vectors, layer)
    p = vectors.provenance
    rows, classes = class_vectors(vectors.class_means[layer], vectors.classes, "neutral")
    cosines = condensed_cosine(rows, classes)
    first, second = halves = np.asarray(vectors.halves(layer), np.float64)
    reliability = np.nan
    if np.isfinite(halves).all():
        of_halves = [condensed_cosine(*class_vectors(half, vectors.classes, "neutral")) for half in halves]
        reliability = float(spearman_matrix(np.stack(of_halves))[0, 1])
    variance = ((first - second) ** 2).sum(1) / 4
    at = vectors.classes.index(NEUTRAL)
    of_neutral, of_emotions = variance[at], np.delete(variance, at).mean()
    noise = of_neutral + of_emotions
    return Separation(
        model=p.model,
        set=vectors.name,
        method=p.method,
        protocol=p.protocol.name,
        precision=p.precision,
        layer=layer,
        reliability=reliability,
        noise_share=float(noise / (rows.astype(np.float64) ** 2).sum(1).mean()),
        noise_cosine=float(of_neutral / noise) if noise > 0 else np.nan,
        cosines=cosines,
    )


def method_pairs(separations: Iterable[Separation]) -> list[tuple[Separation, Separation]]:
    """(generation, comprehension) pairs of one model in one precision, one for every set by generation.

    Each is set against the set by comprehension of its chain in `CHAINS`, else against the first there is.
    """
    found = []
    partner = {name: chain[0] for chain in reversed(CHAINS.values()) for name in chain[1:]}
    known = list(separations)
    for written in known:
        if written.method != "generation":
            continue
        read = [
            s
            for s in known
            if s.method == "comprehension" and (s.model, s.precision) == (written.model, written.precision)
        ]
        # False sorts before True: the partner first, if it is there.
        read.sort(key=lambda s: s.protocol != partner.get(written.protocol))
        found += [(written, s) for s in read[:1]]
    return found


def pooled(pairs: Sequence[tuple[Separation, Separation]]) -> Difference:
    """`difference` over several models at once: all cosines of the first sets against all of the second."""
    return difference(*(np.concatenate([pair[k].cosines for pair in pairs]) for k in (0, 1)))


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Mann-Whitney test and effect sizes of the first sample against the second.

    u : how many pairs (one of each sample) have the first above the second, a tie counting half.
    p : two-sided, normal approximation with corrections for ties and continuity; NaN if all values are equal. It takes
        the values for independent. Cosines of one set are not, since they share vectors: p is then too small.
    cohen_d : difference of the means / pooled_sd; NaN where pooled_sd is 0.
    pooled_sd : sqrt of the mean variance (n - 1 in the denominator), weighted by degrees of freedom.
    rank_biserial : 2 u / (n1 n2) - 1, from -1 (all of the first below) to 1 (all above).
    Raises  : InputError for fewer than 2 values in a sample.
    Source  : Mann and Whitney 1947; Cohen 1988; Glass 1966 (rank-biserial correlation).
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise InputError(f"samples of {n} and {counted(m, 'value')} were given; at least 2 each are needed.")
    together = np.concatenate([first, second])
    u = float(average_ranks(together)[:n].sum() - n * (n + 1) / 2)
    _, counts = np.unique(together, return_counts=True)
    total = n + m
    ties = float((counts.astype(float) ** 3 - counts).sum()) / (total * (total - 1))
    spread = math.sqrt(n * m / 12 * (total + 1 - ties))
    p = float("nan")
    if spread > 0:
        z = max(abs(u - n * m / 2) - 0.5, 0.0) / spread
        p = math.erfc(z / math.sqrt(2))
    pooled_sd = math.sqrt(((n - 1) * first.var(ddof=1) + (m - 1) * second.var(ddof=1)) / (total - 2))
    gap = float(first.mean() - second.mean())
    return Difference(
        n=(n, m),
        means=(float(first.mean()), float(second.mean())),
        u=u,
        p=p,
        cohen_d=gap / pooled_sd if pooled_sd > 0 else float("nan"),
        pooled_sd=pooled_sd,
        rank_biserial=2 * u / (n * m) - 1,
    )


def gap_interval(first: np.ndarray, second: np.ndarray, n_bootstrap: int = 2_000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the difference of two mean cosines, the first less the second, over emotions.

    first, second : condensed cosines of all pairs. Emotions are drawn anew, not pairs, which share them; the same ones
    in both where both have as many. A pair of an emotion with itself, drawn twice, does not count.
    """
    means = []
    for k, cosines in enumerate((first, second)):
        n = int(round((1 + math.sqrt(1 + 8 * len(cosines))) / 2))
        whole = square(np.asarray(cosines, np.float64), n)
        np.fill_diagonal(whole, 0.0)
        share = resample_weights(n, n_bootstrap, seed if len(first) == len(second) else seed + k).astype(np.float64)
        counted_pairs = 1 - (share**2).sum(1)
        means.append(((share @ whole) * share).sum(1) / np.maximum(counted_pairs, 1e-12))
    low, high = np.percentile(means[0] - means[1], [2.5, 97.5])
    return float(low), float(high)


def without_noise(one: Separation) -> float:
    """The mean cosine of a set with the noise of its texts taken out; NaN where noise is all there is.

    The mean cosine is taken for that of noise in the share of the squared length that is noise, and of geometry in the
    rest.
    """
    if not one.noise_share < 1:
        return float("nan")
    return float((one.cosines.mean() - one.noise_share * one.noise_cosine) / (1 - one.noise_share))
