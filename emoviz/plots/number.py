"""Scores against a number that is varied in a sentence."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import VectorSet
from .reading import LEGEND, formula
from .theme import DASHES, class_colour, class_symbol, figure, provenance_notes
from .wording import minus


def number_figure(
    vectors: VectorSet,
    template: str,
    numbers: Sequence[float],
    scores: np.ndarray,
    emotion: str,
    layer: int,
    where: str,
    *,
    height: int = 400,
) -> go.Figure:
    """Scores against the number in a sentence: the emotion, and the three others that change most.

    scores : (numbers, C). where : which tokens the scores are of, in words.
    """
    classes = vectors.classes
    # Each class has its own level, which is the sentence's; what the number does is the change.
    rise, change = scores - scores.mean(0), np.ptp(scores, axis=0)
    others = [classes[k] for k in np.argsort(-change, kind="stable") if classes[k] != emotion][:3]
    x = np.asarray(numbers, float)
    order = np.argsort(x, kind="stable")
    logarithmic = x.min() > 0 and x.max() / x.min() > 50
    traces = []
    for k, name in enumerate((emotion, *others)):
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": x[order], "y": rise[order, classes.index(name)],
                "name": name, "customdata": scores[order, classes.index(name)].tolist(),
                "line": {"color": class_colour(name), "dash": DASHES[k], "width": 3 if k == 0 else 1.8},
                "marker": {"symbol": class_symbol(name), "size": 8 if k == 0 else 6},
                "hovertemplate": f"<b>{name}</b><br>n = %{{x}}: score %{{customdata:+.3f}}<extra></extra>",
            }
        )  # fmt: skip
    own = scores[order, classes.index(emotion)]
    title = f"{emotion} goes from {own[0]:+.3f} to {own[-1]:+.3f} as n goes from {x.min():g} to {x.max():g}"
    return figure(
        traces,
        {
            "xaxis": {
                "title": {"text": "n, on a log scale" if logarithmic else "n"},
                "type": "log" if logarithmic else "linear",
                "tickvals": x[order], "ticktext": [f"{value:g}" for value in x[order]],
            },
            "yaxis": {
                "title": {"text": "score less its mean"}, "zeroline": True, "zerolinewidth": 1,
                "zerolinecolor": "#8a92a1",
            },
            "legend": LEGEND,
            "meta": {"kind": "number"},
        },
        title=minus(title),
        aid=f"the same sentence with another number, {where}, less each class's mean over the numbers; {emotion} "
        "(thick) and the three classes that change most",
        notes=[html.escape(template, quote=False), *provenance_notes([vectors], [layer], formula(vectors))],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip
