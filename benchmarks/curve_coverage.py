"""How often do the intervals of depth curves cover the value that they are about? The simulation behind
`stats.resampling`.

Corpora of one planted geometry, each with other topics and other sentences; an interval should cover the mean over all
of them in 95 % of the runs. Three minutes, so only when asked for by name (`python -m benchmarks curve_coverage`).
"""

from __future__ import annotations

import numpy as np

from .simulated import provenance

RUNS, RESAMPLES = 300, 200
# Noise of a passage, as a multiple of the spread of the classes: split-half rho about 0.9 and 0.6.
NOISE = (1.0, 2.5)
_TOPICS, _WIDTH, _SENTENCES = 20, 40, 20


def curve_coverage() -> dict:
    """Per curve and amount of noise: share of runs covered, and half the interval's width per standard deviation."""
    return {f"noise {noise:g}": _setting(noise) for noise in NOISE}


def _setting(noise: float) -> dict:
    values: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for run in range(RUNS):
        for name, (value, width) in _corpus(np.random.default_rng(100 + run), noise, run).items():
            values.setdefault(name, []).append(value)
            widths.setdefault(name, []).append(width)
    out = {}
    for name in values:
        value, width = np.array(values[name]), np.array(widths[name])
        out[name] = {
            "covered": round(float((np.abs(value - value.mean()) <= width).mean()), 3),
            "half_width_per_sd": round(float(width.mean() / value.std()), 2),
        }
    return out


def _corpus(rng: np.random.Generator, noise: float, seed: int) -> dict[str, tuple[float, float]]:
    """Value and half width of each curve, correlations on Fisher's z scale, for one corpus."""
    from emoviz.emotions import CLASSES
    from emoviz.geometry import depth_curves, held_out_accuracy, mean_pairwise_cosine
    from emoviz.geometry.dissimilarity import rdm_of
    from emoviz.stats.resampling import Readings, resample_curves
    from emoviz.types import VectorSet

    classes = CLASSES
    truth = np.random.default_rng(1).normal(size=(len(classes), _WIDTH)) * np.linspace(2, 0.2, _WIDTH)
    shape = (_TOPICS, len(classes), _WIDTH)
    cells = truth + noise * rng.normal(size=shape) + rng.normal(size=(_TOPICS, 1, _WIDTH)) + 6
    states, sentences = cells.reshape(-1, _WIDTH), rng.normal(size=(_SENTENCES, _WIDTH)) + 5
    words = (truth[:, :8] + 2 * rng.normal(size=(_TOPICS, len(classes), 8))).reshape(-1, 8)
    topic_of = np.repeat(np.arange(_TOPICS), len(classes))
    norms = np.linalg.norm(states, axis=1).repeat(3) * np.exp(0.1 * rng.normal(size=3 * len(states)))
    topics = tuple(f"topic {k}" for k in range(_TOPICS))
    read = Readings(
        states=lambda layer: states,
        sentences=lambda layer: sentences,
        norms=lambda layer: norms,
        token_topics=topic_of.repeat(3),
        emotions=classes * _TOPICS,
        topic_of=topic_of,
        topics=topics,
        halves=np.arange(_TOPICS) % 2,
        controls={"bag of words": words},
    )
    half_width = resample_curves(read, (0,), 1, n=RESAMPLES, seed=seed).half_width
    vectors = VectorSet(
        name="simulated",
        classes=classes,
        provenance=provenance(len(states), _SENTENCES, topics),
        class_means=cells.mean(0)[None],
        half_means=np.stack([cells[half::2].mean(0) for half in (0, 1)])[:, None],
        residual_norm=np.array([np.median(norms)]),
        anisotropy=np.array([mean_pairwise_cosine(sentences)]),
        decoding_accuracy=np.array([held_out_accuracy(states, classes * _TOPICS, tuple(np.array(topics)[topic_of]))]),
        umap=None,
        anisotropy_centred=np.array([mean_pairwise_cosine(sentences - states.mean(0))]),
        controls={"bag of words": rdm_of(words.reshape(_TOPICS, -1, 8).mean(0), classes, "class")[0]},
    )
    found = {}
    for name, curve in depth_curves(vectors).items():
        value = float(curve.values[0])
        correlation = name in ("split_half_rho", "valence_r", "arousal_r") or name.startswith("control")
        found[name] = (float(np.arctanh(value)) if correlation else value, float(half_width[name][0, 0]))
    return found
