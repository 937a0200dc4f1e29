"""UMAP coordinates of all layers together; computed once, when a set is made, since umap takes seconds to import."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from .components import components_over_layers, over_layers
from .layers import preferred_layer
from .neighbours import nearest
from .vectors import class_vectors, unit

UMAP_SEEDS = (0, 1, 2, 3, 4)
UMAP_NEIGHBOURS = 7
UMAP_MIN_DIST = 0.3
# How far a layer may move away from its neighbour's map: at umap's own rate, 1, it forgets where it started.
LEARNING_RATE = 0.02
STABILITY_NEIGHBOURS = 3
MIN_UMAP_CLASSES = 5


def umap_coordinates(vectors: VectorSet) -> tuple[np.ndarray, dict] | None:
    """Seeded UMAP of every finite layer, (L, C, 2) with its parameters; None below 5 classes.

    The anchor, the set's best layer, starts from its PCA map; from there outward each layer starts from its neighbour's
    map and moves slowly, so that a slider does not jump. (Embedded each on its own, layers lie twice as far from the
    next. umap's AlignedUMAP can be made smoother still, at nearly the same neighbourhoods, but takes ten times as
    long.) Layers that are not finite or have a zero vector are NaN.
    params : umap's own, and `stability`, per layer the share of each class's 3 nearest neighbours in the map that two
    seeds have in common, mean over all pairs of 5 seeds (None at layers without a map); the coordinates are of the
    first.
    Source : McInnes, Healy and Melville 2018.
    """
    if len(vectors.classes) < MIN_UMAP_CLASSES:
        return None
    rows = _rows(vectors)
    if not rows:
        return None
    params = {
        "n_neighbors": min(UMAP_NEIGHBOURS, len(vectors.classes) - 1),
        "min_dist": UMAP_MIN_DIST,
        "metric": "cosine",
    }
    best = preferred_layer(vectors)
    anchor = min(rows, key=lambda layer: abs(layer - best))
    start = components_over_layers(vectors, anchor)[anchor].scores[:, :2]
    distances = _between(rows)
    found = [_embedded(distances, anchor, start, params, seed) for seed in UMAP_SEEDS]
    points = np.full((vectors.n_layers, len(vectors.classes), 2), np.nan, np.float32)
    stability: list[float | None] = [None] * vectors.n_layers
    for layer in rows:
        points[layer] = found[0][layer] - found[0][layer].mean(0)
        stability[layer] = round(shared_neighbours(np.stack([maps[layer] for maps in found])), 4)
    return points, {
        **params,
        "seed": UMAP_SEEDS[0],
        "init": "neighbouring layer",
        "learning_rate": LEARNING_RATE,
        "seeds": len(UMAP_SEEDS),
        "stability_neighbors": STABILITY_NEIGHBOURS,
        "stability": stability,
    }


def _rows(vectors: VectorSet) -> dict[int, np.ndarray]:
    """Unit class vectors of every layer that has them."""
    rows = {}
    for layer in vectors.finite_layers:
        try:
            rows[layer] = unit(*class_vectors(vectors.class_means[layer], vectors.classes, "class")).astype(np.float32)
        except InputError:
            continue
    return rows


def _between(rows: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Distances of the classes at every layer, (C, C), as umap itself takes them: here once for all seeds."""
    from sklearn.metrics import pairwise_distances
    from umap.distances import cosine

    # Of rows that are nearly the same, rounding makes it negative, which no distance may be.
    return {layer: np.maximum(pairwise_distances(one, metric=cosine), 0) for layer, one in rows.items()}


def _embedded(
    distances: dict[int, np.ndarray], anchor: int, start: np.ndarray, params: dict, seed: int
) -> dict[int, np.ndarray]:
    """Coordinates of every layer, (C, 2) each, from the anchor outward."""
    from umap import UMAP

    def embed(layer: int, init: np.ndarray, rate: float) -> np.ndarray:
        init = init.astype(np.float32)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "n_jobs value|using precomputed metric", UserWarning)
            how = {**params, "metric": "precomputed", "init": init, "learning_rate": rate, "random_state": seed}
            return UMAP(**how).fit_transform(distances[layer])

    return over_layers(
        dict.fromkeys(distances),
        anchor,
        first=lambda layer, _: embed(layer, 10 * start / np.abs(start).max(), 1.0),
        then=lambda layer, _, near: embed(layer, near, LEARNING_RATE),
    )


def shared_neighbours(maps: np.ndarray) -> float:
    """Mean share of nearest neighbours that two maps have in common, over all pairs. maps : (seeds, C, 2)."""
    sets = [nearest(_distances(points), STABILITY_NEIGHBOURS) for points in maps]
    return float(
        np.mean(
            [
                len(set(one) & set(other)) / STABILITY_NEIGHBOURS
                for a, b in combinations(sets, 2)
                for one, other in zip(a, b, strict=True)
            ]
        )
    )


def _distances(points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
