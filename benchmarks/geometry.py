"""Comparing many sets: permutations for twelve models, and a hundred large sets from memory-mapped files; and the
bootstrap of the depth curves of one set."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from .simulated import provenance

ROUNDS = 3
# Seconds that each may take on two cores.
BUDGETS = {
    "mantel_66_pairs_10000_permutations": 2.0,
    "compare_100_sets_171_classes_4096_wide": 5.0,
    "bootstrap_1000_of_all_depth_curves": 20.0,
}
# As many as fit; p values from 0.01.
LARGE_PERMUTATIONS = 99


def rsa() -> dict:
    """Median seconds, beside what they may be.

    mantel_66_pairs_10000_permutations : all pairs of 12 RDMs of 21 classes.
    compare_100_sets_171_classes_4096_wide : 100 sets opened from their files and compared at one layer each: RDMs of
    the sets and of their halves, rho, p from 99 permutations, ceiling, disjoint and disattenuated rho of all 4950
    pairs. The files were written just before, so they are in memory.
    """
    from emoviz.geometry.ranks import standard_ranks
    from emoviz.stats import compare
    from emoviz.stats.mantel import mantel_p
    from emoviz.store import load_set

    condensed = np.random.default_rng(0).uniform(0, 2, (12, 210))
    with tempfile.TemporaryDirectory() as folder:
        files = _large_sets(Path(folder))

        def large() -> None:
            found = compare([load_set(f) for f in files], [0] * len(files), n_permutations=LARGE_PERMUTATIONS)
            if not np.isfinite(found.p[0, 1]):
                raise RuntimeError(f"no p value: {found.missing}")

        seconds = {
            "mantel_66_pairs_10000_permutations": _median(lambda: mantel_p(standard_ranks(condensed), 21, 10_000, 0)),
            "compare_100_sets_171_classes_4096_wide": _median(large),
        }
    return _beside_budgets(seconds)


def curves() -> dict:
    """Median seconds of a topic bootstrap of every depth curve: 30 layers, 420 passages of 21 classes on 20 topics,
    width 576, three controls, 20 neutral sentences, 25,000 tokens; the size of SmolLM2-135M's set."""
    from emoviz.emotions import CLASSES
    from emoviz.stats.resampling import N_BOOTSTRAP, Readings, resample_curves

    rng = np.random.default_rng(0)
    n_topics, n_layers, width = 20, 30, 576
    topic_of = np.repeat(np.arange(n_topics), len(CLASSES))
    states = rng.standard_normal((n_layers, len(topic_of), width), np.float32) + 3
    sentences = rng.standard_normal((20, width), np.float32) + 3
    norms = np.exp(rng.standard_normal(25_000))
    read = Readings(
        states=lambda layer: states[layer],
        sentences=lambda layer: sentences,
        norms=lambda layer: norms,
        token_topics=rng.integers(n_topics, size=len(norms)),
        emotions=CLASSES * n_topics,
        topic_of=topic_of,
        topics=tuple(f"topic {k}" for k in range(n_topics)),
        halves=np.arange(n_topics) % 2,
        controls={name: rng.standard_normal((len(topic_of), n)) for name, n in (("a", 4000), ("b", 576), ("c", 384))},
    )
    taken = _median(lambda: resample_curves(read, range(n_layers), n_layers, n=N_BOOTSTRAP))
    return _beside_budgets({"bootstrap_1000_of_all_depth_curves": taken})


def _beside_budgets(seconds: dict[str, float]) -> dict:
    return {
        name: {"seconds": round(taken, 2), "budget": BUDGETS[name], "met": taken <= BUDGETS[name]}
        for name, taken in seconds.items()
    }


def _median(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return median(taken)


def _large_sets(folder: Path, n: int = 100, n_classes: int = 171, width: int = 4096) -> list[Path]:
    """Files of sets with one layer: a shared geometry, each with noise of its own."""
    from emoviz.store import save_set
    from emoviz.types import VectorSet

    rng = np.random.default_rng(0)
    truth = rng.standard_normal((n_classes, width), np.float32)
    origin = provenance(20 * n_classes, 1, tuple(f"topic {k}" for k in range(20)))
    files = []
    for k in range(n):
        halves = truth + 3 * rng.standard_normal((2, 1, n_classes, width), np.float32)
        one = np.ones(1, np.float32)
        vectors = VectorSet(
            name=f"set-{k:03}",
            classes=tuple(f"class {c:03}" for c in range(n_classes)),
            provenance=origin,
            class_means=halves.mean(0),
            half_means=halves,
            residual_norm=one,
            anisotropy=one,
            decoding_accuracy=one,
            umap=None,
        )
        files.append(save_set(vectors, folder))
    return files
