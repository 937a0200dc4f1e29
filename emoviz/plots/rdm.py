"""RDM heat maps side by side, on one colour range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.spatial.distance import squareform

from ..emotions import by_quadrant
from ..types import RDM, VectorSet
from .theme import DISSIMILARITY_SCALE, class_colour, class_symbol, finish, provenance_line, short_label

ORDERS = ("quadrant", "alphabet")
_MAX_LABELLED = 30


def rdm_figure(
    sets: Sequence[VectorSet],
    rdms: Sequence[RDM],
    *,
    order: str = "quadrant",
    emotion: str | None = None,
    height: int = 540,
) -> go.Figure:
    """One heat map per set, same order of classes, same colour range, diagonal left out.

    order : `quadrant` (valence and arousal) or `alphabet`. emotion : its row and column are marked.
    """
    top = max(float(r.condensed.max()) for r in rdms)
    fig = make_subplots(
        rows=1,
        cols=len(rdms),
        subplot_titles=[f"{short_label(s)}, layer {r.layer}" for s, r in zip(sets, rdms, strict=True)],
        horizontal_spacing=0.11 / len(rdms) + 0.02,
    )
    for column, (vectors, rdm) in enumerate(zip(sets, rdms, strict=True), 1):
        classes = by_quadrant(rdm.classes) if order == "quadrant" else tuple(sorted(rdm.classes))
        at = [rdm.classes.index(name) for name in classes]
        square = squareform(rdm.condensed)[np.ix_(at, at)]
        np.fill_diagonal(square, np.nan)
        ticks = list(range(len(classes))) if len(classes) <= _MAX_LABELLED else []
        fig.add_heatmap(
            z=square,
            x=list(range(len(classes))),
            y=list(range(len(classes))),
            customdata=[[[a, b] for b in classes] for a in classes],
            coloraxis="coloraxis",
            xgap=1,
            ygap=1,
            hoverongaps=False,
            hovertemplate="%{customdata[0]} and %{customdata[1]}<br>dissimilarity %{z:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        # A mark per row says the quadrant by colour and shape; the labels stay in the text colour.
        fig.add_scatter(
            x=[-1.1] * len(classes),
            y=list(range(len(classes))),
            mode="markers",
            marker={"color": [class_colour(c) for c in classes], "symbol": [class_symbol(c) for c in classes], "size": 7},
            customdata=[[c, c] for c in classes],
            hovertemplate="%{customdata[0]}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        axis = {
            "tickvals": ticks,
            "ticktext": [f"<b>{classes[k]}</b>" if classes[k] == emotion else classes[k] for k in ticks],
            "showgrid": False,
            "ticks": "",
            "tickfont": {"size": 10.5},
        }
        fig.update_xaxes(**axis, range=[-1.7, len(classes) - 0.5], tickangle=-60, constrain="domain", row=1, col=column)
        fig.update_yaxes(
            **axis,
            autorange="reversed",
            scaleanchor=f"x{column if column > 1 else ''}",
            constrain="domain",
            showticklabels=column == 1 or len(rdms) <= 2,
            row=1,
            col=column,
        )
        if emotion in classes:
            k = classes.index(emotion)
            n = len(classes)
            for x0, x1, y0, y1 in ((-0.5, n - 0.5, k - 0.5, k + 0.5), (k - 0.5, k + 0.5, -0.5, n - 0.5)):
                fig.add_shape(
                    type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line={"color": class_colour(emotion), "width": 2}, row=1, col=column
                )
    fig.update_layout(
        coloraxis={
            "colorscale": DISSIMILARITY_SCALE,
            "cmin": 0,
            "cmax": top,
            "colorbar": {"title": {"text": "1 - cosine", "side": "right"}, "thickness": 12, "len": 0.9, "x": 1.01},
        },
        uirevision="rdm",
        meta={"kind": "rdm"},
    )
    notes = [f"{provenance_line(s, r.layer)} · {r.centring} centring" for s, r in zip(sets, rdms, strict=True)]
    finish(
        fig,
        title="Which emotions are represented alike?",
        aid="dark = more alike, bright = less; the diagonal is left out; one colour range for all panels; marks at the left: quadrant",
        notes=notes,
        height=height,
        left=96,
        right=72,
    )
    fig.update_layout(margin_t=108, margin_b=106 + 14 * len(notes))
    _lower_notes(fig, 50)
    return fig


def _lower_notes(fig: go.Figure, by: int) -> None:
    """Moves the provenance notes below long tick labels."""
    fig.for_each_annotation(lambda a: a.update(yshift=a.yshift - by) if a.name == "provenance" else None)
