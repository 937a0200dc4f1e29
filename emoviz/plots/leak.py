"""The leak of one direction over its doses, hidden and visible, a panel for every model and recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from ..experiments.leak_summary import BEYOND, LeakPeak
from ..judge.leak import HIDDEN_LEAK
from ..steer.grammar import UNSTEERED
from ..types import LeakRun
from ..words import percent
from .canvas import narrow
from .leak_panels import LeakPanel, axes, leak_notes, leak_panels, row_hover, shortest
from .theme import QUADRANT_COLOUR, figure, tint

_GREY = QUADRANT_COLOUR["neutral"]
_TOP, _FAINT = 1.06, 0.4


def leak_figure(
    runs: Sequence[LeakRun], direction: str, colour: Mapping[str, str], *, notes: Sequence[str] = ()
) -> go.Figure:
    """Runs below each other, recipes side by side; all runs have the direction. colour : by model.

    In every panel stand the unsteered level, the control directions and, thin, the hidden leak of all other emotions.
    notes : more lines under the figure. Clicked ids are [run, recipe, direction, dose].
    """
    found, heads, height = leak_panels(runs, direction)
    traces: list[dict] = []
    shapes: list[dict] = []
    placed: dict[str, dict] = {}
    for panel in found:
        traces += [*_own(panel, direction, colour), *_controls(panel, direction), _others(panel, direction)]
        shapes += _unsteered(panel)
        placed |= axes(panel, left=panel.place.x[0] == 0, top=_TOP)
    layout = {
        **placed,
        "shapes": shapes,
        "annotations": heads,
        "legend": {"orientation": "h", "traceorder": "normal", "x": 0, "xanchor": "left", "itemsizing": "constant",
                   "itemclick": False,
                   "itemdoubleclick": False},
        "hovermode": "closest",
        "uirevision": f"leak {direction}",
        "meta": {"kind": "leak", "name": "leak"},
    }  # fmt: skip
    return figure(
        # In words, the direction's own hidden leak comes first, in all panels.
        [*sorted(traces, key=lambda trace: -trace["zorder"]), *_legend(found, direction, colour)],
        layout,
        title=leak_title(found, direction),
        aid="hidden: the highest probability of all steps on tokens in scripts that the prompt does not use; visible: "
        f"share of such letters in the text; called a leak from {percent(HIDDEN_LEAK)} % on; doses are evenly spaced",
        notes=leak_notes(runs, notes),
        height=height + 250,
        left=56,
        right=20,
        above=24,
        below=100 if narrow() else 84,
        legend_below=True,
        legend_rows_below=2,
    )


def leak_title(found: Sequence[LeakPanel], direction: str) -> str:
    """In how many models the direction leaks beyond its controls, and how much in the first; said as plainly where it
    does not."""
    peaks: dict[str, LeakPeak] = {}
    for panel in found:
        known = peaks.get(panel.label)
        if panel.peak is not None and (known is None or panel.peak.hidden > known.hidden):
            peaks[panel.label] = panel.peak
    n, name = len(peaks), direction
    leaking = {label: peak for label, peak in peaks.items() if peak.leaks}
    beyond = {label: peak for label, peak in leaking.items() if peak.beyond}
    model, most = max((beyond or leaking or peaks).items(), key=lambda item: item[1].hidden)
    hidden, visible = percent(most.hidden), percent(most.visible)
    if not leaking:
        return shortest(f"{name} brings out no other script: hidden leak at most {hidden} %, in {model}")
    if any(direction in panel.run.controls for panel in found):
        head = f"A {name} direction leaks in {len(leaking)} of {n} models"
        return shortest(f"{head}: {model} {hidden} % hidden, {visible} % visible", f"{head}: up to {hidden} % hidden")
    if not beyond and not most.controlled:
        return shortest(
            f"{name} leaks in {len(leaking)} of {n} models: {model} {hidden} % hidden; no control was run",
            f"{name} leaks in {len(leaking)} of {n} models, up to {hidden} % hidden; no control was run",
        )
    if not beyond:
        what = "a random direction" if most.control >= most.unsteered else "the unsteered texts"
        usual = max(most.control, most.unsteered)
        much = "no more than" if most.hidden <= usual else f"at most {BEYOND:g} times as much as"
        said = f"{name} leaks {much} {what}"
        return shortest(
            f"{said}: {model} {hidden} % hidden against {percent(usual)} %",
            f"{said}: {hidden} % hidden against {percent(usual)} %",
        )
    if n == 1:
        return shortest(
            f"{name} in {model}: {hidden} % hidden and {visible} % visible leak, at random {percent(most.control)} %",
            f"{name}: {hidden} % hidden and {visible} % visible leak, at random {percent(most.control)} %",
        )
    head = f"{name} leaks beyond random in {len(beyond)} of {n} models"
    return shortest(
        f"{head}: {model} {hidden} % hidden, {visible} % visible",
        f"{head}: up to {hidden} % hidden, {visible} % visible",
    )


def _line(panel: LeakPanel, direction: str, what: str) -> dict:
    """One direction over the doses, the unsteered texts first."""
    at = [(k, _row(panel, direction, dose)) for k, dose in enumerate(panel.doses)]
    there = [(k, row) for k, row in at if row is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [k for k, _ in there],
        "y": [row[what] for _, row in there],
        "customdata": [panel.ids(direction, row["dose"]) for _, row in there],
        "hovertext": [row_hover(row) for _, row in there],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
        "meta": f"{direction}, {what}",
        **panel.on,
    }


def _row(panel: LeakPanel, direction: str, dose: float) -> dict | None:
    return panel.rows.get((UNSTEERED, 0.0) if dose == 0 else (direction, dose))


def _own(panel: LeakPanel, direction: str, colour: Mapping[str, str]) -> list[dict]:
    look = colour[panel.run.model]
    hidden, visible = (_line(panel, direction, what) for what in ("hidden", "visible"))
    return [
        {**hidden, "line": {"color": look, "width": 2.8}, "marker": {"size": 7}, "zorder": 4},
        {**visible, "line": {"color": look, "width": 2, "dash": "dash"},
         "marker": {"size": 7, "symbol": "circle-open"}, "zorder": 3},
    ]  # fmt: skip


def _controls(panel: LeakPanel, direction: str) -> list[dict]:
    found = []
    for name in panel.run.controls:
        if name != direction:
            found += [
                {**_line(panel, name, "visible"), "line": {"color": _GREY, "width": 1.5, "dash": "dash"},
                 "marker": {"size": 6, "symbol": "square-open"}, "zorder": 1},
                {**_line(panel, name, "hidden"), "line": {"color": _GREY, "width": 2},
                 "marker": {"size": 6, "symbol": "square"}, "zorder": 2},
            ]  # fmt: skip
    return found


def _others(panel: LeakPanel, direction: str) -> dict:
    """The hidden leak of all other emotions as one trace with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    ids: list[list | None] = []
    hover: list[str] = []
    for name in panel.run.directions:
        if name == direction:
            continue
        line = _line(panel, name, "hidden")
        x += [*line["x"], None]
        y += [*line["y"], None]
        ids += [*line["customdata"], None]
        hover += [*line["hovertext"], ""]
    return {
        "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "customdata": ids, "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>", "line": {"color": tint(_GREY, _FAINT), "width": 1},
        "marker": {"size": 3}, "connectgaps": False, "showlegend": False, "meta": "other emotions, hidden",
        "zorder": 0, **panel.on,
    }  # fmt: skip


def _unsteered(panel: LeakPanel) -> list[dict]:
    row = panel.rows.get((UNSTEERED, 0.0))
    if row is None:
        return []
    return [
        {
            "type": "line", "xref": f"x{panel.place.number}", "yref": f"y{panel.place.number}", "x0": -0.5,
            "x1": len(panel.doses) - 0.5, "y0": row["hidden"], "y1": row["hidden"],
            "line": {"color": _GREY, "width": 1.2, "dash": "dot"},
        }
    ]  # fmt: skip


def _legend(found: Sequence[LeakPanel], direction: str, colour: Mapping[str, str]) -> list[dict]:
    """What the lines mean; nothing of it is drawn."""
    look, name = colour[found[0].run.model], direction
    controls = [c for c in dict.fromkeys(c for panel in found for c in panel.run.controls) if c != direction]
    marks = [
        (f"{name}, hidden", {"mode": "lines+markers", "line": {"color": look, "width": 2.8}}),
        (f"{name}, visible", {"mode": "lines+markers", "line": {"color": look, "width": 2, "dash": "dash"},
                              "marker": {"symbol": "circle-open"}}),
        *((f"control {c}, hidden", {"mode": "lines+markers", "line": {"color": _GREY, "width": 2},
                                    "marker": {"symbol": "square"}}) for c in controls),
        *((f"control {c}, visible", {"mode": "lines+markers",
                                     "line": {"color": _GREY, "width": 1.5, "dash": "dash"},
                                     "marker": {"symbol": "square-open"}}) for c in controls),
        ("unsteered, hidden", {"mode": "lines", "line": {"color": _GREY, "width": 1.2, "dash": "dot"}}),
        ("another emotion, hidden", {"mode": "lines", "line": {"color": tint(_GREY, _FAINT), "width": 1}}),
    ]  # fmt: skip
    return [
        {"type": "scatter", "x": [None], "y": [None], "name": text, "hoverinfo": "skip", **style}
        for text, style in marks
    ]
