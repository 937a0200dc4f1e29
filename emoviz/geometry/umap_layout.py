"""UMAP coordinates of all layers together; computed once, when a set is made, since umap takes seconds to import."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from .neighbours import nearest
from .vectors import class_vectors, unit

UMAP_SEEDS = (0, 1, 2, 3, 4)
UMAP_NEIGHBOURS = 7
UMAP_MIN_DIST = 0.3
# How strongly a class is held near its place in the layers around; umap's own 0.01 still jumps, from 0.1 on maps follow
# their neighbours more than their own layer.
ALIGNMENT = 0.05
ALIGNMENT_WINDOW = 3
STABILITY_NEIGHBOURS = 3
MIN_UMAP_CLASSES = 5


def umap_coordinates(vectors: VectorSet) -> tuple[np.ndarray, dict] | None:
    """Seeded UMAP of every finite layer, (L, C, 2) with its parameters; None below 5 classes.

    The layers are embedded together (AlignedUMAP): a class is held near its place in the neighbouring layers, so that a
    slider moves smoothly. Layers that are not finite or have a zero vector are NaN.
    params : umap's own, and `stability`, per layer the share of each class's 3 nearest neighbours in the map that two
    seeds have in common, mean over all pairs of 5 seeds (None at layers without a map); the coordinates are of the first.
    Source : McInnes, Healy and Melville 2018; aligned as in umap-learn's AlignedUMAP.
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
    found = np.stack([_embedded(list(rows.values()), params, seed) for seed in UMAP_SEEDS])
    points = np.full((vectors.n_layers, len(vectors.classes), 2), np.nan, np.float32)
    stability: list[float | None] = [None] * vectors.n_layers
    for k, layer in enumerate(rows):
        points[layer] = found[0, k]
        stability[layer] = round(_shared_neighbours(found[:, k]), 4)
    return points, {
        **params,
        "seed": UMAP_SEEDS[0],
        "alignment": ALIGNMENT,
        "alignment_window": ALIGNMENT_WINDOW,
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


def _embedded(layers: list[np.ndarray], params: dict, seed: int) -> np.ndarray:
    """Centred coordinates, (number of layers, C, 2)."""
    import numba
    from umap import UMAP, AlignedUMAP

    if len(layers) == 1:
        found = UMAP(**params, random_state=seed, n_jobs=1).fit_transform(layers[0])[None]
    else:
        same = {c: c for c in range(len(layers[0]))}
        aligned = AlignedUMAP(
            **params,
            alignment_regularisation=ALIGNMENT,
            alignment_window_size=ALIGNMENT_WINDOW,
            random_state=seed,
            # AlignedUMAP draws from this one; random_state alone would leave all seeds alike.
            transform_seed=seed,
        )
        threads = numba.get_num_threads()
        # Threads race for the layers that they share, and no two runs would be alike.
        numba.set_num_threads(1)
        try:
            found = np.stack(aligned.fit(layers, relations=[same] * (len(layers) - 1)).embeddings_)
        finally:
            numba.set_num_threads(threads)
    return found - found.mean(1, keepdims=True)


def _shared_neighbours(maps: np.ndarray) -> float:
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
