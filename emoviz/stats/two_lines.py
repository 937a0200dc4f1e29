"""Is a depth curve U-shaped? A tested statement instead of a look at the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..geometry.vectors import CENTRINGS
from ..types import DepthCurve, UShape, VectorSet

MIN_LAYERS = 8
ALPHA = 0.05
_MAX_AUTOCORRELATION = 0.95


def u_shape(curve: DepthCurve, replicates: np.ndarray | None = None) -> UShape | None:
    """Quadratic vertex and two-lines test of one curve over depth; None with fewer than 8 finite layers.

    The two-lines test fits one line on each side of a break and asks for a falling, then a rising slope, each
    significant. The break is set as in Simonsohn 2018 (the "Robin Hood" procedure): from a smooth fit (natural-order
    cubic regression spline, two inner knots), the flat stretch around the extreme is found, and the break moved within
    it towards the side with the stronger slope.

    Layers follow from one another: with the paper's own errors, which take them as independent, a flat curve with an
    autocorrelation of 0.9 is called U-shaped in 22 of 100 cases. The lines are therefore fitted to what each layer adds
    to its neighbour (Prais and Winsten 1954), with HC3 errors; that makes it 5 of 100, and a true U of 30 layers is
    then found in 43 of 100 cases instead of nearly all: dependent layers hold that much less evidence.

    replicates : (B, L) resampled curves less their mean, for the interval of the vertex and for `holds`.
    Source : Simonsohn 2018, Advances in Methods and Practices in Psychological Science 1(4).
    """
    from scipy.special import stdtr

    finite = np.isfinite(curve.values)
    x, y = curve.depth[finite], curve.values[finite]
    if len(x) < MIN_LAYERS:
        return None
    c2, c1, _ = np.polyfit(x, y, 2)
    flat = _flat_stretch(x, y, sign=1.0 if c2 > 0 else -1.0)
    strength = np.abs(_two_slopes(x, y, float(np.median(flat)), 0.0)[:, 1])
    total = strength.sum()
    break_depth = float(np.quantile(flat, strength[1] / total)) if total > 0 else float(np.median(flat))
    autocorrelation = _autocorrelation(x, y)
    slopes = _two_slopes(x, y, break_depth, autocorrelation)
    p_values = 2 * stdtr(len(x) - 4, -np.abs(slopes[:, 1]))
    low, high, holds = None, None, None
    if replicates is not None:
        low, high, holds = _resampled_shape(x, y + replicates[:, finite], break_depth)
    return UShape(
        vertex=float(-c1 / (2 * c2)) if c2 != 0 else float("nan"),
        vertex_low=low,
        vertex_high=high,
        curvature=float(2 * c2),
        break_depth=break_depth,
        slopes=(float(slopes[0, 0]), float(slopes[1, 0])),
        p_values=(float(p_values[0]), float(p_values[1])),
        autocorrelation=autocorrelation,
        holds=holds,
        u_shaped=bool(slopes[0, 0] < 0 < slopes[1, 0] and (p_values < ALPHA).all()),
    )


def mean_cosine_shape(vectors: VectorSet, curve: DepthCurve, centring: str) -> UShape | None:
    """`u_shape` of a set's mean cosine, with what its stored replicates say."""
    resampled = vectors.resampled
    replicates = None if resampled is None else resampled.mean_cosine[CENTRINGS.index(centring)]
    if replicates is not None and not np.isfinite(replicates[:, np.isfinite(curve.values)]).all():
        replicates = None
    return u_shape(curve, replicates)


def pooled_shape(sets: Sequence[VectorSet], curves: Sequence[DepthCurve], centring: str) -> UShape | None:
    """`u_shape` of the mean of several sets' mean cosines, each brought to mean 0 and standard deviation 1.

    Curves are read off at the depths of the set with the fewest layers; replicates are pooled where all sets have
    equally many. None if a set has fewer than 8 finite layers.
    """
    finite = [np.isfinite(curve.values) for curve in curves]
    if min(kept.sum() for kept in finite) < MIN_LAYERS:
        return None
    depth = min((curve.depth[kept] for curve, kept in zip(curves, finite, strict=True)), key=len)
    mean, drawn = np.zeros(len(depth)), []
    for vectors, curve, kept in zip(sets, curves, finite, strict=True):
        y = curve.values[kept]
        spread = y.std() if y.std() > 0 else 1.0
        mean += np.interp(depth, curve.depth[kept], (y - y.mean()) / spread) / len(sets)
        if vectors.resampled is not None:
            replicates = vectors.resampled.mean_cosine[CENTRINGS.index(centring)][:, kept]
            drawn.append(np.stack([np.interp(depth, curve.depth[kept], row / spread) for row in replicates]))
    same = len(drawn) == len(sets) and len({rows.shape for rows in drawn}) == 1 and np.isfinite(drawn).all()
    pooled = DepthCurve("mean_cosine", "pooled", depth, mean, None)
    return u_shape(pooled, np.mean(drawn, axis=0) if same else None)


def shape_words(shape: UShape | None) -> str:
    """`lowest at depth 0.52 [0.46, 0.58]; both slopes significant`, or what else the test found."""
    if shape is None:
        return f"fewer than {MIN_LAYERS} finite layers, too few to test for a U"
    if shape.curvature <= 0 or not 0 < shape.vertex < 1:
        place = "no lowest point within the model (" + (
            "curved the other way)" if shape.curvature <= 0 else f"vertex at {shape.vertex:.2f})"
        )
    else:
        spread = "" if shape.vertex_low is None else f" [{shape.vertex_low:.2f}, {shape.vertex_high:.2f}]"
        place = f"lowest at depth {shape.vertex:.2f}{spread}"
    significant = [p < ALPHA for p in shape.p_values]
    ways = ["falling" if shape.slopes[0] < 0 else "rising", "rising" if shape.slopes[1] > 0 else "falling"]
    if all(significant):
        tail = "both slopes significant" if shape.u_shaped else f"both slopes significant, but {ways[0]} then {ways[1]}"
    elif any(significant):
        k = significant.index(True)
        tail = f"only the {('first', 'second')[k]} slope significant ({ways[k]})"
    else:
        tail = "neither slope significant"
    numbers = ", ".join(f"{slope:+.2g} (p {p:.2g})" for slope, p in zip(shape.slopes, shape.p_values, strict=True))
    return (
        f"{place}; {tail}: {'' if shape.u_shaped else 'not '}U-shaped (slopes {numbers} around {shape.break_depth:.2f})"
    )


def _resampled_shape(x: np.ndarray, curves: np.ndarray, at: float) -> tuple[float, float, float]:
    """95 % percentile interval of the quadratic's vertex, and the share of curves that fall, then rise."""
    c2, c1, _ = np.polyfit(x, curves.T, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = -c1 / (2 * c2)
    low, high = np.nanpercentile(vertex, [2.5, 97.5])
    design = _design(x, at)
    slopes = (np.linalg.pinv(design) @ curves.T)[1:3]
    return float(low), float(high), float(((slopes[0] < 0) & (slopes[1] > 0)).mean())


def _flat_stretch(x: np.ndarray, y: np.ndarray, sign: float) -> np.ndarray:
    """The x whose smooth fit lies within one standard error of its inner extreme (lowest for sign 1)."""
    basis = _smooth_basis(x, 2)
    q, _ = np.linalg.qr(basis)
    fit = q @ (q.T @ y)
    freedom = max(len(x) - basis.shape[1], 1)
    error = np.sqrt(((y - fit) ** 2).sum() / freedom * (q**2).sum(1))
    # The outer layers cannot be a turning point with a line on either side.
    inner = np.arange(1, len(x) - 1)
    extreme = inner[(sign * fit[inner]).argmin()]
    near = inner[np.abs(fit[inner] - fit[extreme]) <= error[extreme]]
    return x[near]


def _smooth_basis(x: np.ndarray, n_knots: int) -> np.ndarray:
    """Cubic regression spline with inner knots at equal shares of the layers."""
    knots = np.quantile(x, np.linspace(0, 1, n_knots + 2)[1:-1])
    return np.column_stack([np.ones_like(x), x, x**2, x**3, *(np.clip(x - k, 0, None) ** 3 for k in knots)])


def _design(x: np.ndarray, at: float) -> np.ndarray:
    """Interrupted regression: level, slope below, slope above, jump."""
    high = (x > at).astype(float)
    return np.column_stack([np.ones_like(x), (x - at) * (1 - high), (x - at) * high, high])


def _autocorrelation(x: np.ndarray, y: np.ndarray) -> float:
    """Between neighbouring layers, of what a smooth fit leaves over.

    Two straight lines leave a bend over, which would look like dependence; a cubic with one knot does not. Its
    residuals vary less slowly than the noise itself, so the value is the one at which a first-order autoregressive
    series, fitted in the same way, leaves the observed correlation.
    """
    q, _ = np.linalg.qr(_smooth_basis(x, 1))
    left_over = np.eye(len(x)) - q @ q.T
    residual = left_over @ y
    if residual @ residual <= 1e-18 * (y @ y):
        return 0.0
    observed = residual[1:] @ residual[:-1] / (residual @ residual)
    candidates = np.linspace(0, _MAX_AUTOCORRELATION, 50)
    lag = np.abs(np.subtract.outer(np.arange(len(x)), np.arange(len(x))))
    expected = []
    for candidate in candidates:
        covariance = left_over @ candidate**lag @ left_over
        expected.append(np.trace(covariance, offset=1) / np.trace(covariance))
    return float(np.interp(observed, expected, candidates))


def _two_slopes(x: np.ndarray, y: np.ndarray, at: float, autocorrelation: float) -> np.ndarray:
    """Rows (slope, t value) below and above `at`, with HC3 errors, after Prais-Winsten differencing."""
    design = _design(x, at)

    def less_neighbour(values: np.ndarray) -> np.ndarray:
        first = np.sqrt(1 - autocorrelation**2) * values[:1]
        return np.concatenate([first, values[1:] - autocorrelation * values[:-1]])

    design, y = less_neighbour(design), less_neighbour(y)
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    residual = (y - design @ beta) / np.clip(1 - leverage, 1e-9, None)
    covariance = inverse @ (design.T * residual**2) @ design @ inverse
    error = np.sqrt(np.diag(covariance))[1:3]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, beta[1:3] / error, 0.0)
    return np.column_stack([beta[1:3], t])
