"""The neutral openings from which a model goes on when its steering is verified, and those for calibration alone."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from ..types import Openings


@cache
def openings() -> Openings:
    """The shipped openings (stimuli/data/scenarios.json)."""
    data = json.loads((files(__package__) / "data" / "scenarios.json").read_text("utf-8"))
    return Openings(tuple(data["calibration"]), tuple(data["verification"]))


@cache
def dose_prompts() -> tuple[str, ...]:
    """The shipped openings (stimuli/data/prompts.json)."""
    data = json.loads((files(__package__) / "data" / "prompts.json").read_text("utf-8"))
    return tuple(data["dose_response"])
