"""What two groups of texts differ in: an effect size with its interval for each class."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..types import GroupDifference
from .text_distribution import rows_marked
from .theme import class_colour, class_symbol, figure
from .wording import literal, minus, p_text

_ROW, _LEFT, _SHOWN = 22, 110, 40
# What counts as a difference: p corrected over the classes.
SIGNIFICANT = 0.05


def group_difference_figure(found: GroupDifference, emotion: str | None = None) -> go.Figure:
    """A row per class: Cohen's d with its 95 % interval; filled where p, corrected over the classes, is small.

    emotion : the row that is marked.
    """
    names = tuple(name for name in by_quadrant(found.classes) if np.isfinite(found.d[found.classes.index(name)]))
    at = [found.classes.index(name) for name in names]
    # Values of a column may be long.
    first, second = (name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…" for name in found.names)
    traces = [
        {
            "type": "scatter", "mode": "lines", "x": [found.low[k], found.high[k]], "y": [literal(name)] * 2,
            "line": {"color": class_colour(name), "width": 2}, "hoverinfo": "skip", "showlegend": False,
        }
        for name, k in zip(names, at, strict=True)
    ]  # fmt: skip
    fills = ["" if found.p[k] <= SIGNIFICANT else "-open" for k in at]
    traces.append(
        {
            "type": "scatter", "mode": "markers", "x": [found.d[k] for k in at], "y": [literal(name) for name in names],
            "marker": {
                "symbol": [class_symbol(name) + fill for name, fill in zip(names, fills, strict=True)],
                "size": 11, "color": [class_colour(name) for name in names], "line": {"width": 2},
            },
            "customdata": [[name] for name in names],
            "hovertext": [_said(found, name, k) for name, k in zip(names, at, strict=True)],
            "hoverinfo": "text", "meta": "Cohen's d", "showlegend": False,
        }
    )  # fmt: skip
    layout = {
        "xaxis": {
            "title": {"text": f"← {literal(second)}     Cohen's d     {literal(first)} →"},
            "zeroline": True,
            "zerolinewidth": 1.5,
        },
        "yaxis": {"range": [len(names) - 0.4, -0.6], "ticks": "", "tickfont": {"size": 12}, "type": "category"},
        "shapes": rows_marked(names, emotion),
        "uirevision": f"groups {found.column} {first} {second}",
        "meta": {"kind": "texts", "name": "group_difference"},
    }  # fmt: skip
    return figure(
        traces,
        layout,
        title=f"What {first} and {second} differ in",
        aid="mark: Cohen's d of whole texts, right where the first group has more; line: 95 % interval; filled: p, "
        f"corrected over the emotions, up to {SIGNIFICANT}; click a mark",
        notes=[
            f"{found.column}: {first} ({found.n[0]:,} texts), {second} ({found.n[1]:,}); intervals over "
            f"{found.n_bootstrap:,} resamples of the texts, p over {found.n_permutations:,} relabellings (largest |d| "
            "of all emotions)"
        ],
        height=200 + _ROW * len(names),
        left=_LEFT,
    )


def _said(found: GroupDifference, name: str, k: int) -> str:
    return minus(
        f"<b>{literal(name)}</b><br>d = {found.d[k]:+.2f} ({found.low[k]:+.2f} to {found.high[k]:+.2f})<br>"
        f"{p_text(float(found.p[k]), found.n_permutations)}, corrected<br>mean score {found.means[0, k]:+.4f} and "
        f"{found.means[1, k]:+.4f}"
    )
