"""Every token of a text on every class at one layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..types import Reading, VectorSet
from .reading import formula, scale_limit, token_label
from .theme import DIVERGING_LIMIT, figure, provenance_notes
from .wording import literal

_MAX_TICKS = 64


def heat_map_figure(
    reading: Reading, vectors: VectorSet, layer: int, emotion: str, *, notes: Sequence[str] = (), height: int = 620
) -> go.Figure:
    """Every token on every class at one layer, rows in quadrant order; what is not read is left blank."""
    names = by_quadrant(reading.classes)
    values = reading.scores[layer][:, [reading.classes.index(name) for name in names]].T
    limit = scale_limit(reading, layer)
    tokens = [literal(token_label(reading, k)) for k in range(len(reading.tokens))]
    every = -(-len(tokens) // _MAX_TICKS)
    with_values = values[:, np.isfinite(values).all(0)].mean(1)
    best = names[int(with_values.argmax())]
    heat = {
        "type": "heatmap", "z": values, "x": list(range(len(tokens))), "y": list(range(len(names))),
        "coloraxis": "coloraxis", "xgap": 1 if len(tokens) <= _MAX_TICKS else 0, "ygap": 1,
        "text": [tokens] * len(names), "customdata": [[name] * len(tokens) for name in names],
        "hovertext": [[literal(name)] * len(tokens) for name in names], "hoverongaps": False,
        "hovertemplate": "<b>%{hovertext}</b><br>token %{x}: %{text}<br>score %{z:+.3f}<extra></extra>",
    }  # fmt: skip
    return figure(
        [heat],
        {
            "xaxis": {
                "tickvals": list(range(0, len(tokens), every)), "ticktext": tokens[::every], "tickangle": -60,
                "showgrid": False, "range": [-0.5, len(tokens) - 0.5],
            },
            "yaxis": {
                "tickvals": list(range(len(names))),
                "ticktext": [f"<b>{literal(name)}</b>" if name == emotion else literal(name) for name in names],
                "range": [len(names) - 0.5, -0.5], "showgrid": False,
            },
            # The template brings the colours, so that the middle is the paper in both themes.
            "coloraxis": {
                "autocolorscale": True, "cmin": -limit, "cmax": limit,
                "colorbar": {"thickness": 12, "len": 1, "title": {"text": "score", "side": "right"},
                             "tickformat": "+.2f"},
            },
            "meta": {"kind": "reading"},
        },
        title=f"Over the whole text, {best} is the strongest class at layer {layer}",
        aid="columns are tokens, rows are classes in quadrant order; blank columns are tokens that are not read; "
        f"colours end where {DIVERGING_LIMIT:.0%} of the scores of the layer do",
        notes=[*provenance_notes([vectors], [layer], formula(vectors)), *notes],
        height=height,
        left=100,
        right=84,
        below=86,
    )  # fmt: skip
