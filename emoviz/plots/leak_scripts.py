"""The scripts that the hidden leak of one direction is on, a panel for every model and recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from ..experiments.leak_summary import LeakPeak
from ..steer.grammar import UNSTEERED
from ..types import LeakRun
from .canvas import narrow
from .leak_panels import LeakPanel, axes, leak_notes, leak_panels, row_hover, shortest
from .theme import QUADRANT_COLOUR, SERIES, figure

# Scripts that a figure tells apart; the others are told together.
_MOST, _OTHER = 5, "other scripts"
# Those that leak most have one colour in every figure.
_USUAL = ("Han", "Cyrillic", "Thai", "Hiragana", "Arabic", "Hangul")
_GREY = QUADRANT_COLOUR["neutral"]
_WIDTH, _APART = 0.34, 0.2


def leak_scripts_figure(runs: Sequence[LeakRun], direction: str, *, notes: Sequence[str] = ()) -> go.Figure:
    """Bars of the direction at each dose, beside them the first control, hatched, and before them the unsteered texts.

    notes : more lines under the figure. Clicked ids are [run, recipe, direction, dose].
    """
    found, heads, height = leak_panels(runs, direction)
    scripts = _named(found, direction)
    bars = [_bars(panel, direction) for panel in found]
    top = max([1.0, *(sum(row["scripts"].values()) for own in bars for _, _, row in own)]) * 1.16
    traces: list[dict] = []
    placed: dict[str, dict] = {}
    for panel, own in zip(found, bars, strict=True):
        traces += [_script(panel, own, script, scripts, direction) for script in [*scripts, _OTHER]]
        traces.append(_starts(panel, own))
        placed |= axes(panel, left=panel.place.x[0] == 0, top=top)
    layout = {
        **placed,
        "annotations": heads,
        "barmode": "stack",
        "legend": {"orientation": "h", "traceorder": "normal", "x": 0, "xanchor": "left", "itemsizing": "constant",
                   "itemclick": False,
                   "itemdoubleclick": False},
        "hovermode": "closest",
        "uirevision": f"leak scripts {direction}",
        "meta": {"kind": "leak-scripts", "name": "leak_scripts"},
    }  # fmt: skip
    return figure(
        [*traces, *_legend(found, scripts, direction)],
        layout,
        title=_claim(found, direction),
        aid="each script's highest probability of all steps, so that together they may pass the hidden leak; above a "
        "bar, the token at which the hidden leak starts",
        notes=leak_notes(runs, notes),
        height=height + 250,
        left=56,
        right=20,
        above=24,
        below=100 if narrow() else 84,
        legend_below=True,
        legend_rows_below=1,
    )


def _bars(panel: LeakPanel, direction: str) -> list[tuple[float, bool, dict]]:
    """(place, whether it is hatched, row): unsteered, then at each dose the direction and the first control."""
    control = next((name for name in panel.run.controls if name != direction), None)
    wanted = [(0.0, False, (UNSTEERED, 0.0))]
    for k, dose in enumerate(panel.doses[1:], 1):
        wanted.append((k - _APART, False, (direction, dose)))
        if control is not None:
            wanted.append((k + _APART, True, (control, dose)))
    return [(x, hatched, panel.rows[key]) for x, hatched, key in wanted if key in panel.rows]


def _named(found: Sequence[LeakPanel], direction: str) -> dict[str, str]:
    """The scripts with most probability, of all panels together, and their colours."""
    total: Counter[str] = Counter()
    for panel in found:
        for _, _, row in _bars(panel, direction):
            total.update(row["scripts"])
    scripts = [script for script, _ in total.most_common(_MOST)]
    usual = dict(zip(_USUAL, SERIES, strict=True))
    left = [colour for script, colour in usual.items() if script not in scripts]
    return {script: usual[script] if script in usual else left.pop() for script in scripts}


def _mass(row: dict, script: str, scripts: Mapping[str, str]) -> float:
    if script == _OTHER:
        return sum((mass for name, mass in row["scripts"].items() if name not in scripts), 0.0)
    return row["scripts"].get(script, 0.0)


def _script(
    panel: LeakPanel, own: list[tuple[float, bool, dict]], script: str, scripts: Mapping[str, str], direction: str
) -> dict:
    return {
        "type": "bar",
        "x": [x for x, _, _ in own],
        "y": [_mass(row, script, scripts) for _, _, row in own],
        "width": [_WIDTH] * len(own),
        "marker": {
            "color": _colour(script, scripts),
            "line": {"width": 0},
            "pattern": {"shape": ["/" if hatched else "" for _, hatched, _ in own], "size": 5, "solidity": 0.4},
        },
        "customdata": [panel.ids(row["direction"] if row["dose"] else direction, row["dose"]) for _, _, row in own],
        "hovertext": [row_hover(row) for _, _, row in own],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "textposition": "none",
        "showlegend": False,
        "meta": script,
        **panel.on,
    }


def _starts(panel: LeakPanel, own: list[tuple[float, bool, dict]]) -> dict:
    """Above each bar the token at which the leak starts; a dash where it never does."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _, _ in own],
        "y": [sum(row["scripts"].values()) for _, _, row in own],
        "text": ["–" if row["starts"] is None else str(row["starts"]) for _, _, row in own],
        "textposition": "top center",
        "textfont": {"size": 11},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
        **panel.on,
    }


def _colour(script: str, scripts: Mapping[str, str]) -> str:
    return _GREY if script == _OTHER else scripts[script]


def _legend(found: Sequence[LeakPanel], scripts: Mapping[str, str], direction: str) -> list[dict]:
    controls = dict.fromkeys(name for panel in found for name in panel.run.controls if name != direction)
    squares: list[tuple[str, dict]] = [(script, {"color": _colour(script, scripts)}) for script in [*scripts, _OTHER]]
    if controls:
        hatched = {"color": _GREY, "pattern": {"shape": "/", "size": 5, "solidity": 0.4}}
        squares.append((f"hatched: control {next(iter(controls))}", hatched))
    return [
        {"type": "bar", "x": [None], "y": [None], "name": name, "marker": marker, "hoverinfo": "skip"}
        for name, marker in squares
    ]


def _claim(found: Sequence[LeakPanel], direction: str) -> str:
    """The likeliest script of each model that leaks, where its hidden leak is highest."""
    name = direction
    peaks: dict[str, LeakPeak] = {}
    for panel in found:
        peak = panel.peak
        if peak is not None and peak.leaks and (panel.label not in peaks or peak.hidden > peaks[panel.label].hidden):
            peaks[panel.label] = peak
    if not peaks:
        return f"{name} starts no hidden leak in any of these models"
    into = [f"{peak.script} in {label}" for label, peak in peaks.items()]
    firsts = {peak.starts for peak in peaks.values()}
    first = f", from token {firsts.pop()} on" if len(firsts) == 1 else ""
    few = ", ".join(dict.fromkeys(str(peak.script) for peak in peaks.values()))
    return shortest(
        f"{name} leaks mostly into {', '.join(into)}{first}",
        f"{name} leaks mostly into {', '.join(into)}",
        f"{name} leaks mostly into {few}{first}",
    )
