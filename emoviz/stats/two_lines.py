"""Is a depth curve U-shaped? A tested statement instead of a look at the picture."""

from __future__ import annotations

import numpy as np

from ..types import DepthCurve, UShape

MIN_LAYERS = 8
ALPHA = 0.05
CAVEAT = "neighbouring layers are not independent, so these p values are optimistic"


def u_shape(curve: DepthCurve) -> UShape | None:
    """Quadratic vertex and two-lines test of one curve over depth; None with fewer than 8 finite layers.

    The two-lines test fits one line on each side of a break and asks for a falling, then a rising slope, each
    significant (HC3 errors). The break is set as in Simonsohn 2018 (the "Robin Hood" procedure): from a smooth fit
    (natural-order cubic regression spline, two inner knots), the flat stretch around the extreme is found, and the
    break moved within it towards the side with the stronger slope.

    Layers follow from one another, so their residuals are not independent and the p values are optimistic; they are
    reported with `CAVEAT`, as a description of one curve, not as evidence over models.
    Source : Simonsohn 2018, Advances in Methods and Practices in Psychological Science 1(4).
    """
    from scipy.stats import t as student

    finite = np.isfinite(curve.values)
    x, y = curve.depth[finite], curve.values[finite]
    if len(x) < MIN_LAYERS:
        return None
    c2, c1, _ = np.polyfit(x, y, 2)
    flat = _flat_stretch(x, y, sign=1.0 if c2 > 0 else -1.0)
    first, _ = _two_slopes(x, y, float(np.median(flat)))
    strength = np.abs(first[:, 1])
    break_depth = (
        float(np.quantile(flat, strength[1] / strength.sum())) if strength.sum() > 0 else float(np.median(flat))
    )
    slopes, freedom = _two_slopes(x, y, break_depth)
    p_values = 2 * student.sf(np.abs(slopes[:, 1]), freedom)
    u_shaped = bool(slopes[0, 0] < 0 < slopes[1, 0] and (p_values < ALPHA).all())
    return UShape(
        vertex=float(-c1 / (2 * c2)) if c2 != 0 else float("nan"),
        curvature=float(2 * c2),
        break_depth=break_depth,
        slopes=(float(slopes[0, 0]), float(slopes[1, 0])),
        p_values=(float(p_values[0]), float(p_values[1])),
        u_shaped=u_shaped,
    )


def _flat_stretch(x: np.ndarray, y: np.ndarray, sign: float) -> np.ndarray:
    """The x whose smooth fit lies within one standard error of its inner extreme (lowest for sign 1)."""
    knots = np.quantile(x, [1 / 3, 2 / 3])
    basis = np.column_stack([np.ones_like(x), x, x**2, x**3, *(np.clip(x - k, 0, None) ** 3 for k in knots)])
    q, _ = np.linalg.qr(basis)
    fit = q @ (q.T @ y)
    freedom = max(len(x) - basis.shape[1], 1)
    error = np.sqrt(((y - fit) ** 2).sum() / freedom * (q**2).sum(1))
    # The outer layers cannot be a turning point with a line on either side.
    inner = np.arange(1, len(x) - 1)
    extreme = inner[(sign * fit[inner]).argmin()]
    near = inner[np.abs(fit[inner] - fit[extreme]) <= error[extreme]]
    return x[near]


def _two_slopes(x: np.ndarray, y: np.ndarray, at: float) -> tuple[np.ndarray, int]:
    """Interrupted regression at `at`: rows (slope, t value) below and above, and the degrees of freedom."""
    high = (x > at).astype(float)
    design = np.column_stack([np.ones_like(x), (x - at) * (1 - high), (x - at) * high, high])
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    residual = (y - design @ beta) / np.clip(1 - leverage, 1e-9, None)
    covariance = inverse @ (design.T * residual**2) @ design @ inverse
    error = np.sqrt(np.diag(covariance))[1:3]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, beta[1:3] / error, 0.0)
    return np.column_stack([beta[1:3], t]), len(x) - design.shape[1]
