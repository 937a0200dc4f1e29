"""Two-dimensional maps of the classes, in line over layers.

Coordinates of different models are never drawn on shared axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..types import Projection, VectorSet
from .components import (
    components_over_layers,
    over_layers,
    principal_coordinates,
    square_rdm,
)
from .layers import preferred_layer
from .once import once_per_set
from .procrustes import disparity, disparity_by_chance, fitted, turned
from .rdm import rdm
from .signs import arousal_signs, sign_correlation, valence_signs
from .umap_layout import MIN_UMAP_CLASSES
from .vectors import check_layer

METHODS = ("UMAP", "PCA", "MDS")
# Two points, or one, have no shape to compare.
MIN_SHAPE = 3
# Below this there are too few relabellings to say what chance gives (stats.mantel has the same limit).
MIN_CHANCE = 7


@once_per_set
def maps_over_layers(vectors: VectorSet, method: str, anchor: int | None = None) -> dict[int, Projection]:
    """One map per layer, so turned that nothing jumps when the layer changes.

    PCA : first two principal components of the class-centred unit vectors, signs as in `components_over_layers`.
    MDS : classical scaling of the RDM. UMAP : the stored coordinates, {} if the set has none. Both have axes without
    meaning: at the anchor they are turned onto the PCA map, from there outward each layer onto its neighbour.
    Layers that are not finite or have a zero vector are left out.

    anchor : the layer where the turn is fixed, the set's best one if None.
    params : see `pca_map`, `mds_map` and `umap_map`.
    """
    anchor = preferred_layer(vectors) if anchor is None else anchor
    components = components_over_layers(vectors, anchor)
    pca = {layer: _pca_projection(c, vectors.classes, layer) for layer, c in components.items()}
    if method == "PCA":
        return pca
    if method == "UMAP":
        stored = {layer: _umap_projection(vectors, layer) for layer in pca}
        found = {layer: one for layer, one in stored.items() if one is not None}
    else:
        found = {
            layer: _mds_projection(square_rdm(vectors.class_means[layer], vectors.classes), vectors.classes, layer)
            for layer in pca
        }
    return over_layers(
        found,
        anchor,
        first=lambda layer, m: replace(m, points=turned(m.points, pca[layer].points)),
        then=lambda _, m, near: replace(m, points=turned(m.points, near.points)),
    )


def pca_map(vectors: VectorSet, layer: int) -> Projection:
    """PCA map of one layer, in line with the others.

    params : `explained`, the share of variance of each axis; `valence_r` of the first and `arousal_r` of the second,
    Pearson's r with the quadrant signs over the classes that have one, NaN if they have no spread.
    Raises : InputError as `rdm`.
    """
    return _one(vectors, layer, "PCA")


def mds_map(vectors: VectorSet, layer: int) -> Projection:
    """Classical MDS of the RDM at one layer, in line with the others.

    params : `shown`, the two axes' share of the sum of positive eigenvalues; `negative`, the negative eigenvalues'
    share of the sum of absolute ones: dissimilarity that no Euclidean map of any dimension can show. NaN if all classes
    coincide.
    Raises : InputError as `rdm`. Source : Torgerson 1952; Gower 1966.
    """
    return _one(vectors, layer, "MDS")


def umap_map(vectors: VectorSet, layer: int) -> Projection:
    """Stored UMAP coordinates of one layer, in line with the others.

    params : those of `umap_coordinates`, with `stability` as this layer's number, or None where it was not stored.
    Raises : InputError as `rdm`, and if the set carries no coordinates.
    """
    return _one(vectors, layer, "UMAP")


def map_at(vectors: VectorSet, maps: dict[int, Projection], layer: int) -> Projection:
    """The map of one layer out of `maps_over_layers`. Raises InputError that says why there is none."""
    rdm(vectors, layer)
    if layer not in maps:
        why = vectors.notes.get("umap", f"{MIN_UMAP_CLASSES} classes or more are needed")
        raise InputError(f"{vectors.name} has no UMAP map of layer {layer}: {why}. Choose the PCA map.")
    return maps[layer]


def half_residual(vectors: VectorSet, layer: int, method: str) -> float:
    """Procrustes residual between the PCA or MDS maps of the two topic halves: how much of a map is the topics' doing.

    NaN below 3 classes, and where a half has a class without a direction.
    """
    if len(vectors.classes) < MIN_SHAPE:
        return float("nan")
    points = []
    for half in vectors.halves(layer):
        try:
            squares = square_rdm(half, vectors.classes)
        except InputError:
            return float("nan")
        found, _ = principal_coordinates(2 * squares if method == "PCA" else squares**2)
        points.append(found[:, :2])
    return disparity(*points)


def onto_first(maps: Sequence[Projection]) -> list[Projection]:
    """The maps with the second and further ones compared with the first, on the classes that both have.

    MDS and UMAP maps are also turned, scaled and shifted onto the first; PCA maps keep their own, named axes.
    params gains `residual` (see `disparity`; NaN below 3 common classes) and `residual_by_chance` (NaN below 7).
    """
    first = maps[0]
    out = [first]
    for other in maps[1:]:
        common = [name for name in first.classes if name in other.classes]
        rows, onto_rows = ([m.classes.index(name) for name in common] for m in (other, first))
        a, b = first.points[onto_rows], other.points[rows]
        residual = disparity(a, b) if len(common) >= MIN_SHAPE else float("nan")
        chance = disparity_by_chance(a, b) if len(common) >= MIN_CHANCE else float("nan")
        points = other.points
        if other.method != "PCA" and len(common) >= MIN_SHAPE:
            points = fitted(points, first.points, rows, onto_rows)
        params = {**other.params, "residual": residual, "residual_by_chance": chance}
        out.append(replace(other, points=points, params=params))
    return out


def _one(vectors: VectorSet, layer: int, method: str) -> Projection:
    check_layer(vectors, layer)
    return map_at(vectors, maps_over_layers(vectors, method), layer)


def _pca_projection(components, classes: tuple[str, ...], layer: int) -> Projection:
    points = components.scores[:, :2]
    first, second = np.where(components.told[:2], points, np.nan).T
    params = {
        "explained": components.explained[:2].tolist(),
        "valence_r": sign_correlation(first, valence_signs(classes)),
        "arousal_r": sign_correlation(second, arousal_signs(classes)),
    }
    return Projection(points, classes, layer, "PCA", params)


def _mds_projection(squares: np.ndarray, classes: tuple[str, ...], layer: int) -> Projection:
    points, values = principal_coordinates(squares**2)
    positive, total = values[values > 0].sum(), np.abs(values).sum()
    params = {
        "shown": float(np.clip(values[:2], 0, None).sum() / positive) if positive > 0 else float("nan"),
        "negative": float(-values[values < 0].sum() / total) if total > 0 else float("nan"),
    }
    return Projection(points[:, :2], classes, layer, "MDS", params)


def _umap_projection(vectors: VectorSet, layer: int) -> Projection | None:
    """None where the set carries no coordinates."""
    if vectors.umap is None or not np.isfinite(vectors.umap[layer]).all():
        return None
    stability = vectors.umap_params.get("stability")
    params = {**vectors.umap_params, "stability": None if stability is None else stability[layer]}
    return Projection(np.asarray(vectors.umap[layer], np.float64), vectors.classes, layer, "UMAP", params)
