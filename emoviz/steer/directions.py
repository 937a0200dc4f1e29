"""Unit directions of a vector set at its layers: emotions, mixtures of them, and directions that carry no emotion."""

from __future__ import annotations

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import class_vectors
from ..geometry.vectors import unit
from ..types import VectorSet
from .grammar import MEAN, control_seed, parse_direction


def directions(vectors: VectorSet, direction: str, layers: tuple[int, ...], centring: str = "class") -> np.ndarray:
    """One unit vector per layer, (len(layers), D) float64.

    direction : an emotion or a mixture (`parse_direction`: the weighted sum of unit vectors, made unit), or a control:

    - `random`, or `random 7` for another: drawn from the normal distribution with the same cosines between its layers
      as the emotions have on average, so that its steps add up over the layers as theirs do. Its length is theirs.
    - `mean`: the mean over the emotions minus neutral, what all emotions share.

    Raises InputError for an emotion that is not in the set, a mixture that cancels out, or `mean` without a neutral class.
    """
    if direction in vectors.classes:
        return _mixed(vectors, ((direction, 1.0),), layers, centring)
    seed = control_seed(direction)
    if seed is not None:
        return _random(vectors, layers, centring, seed)
    if direction == MEAN:
        return _mean(vectors, layers)
    return _mixed(vectors, parse_direction(direction).terms, layers, centring)


def _mixed(vectors: VectorSet, terms, layers, centring: str) -> np.ndarray:
    rows = []
    for layer in layers:
        found, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
        for name, _ in terms:
            if name not in classes:
                raise InputError(
                    f"emotion {name!r} is not in {vectors.name}; {', '.join(classes)} are allowed; choose one of them."
                )
        units = unit(found, classes)
        rows.append(sum(weight * units[classes.index(name)] for name, weight in terms))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        raise InputError("the mixture cancels out; a direction must be left; change the weights.")
    return np.stack(rows) / lengths


def _random(vectors: VectorSet, layers, centring: str, seed: int) -> np.ndarray:
    units = []
    for layer in layers:
        found, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
        units.append(unit(found, classes))
    stacked = np.stack(units)
    gram = np.einsum("acd,bcd->ab", stacked, stacked) / stacked.shape[1]
    values, basis = np.linalg.eigh(gram)
    # Orthonormal rows, so that the cosines between layers come out exactly.
    drawn = np.random.default_rng(seed).normal(size=(len(layers), vectors.d_model))
    orthonormal = np.linalg.qr(drawn.T)[0].T
    found = (basis * np.sqrt(np.clip(values, 0, None))) @ orthonormal
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _mean(vectors: VectorSet, layers) -> np.ndarray:
    if NEUTRAL not in vectors.classes:
        raise InputError(
            f"control {MEAN!r} was asked for, but {vectors.name} has no neutral class to compare with; "
            "the control random is allowed; use it."
        )
    at = vectors.classes.index(NEUTRAL)
    rows = np.stack(
        [
            np.delete(np.asarray(vectors.class_means[layer], np.float64), at, 0).mean(0)
            - vectors.class_means[layer][at]
            for layer in layers
        ]
    )
    return unit(rows, (MEAN,) * len(rows))
