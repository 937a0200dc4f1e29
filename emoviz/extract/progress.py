"""How far a long run is."""

from __future__ import annotations

import math
import sys
import time

# What a stage counts, where it is not tokens.
_UNITS = {
    "resampling": "layers",
    "calibrating": "openings",
    "verifying": "samples",
    "drawing": "steps",
    **dict.fromkeys(("steering", "judging", "classifying", "reading texts", "tabulating"), "texts"),
    "training": "heads",
    "pushing": "bytes",
    "passages": "passages",
    "questions": "questions",
}


class Progress:
    """How far a long run is: a bar in a terminal, a line a second elsewhere (a log, the dashboard).

    Called with a stage, what is done and in all. What is reported in the first moment of a stage is an earlier run's
    and does not count as speed.
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
