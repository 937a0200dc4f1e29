"""The emotional state in a dialogue that took place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import DialogueReading, VectorSet
from .reading import LEGEND
from .theme import DASHES, class_colour, class_symbol, figure, provenance_notes
from .wording import literal, minus

_MEANING = (
    "scores as Read has them, less those of neutral exchanges in the same template: at 0 nothing is said of the emotion"
)


def dialogue_figure(
    vectors: VectorSet, found: DialogueReading, emotions: Sequence[str], *, height: int = 400
) -> go.Figure:
    """Scores of some emotions over each message, and at the position before each answer."""
    places: list[tuple[int, str, np.ndarray]] = []
    for k, role in enumerate(found.roles):
        for place, values in (("before", found.before[k]), (role, found.over[k])):
            if not np.isnan(values).all():
                places.append((k, f"{k + 1} {place}", values))
    names = [name for _, name, _ in places]
    scores = np.stack([values for _, _, values in places])
    traces = []
    for k, name in enumerate(emotions):
        own = scores[:, found.classes.index(name)]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": names, "y": own, "name": name,
                "customdata": [message for message, _, _ in places],
                "line": {"color": class_colour(name), "dash": DASHES[k % len(DASHES)], "width": 3 if k == 0 else 1.8},
                "marker": {"symbol": [f"{class_symbol(name)}-open" if "before" in one else class_symbol(name)
                                      for one in names], "size": 8},
                "hovertemplate": f"<b>{literal(name)}</b><br>%{{x}}: %{{y:+.3f}}<extra></extra>",
            }
        )  # fmt: skip
    first = scores[:, found.classes.index(emotions[0])]
    at = int(np.argmax(first))
    return figure(
        traces,
        {
            "xaxis": {"type": "category", "tickangle": -30},
            "yaxis": {
                "title": {"text": "score less neutral"}, "zeroline": True, "zerolinewidth": 1,
                "zerolinecolor": "#8a92a1",
            },
            "legend": LEGEND,
            "meta": {"kind": "dialogue"},
        },
        title=minus(f"{emotions[0]} is highest {_told(names[at])}, {first[at]:+.3f}"),
        aid="open: at the position before an answer; full: the mean over a message's words",
        notes=[*provenance_notes([vectors], [found.layer], _MEANING), minus(_shift(found))],
        height=height,
        above=30,
        below=70,
    )  # fmt: skip


def _told(place: str) -> str:
    number, _, where = place.partition(" ")
    return f"before answer {number}" if where == "before" else f"over message {number} ({where})"


def _shift(found: DialogueReading) -> str:
    at = int(np.nanargmax(np.abs(found.shift)))
    return (
        "the template alone shifts the scores of an answer, most "
        f"{found.classes[at]} by {found.shift[at]:+.3f}; this is taken off"
    )
