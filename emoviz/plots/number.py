"""Scores against a number that is varied in a sentence."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ..types import Variation, VectorSet
from ..words import counted
from .reading import LEGEND, formula
from .theme import DASHES, class_colour, class_symbol, figure, provenance_notes
from .wording import literal, minus

_PLACES = {"mean": "mean over the tokens that are read", "last": "at the last token"}
# Sentences that a figure quotes.
_QUOTED = 3


def number_figure(vectors: VectorSet, found: Variation, emotion: str, *, height: int = 400) -> go.Figure:
    """Scores against the number in a sentence: the emotion, and the three others that change most.

    Over several sentences the mean, with the 95 % interval over them.
    """
    classes, scores = found.classes, found.scores.mean(0)
    # Each class has its own level, which is the sentence's; what the number does is the change.
    rise, change, half = scores - scores.mean(0), np.ptp(scores, axis=0), found.half_widths()
    others = [classes[k] for k in np.argsort(-change, kind="stable") if classes[k] != emotion][:3]
    x = found.values
    order = np.argsort(x, kind="stable")
    logarithmic = x.min() > 0 and x.max() / x.min() > 50
    many = len(found.templates) > 1
    traces = []
    for k, name in enumerate((emotion, *others)):
        at, colour = classes.index(name), class_colour(name)
        thick = 1.6 if k == 0 else 0.8
        bars = {"type": "data", "array": half[order, at], "color": colour, "thickness": thick, "width": 4}
        widths = [f" \u00b1 {width:.3f}" if many else "" for width in half[order, at]]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": x[order], "y": rise[order, at],
                "name": name, "customdata": list(zip(scores[order, at].tolist(), widths, strict=True)),
                "line": {"color": colour, "dash": DASHES[k], "width": 3 if k == 0 else 1.8},
                "marker": {"symbol": class_symbol(name), "size": 8 if k == 0 else 6},
                "hovertemplate": f"<b>{literal(name)}</b><br>"
                "n = %{x}: score %{customdata[0]:+.3f}%{customdata[1]}<extra></extra>",
                **({"error_y": bars} if many else {}),
            }
        )  # fmt: skip
    own = scores[order, classes.index(emotion)]
    title = f"{emotion} goes from {own[0]:+.3f} to {own[-1]:+.3f} as n goes from {x.min():g} to {x.max():g}"
    said = f"the mean of {len(found.templates)} sentences and its 95 % interval" if many else "the same sentence"
    quoted = found.templates[:_QUOTED]
    more = len(found.templates) - len(quoted)
    return figure(
        traces,
        {
            "xaxis": {
                "title": {"text": "n, on a log scale" if logarithmic else "n"},
                "type": "log" if logarithmic else "linear",
                "tickvals": x[order], "ticktext": [literal(found.numbers[k]) for k in order],
            },
            "yaxis": {
                "title": {"text": "score less its mean"}, "zeroline": True, "zerolinewidth": 1,
                "zerolinecolor": "#8a92a1",
            },
            "legend": LEGEND,
            "meta": {"kind": "number"},
        },
        title=minus(title),
        aid=f"{said}, {_PLACES[found.where]}, less each class's mean over the numbers; {emotion} (thick) and the three "
        "classes that change most",
        notes=[
            *quoted,
            *([f"and {counted(more, 'sentence')} more"] if more else []),
            *provenance_notes([vectors], [found.layer], formula(vectors)),
        ],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip
