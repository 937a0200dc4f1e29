"""What a leak run says in a row per direction and dose. Without torch, for stored runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np

from ..judge.leak import HIDDEN_LEAK
from ..steer.recipes import EMOVIZ, JEONG2026A
from ..types import LeakRun

LEAK_DOSES = "0.01, 0.02, 0.03, 0.05"
# Both, side by side: one keeps the text, the other pushes at all layers, as the paper that saw the leak did.
RECIPES = (EMOVIZ, JEONG2026A)
# A direction leaks beyond its controls where its hidden leak is more than so many times the highest of theirs.
BEYOND = 2.0


@dataclass(frozen=True, slots=True)
class LeakPeak:
    """Where one direction leaks most in one run, over the doses of a recipe; shares of 1.

    dose, hidden, visible, starts, script : of the dose with the highest hidden leak. silent : the highest hidden leak
    of the doses whose texts show nothing. control : the highest hidden leak of the control directions at any dose, NaN
    without any. unsteered : of the unsteered texts.
    """

    recipe: str
    dose: float
    hidden: float
    visible: float
    starts: int | None
    script: str | None
    silent: float
    control: float
    unsteered: float

    @property
    def leaks(self) -> bool:
        return self.hidden >= HIDDEN_LEAK

    @property
    def beyond(self) -> bool:
        """Whether it leaks, and more than what is not steered, or steered to no emotion; without a control it cannot be
        said."""
        return self.leaks and self.hidden > BEYOND * max(self.control, self.unsteered)

    @property
    def controlled(self) -> bool:
        return isfinite(self.control)


def leak_peak(rows: list[dict], controls: Sequence[str], direction: str, recipe: str) -> LeakPeak | None:
    """rows : of `summary`. None where the recipe has no text of the direction."""
    same = [row for row in rows if row["recipe"] == recipe]
    own = [row for row in same if row["direction"] == direction and row["dose"]]
    if not own:
        return None
    others = [row["hidden"] for row in same if row["direction"] in controls and row["direction"] != direction]
    others = [hidden for hidden in others if isfinite(hidden)]
    top = max(own, key=lambda row: row["hidden"] if isfinite(row["hidden"]) else -1.0)
    return LeakPeak(
        recipe,
        top["dose"],
        top["hidden"],
        top["visible"],
        top["starts"],
        next(iter(top["scripts"]), None),
        max((row["hidden"] for row in own if row["visible"] == 0), default=0.0),
        max(others, default=nan),
        next(row["hidden"] for row in same if not row["dose"]),
    )


def summary(run: LeakRun) -> list[dict]:
    """Per recipe, direction and dose, over the prompts: mean visible and hidden leak, the hidden one by script (mean of
    each script's highest probability), and the earliest token at which it starts, and how many texts broke off. The
    unsteered text has dose 0."""
    rows = []
    for recipe in run.recipes:
        for direction, dose in dict.fromkeys((t.direction, t.dose) for t in run.texts if t.recipe == recipe):
            own = [t for t in run.texts if (t.recipe, t.direction, t.dose) == (recipe, direction, dose)]
            scripts: Counter[str] = Counter()
            for text in own:
                scripts.update({name: mass / len(own) for name, mass in text.hidden.items()})
            starts = [t.starts for t in own if t.starts is not None]
            rows.append(
                {
                    "recipe": recipe,
                    "direction": direction,
                    "dose": dose,
                    "visible": float(np.mean([sum(t.visible.values()) for t in own])),
                    "hidden": _mean([t.peak for t in own]),
                    "scripts": dict(scripts.most_common()),
                    "starts": min(starts) if starts else None,
                    "texts": len(own),
                    "broken": sum(bool(t.broken) for t in own),
                }
            )
    return rows


def _mean(values: Sequence[float]) -> float:
    """Of those that there are; a text that broke off before its first token has none."""
    there = [value for value in values if isfinite(value)]
    return float(np.mean(there)) if there else nan
