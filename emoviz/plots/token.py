"""One token of a text through the layers."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ..types import Reading, VectorSet
from .reading import LEGEND, formula, token_label
from .theme import DASHES, class_colour, class_symbol, figure, provenance_notes
from .wording import literal, minus


def token_figure(
    reading: Reading, vectors: VectorSet, token: int, emotion: str, layer: int, *, height: int = 380
) -> go.Figure:
    """One token's scores over the layers: the emotion, and the three others that are highest at the layer shown."""
    scores = reading.scores[:, token]
    at = scores[layer]
    order = np.argsort(-np.where(np.isnan(at), -np.inf, at), kind="stable")
    others = [reading.classes[k] for k in order if reading.classes[k] != emotion][:3]
    traces = []
    for k, name in enumerate((emotion, *others)):
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": list(range(len(scores))),
                "y": scores[:, reading.classes.index(name)], "name": name, "connectgaps": False,
                "line": {"color": class_colour(name), "dash": DASHES[k], "width": 3 if k == 0 else 1.8},
                "marker": {"symbol": class_symbol(name), "size": 7 if k == 0 else 5},
                "hovertemplate": f"<b>{literal(name)}</b><br>layer %{{x}}: %{{y:+.3f}}<extra></extra>",
            }
        )  # fmt: skip
    word = token_label(reading, token)
    if np.isnan(at).any():
        claim = f"{word} is not read at layer {layer}"
    else:
        claim = f"{word} is closest to {reading.classes[order[0]]} at layer {layer} ({at[order[0]]:+.2f})"
    why = reading.unread_tokens.get(token)
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "layer"}, "range": [-0.5, len(scores) - 0.5]},
            "yaxis": {"title": {"text": "score"}, "zeroline": True, "zerolinewidth": 1, "zerolinecolor": "#8a92a1"},
            "shapes": [
                {
                    "type": "line", "x0": layer, "x1": layer, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": "#8a92a1", "width": 1, "dash": "dot"},
                }
            ],
            "legend": LEGEND,
            "meta": {"kind": "token"},
        },
        title=minus(claim),
        aid=f"{emotion} (thick) and the three classes that are highest at layer {layer}, the dotted line; colours are "
        "quadrants",
        notes=[*provenance_notes([vectors], None, formula(vectors)), *([f"token {token}: {why}"] if why else [])],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip
