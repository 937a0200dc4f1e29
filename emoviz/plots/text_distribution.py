"""How the scores of many texts are spread, class by class."""

from __future__ import annotations

import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..types import TextReadings
from ..words import counted
from .theme import class_colour, class_symbol, figure
from .wording import literal, minus

_ROW, _LEFT = 22, 110


def text_distribution_figure(found: TextReadings, emotion: str | None = None) -> go.Figure:
    """A row per class: thin line from the 5th to the 95th percentile of whole texts, thick from the 25th to the 75th,
    a mark at the median; in z where there is one.

    emotion : the row that is marked.
    """
    names = by_quadrant(found.classes)
    values = found.quantiles if found.scale is None else (found.quantiles - found.scale[0]) / found.scale[1]
    unit = "score, in fractions of the residual norm" if found.scale is None else "z, against the set's own passages"
    of = {name: values[:, found.classes.index(name)] for name in names}
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": [of[name][low], of[name][high]], "y": [literal(name)] * 2,
            "line": {"color": class_colour(name), "width": width}, "hoverinfo": "skip", "showlegend": False,
        }
        for name in names
        for low, high, width in ((0, 4, 1.5), (1, 3, 6))
    ]  # fmt: skip
    traces.append(
        {
            "type": "scatter", "mode": "markers", "x": [of[name][2] for name in names],
            "y": [literal(name) for name in names],
            "marker": {
                "symbol": [class_symbol(name) for name in names], "size": 11,
                "color": [class_colour(name) for name in names], "line": {"width": 1.5, "color": "#ffffff"},
            },
            "customdata": [[name] for name in names],
            "hovertext": [_said(name, of[name]) for name in names],
            "hoverinfo": "text", "meta": "median", "showlegend": False,
        }
    )  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": unit}, "zeroline": True},
        "yaxis": {"range": [len(names) - 0.4, -0.6], "ticks": "", "tickfont": {"size": 12}, "type": "category"},
        "shapes": rows_marked(names, emotion),
        "uirevision": f"texts {found.path.name}",
        "meta": {"kind": "texts", "name": "text_distribution"},
    }
    return figure(
        traces,
        layout,
        title=f"How {counted(found.texts - found.unread, 'text')} are spread over the emotions",
        aid="mark: median of whole texts; thick line: the middle half, thin line: 5th to 95th percentile; click a mark",
        notes=[
            f"{found.model}, set {found.set}, layer {found.layer}; mean over the tokens of each text",
            *([f"no z: {found.no_z}"] if found.no_z else []),
        ],
        height=200 + _ROW * len(names),
        left=_LEFT,
    )


def rows_marked(names: tuple[str, ...], emotion: str | None) -> list[dict]:
    """The band behind the row of one class."""
    if emotion not in names:
        return []
    at = names.index(emotion)
    return [
        {
            "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": at - 0.5, "y1": at + 0.5,
            "fillcolor": "rgba(138,146,161,0.22)", "line": {"width": 0}, "layer": "below",
        }
    ]  # fmt: skip


def _said(name: str, values) -> str:
    low, lower, middle, upper, high = (f"{value:+.3g}" for value in values)
    return minus(
        f"<b>{literal(name)}</b><br>median {middle}<br>half of the texts {lower} to {upper}<br>90 % {low} to {high}"
    )
