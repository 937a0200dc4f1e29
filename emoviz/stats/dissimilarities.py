"""The RDMs of many sets at once, fast, with a reason where there is none."""

from __future__ import annotations

import numpy as np

from ..geometry import class_vectors

# Fewer classes have fewer than three pairs, too few to rank.
MIN_COMMON = 3
# Shorter than this, as a share of the longest class mean, a vector is a rounding error of the mean that was taken off.
_NO_LENGTH = 1e-6
# RDMs that differ by no more than this anywhere are the same; one that varies by no more has no spread.
SAME = 1e-6


def condensed_or_reason(means: np.ndarray, classes: tuple[str, ...], centring: str) -> np.ndarray | str:
    """Condensed RDM, 1 - cosine, as `geometry.rdm_of` to six digits, or the reason why there is none, after "its".

    means : (C, D). Returns (P,) float32. In single precision and from the products of all vectors, since a comparison
    of a hundred sets needs three hundred RDMs.
    """
    means = np.asarray(means, np.float32)
    squares = np.einsum("cd,cd->c", means, means)
    if not np.isfinite(squares).any():
        return "class means are missing" if np.isnan(squares).all() else "class means are not finite"
    bad = np.flatnonzero(~np.isfinite(squares) | (squares == 0))
    if bad.size:
        return f"mean of {classes[bad[0]]!r} is {'zero' if squares[bad[0]] == 0 else 'not finite'}"
    vectors, kept = class_vectors(means, classes, centring)
    products = vectors @ vectors.T
    lengths = np.sqrt(products.diagonal())
    short = np.flatnonzero(lengths <= _NO_LENGTH * np.sqrt(squares.max()))
    if short.size:
        return f"vector of {kept[short[0]]!r} is zero under {centring} centring, and a cosine needs a direction"
    products /= lengths[:, None] * lengths
    condensed = 1 - np.clip(products, -1, 1)[np.triu_indices(len(kept), 1)]
    if np.ptp(condensed) <= SAME:
        return "RDM has no spread: every pair of classes is equally far apart"
    return condensed
