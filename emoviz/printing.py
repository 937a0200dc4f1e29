"""Results as text tables and as strict JSON values."""

from __future__ import annotations

import math
import sys
import time
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


# What a stage counts, where it is not tokens.
_UNITS = {
    "resampling": "layers",
    "calibrating": "openings",
    "verifying": "samples",
    **dict.fromkeys(("steering", "judging", "classifying"), "texts"),
}


class Progress:
    """How far a long run is: a bar in a terminal, a line a second elsewhere (a log, the dashboard).

    Called with a stage, what is done and in all. What is reported in the first moment of a stage is an earlier run's and
    does not count as speed.
    """

    def __init__(self):
        self.stage, self.first, self.started, self.shown, self.bar = "", 0, 0.0, -math.inf, None

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self.stage:
            self.close()
            self.stage, self.first, self.started, self.shown = stage, done, now, -math.inf
        if now - self.started < 0.05:
            self.first = done
        if sys.stderr.isatty():
            self._draw(done, total)
        elif now - self.shown >= 1 or done == total:
            self.shown = now
            print(self._line(done, total, now - self.started), file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _draw(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(
                total=total,
                initial=done,
                unit=_UNITS.get(self.stage, "tokens"),
                unit_scale=True,
                desc=self.stage,
                file=sys.stderr,
            )
        self.bar.update(done - self.bar.n)

    def _line(self, done: int, total: int, seconds: float) -> str:
        new, unit = done - self.first, _UNITS.get(self.stage, "tokens")
        if new == 0 or seconds == 0:
            return f"{self.stage}: {done} of {total} {unit}"
        rate = new / seconds
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{self.stage}: {done} of {total} {unit}, {speed} {unit}/s, {(total - done) / rate:.0f} s left"
