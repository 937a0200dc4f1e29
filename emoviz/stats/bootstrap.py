"""Intervals from resampled topics."""

from __future__ import annotations

import numpy as np

from ..geometry.ranks import standard_ranks
from ..types import Activations

_CHUNK = 100
Z_95 = 1.959964


def topic_means(activations: Activations, layer: int, classes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Mean state per topic and class, (T, C, D), NaN where a topic lacks a class; with the topics in order."""
    states = activations.at(layer)
    topics = tuple(dict.fromkeys(activations.topics))
    topic = np.array([topics.index(name) for name in activations.topics])
    emotion = np.array([classes.index(name) if name in classes else -1 for name in activations.emotions])
    means = np.full((len(topics), len(classes), states.shape[1]), np.nan, np.float32)
    for t in range(len(topics)):
        for c in range(len(classes)):
            rows = (topic == t) & (emotion == c)
            if rows.any():
                means[t, c] = states[rows].mean(0)
    return means, topics


def resampled_rdms(means: np.ndarray, draws: np.ndarray, centring_row: int | None) -> np.ndarray:
    """Condensed RDMs of resampled topics.

    means : (T, C, D) without NaN. draws : (B, T) topic indices. centring_row : the neutral class to subtract and drop,
    or None for class centring. Returns (B, P).
    """
    n_topics, n_classes, width = means.shape
    weights = np.stack([np.bincount(draw, minlength=n_topics) for draw in draws]) / n_topics
    flat = means.reshape(n_topics, -1)
    out = []
    for start in range(0, len(draws), _CHUNK):
        sample = (weights[start : start + _CHUNK].astype(np.float32) @ flat).reshape(-1, n_classes, width)
        if centring_row is None:
            sample -= sample.mean(1, keepdims=True)
        else:
            sample = np.delete(sample - sample[:, [centring_row]], centring_row, axis=1)
        sample /= np.linalg.norm(sample, axis=2, keepdims=True)
        cosines = sample @ sample.transpose(0, 2, 1)
        rows, columns = np.triu_indices(cosines.shape[1], 1)
        out.append(1 - cosines[:, rows, columns])
    return np.concatenate(out)


def rho_interval(rho: float, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """95 % interval of a Spearman rho from bootstrapped RDM pairs, each (B, P), drawn with the same topics.

    rho +- 1.96 bootstrap standard errors on Fisher's z scale. Percentiles are not used: a resample holds fewer distinct
    topics than the corpus, so its rho is noisier and lower, and the percentile interval may exclude the estimate.
    """
    resampled = (standard_ranks(first) * standard_ranks(second)).sum(-1)
    spread = Z_95 * np.arctanh(np.clip(resampled, -1 + 1e-9, 1 - 1e-9)).std(ddof=1)
    centre = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    return float(np.tanh(centre - spread)), float(np.tanh(centre + spread))
