"""Numbers to JSON and back: JSON knows neither NaN nor infinity, null stands for both."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np


def plain(value: Any, digits: int | None = None) -> Any:
    """Arrays to lists, dataclasses to objects and every number that is not finite to null, so that the output is strict
    JSON.

    digits : significant digits that numbers are rounded to; None keeps them as they are.
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {str(key): plain(entry, digits) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, digits) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), digits)
    if isinstance(value, np.generic):
        return plain(value.item(), digits)
    if isinstance(value, float):
        return significant(value, digits)
    return value


def significant(value: float, digits: int | None) -> float | None:
    """A number to so many significant digits."""
    if not math.isfinite(value):
        return None
    return value if digits is None else float(f"{value:.{digits}g}")


def decimals(value: float, digits: int) -> float | None:
    """A number to so many digits behind the point."""
    return round(value, digits) if math.isfinite(value) else None


def number(value: float | None) -> float:
    """A number as it was before it went into JSON."""
    return math.nan if value is None else float(value)
