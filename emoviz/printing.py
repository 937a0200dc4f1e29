"""Results as text tables and as strict JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def table(rows: Sequence[dict]) -> str:
    """Rows with the same keys as aligned columns under a heading."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def pairs(values: dict) -> str:
    """One `name  value` line per entry."""
    width = max(len(name) for name in values)
    return "\n".join(
        f"{name.ljust(width)}  {', '.join(map(str, value)) if isinstance(value, (tuple, list)) else value}"
        for name, value in values.items()
    )


def plain(value):
    """Arrays to lists and every number that is not finite to null, so that the output is strict JSON."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
