"""How alike two maps are in shape, and turning one onto the other."""

from __future__ import annotations

import numpy as np

CHANCE_SEED = 0


def turned(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """`points` centred, rotated or reflected so that they lie nearest to `onto`; not scaled, not distorted.

    points, onto : (C, 2), row by row the same classes. Source : Schönemann 1966 (orthogonal Procrustes).
    """
    centred = points - points.mean(0)
    return centred @ _turn(centred, onto - onto.mean(0))[0]


def fitted(points: np.ndarray, onto: np.ndarray, rows: list[int], onto_rows: list[int]) -> np.ndarray:
    """All of `points` turned, scaled and shifted as the rows that both maps have fit best.

    rows, onto_rows : where the common classes are in either map. Nothing is changed where there is no spread to fit.
    """
    common, target = points[rows], onto[onto_rows]
    centre, aim = common.mean(0), target.mean(0)
    size = ((common - centre) ** 2).sum()
    if size == 0:
        return points
    turn, strength = _turn(common - centre, target - aim)
    return (points - centre) @ turn * (strength / size) + aim


def disparity(a: np.ndarray, b: np.ndarray) -> float:
    """Procrustes residual of two maps of the same classes: 0 = the same shape, 1 = no relation; symmetric.

    Both maps are centred and brought to one size; the squared distances left after the best rotation, reflection and
    scale are summed up: 1 - (sum of singular values)^2. NaN for a map whose points coincide.
    a, b : (C, 2). Source : Gower 1975; the definition of scipy.spatial.procrustes.
    """
    return float(_residuals(_unit_size(a), _unit_size(b)[None])[0])


def disparity_by_chance(a: np.ndarray, b: np.ndarray, n_permutations: int = 1000) -> float:
    """Median Procrustes residual when the classes of one map are relabelled at random (seeded)."""
    rng = np.random.default_rng(CHANCE_SEED)
    orders = rng.permuted(np.tile(np.arange(len(b)), (n_permutations, 1)), axis=1)
    return float(np.median(_residuals(_unit_size(a), _unit_size(b)[orders])))


def _turn(points: np.ndarray, onto: np.ndarray) -> tuple[np.ndarray, float]:
    """The rotation or reflection, and the sum of singular values that the fit of scale needs."""
    left, strength, right = np.linalg.svd(points.T @ onto)
    return left @ right, float(strength.sum())


def _unit_size(points: np.ndarray) -> np.ndarray:
    centred = np.asarray(points, np.float64) - np.mean(points, axis=0, dtype=np.float64)
    size = np.linalg.norm(centred)
    return centred / size if size > 0 else np.full_like(centred, np.nan)


def _residuals(a: np.ndarray, many: np.ndarray) -> np.ndarray:
    """1 - (sum of singular values of a.T b)^2 for every b. many : (N, C, 2)."""
    crossed = np.einsum("ci,ncj->nij", a, many)
    # Of a 2 x 2 matrix, without decomposing each: (s1 + s2)^2 = s1^2 + s2^2 + 2 s1 s2.
    determinant = crossed[:, 0, 0] * crossed[:, 1, 1] - crossed[:, 0, 1] * crossed[:, 1, 0]
    nuclear = (crossed**2).sum((1, 2)) + 2 * np.abs(determinant)
    return np.clip(1 - nuclear, 0, 1)
