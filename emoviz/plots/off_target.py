"""What else steering makes a model say: pushed towards the row, read as the column, random directions last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..experiments.effects_summary import PROJECTION, READERS, bled, row_of, stands_out, targets_of
from ..types import SideEffects
from .canvas import low, narrow
from .doses import MAX_TITLE
from .side_effects import effect_notes, labels, order_of, row_axis
from .theme import DIVERGING_LIMIT, QUADRANT_COLOUR, figure
from .wording import dose_label, literal, minus

_ROW, _AROUND, _LEFT = 22, 250, 104
_RAISED, _LOWERED = "▲", "▼"


def off_target_figure(
    run: SideEffects, reader: str, dose: float, emotion: str | None, *, notes: Sequence[str] = ()
) -> go.Figure:
    """A row per direction at one dose, a column per emotion. Clicked ids are [direction, dose, run]."""
    found, at = run.off_target[reader], order_of(run)
    names = by_quadrant(run.emotions)
    places = [row_of(run, name, dose) for name in at]
    across = [run.emotions.index(name) for name in names]
    values = found.change[np.ix_(places, across)]
    spread = found.spread[np.ix_(places, across)]
    marks = stands_out(run, reader)[np.ix_(places, across)]
    known = np.abs(values[np.isfinite(values)])
    limit = float(np.quantile(known, DIVERGING_LIMIT)) if known.size and known.max() > 0 else 1.0
    digits = 3 if reader == PROJECTION else 2
    heat = {
        "type": "heatmap",
        "z": values,
        "x": list(range(len(names))),
        "y": list(at.values()),
        "coloraxis": "coloraxis",
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [[[row, dose, run.name]] * len(names) for row in at],
        "hovertext": [
            [
                _hover(row, name, value, half, mark, digits)
                for name, value, half, mark in zip(names, own, halves, signs, strict=True)
            ]
            for row, own, halves, signs in zip(at, values, spread, marks, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    rows, columns = np.nonzero(marks)
    signs = {
        "type": "scatter", "mode": "text", "x": columns, "y": rows, "hoverinfo": "skip", "showlegend": False,
        "text": [_RAISED if marks[i, j] > 0 else _LOWERED for i, j in zip(rows, columns, strict=True)],
        "textfont": {"size": 8 if narrow() else 11},
    }  # fmt: skip
    grey, n = QUADRANT_COLOUR["neutral"], len(run.directions)
    split = {
        "type": "line", "x0": -0.5, "x1": len(names) - 0.5, "y0": n - 0.5, "y1": n - 0.5,
        "line": {"color": grey, "width": 2},
    }  # fmt: skip
    layout = {
        "xaxis": {
            "tickvals": list(range(len(names))), "ticktext": labels(names, emotion), "tickangle": -60,
            "showgrid": False, "ticks": "", "range": [-0.5, len(names) - 0.5],
            "tickfont": {"size": 9 if narrow() else 11}, "title": {"text": "" if low() else "read as"},
        },
        "yaxis": row_axis(at, emotion),
        # The template brings the colours, so that the middle is the paper in both themes.
        "coloraxis": {
            "autocolorscale": True, "cmin": -limit, "cmax": limit, "showscale": not narrow(),
            "colorbar": {"thickness": 12, "len": 1, "title": {"text": "change", "side": "right"},
                         "tickformat": f"+.{digits}f"},
        },
        "shapes": [split] if run.controls else [],
        "uirevision": f"off-target {run.name}",
        "meta": {"kind": "off-target", "name": "off_target"},
    }  # fmt: skip
    card = found.card
    by = f"layer {run.layer}" if card is None else f"{card.name}, chance {card.chance:.2f}"
    return figure(
        [heat, signs],
        layout,
        title=_claim(run, reader, dose),
        aid=f"pushed towards the row, read as the column: {READERS[reader]}; {_RAISED} raises, {_LOWERED} lowers, "
        "beyond every control, 0 outside the 95 % interval; blank columns are not judged; colours end where "
        f"{DIVERGING_LIMIT:.0%} of the changes do",
        notes=[*effect_notes(run), f"read by {by}; change against the unsteered text of the same seed", *notes],
        height=_ROW * len(at) + _AROUND,
        left=_LEFT,
        right=20 if narrow() else 92,
        below=84 if low() else 104,
    )


def _hover(row: str, name: str, value: float, half: float, mark: int, digits: int) -> str:
    said = "" if not mark else "<br>beyond every control direction"
    interval = f" ± {half:.{digits}f}" if np.isfinite(half) else ""
    head = f"<b>pushed towards {literal(row)}, read as {literal(name)}</b>"
    return minus(f"{head}<br>{value:+.{digits}f}{interval}{said}")


def _claim(run: SideEffects, reader: str, dose: float) -> str:
    """How many directions raise their own emotion most, and how many others a direction raises."""
    change = run.off_target[reader].change
    judged = [e for e, values in enumerate(change.T) if np.isfinite(values).all()]
    own = [name for name in run.directions if any(run.emotions.index(one) in judged for one in targets_of(run, name))]
    first = sum(_first(run, change[row_of(run, name, dose)], judged, name) for name in own)
    others = [len(bled(run, name, dose, reader)[0]) for name in run.directions]
    head = f"At {dose_label(dose)} {first} of {len(own)} directions raise their own emotion most"
    long = f"{head}, and {np.mean(others):.1f} others on average"
    return head if low() or len(long) > MAX_TITLE else long


def _first(run: SideEffects, change: np.ndarray, judged: Sequence[int], name: str) -> bool:
    return run.emotions[max(judged, key=lambda e: change[e])] in targets_of(run, name)
