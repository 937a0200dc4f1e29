"""Base models against their instruct twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedPair
from ..types import Contrast
from .contrasts import contrast_text, recipe_labels
from .theme import PUBLISHED_COLOUR, figure
from .wording import literal

_ROW = 30


def variants_figure(
    published: Sequence[PublishedPair], ours: Sequence[Contrast], colour: Mapping[str, str]
) -> go.Figure:
    """A bar per pair: the published ones in grey from the highest down, then ours.

    ours : of kind variant. colour : by model.
    """
    pairs = sorted(published, key=lambda pair: -pair.rho)
    measured = [c for c in ours if np.isfinite(c.rho)]
    traces = [
        _bars(
            range(len(pairs)),
            [pair.rho for pair in pairs],
            PUBLISHED_COLOUR,
            [f"<b>published</b><br>{pair.base}<br>{pair.instruct}<br>rho = {pair.rho:.4f}" for pair in pairs],
        ),
        _bars(
            range(len(pairs), len(pairs) + len(measured)),
            [c.rho for c in measured],
            [colour[c.models[0]] for c in measured],
            [contrast_text(c) for c in measured],
        ),
    ]
    names = [pair.family for pair in pairs]
    names += [f"<b>{literal(c.models[0])}</b><br>{literal(recipe_labels(c)[0])}" for c in measured]
    layout = {
        "xaxis": {
            "title": {"text": "Spearman rho between the RDMs"},
            "range": [min([0, *(c.rho for c in measured)]), 1.12],
        },
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [f"{name}\u00a0" for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "ticks": "",
        },
        "showlegend": False,
        "uirevision": "variants",
        "meta": {"kind": "variants", "name": "variants"},
    }
    own = "; below them ours" if measured else "; ours stand here once both sets of such a pair are in the Library"
    return figure(
        traces,
        layout,
        title="Base against instruct: published pairs"
        if not measured
        else "Base against instruct: published pairs and ours",
        aid="rho between the RDMs of a base model and of its instruct twin, each at its own best layer",
        notes=[f"grey: published, not ours: {SOURCE} (63 passages, fp16, last token){own}"],
        height=196 + _ROW * len(names),
        left=120,
        below=46,
        wide=84,
    )


def _bars(rows: range, x: list[float], colour: str | list[str], hover: list[str]) -> dict:
    return {
        "type": "bar",
        "orientation": "h",
        "x": x,
        "y": list(rows),
        "width": 0.62,
        "marker": {"color": colour},
        "text": [f"{v:.3f}" for v in x],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
