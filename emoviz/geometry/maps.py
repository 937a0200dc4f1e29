"""Two-dimensional maps of the classes. Coordinates of different models are never drawn on shared axes."""

from __future__ import annotations

import numpy as np

from ..emotions import arousal, valence
from ..errors import InputError
from ..types import Projection, VectorSet
from .vectors import check_layer, class_vectors, unit

UMAP_SEED = 0
UMAP_NEIGHBOURS = 7
UMAP_MIN_DIST = 0.3
MIN_UMAP_CLASSES = 5


def pca_map(vectors: VectorSet, layer: int) -> Projection:
    """First two principal components of the class-centred unit vectors, turned so that the map does not flip.

    Pleasant classes lie to the right and aroused ones up wherever the set has such classes.
    params : `explained`, the share of variance of each axis; `valence_r` of the first and `arousal_r` of the second,
    Pearson's r with the quadrant signs over the classes that have one, NaN if they have no spread.
    """
    check_layer(vectors, layer)
    rows = _unit_rows(vectors, layer)
    u, s, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    points = np.zeros((len(rows), 2))
    n_axes = min(2, len(s))
    points[:, :n_axes] = u[:, :n_axes] * s[:n_axes]
    explained = (s**2 / (s**2).sum())[:n_axes]
    fits = []
    for k, side in enumerate((valence, arousal)):
        fit = sign_correlation(points[:, k], vectors.classes, side)
        if fit < 0:
            points[:, k] *= -1
        fits.append(abs(fit))
    params = {"explained": explained.tolist(), "valence_r": fits[0], "arousal_r": fits[1]}
    return Projection(points, vectors.classes, layer, "PCA", params)


def umap_map(vectors: VectorSet, layer: int) -> Projection:
    """Stored UMAP coordinates of one layer. Raises InputError if the set carries none."""
    check_layer(vectors, layer)
    if vectors.umap is None:
        raise InputError(
            f"{vectors.name} carries no UMAP coordinates ({MIN_UMAP_CLASSES} classes or more are needed); "
            "choose the PCA map."
        )
    return Projection(np.asarray(vectors.umap[layer]), vectors.classes, layer, "UMAP", vectors.umap_params)


def umap_coordinates(vectors: VectorSet) -> tuple[np.ndarray, dict] | None:
    """Seeded UMAP of every finite layer, (L, C, 2) with its parameters; None below 5 classes.

    Each layer starts from the PCA map of that layer and is turned back onto it by orthogonal Procrustes, so that
    neighbouring layers look alike. Computed once, when a set is made: umap takes seconds to import.
    Source : McInnes, Healy and Melville 2018.
    """
    if len(vectors.classes) < MIN_UMAP_CLASSES:
        return None
    from scipy.linalg import orthogonal_procrustes
    from umap import UMAP

    params = {
        "n_neighbors": min(UMAP_NEIGHBOURS, len(vectors.classes) - 1),
        "min_dist": UMAP_MIN_DIST,
        "metric": "cosine",
    }
    points = np.full((vectors.n_layers, len(vectors.classes), 2), np.nan, np.float32)
    for layer in vectors.finite_layers:
        start = pca_map(vectors, layer).points
        start = 10 * start / np.abs(start).max()
        reducer = UMAP(**params, init=start.astype(np.float32), random_state=UMAP_SEED, n_jobs=1)
        found = reducer.fit_transform(_unit_rows(vectors, layer).astype(np.float32))
        found = found - found.mean(0)
        turn, _ = orthogonal_procrustes(found, start)
        points[layer] = found @ turn
    return points, {**params, "seed": UMAP_SEED, "init": "PCA"}


def _unit_rows(vectors: VectorSet, layer: int) -> np.ndarray:
    return unit(*class_vectors(vectors.class_means[layer], vectors.classes, "class"))


def sign_correlation(axis: np.ndarray, classes: tuple[str, ...], side) -> float:
    """Pearson's r of an axis with the signs of the classes that have one; NaN where either has no spread."""
    signs = np.array([side(name) for name in classes])
    known = signs != 0
    if not known.any() or np.ptp(signs[known]) == 0 or np.ptp(axis[known]) == 0:
        return float("nan")
    return float(np.corrcoef(axis[known], signs[known])[0, 1])
