"""The vocabulary lens over the layers: in which scripts are the tokens that an emotion vector raises most?"""

from __future__ import annotations

import plotly.graph_objects as go

from ..types import VectorSet, VocabularyLens
from .theme import DASHES, SERIES, figure, provenance_notes

# Tokens of no script (signs, digits) are the vocabulary's grey.
_NONE, _NONE_COLOUR = "none", "#7a8291"
_MOST = 5
_LABELS = {_NONE: "no script", "partial": "part of a character"}


def lens_figure(found: VocabularyLens, vectors: VectorSet, layer: int, *, height: int = 400) -> go.Figure:
    """Share of the most raised tokens in each script, by layer; dotted: the script's share of the vocabulary."""
    layers = list(found.raised)
    shares = {at: found.shares(at) for at in layers}
    highest = {name: max(shares[at].get(name, 0.0) for at in layers) for name in found.vocabulary}
    scripts = sorted((name for name in highest if name != _NONE), key=lambda name: -highest[name])[:_MOST]
    traces, levels = [], []
    for k, name in enumerate([*scripts, _NONE]):
        colour = _NONE_COLOUR if name == _NONE else SERIES[k]
        label = _LABELS.get(name, name)
        usual = found.vocabulary.get(name, 0.0)
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": layers,
                "y": [shares[at].get(name, 0.0) for at in layers],
                "name": label, "line": {"color": colour, "dash": DASHES[k], "width": 2.2}, "marker": {"size": 5},
                "customdata": [[at] for at in layers],
                "hovertemplate": f"<b>{label}</b><br>layer %{{x}}: %{{y:.0%}} of the raised tokens<br>{usual:.1%} of "
                "the vocabulary<extra></extra>",
            }
        )  # fmt: skip
        levels.append(
            {
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": usual, "y1": usual,
                "line": {"color": colour, "width": 1, "dash": "dot"},
            }
        )  # fmt: skip
    foreign, usual = _foreign(shares[layer]), _foreign(found.vocabulary)
    n = len(found.raised[layer])
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "layer"}, "range": [-0.5, vectors.n_layers - 0.5]},
            "yaxis": {"title": {"text": "share"}, "range": [-0.02, 1.02], "tickformat": ".0%"},
            "shapes": [
                *levels,
                {
                    "type": "line", "x0": layer, "x1": layer, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": "#8a92a1", "width": 1, "dash": "dash"},
                },
            ],
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
            "meta": {"kind": "lens"},
        },
        title=f"At layer {layer}, {foreign:.0%} of the {n} tokens that {found.emotion} raises most are in scripts "
        "other than Latin",
        aid=f"{usual:.0%} of the vocabulary are; solid and dashed lines: share among the raised tokens, dotted: among "
        "the vocabulary",
        notes=[
            *provenance_notes(
                [vectors], [layer], "logit lens on the emotion vector: final norm and output head, direct path"
            )
        ],
        height=height,
        above=30,
        below=50,
    )  # fmt: skip


def _foreign(shares: dict[str, float]) -> float:
    """Share of what is in a script other than Latin."""
    return sum(share for script, share in shares.items() if script not in ("Latin", _NONE))
