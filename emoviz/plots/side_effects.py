"""What steering breaks: the change in loss and in right answers of every direction and dose, beside random ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..experiments.effects_summary import Change, Effect, can_tell, effects
from ..steer.grammar import UNSTEERED
from ..steer.recipes import recipe_words
from ..stimuli.effects import CHANCE
from ..types import SideEffects
from ..types.judging import BROKEN
from ..words import counted, written
from .canvas import columns, low, narrow, rows
from .doses import MAX_TITLE, decoding_words
from .theme import QUADRANT_COLOUR, figure, panels, tint
from .wording import dose_label, literal, minus

_ROW, _GAP, _ROW_GAP = 25, 0.05, 96
# Pixels above and below the rows, and left of them.
_AROUND, _LEFT = 246, 104
# How far the marks of the doses of a row lie apart, in rows, and how they look from the lowest dose on.
_APART = 0.24
# Names of rows that stand below each other on a slide.
_MOST_LOW = 10
_SYMBOLS = ("circle-open", "circle", "diamond", "square-open", "square", "triangle-up-open", "triangle-up")
_GREY = QUADRANT_COLOUR["neutral"]
PANELS = {"loss": "change in loss, nats per token", "accuracy": "change in the share of right answers"}


def side_effects_figure(run: SideEffects, emotion: str | None, colour: str, *, notes: Sequence[str] = ()) -> go.Figure:
    """A panel for the loss on plain passages and one for the questions, a row per direction, controls last.

    emotion : the row that is marked. Clicked ids are [direction, dose, run].
    """
    each = effects(run)
    at = order_of(run)
    heads = [
        f"loss on {counted(run.losses.shape[1], 'plain passage')}",
        f"{counted(run.right.shape[1], 'question')}" + ("" if can_tell(run) else ": cannot tell, see below"),
    ]
    down = rows(len(PANELS))
    height = down * _ROW * len(at) + (down - 1) * _ROW_GAP
    places, marks = panels(heads, _GAP, _ROW_GAP / height)
    traces: list[dict] = []
    shapes: list[dict] = []
    axes: dict[str, dict] = {}
    for k, (what, place) in enumerate(zip(PANELS, places, strict=True)):
        on = {"xaxis": f"x{place.number}", "yaxis": f"y{place.number}"}
        traces += [_dots(run, each, what, n, at, colour, on) for n in range(len(run.doses))]
        shapes += _lines(place.number, len(at), each[UNSTEERED, 0.0].accuracy.before if what == "accuracy" else None)
        if emotion in at:
            shapes.append(_band(place.number, at[emotion]))
        axes[f"xaxis{place.number}"] = {
            "domain": place.x, "anchor": f"y{place.number}", "title": {"text": PANELS[what]}, "tickformat": "+.2~f",
        }  # fmt: skip
        axes[f"yaxis{place.number}"] = {
            **row_axis(at, emotion), "domain": place.y, "anchor": f"x{place.number}",
            "showticklabels": k % columns(len(PANELS)) == 0,
        }  # fmt: skip
    layout = {
        **axes,
        "shapes": shapes,
        "annotations": marks,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "itemsizing": "constant", "itemclick": False,
                   "itemdoubleclick": False},
        "hovermode": "closest",
        "uirevision": f"side-effects {run.name}",
        "meta": {"kind": "side-effects", "name": "side_effects"},
    }  # fmt: skip
    return figure(
        [*traces, *_legend(run, colour)],
        layout,
        title=_claim(run, each),
        aid="against the unsteered model, with 95 % intervals (bootstrap over passages and questions); dotted: by "
        "guessing; control directions come last",
        notes=[*effect_notes(run), *_untold(run, each), *notes],
        height=height + _AROUND,
        left=_LEFT,
        above=24,
        below=96 if narrow() else 84,
        legend_below=True,
    )


def order_of(run: SideEffects) -> dict[str, int]:
    """Direction -> row: quadrant order, mixtures after the emotions, controls last."""
    return {name: k for k, name in enumerate((*by_quadrant(run.directions), *run.controls))}


def labels(names: Sequence[str], marked: str | None) -> list[str]:
    """The names of rows or columns, the marked one in bold."""
    return [f"<b>{literal(name)}</b>" if name == marked else literal(name) for name in names]


def row_axis(at: Mapping[str, int], marked: str | None) -> dict:
    """The names of the rows; on a slide, where a row is lower than its name, as many of them as fit."""
    every = math.ceil(len(at) / _MOST_LOW) if low() else 1
    kept = -every if marked is None else at.get(marked, -every)
    shown = [name for name, row in at.items() if row == kept or (row % every == 0 and abs(row - kept) >= every)]
    return {
        "tickvals": [at[name] for name in shown], "ticktext": labels(shown, marked), "tickfont": {"size": 11},
        "range": [len(at) - 0.5, -0.5], "showgrid": False, "ticks": "",
    }  # fmt: skip


def effect_notes(run: SideEffects) -> list[str]:
    """How the numbers of a run were made."""
    from .. import __version__

    return [
        f"{run.model} in {run.precision}, vectors {run.set}, {recipe_words(run.recipe)}; texts: "
        f"{decoding_words(run.decoding, len(run.prompts))}, {counted(run.samples, 'sample')} of each, "
        f"emoviz {__version__}"
    ]


def _dots(
    run: SideEffects, each: Mapping[tuple[str, float], Effect], what: str, n: int, at: Mapping[str, int], colour: str,
    on: Mapping[str, str],
) -> dict:  # fmt: skip
    """All directions at one dose."""
    dose = run.doses[n]
    found = [each[name, dose] for name in at]
    changes: list[Change] = [getattr(one, what) for one in found]
    values = np.array([change.change for change in changes])
    colours = [_GREY if one.control else colour for one in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values.tolist(),
        "y": [at[one.direction] + _APART * (n - (len(run.doses) - 1) / 2) for one in found],
        "error_x": {
            "type": "data", "array": np.array([change.high for change in changes]) - values,
            "arrayminus": values - np.array([change.low for change in changes]), "color": tint(_GREY, 0.6),
            "thickness": 1.2, "width": 0,
        },
        "marker": {"symbol": _symbol(n), "size": 7, "color": colours, "line": {"color": colours, "width": 1.5}},
        "customdata": [[one.direction, dose, run.name] for one in found],
        "hovertext": [_hover(one, what) for one in found],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
        "meta": f"{what} at dose {dose_label(dose)}",
        **on,
    }  # fmt: skip


def _symbol(n: int) -> str:
    return _SYMBOLS[n % len(_SYMBOLS)]


def _hover(one: Effect, what: str) -> str:
    change: Change = getattr(one, what)
    lines = [
        f"<b>{literal(one.direction)}, dose {dose_label(one.dose)}</b>",
        f"{PANELS[what]}: {written(change.change, '+.3f')} [{written(change.low, '+.3f')}, "
        f"{written(change.high, '+.3f')}]",
        f"from {written(change.before, '.3f')} to {written(change.after, '.3f')}",
    ]
    if what == "accuracy":
        lines.append(", ".join(f"{kind} {share:.2f}" for kind, share in one.by_kind.items()))
    lines.append(f"texts of {written(one.length, '.0f')} tokens, {written(100 * one.repetition, '.0f')} % repeated")
    return minus("<br>".join(lines))


def _lines(number: str, n: int, before: float | None) -> list[dict]:
    """Where nothing changes, and where the answers would be by guessing."""
    found = [(0.0, "solid")] if before is None else [(0.0, "solid"), (CHANCE - before, "dot")]
    return [
        {
            "type": "line", "xref": f"x{number}", "yref": f"y{number}", "x0": x, "x1": x, "y0": -0.5, "y1": n - 0.5,
            "line": {"color": _GREY, "width": 1.2, "dash": dash}, "layer": "below",
        }
        for x, dash in found
    ]  # fmt: skip


def _band(number: str, row: int) -> dict:
    return {
        "type": "rect", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1, "y0": row - 0.5,
        "y1": row + 0.5, "line": {"width": 0}, "fillcolor": tint(_GREY, 0.16), "layer": "below",
    }  # fmt: skip


def _legend(run: SideEffects, colour: str) -> list[dict]:
    marks = [
        (f"dose {dose_label(dose)}", {"symbol": _symbol(n), "size": 8, "color": colour, "line": {"width": 1.5}})
        for n, dose in enumerate(run.doses)
    ]
    if run.controls:
        marks.append(("control direction", {"symbol": "circle", "size": 8, "color": _GREY}))
    return [
        {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name, "marker": look}
        for name, look in marks
    ]  # fmt: skip


def _claim(run: SideEffects, each: Mapping[tuple[str, float], Effect]) -> str:
    """How many directions cost more than any control, at the middle dose."""
    dose = run.doses[len(run.doses) // 2]
    costs, usual = (
        [cost for name in names if np.isfinite(cost := each[name, dose].loss.change)]
        for names in (run.directions, run.controls)
    )
    model, label = run.model, dose_label(dose)
    if not costs:
        return f"{model} at {label}: {BROKEN} in {run.precision}"
    if not usual:
        return minus(f"{model} at {label}: loss on plain text {min(costs):+.2f} to {max(costs):+.2f}")
    n = sum(cost > max(usual) for cost in costs)
    short = f"{n} of {len(costs)} directions cost more than any control at {label}"
    long = f"{model}: {short[0].lower()}{short[1:]}"
    return minus(long if len(long) <= MAX_TITLE else short)


def _untold(run: SideEffects, each: Mapping[tuple[str, float], Effect]) -> list[str]:
    lost = [f"{name} at {dose_label(dose)}: {one.broken}" for (name, dose), one in each.items() if one.broken]
    if can_tell(run):
        return lost
    right = each[UNSTEERED, 0.0].accuracy.before
    told = f"cannot tell: the unsteered model is right in {written(right, '.2f')} of the questions, by guessing"
    return [*lost, f"{told} {CHANCE:.2f}"]
