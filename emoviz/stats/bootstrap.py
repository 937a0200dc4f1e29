"""Intervals from resampled topics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry.dissimilarity import rdms
from ..geometry.ranks import standard_ranks
from ..geometry.vectors import centred
from ..types import Activations

# With fewer topics than this the spread over topics is hardly known at all.
MIN_TOPICS = 5
# Values that are held at once.
_CHUNK_VALUES = 8_000_000


def topic_means(activations: Activations, layer: int, classes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Mean state per topic and class, (T, C, D), NaN where a topic lacks a class; with the topics in order."""
    states = activations.at(layer)
    topics = tuple(sorted(set(activations.topics)))
    place = {name: k for k, name in enumerate(topics)}
    column = {name: k for k, name in enumerate(classes)}
    means = np.zeros((len(topics), len(classes), states.shape[1]), np.float32)
    count = np.zeros((len(topics), len(classes)), np.float32)
    for state, topic, emotion in zip(states, activations.topics, activations.emotions, strict=True):
        if emotion in column:
            means[place[topic], column[emotion]] += state
            count[place[topic], column[emotion]] += 1
    with np.errstate(invalid="ignore"):
        means /= count[:, :, None]
    return means, topics


def resample_weights(n_items: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """Share of each item in each resample, (B, n_items) float32, rows summing to 1: drawn with replacement, as many."""
    draws = np.random.default_rng(seed).integers(n_items, size=(n_bootstrap, n_items))
    return np.stack([np.bincount(draw, minlength=n_items) for draw in draws]).astype(np.float32) / n_items


def t_factor(n: int) -> float:
    """What a bootstrap standard error over n items is multiplied by, for half the width of a 95 % interval.

    Student's t of n - 1 degrees of freedom, times sqrt(n / (n - 1)): both make up for a spread that is estimated from
    few items.
    Source : Hesterberg 2015, The American Statistician 69(4) (t intervals with bootstrap standard errors).
    """
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.975) * np.sqrt(n / (n - 1)))


def weighted_rdms(means: np.ndarray, weights: np.ndarray, centring: str, neutral: int | None) -> np.ndarray:
    """Condensed RDMs of weighted topics.

    means : (T, C, D) without NaN. weights : (B, T). neutral : the place of the neutral class, which centring `neutral`
    subtracts and drops. Returns (B, P).
    """
    n_classes, width = means.shape[1:]
    sample = (weights.astype(np.float32) @ means.reshape(len(means), -1)).reshape(-1, n_classes, width)
    return rdms(centred(sample, centring, neutral))


def rho_spread(
    means: Sequence[np.ndarray], n_bootstrap: int, seed: int, centring: str, neutral: int | None
) -> np.ndarray:
    """Half the width of a 95 % interval over topics of Spearman's rho between the RDMs of K sets, on Fisher's z scale.

    The bootstrap standard error times `t_factor`. Simulated with two planted geometries, this covers the rho that is
    expected of as many topics in 93 to 96 % of the runs with 20 topics, in 94 to 98 % with 10; percentile, basic and
    BCa intervals fail, since a resample holds fewer distinct topics than the corpus, so that its rho is noisier and
    lower (docs/statistics.md has the table).

    means : one (T, C, D) per set, of the same topics, which are resampled together. Returns (K, K).
    """
    k, (n_topics, n_classes, width) = len(means), means[0].shape
    weights = resample_weights(n_topics, n_bootstrap, seed)
    chunk = max(1, _CHUNK_VALUES // (n_classes * max(width, k * n_classes)))
    z = np.empty((n_bootstrap, k, k))
    for start in range(0, n_bootstrap, chunk):
        part = weights[start : start + chunk]
        ranks = np.stack([standard_ranks(weighted_rdms(m, part, centring, neutral)) for m in means], axis=1)
        z[start : start + chunk] = _fisher(ranks @ ranks.transpose(0, 2, 1))
    return z.std(0, ddof=1) * t_factor(n_topics)


def rho_spread_apart(
    first: np.ndarray, second: np.ndarray, n_bootstrap: int, seed: int, centring: str, neutral: int | None
) -> float:
    """The same of two sets that were made from different passages: each has its own topics, resampled on their own.

    first, second : (T, C, D) of the same classes; T and D may differ. The t factor is that of the fewer topics.
    """
    seeds = np.random.SeedSequence(seed).generate_state(2)
    weights = [resample_weights(len(m), n_bootstrap, int(own)) for m, own in zip((first, second), seeds, strict=True)]
    chunk = max(1, _CHUNK_VALUES // (first.shape[1] * max(first.shape[2], second.shape[2])))
    z = np.empty(n_bootstrap)
    for start in range(0, n_bootstrap, chunk):
        a, b = (
            standard_ranks(weighted_rdms(m, w[start : start + chunk], centring, neutral))
            for m, w in zip((first, second), weights, strict=True)
        )
        z[start : start + chunk] = _fisher((a * b).sum(1))
    return float(z.std(ddof=1) * t_factor(min(len(first), len(second))))


def rho_interval(rho: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the interval that reaches `spread` to either side on Fisher's z scale."""
    return np.tanh(_fisher(rho) - spread), np.tanh(_fisher(rho) + spread)


def _fisher(rho: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))


def mean_interval(values: Sequence[float], n_bootstrap: int = 2_000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a mean, its values drawn anew; (NaN, NaN) for fewer than two, or one not finite."""
    low, high = mean_intervals(np.asarray(values, np.float64)[None], n_bootstrap, seed)
    return float(low[0]), float(high[0])


def mean_intervals(rows: np.ndarray, n_bootstrap: int = 2_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same of the mean of each row, (R, n) to (R,) twice; all rows are drawn alike."""
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    there = np.isfinite(rows).all(1)
    if rows.shape[1] > 1 and there.any():
        means = resample_weights(rows.shape[1], n_bootstrap, seed) @ rows[there].T
        low[there], high[there] = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high
