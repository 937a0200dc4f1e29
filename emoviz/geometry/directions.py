"""Emotions of a vector set, alone or mixed, as unit vectors at its layers; cleaned where the set is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ..emotions import NEUTRAL, class_named
from ..errors import InputError
from ..types import VectorSet
from .once import once_per_set
from .vectors import class_vectors, lengths_of, unit, without_rounding


def means_of(vectors: VectorSet) -> np.ndarray:
    """What the directions of a set are differences of, (L, C, D)."""
    return vectors.class_means if vectors.cleaned is None else vectors.cleaned.means


def usual_centring(vectors: VectorSet) -> str:
    """What a set is read and steered with: its vectors as they stand where they are no class means (protocol centring
    `none`), else less the mean over the classes."""
    return "none" if vectors.provenance.protocol.centring == "none" else "class"


def emotion_vectors(
    vectors: VectorSet, layer: int, centring: str | None = None, dtype: type = np.float32
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class vectors of a set at one layer, as it reads and steers with them: (C', D) and their classes.

    centring : None for the usual one. Raises InputError as `class_vectors`.
    """
    centring = usual_centring(vectors) if centring is None else centring
    cleaned = vectors.cleaned
    if cleaned is None:
        return class_vectors(vectors.class_means[layer], vectors.classes, centring, dtype)
    means = np.asarray(cleaned.means[layer], np.float64)
    if cleaned.origin is not None:
        return without_rounding(means - cleaned.origin[layer], lengths_of(means).max()), vectors.classes
    return class_vectors(means, vectors.classes, centring, np.float64)


def units_at(
    vectors: VectorSet, layer: int, centring: str | None = None, dtype: type = np.float32
) -> tuple[np.ndarray, tuple[str, ...]]:
    """`emotion_vectors` made unit, float64. Raises InputError, with the layer, for one that has no direction."""
    try:
        found, classes = emotion_vectors(vectors, layer, centring, dtype)
        return unit(found, classes), classes
    except InputError as error:
        raise InputError(f"layer {layer} of {vectors.name}: {error}") from error


@once_per_set
def without_directions(vectors: VectorSet, layers: tuple[int, ...]) -> dict[int, str]:
    """Which of some layers have a class without a direction, and which that is."""
    why = {}
    for layer in layers:
        try:
            units_at(vectors, layer)
        except InputError as error:
            why[layer] = str(error)
    return why


def origin_of(vectors: VectorSet, layer: int, centring: str | None = None) -> np.ndarray:
    """What is taken off a state before it is read: what the centring takes off the class means, (D,) float64."""
    centring = usual_centring(vectors) if centring is None else centring
    if vectors.cleaned is not None and vectors.cleaned.origin is not None:
        return np.asarray(vectors.cleaned.origin[layer], np.float64)
    means = np.asarray(vectors.class_means[layer], np.float64)
    if centring == "class":
        return means.mean(0)
    return means[vectors.classes.index(NEUTRAL)] if centring == "neutral" else np.zeros(means.shape[1])


def class_of(vectors: VectorSet, text: str) -> str:
    """The class that a text names. Raises InputError for none."""
    found = class_named(text, vectors.classes)
    check_emotions(vectors, [text if found is None else found])
    return text if found is None else found


def check_emotions(vectors: VectorSet, names: Iterable[str], classes: tuple[str, ...] | None = None) -> None:
    """Raises InputError for a name that is none of the set's classes."""
    known = vectors.classes if classes is None else classes
    for name in names:
        if name not in known:
            raise InputError(f"emotion {name!r} is not in {vectors.name}; {', '.join(known)} are.")


def emotion_units(
    vectors: VectorSet, names: Sequence[str], layers: tuple[int, ...], centring: str = "class"
) -> np.ndarray:
    """The unit vectors of many emotions, (len(names), len(layers), D) float64, each as `mixed` gives it alone.

    Raises InputError for an emotion that is not in the set.
    """
    rows = []
    for layer in layers:
        units, classes = units_at(vectors, layer, centring)
        check_emotions(vectors, names, classes)
        rows.append(units[[classes.index(name) for name in names]])
    stacked = np.stack(rows, 1)
    return stacked / np.linalg.norm(stacked, axis=2, keepdims=True)


def mixed(
    vectors: VectorSet, terms: tuple[tuple[str, float], ...], layers: tuple[int, ...], centring: str | None = None
) -> np.ndarray:
    """The weighted sum of the unit vectors of some emotions, made unit: (len(layers), D) float64.

    Raises InputError for an emotion that is not in the set, or a mixture that cancels out.
    """
    rows = []
    # Only ratios count, so that no weight is too large or too small. Powers of two change no digit.
    exponent = math.frexp(max(abs(weight) for _, weight in terms))[1]
    for layer in layers:
        units, classes = units_at(vectors, layer, centring)
        check_emotions(vectors, [name for name, _ in terms], classes)
        rows.append(sum(math.ldexp(weight, -exponent) * units[classes.index(name)] for name, weight in terms))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        raise InputError("the mixture cancels out, so that no direction is left. Change the weights.")
    return np.stack(rows) / lengths
