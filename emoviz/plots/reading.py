"""A text read by a model: one token through the layers, every token on every class, and a number that is varied."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..types import Reading, VectorSet
from .theme import DASHES, DIVERGING_LIMIT, class_colour, class_symbol, figure, provenance_notes

FORMULA = "score = (h/|h| − c/r) · unit(class mean − c), c the mean over classes, r the layer's median norm"
_MAX_TICKS = 64
_LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"}


def scale_limit(reading: Reading, layer: int) -> float:
    """Where the colours end, the same for all classes: most scores of the layer lie within, a single outlier does not
    press the others flat.
    """
    values = np.abs(reading.scores[layer])
    return float(np.quantile(values[np.isfinite(values)], DIVERGING_LIMIT))


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
                "hovertemplate": f"<b>{name}</b><br>layer %{{x}}: %{{y:+.3f}}<extra></extra>",
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
            "legend": _LEGEND,
            "meta": {"kind": "token"},
        },
        title=claim.replace("-", "−"),
        aid=f"{emotion} (thick) and the three classes that are highest at layer {layer}, the dotted line; colours are quadrants",
        notes=[*provenance_notes([vectors], None, FORMULA), *([f"token {token}: {why}"] if why else [])],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip


def heat_map_figure(
    reading: Reading, vectors: VectorSet, layer: int, emotion: str, *, notes: Sequence[str] = (), height: int = 620
) -> go.Figure:
    """Every token on every class at one layer, rows in quadrant order; what is not read is left blank."""
    names = by_quadrant(reading.classes)
    values = reading.scores[layer][:, [reading.classes.index(name) for name in names]].T
    limit = scale_limit(reading, layer)
    tokens = [token_label(reading, k) for k in range(len(reading.tokens))]
    every = -(-len(tokens) // _MAX_TICKS)
    with_values = values[:, np.isfinite(values).all(0)].mean(1)
    best = names[int(with_values.argmax())]
    heat = {
        "type": "heatmap", "z": values, "x": list(range(len(tokens))), "y": list(range(len(names))),
        "coloraxis": "coloraxis", "xgap": 1 if len(tokens) <= _MAX_TICKS else 0, "ygap": 1,
        "text": [tokens] * len(names), "customdata": [[name] * len(tokens) for name in names], "hoverongaps": False,
        "hovertemplate": "<b>%{customdata}</b><br>token %{x}: %{text}<br>score %{z:+.3f}<extra></extra>",
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
                "ticktext": [f"<b>{name}</b>" if name == emotion else name for name in names],
                "range": [len(names) - 0.5, -0.5], "showgrid": False,
            },
            # The template brings the colours, so that the middle is the paper in both themes.
            "coloraxis": {
                "autocolorscale": True, "cmin": -limit, "cmax": limit,
                "colorbar": {"thickness": 12, "len": 1, "title": {"text": "score", "side": "right"}, "tickformat": "+.2f"},
            },
            "meta": {"kind": "reading"},
        },
        title=f"Over the whole text, {best} is the strongest class at layer {layer}",
        aid="columns are tokens, rows are classes in quadrant order; blank columns are tokens that are not read; colours end "
        f"where {DIVERGING_LIMIT:.0%} of the scores of the layer do",
        notes=[*provenance_notes([vectors], [layer], FORMULA), *notes],
        height=height,
        left=100,
        right=84,
        below=86,
    )  # fmt: skip


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
            "yaxis": {"title": {"text": "score less its mean"}, "zeroline": True, "zerolinewidth": 1, "zerolinecolor": "#8a92a1"},
            "legend": _LEGEND,
            "meta": {"kind": "number"},
        },
        title=title.replace("-", "−"),
        aid=f"the same sentence with another number, {where}, less each class's mean over the numbers; {emotion} (thick) and the three "
        "classes that change most",
        notes=[html.escape(template, quote=False), *provenance_notes([vectors], [layer], FORMULA)],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip


def token_label(reading: Reading, token: int) -> str:
    """A token as a label: blanks made visible where there is nothing else, and never markup (plotly reads some)."""
    text = reading.tokens[token]
    shown = text.strip()
    if not shown:
        shown = "(part)" if not text else "⏎" if "\n" in text else "␣"
    return html.escape(shown if len(shown) <= 16 else shown[:15] + "…", quote=False)
