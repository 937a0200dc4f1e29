"""Emotions of a vector set, alone or mixed, as unit vectors at its layers."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from .vectors import class_vectors, unit


def check_emotions(vectors: VectorSet, names: Iterable[str], classes: tuple[str, ...] | None = None) -> None:
    """Raises InputError for a name that is none of the set's classes."""
    known = vectors.classes if classes is None else classes
    for name in names:
        if name not in known:
            raise InputError(f"emotion {name!r} is not in {vectors.name}; {', '.join(known)} are.")


def mixed(
    vectors: VectorSet, terms: tuple[tuple[str, float], ...], layers: tuple[int, ...], centring: str = "class"
) -> np.ndarray:
    """The weighted sum of the unit vectors of some emotions, made unit: (len(layers), D) float64.

    Raises InputError for an emotion that is not in the set, or a mixture that cancels out.
    """
    rows = []
    # Only ratios count, so that no weight is too large or too small. Powers of two change no digit.
    exponent = math.frexp(max(abs(weight) for _, weight in terms))[1]
    for layer in layers:
        found, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
        check_emotions(vectors, [name for name, _ in terms], classes)
        units = unit(found, classes)
        rows.append(sum(math.ldexp(weight, -exponent) * units[classes.index(name)] for name, weight in terms))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        raise InputError("the mixture cancels out, so that no direction is left. Change the weights.")
    return np.stack(rows) / lengths
