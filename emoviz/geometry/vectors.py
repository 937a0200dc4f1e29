"""Class means to emotion vectors: centring, and vectors of length 1."""

from __future__ import annotations

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..types import VectorSet
from ..words import ranges

CENTRINGS = ("class", "neutral", "none")
# Shorter than this, as a share of the longest mean, a vector is a rounding error of the mean that was taken off.
_NO_LENGTH = 1e-6


def class_vectors(
    means: np.ndarray, classes: tuple[str, ...], centring: str, dtype: type = np.float32
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Emotion vectors from class means, with the classes they belong to.

    means : (C, D). `class` subtracts the mean over classes; `neutral` subtracts the neutral mean and drops neutral,
    whose vector would be zero; `none` changes nothing. dtype : what they are computed in. What is a rounding error of
    the subtraction is 0.
    Returns : (C', D) and the C' class names.
    Raises  : InputError as `check_centring`, and if a mean is zero or not finite (named).
    Source  : class centring, Jeong 2026 (arXiv 2604.11050); neutral centring, Jeong 2026 (arXiv 2604.04064).
    """
    check_centring(centring, classes)
    means = np.asarray(means, dtype)
    longest = _check_lengths(means, classes, "mean").max()
    if centring == "none":
        return means, classes
    if centring == "class":
        return without_rounding(centred(means, centring), longest), classes
    at = classes.index(NEUTRAL)
    return without_rounding(centred(means, centring, at), longest), classes[:at] + classes[at + 1 :]


def without_rounding(vectors: np.ndarray, longest: float) -> np.ndarray:
    """Vectors (C, D), 0 where one is a rounding error of the subtraction that it comes from.

    longest : length of the longest of what was subtracted from.
    """
    return np.where(lengths_of(vectors)[:, None] > _NO_LENGTH * longest, vectors, 0)


def centred(means: np.ndarray, centring: str, neutral: int | None = None) -> np.ndarray:
    """`class_vectors` of many sets of means at once and unchecked: (..., C, D), one row less where neutral is dropped.

    neutral : the place of the neutral class, for centring `neutral`.
    """
    if centring == "class":
        return means - means.mean(-2, keepdims=True)
    if centring == "neutral":
        if neutral is None:
            raise _no_neutral()
        return np.delete(means, neutral, axis=-2) - means[..., [neutral], :]
    return means


def check_centring(centring: str, classes: tuple[str, ...]) -> None:
    """Raises InputError for an unknown centring, or `neutral` without a neutral class."""
    if centring not in CENTRINGS:
        raise InputError(f"centring {centring!r} is unknown; {', '.join(CENTRINGS)} are allowed.")
    if centring == "neutral" and NEUTRAL not in classes:
        raise _no_neutral()


def _no_neutral() -> InputError:
    return InputError(
        "centring 'neutral' was asked for, but this set has no neutral class; 'class' and 'none' are allowed."
    )


def unit(vectors: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Rows scaled to length 1 in float64. Raises InputError that names a row which is zero or not finite."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / _check_lengths(vectors, classes, "vector")[:, None]


def check_exists(vectors: VectorSet, layer: int) -> None:
    """Raises InputError if the set has no such layer."""
    if not 0 <= layer < vectors.n_layers:
        raise InputError(f"layer {layer} does not exist: {vectors.name} has layers 0-{vectors.n_layers - 1}.")


def check_layer(vectors: VectorSet, layer: int) -> None:
    """Raises InputError if the set has no such layer or its states there are not finite."""
    check_exists(vectors, layer)
    if layer in vectors.provenance.nonfinite_layers:
        raise InputError(
            f"layer {layer} of {vectors.name} {vectors.gap}. It has layers {ranges(vectors.finite_layers)}; choose one "
            "of these."
        )


def residual_norm_at(vectors: VectorSet, layer: int) -> float:
    """What doses and scores at a layer are fractions of. Raises InputError where the set does not have it."""
    norm = float(vectors.residual_norm[layer])
    if not (np.isfinite(norm) and norm > 0):
        raise InputError(
            f"{vectors.name} has no residual norm at layer {layer}, which doses and scores are fractions of. Give the "
            "set to a function that takes the model too, such as ez.steer_texts or ez.read_text: they measure it."
        )
    return norm


def _check_lengths(vectors: np.ndarray, classes: tuple[str, ...], what: str) -> np.ndarray:
    """Length of each row. Raises InputError that names a class whose row is zero or not finite."""
    lengths = lengths_of(vectors)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        raise InputError(
            f"the {what} of {classes[bad[0]]!r} is {'zero' if lengths[bad[0]] == 0 else 'not finite'}, and a cosine "
            "needs a direction. Choose another layer or centring."
        )
    return lengths


def lengths_of(vectors: np.ndarray) -> np.ndarray:
    """Of each row, in double precision, where no square is too large or too small."""
    return np.linalg.norm(np.asarray(vectors, np.float64), axis=-1)
