"""How numbers are written in cards and tables."""

from __future__ import annotations

import numpy as np

from ..types import DepthCurve, VectorSet

MISSING = "missing"


def highest(values: np.ndarray) -> float:
    """The largest finite value, NaN if there is none."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else MISSING


def depth_of(vectors: VectorSet, layer: int | None) -> str:
    return "–" if layer is None else f"{vectors.depth(layer):.2f}"


def interval_of(curve: DepthCurve, layer: int) -> str:
    """`[0.71, 0.81], ` before more words, or nothing where there is no interval."""
    found = curve.interval(layer)
    return "" if found is None else f"[{found[0]:.2f}, {found[1]:.2f}], "
