"""The openings of a dose-response run: they could lead to any emotion, and unsteered models go on without a loop."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def dose_prompts() -> tuple[str, ...]:
    """The shipped openings (stimuli/data/prompts.json)."""
    data = json.loads((files(__package__) / "data" / "prompts.json").read_text("utf-8"))
    return tuple(data["dose_response"])
