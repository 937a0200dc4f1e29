"""A depth curve of one set less that of another: at which depths do two models part?"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geometry import depth_curves
from ..geometry.curves import CURVES
from ..geometry.vectors import CENTRINGS
from ..types import CurveDifference, DepthCurve, VectorSet
from .bootstrap import t_factor

# The curve whose resamples are stored with a set, so that those of two sets can be taken from each other.
_WITH_RESAMPLES = "mean_cosine"


def curve_difference(sets: tuple[VectorSet, VectorSet], name: str, centring: str = "class") -> CurveDifference:
    """The first set less the second, at the depths of the layers of both, each curve interpolated between its layers.

    name : one of `geometry.curves.CURVES`. Depths that one of them does not reach are left out; values are NaN beside a
    layer without one. The interval is that of one curve, from the differences of the resamples: both sets were
    resampled on the same topics at once, so that what the topics do to both cancels.
    Raises : InputError for a centring that a set does not have, and for the residual norm, whose unit is each model's
    own.
    """
    if CURVES[name].logarithmic:
        raise InputError(
            f"{CURVES[name].label.lower()}: each model has a unit of its own, so there is no difference of two. Choose "
            "another curve."
        )
    curves = tuple(depth_curves(vectors, centring)[name] for vectors in sets)
    places = sorted(
        {(float(c.depth[k]), v.name, k) for c, v in zip(curves, sets, strict=True) for k in range(len(c.depth))}
    )
    start = max(curve.depth[0] for curve in curves)
    # A depth that both have stands once.
    at = {depth: (owner, layer) for depth, owner, layer in reversed(places) if depth >= start}
    depth = np.array(sorted(at))
    first, second = (np.interp(depth, curve.depth, curve.values) for curve in curves)
    low, high, reason = _interval(sets, curves, depth, first - second, centring)
    return CurveDifference(
        name,
        (sets[0].name, sets[1].name),
        depth,
        first - second,
        tuple(at[one] for one in depth),
        low,
        high,
        reason,
    )


def _interval(
    sets: tuple[VectorSet, VectorSet],
    curves: tuple[DepthCurve, ...],
    depth: np.ndarray,
    values: np.ndarray,
    centring: str,
) -> tuple[np.ndarray | None, np.ndarray | None, str]:
    """Both ends, or why there are none."""
    a, b = (vectors.resampled for vectors in sets)
    p, q = (vectors.provenance for vectors in sets)
    if a is None or b is None:
        return None, None, "a set was not resampled"
    if curves[0].name != _WITH_RESAMPLES:
        # Half widths alone do not tell how far the two move together.
        return None, None, "only the mean cosine keeps its resamples, without which what both share cannot be taken off"
    if (a.n, a.seed, p.topics, p.corpus_hash) != (b.n, b.seed, q.topics, q.corpus_hash):
        return None, None, "the two sets were not resampled on the same topics"
    row = CENTRINGS.index(centring)
    drawn = [
        np.stack([np.interp(depth, curve.depth, one) for one in np.asarray(resampled.mean_cosine[row], np.float64)])
        for curve, resampled in zip(curves, (a, b), strict=True)
    ]
    half = (drawn[0] - drawn[1]).std(0, ddof=1) * t_factor(len(p.topics))
    return values - half, values + half, ""
