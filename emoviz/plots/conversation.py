"""The emotional state in a conversation: over its turns, and of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from textwrap import shorten

import numpy as np
import plotly.graph_objects as go

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import preferred_layer
from ..steer.grammar import UNSTEERED, amount_words
from ..types import Reply, VectorSet
from .theme import DASHES, QUADRANT_COLOUR, SERIES, class_colour, figure, provenance_notes
from .wording import literal, minus

_MEANING = (
    "scores as Read has them, by the unsteered model, less those of neutral exchanges in the same template: at 0 "
    "nothing is said of the emotion"
)
# Letters of a title in half the page.
_TITLE = 46
_HEIGHT, _BAR = 380, 17
# Pixels of half the page inside a figure, of a row of its legend, of a sign and of a letter there.
_INSIDE, _LEGEND, _SIGN, _LETTER = 410, 20, 44, 6.6


def what_steers(direction: str, dose: float, classes: Sequence[str]) -> str:
    """`unsteered`, `calm, dose 0.04`, `ablate afraid`. classes : of the vector set."""
    if dose == 0:
        return UNSTEERED
    return minus(", ".join(part for part in (direction, amount_words(direction, dose, classes)) if part))


def turns_figure(vectors: VectorSet, turns: Sequence[Sequence[Reply]], emotions: Sequence[str]) -> go.Figure:
    """The scores of some emotions before and over each answer, a line for every row and emotion.

    turns : the answers of one model that were read, one per row of each turn. emotions : the first is drawn thick.
    Clicked ids are [turn, row]. Raises InputError if nothing was read, or for an emotion that the set lacks.
    """
    read = [replies for replies in turns if replies and replies[0].over is not None]
    if not read:
        raise InputError("no answer of this conversation was read.")
    missing = next((name for name in emotions if name not in read[0][0].classes), None)
    if missing is not None:
        raise InputError(f"emotion {missing!r} is not in {vectors.name}.")
    emotion = emotions[0]
    kinds = [what_steers(one.direction, one.dose, one.classes) for one in read[0] if one.dose]
    x = [text for k in range(len(read)) for text in (f"before {k + 1}", f"answer {k + 1}")]
    traces, spread = [], 0.0
    for (row, first), (k, name) in product(enumerate(read[0]), enumerate(emotions)):
        values = [float(v[first.classes.index(name)]) for replies in read for v in _both(replies[row])]
        spread = max([spread, *(abs(v) for v in values if np.isfinite(v))])
        told = what_steers(first.direction, first.dose, first.classes)
        colour = QUADRANT_COLOUR[NEUTRAL] if first.dose == 0 else SERIES[kinds.index(told) % len(SERIES)]
        label = told if len(emotions) == 1 else f"{name}: {told}"
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": x, "y": values, "name": label,
                "customdata": [[at // 2, row] for at in range(len(x))],
                "line": {"color": colour, "width": 2.4 if k == 0 else 1.4, "dash": DASHES[k % len(DASHES)]},
                "marker": {"size": 7, "symbol": ["circle-open", "circle"] * len(read)},
                "hovertemplate": f"<b>{literal(told)}</b><br>%{{x}}: {literal(name)} %{{y:+.3f}}<extra></extra>",
            }
        )  # fmt: skip
    last = {
        what_steers(one.direction, one.dose, one.classes): one.over[one.classes.index(emotion)]
        for one in read[-1]
        if one.over is not None
    }
    highest = max(last, key=lambda name: -np.inf if np.isnan(last[name]) else last[name])
    longest = max(len(trace["name"]) for trace in traces)
    rows = -(-len(traces) // max(1, int(_INSIDE / (_SIGN + _LETTER * longest))))
    where = "in the unsteered answer" if highest == UNSTEERED else f"under {highest}"
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "turn"}, "type": "category"},
            "yaxis": {
                "title": {"text": f"{literal(emotion)}, score" if len(emotions) == 1 else "score"},
                "range": [-1.15 * spread, 1.15 * spread], "zeroline": True, "zerolinewidth": 1,
                "zerolinecolor": "#8a92a1",
            },
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "meta": {"kind": "reply", "name": "conversation"},
        },
        title=shorten(f"{emotion} is highest {where}", _TITLE, placeholder=" …"),
        aid="of the last answer; open: at the last position before it, full: its mean",
        notes=provenance_notes([vectors], [preferred_layer(vectors)], _MEANING),
        height=_HEIGHT + _LEGEND * rows,
        wide=74,
        above=_LEGEND * rows + 4,
        below=50,
    )  # fmt: skip


def profile_figure(vectors: VectorSet, reply: Reply, unsteered: Reply | None = None) -> go.Figure:
    """The scores of every emotion over one answer as bars; dots for the unsteered answer of the same turn.

    Raises InputError if it was not read.
    """
    if reply.over is None or np.isnan(reply.over).all():
        raise InputError("this answer was not read, or is empty.")
    names = [name for name in reply.classes if name != NEUTRAL]
    value = dict(zip(reply.classes, reply.over.tolist(), strict=True))
    names.sort(key=lambda name: value[name])
    traces: list[dict] = [
        {
            "type": "bar", "orientation": "h", "x": [value[name] for name in names],
            "y": [literal(name) for name in names],
            "marker": {"color": [class_colour(name) for name in names]}, "showlegend": False, "width": 0.62,
            "hovertemplate": "<b>%{y}</b> %{x:+.3f}<extra></extra>",
        }
    ]  # fmt: skip
    if unsteered is not None and unsteered is not reply and unsteered.over is not None:
        twin = dict(zip(unsteered.classes, unsteered.over.tolist(), strict=True))
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": "unsteered answer",
                "y": [literal(name) for name in names],
                "x": [twin.get(name) for name in names], "marker": {"symbol": "diamond-open", "size": 8,
                "color": QUADRANT_COLOUR[NEUTRAL]},
                "hovertemplate": "<b>%{y}</b> %{x:+.3f}, unsteered<extra></extra>",
            }
        )  # fmt: skip
    highest, told = names[-1], what_steers(reply.direction, reply.dose, reply.classes)
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "score over the answer"}, "zeroline": True, "zerolinewidth": 1,
                      "zerolinecolor": "#8a92a1"},
            "yaxis": {"type": "category"},
            "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
            "meta": {"kind": "profile", "name": "profile"},
        },
        title=minus(f"Turn {reply.turn + 1}: {highest} is highest, {value[highest]:+.3f}"),
        aid=f"over the answer of {told}; diamonds: the unsteered answer of the turn",
        notes=provenance_notes([vectors], [preferred_layer(vectors)], _MEANING),
        height=170 + _BAR * len(names) + 60,
        wide=74,
        left=96,
        above=24,
        below=46,
    )  # fmt: skip


def _both(one: Reply) -> tuple[np.ndarray, np.ndarray]:
    nothing = np.full(len(one.classes), np.nan)
    return (nothing if one.before is None else one.before), (nothing if one.over is None else one.over)
