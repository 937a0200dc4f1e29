"""Figures as slides of a talk, and a page of its own that shows them one at a time, without a network."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from .canvas import Canvas, drawn_on
from .export import PRESETS, THEMES, check_options
from .files import font_faces, plotly_script

# Where the counter stands, below the figure: pixels of its canvas.
COUNTER = 16
_LONG, _SHORT = (round(side / PRESETS["slide"].magnified) for side in (1280, 720))
# Laid out for a screen as a projector has it, and for one that stands, as a phone does.
LAYOUTS: Mapping[str, tuple[int, int]] = {"wide": (_LONG, _SHORT), "tall": (_SHORT, _LONG)}
_PLAYER = Path(__file__).parent / "player.js"

# Layout -> a figure as JSON, without its template.
SlideData = dict[str, Any]


@cache
def player() -> str:
    """The script that shows a talk, on the dashboard as in a page of its own."""
    return _PLAYER.read_text("utf-8")


def slide_data(draw: Callable[[], go.Figure]) -> SlideData:
    """What the player shows: the figure in each of `LAYOUTS`. Raises what `draw` raises."""
    found = {}
    for name, (width, height) in LAYOUTS.items():
        with drawn_on(Canvas(width, height - COUNTER)):
            figure = json.loads(draw().to_json())
        figure["layout"] |= {"width": width, "height": height - COUNTER}
        del figure["layout"]["template"]
        found[name] = figure
    return found


def talk_page(slides: Sequence[SlideData], theme: str = "light") -> str:
    """A talk as one HTML page that needs no network. Raises InputError for an unknown theme."""
    check_options("html", "slide", theme)
    template = THEMES[theme]
    given = {"slides": slides, "counter": COUNTER, "template": template.to_plotly_json()}
    # No text of a figure can end the script.
    data = json.dumps(given).replace("<", "\\u003c")
    first = slides[0]["wide"]["layout"]["meta"]["title"] if slides else "emoviz"
    paper = template.layout.paper_bgcolor
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(first)}</title><link rel="icon" href="data:,">
<style>{font_faces()} body {{ margin: 0; background: {paper}; }}</style></head>
<body>{plotly_script()}<script>{player()}</script>
<script>window.emovizTalk({data});</script></body></html>
"""
