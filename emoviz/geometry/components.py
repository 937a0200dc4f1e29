"""Principal axes of the classes, with signs that stay the same from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Components, VectorSet
from ..types.condensed import square
from .dissimilarity import rdm_of
from .layers import preferred_layer
from .rdm import rdm
from .signs import arousal_signs, sign_correlation, told_apart, valence_signs

N_COMPONENTS = 3


def principal_coordinates(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classical scaling: coordinates on all principal axes, (C, C), and the eigenvalues, highest first.

    squared : (C, C) squared dissimilarities. The double-centred matrix -1/2 J D^2 J is taken apart; axes of negative
    eigenvalues, which no Euclidean distances have, get zero coordinates.
    Source : Torgerson 1952; Gower 1966.
    """
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, axes = np.linalg.eigh(-centred / 2)
    values, axes = values[::-1], axes[:, ::-1]
    # Rounding leaves a trace of axes that are not there.
    values = np.where(np.abs(values) > 1e-10 * np.abs(values).max(), values, 0.0)
    return axes * np.sqrt(np.clip(values, 0, None)), values


def square_rdm(means: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Class-centred RDM as a matrix; errors as `rdm_of`. means : (C, D)."""
    return square(rdm_of(means, classes, "class")[0], len(classes))


def components_over_layers(vectors: VectorSet, anchor: int | None = None) -> dict[int, Components]:
    """PC1 to PC3 of every layer that has them, with signs that do not flip over layers.

    At the anchor, PC1 correlates positively with pleasantness and the others with arousal, wherever the set has such
    classes, else the class with the largest score is positive. From there outward each component agrees in sign with
    the same component of the layer before. Non-finite layers and layers with a zero vector are left out.
    anchor : the layer where signs are fixed, the set's best one if None.
    """
    found = {layer: _components(*parts) for layer, parts in _by_layer(vectors).items()}
    return over_layers(
        found,
        preferred_layer(vectors) if anchor is None else anchor,
        first=lambda _, c: replace(c, scores=c.scores * _fixed_signs(c.scores, vectors.classes)),
        then=lambda _, c, near: replace(c, scores=c.scores * np.where((c.scores * near.scores).sum(0) < 0, -1.0, 1.0)),
    )


def over_layers(
    found: Mapping[int, Any], anchor: int, *, first: Callable[[int, Any], Any], then: Callable[[int, Any, Any], Any]
) -> dict[int, Any]:
    """`found` with each layer brought into line with its neighbour, outward from the one nearest the anchor.

    first : what is made of the layer nearest the anchor, from its number and value; then : of another, given also its
    neighbour as already made.
    """
    if not found:
        return {}
    start = min(found, key=lambda layer: abs(layer - anchor))
    aligned = {start: first(start, found[start])}
    for outward in (sorted(k for k in found if k > start), sorted((k for k in found if k < start), reverse=True)):
        near = start
        for layer in outward:
            aligned[layer] = then(layer, found[layer], aligned[near])
            near = layer
    return dict(sorted(aligned.items()))


def _by_layer(vectors: VectorSet) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for layer in vectors.finite_layers:
        try:
            squares = rdm(vectors, layer).square()
        except InputError:
            # A class without a direction has no place in a map; asking for this very layer names it.
            continue
        # Squared distance of unit vectors is 2 (1 - cosine), so that classical scaling of it is PCA.
        found[layer] = principal_coordinates(2 * squares)
    return found


def _components(points: np.ndarray, values: np.ndarray) -> Components:
    scores, explained = np.zeros((len(points), N_COMPONENTS)), np.zeros(N_COMPONENTS)
    told = np.zeros(N_COMPONENTS, bool)
    n = min(N_COMPONENTS, points.shape[1])
    total = values.sum()
    scores[:, :n] = points[:, :n]
    explained[:n] = values[:n] / total if total > 0 else 0.0
    told[:n] = told_apart(values)[:n]
    return Components(scores, explained, told)


def _fixed_signs(scores: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    signs = np.ones(scores.shape[1])
    for k, axis in enumerate(scores.T):
        fit = sign_correlation(axis, valence_signs(classes) if k == 0 else arousal_signs(classes))
        turned_up = axis[np.abs(axis).argmax()] if np.isnan(fit) else fit
        signs[k] = -1.0 if turned_up < 0 else 1.0
    return signs
