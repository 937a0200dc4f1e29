"""Results as text tables and as strict JSON values."""

from __future__ import annotations

import sys
from collections.abc import Sequence


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


def peak_rss_mb() -> float | None:
    """The most memory that this process has held; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
