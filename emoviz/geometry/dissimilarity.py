"""Dissimilarities, 1 - cosine between every two vectors: of one RDM, of many, of vectors that are known by products.

All are condensed (see `types.condensed`).
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..types import Missing
from ..types.condensed import condensed
from ..words import counted
from .vectors import class_vectors, unit

# Fewer classes have fewer than three pairs, too few to rank.
MIN_COMMON = 3
# RDMs that differ by no more than this anywhere are the same; one that varies by no more has no spread.
SAME = 1e-6


def rdm_of(means: np.ndarray, classes: tuple[str, ...], centring: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Condensed RDM of class means, in double precision, with its classes.

    means : (C, D), any unit. Returns values in [0, 2].
    Raises  : InputError as `class_vectors`, for fewer than 2 vectors, or a zero or non-finite one (named).
    """
    vectors, kept = class_vectors(means, classes, centring)
    if len(kept) < 2:
        raise InputError(f"{counted(len(kept), 'class vector')} given; an RDM needs at least 2.")
    return 1.0 - condensed_cosine(vectors, kept), kept


def condensed_cosine(vectors: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Cosine of every pair of rows, (C * (C - 1) / 2,). Raises InputError as `unit`."""
    rows = unit(vectors, classes)
    return condensed(np.clip(rows @ rows.T, -1.0, 1.0))


def rdms(vectors: np.ndarray) -> np.ndarray:
    """Condensed RDMs of many sets of class vectors in their own precision, NaN for a zero vector: (..., C, D) to (...,
    P)."""
    with np.errstate(invalid="ignore"):
        rows = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return 1 - condensed(rows @ np.swapaxes(rows, -1, -2))


def rdms_of_products(products: np.ndarray) -> np.ndarray:
    """The same from inner products of the vectors: (..., C, C) to (..., P)."""
    return 1 - condensed(cosines_of_products(products)[0])


def cosines_of_products(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (..., C, C) and lengths (..., C) of vectors whose inner products are given."""
    lengths = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    return products / lengths[..., :, None] / lengths[..., None, :], lengths


def rdm_or_missing(means: np.ndarray, classes: tuple[str, ...], centring: str) -> np.ndarray | Missing:
    """`rdm_of` in single precision, for comparisons of hundreds of sets, or what is wrong with it, fit to stand after
    "its".

    means : (C, D). Returns (P,) float32.
    """
    means = np.asarray(means, np.float32)
    # By a power of two, which changes no digit: no square is too large or too small for single precision then.
    means = means * np.ldexp(np.float32(1), -np.frexp(np.fmax.reduce(np.abs(means), axis=None))[1])
    squares = np.einsum("cd,cd->c", means, means)
    if not np.isfinite(squares).any():
        return _missing("class means are missing" if np.isnan(squares).all() else "class means are not finite")
    bad = np.flatnonzero(~np.isfinite(squares) | (squares == 0))
    if bad.size:
        return _missing(f"mean of {classes[bad[0]]!r} is {'zero' if squares[bad[0]] == 0 else 'not finite'}")
    vectors, kept = class_vectors(means, classes, centring)
    products = vectors @ vectors.T
    short = np.flatnonzero(products.diagonal() == 0)
    if short.size:
        return _missing(
            f"vector of {kept[short[0]]!r} is zero under {centring} centring, and a cosine needs a direction"
        )
    # One division: in single precision two of them would round near cosines of 1 to other ranks.
    lengths = np.sqrt(products.diagonal())
    found = 1 - condensed(np.clip(products / (lengths[:, None] * lengths), -1, 1))
    if np.ptp(found) <= SAME:
        return _missing("RDM has no spread: every pair of classes is equally far apart")
    return found


def _missing(why: str) -> Missing:
    return Missing("rho", None, why)
