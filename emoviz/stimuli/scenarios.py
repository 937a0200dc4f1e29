"""The neutral openings that a model goes on from when its steering is verified, and those that are for calibration alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Openings:
    """Openings that could lead to any emotion. What is chosen is chosen on `calibration`; `verification` is used once."""

    calibration: tuple[str, ...]
    verification: tuple[str, ...]


@cache
def openings() -> Openings:
    """The shipped openings (stimuli/data/scenarios.json)."""
    data = json.loads((files(__package__) / "data" / "scenarios.json").read_text("utf-8"))
    return Openings(tuple(data["calibration"]), tuple(data["verification"]))
