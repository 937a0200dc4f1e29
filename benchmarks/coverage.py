"""How often do intervals over topics cover the rho that they are about? The simulation behind
`stats.bootstrap.rho_spread`.

Two planted geometries of 21 classes are seen through the noise of topics; an interval should cover the rho expected of
as many topics in 95 % of the runs. A quarter of an hour, so only when asked for by name (`python -m benchmarks
coverage`).
"""

from __future__ import annotations

from itertools import product

import numpy as np

TOPICS = (10, 20)
SPLIT_HALF = (0.6, 0.75, 0.85, 0.95)
# Share of the two geometries, and of the noise, that the two models have in common.
ALIKE, SHARED_NOISE = (0.95, 0.7), (0.0, 0.6)
RUNS, RESAMPLES, RUNS_FOR_TRUTH = 500, 200, 3000
_CLASSES, _WIDTH = 21, 40
_WEIGHT = np.arange(1, _WIDTH + 1) ** -0.7


def coverage() -> dict:
    """Per number of topics: the share of runs covered by each kind of interval, in every setting and over all."""
    out = {}
    for n_topics in TOPICS:
        rows = [
            _setting(n_topics, half, alike, shared)
            for half, alike, shared in product(SPLIT_HALF, ALIKE, SHARED_NOISE)
        ]  # fmt: skip
        kinds = rows[0]["covered"]
        out[f"{n_topics} topics"] = {
            "lowest, mean, highest": {
                kind: [round(float(f([row["covered"][kind] for row in rows])), 3) for f in (np.min, np.mean, np.max)]
                for kind in kinds
            },
            "settings": rows,
        }
    return out


def _setting(n_topics: int, split_half: float, alike: float, shared: float) -> dict:
    truth = _geometries(np.random.default_rng(11), alike)
    noise = _noise_for(truth, n_topics, split_half)
    seeds = np.random.SeedSequence(1).spawn(RUNS_FOR_TRUTH)
    expected = np.mean([_rho(_topics(np.random.default_rng(s), truth, n_topics, noise, shared)) for s in seeds])
    hits: dict[str, int] = {}
    for run in range(RUNS):
        means = _topics(np.random.default_rng(run), truth, n_topics, noise, shared)
        for kind, (low, high) in _intervals(means, run).items():
            hits[kind] = hits.get(kind, 0) + bool(low <= expected <= high)
    return {
        "split_half": split_half,
        "alike": alike,
        "shared_noise": shared,
        "expected_rho": round(float(expected), 3),
        "covered": {kind: round(n / RUNS, 3) for kind, n in hits.items()},
    }


def _geometries(rng: np.random.Generator, alike: float) -> list[np.ndarray]:
    both, *own = rng.normal(size=(3, _CLASSES, _WIDTH)) * _WEIGHT
    return [np.sqrt(alike) * both + np.sqrt(1 - alike) * mine for mine in own]


def _topics(rng, truth: list[np.ndarray], n_topics: int, noise: float, shared: float) -> list[np.ndarray]:
    """(T, C, D) per model."""
    both, *own = rng.normal(size=(3, n_topics, _CLASSES, _WIDTH))
    return [
        (t + noise * (np.sqrt(shared) * both + np.sqrt(1 - shared) * e)).astype(np.float32)
        for t, e in zip(truth, own, strict=True)
    ]


def _noise_for(truth: list[np.ndarray], n_topics: int, split_half: float) -> float:
    """The noise with which the first model's halves agree with this rho, by bisection."""
    low, high = 0.01, 20.0
    for _ in range(16):
        noise = np.sqrt(low * high)
        agree = []
        for seed in range(20):
            means = _topics(np.random.default_rng(seed), truth, n_topics, noise, 0.0)[0]
            agree.append(_rho([means[::2], means[1::2]]))
        low, high = (noise, high) if np.mean(agree) > split_half else (low, noise)
    return float(np.sqrt(low * high))


def _rho(means: list[np.ndarray], weights: np.ndarray | None = None) -> float | np.ndarray:
    """Spearman's rho between the RDMs of two models, of all topics or of each row of weights (B, T)."""
    from emoviz.geometry.ranks import standard_ranks
    from emoviz.stats.bootstrap import weighted_rdms

    first, second = (
        standard_ranks(
            weighted_rdms(m, np.full((1, len(m)), 1 / len(m)) if weights is None else weights, "class", None)
        )
        for m in means
    )
    rho = (first * second).sum(-1)
    return float(rho[0]) if weights is None else rho


def _intervals(means: list[np.ndarray], seed: int) -> dict[str, tuple[float, float]]:
    """Lower and upper end of each kind of 95 % interval."""
    from scipy.stats import norm

    from emoviz.stats.bootstrap import resample_weights, rho_interval, rho_spread

    n = len(means[0])
    rho = _rho(means)
    weights = resample_weights(n, RESAMPLES, seed)
    resampled = _rho(means, weights)
    left_out = np.arctanh(_rho(means, (1 - np.eye(n)) / (n - 1)))
    error = np.arctanh(resampled).std(ddof=1)
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    shrunk = 2 * np.arctanh(_rho(means, 1 / n + (weights - 1 / n) / 2)).std(ddof=1)
    low, high = np.quantile(resampled, (0.025, 0.975))
    away = left_out.mean() - left_out
    skew = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    bias = norm.ppf(np.clip((resampled < rho).mean(), 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
    ends = [norm.cdf(bias + (bias + q) / (1 - skew * (bias + q))) for q in norm.ppf((0.025, 0.975))]
    return {
        "Student's t, n - 1 (used)": rho_interval(rho, rho_spread(means, RESAMPLES, seed, "class", None)[0, 1]),
        "1.96 bootstrap errors": rho_interval(rho, norm.ppf(0.975) * error),
        "1.96 errors, weights shrunk by half": rho_interval(rho, norm.ppf(0.975) * shrunk),
        "1.96 jackknife errors": rho_interval(rho, norm.ppf(0.975) * jackknife),
        "percentile": (low, high),
        "basic": tuple(np.tanh(2 * np.arctanh(rho) - np.arctanh((high, low)))),
        "BCa": tuple(np.quantile(resampled, ends)),
    }
