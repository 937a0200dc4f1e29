"""Verification: before and after of every scenario, beside its random control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..types import Scenario, Verification
from ..words import counted
from .canvas import columns, fitted, rows
from .theme import PUBLISHED_COLOUR, class_colour, class_symbol, figure, panels
from .wording import literal

_GAP, _ROW_GAP, _LEFT, _HEIGHT = 0.04, 110, 110, 640
# Of a row's height, how far the control stands below the emotion's own line.
_BELOW = 0.3
_STEERED, _CONTROL = "steered towards the emotion", "random direction, same procedure"


def verification_figure(
    found: Verification, *, emotion: str | None = None, prompt: int | None = None, notes: Sequence[str] = ()
) -> go.Figure:
    """A panel per opening, a row per emotion: the target's probability without steering, steered, and by a random
    direction.

    emotion, prompt : the scenario that is marked. notes : more lines. Filled marks are confirmed, crosses are not.
    """
    down = rows(len(found.prompts))
    height = fitted(_HEIGHT + (down - 1) * (_HEIGHT - 150))
    names = by_quadrant(tuple(dict.fromkeys(row.emotion for row in found.rows)))
    order = {name: len(names) - 1 - k for k, name in enumerate(names)}
    places, heads = panels([f"“{text}”" for text in found.prompts], _GAP, _ROW_GAP / height)
    traces = _legend()
    layout: dict[str, Any] = {}
    for number, place in enumerate(places):
        axes = {"xaxis": f"x{place.number}", "yaxis": f"y{place.number}"}
        for scenarios, own in ((found.controls, False), (found.rows, True)):
            here = [row for row in scenarios if row.prompt == number]
            traces += [_line(row, order[row.emotion], own, axes) for row in here]
            traces.append(_marks(here, order, own, found.plan.samples, axes))
        layout[f"xaxis{place.number}"] = {
            "domain": place.x,
            "range": [-0.03, 1.03],
            "title": {"text": "the witness's probability of the target"},
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        }
        layout[f"yaxis{place.number}"] = {
            "anchor": f"x{place.number}",
            "range": [-0.8, len(names) - 0.4],
            "tickvals": list(order.values()),
            "ticktext": [literal(name) for name in order],
            "domain": place.y,
            "showticklabels": number % columns(len(found.prompts)) == 0,
        }
    if emotion in order and prompt is not None:
        layout["shapes"] = [_band(places[prompt], order[emotion])]
    layout |= {
        "annotations": heads,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left"},
        "uirevision": f"verification {found.name}",
        "meta": {"kind": "verification"},
    }
    return figure(
        traces,
        layout,
        title=f"{found.model}: {found.k} of {found.n} scenarios confirmed, {found.control_k} with random directions",
        aid="line: from the unsteered texts to the steered ones; filled mark: confirmed, cross: not; click one to read "
        "its texts",
        notes=[
            found.criterion,
            f"set {found.set}, {found.precision}; witness: {found.witness.name}; doses per direction from "
            f"{len(found.calibration_prompts)} other openings",
            *notes,
        ],
        height=height,
        left=_LEFT,
        above=30,
        below=84,
        legend_below=True,
    )


def _legend() -> list[dict]:
    """Named entries, since the marks of the panels are of many colours."""
    entries = (
        (_STEERED, {"symbol": "circle", "color": PUBLISHED_COLOUR, "size": 10}),
        (_CONTROL, {"symbol": "circle", "color": PUBLISHED_COLOUR, "size": 5}),
        ("not confirmed", {"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": PUBLISHED_COLOUR}}),
    )
    return [
        {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name, "marker": marker}
        for name, marker in entries
    ]


def _line(row: Scenario, at: float, own: bool, axes: dict) -> dict:
    y = at if own else at - _BELOW
    return {
        "type": "scatter", "mode": "lines", "x": [row.before, row.after], "y": [y, y], "showlegend": False,
        "line": {"color": class_colour(row.emotion) if own else PUBLISHED_COLOUR, "width": 3 if own else 1.5},
        "hoverinfo": "skip", **axes,
    }  # fmt: skip


def _marks(rows: Sequence[Scenario], order: dict[str, int], own: bool, samples: int, axes: dict) -> dict:
    colours = [class_colour(row.emotion) if own else PUBLISHED_COLOUR for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [row.after for row in rows],
        "y": [order[row.emotion] - (0 if own else _BELOW) for row in rows],
        "marker": {
            "symbol": [_symbol(row, own) for row in rows],
            "size": 10 if own else 6,
            "color": colours,
            "line": {"width": [0 if row.confirmed else 2 for row in rows], "color": colours},
        },
        "customdata": [[row.emotion, row.prompt] for row in rows],
        "hovertext": [_said(row, samples) for row in rows],
        "hoverinfo": "text",
        "meta": _STEERED if own else _CONTROL,
        "showlegend": False,
        **axes,
    }


def _symbol(row: Scenario, own: bool) -> str:
    if not row.confirmed:
        return "x-thin"
    return class_symbol(row.emotion) if own else "circle"


def _said(row: Scenario, samples: int) -> str:
    name, direction = literal(row.emotion), literal(row.direction)
    return (
        f"<b>{name}</b>, {'steered' if row.direction == row.emotion else direction} at dose {row.dose:g}<br>"
        f"probability of {name} {row.before:.3f} → {row.after:.3f}<br>{row.surgical} of "
        f"{counted(samples, 'text')} surgical<br>{'confirmed' if row.confirmed else 'not confirmed'}{_outside(row)}"
    )


def _outside(row: Scenario) -> str:
    if row.outside_confirmed is None:
        return ""
    said = "confirmed" if row.outside_confirmed else "not confirmed"
    return f"<br>outside witness {row.outside_before:.3f} → {row.outside_after:.3f}, {said}"


def _band(place, at: float) -> dict:
    return {
        "type": "rect", "xref": f"x{place.number} domain", "yref": f"y{place.number}", "x0": 0, "x1": 1,
        "y0": at - 0.55, "y1": at + 0.35, "fillcolor": "rgba(138,146,161,0.22)", "line": {"width": 0}, "layer": "below",
    }  # fmt: skip
