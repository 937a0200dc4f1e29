"""RDM heat maps side by side, on one colour range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..emotions import by_quadrant
from ..types import RDM, VectorSet
from .theme import DISSIMILARITY_SCALE, class_colour, class_symbol, finish, panel_titles, provenance_notes, short_label

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
        horizontal_spacing=0.11 / len(rdms) + 0.02,
    )
    for column, rdm in enumerate(rdms, 1):
        classes = by_quadrant(rdm.classes) if order == "quadrant" else tuple(sorted(rdm.classes))
        at = [rdm.classes.index(name) for name in classes]
        square = _square(rdm.condensed, len(classes))[np.ix_(at, at)]
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
            marker={
                "color": [class_colour(c) for c in classes],
                "symbol": [class_symbol(c) for c in classes],
                "size": 7,
            },
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
                    type="rect",
                    x0=x0,
                    x1=x1,
                    y0=y0,
                    y1=y1,
                    line={"color": class_colour(emotion), "width": 2},
                    row=1,
                    col=column,
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
    panel_titles(fig, [f"{short_label(s)}, layer {r.layer}" for s, r in zip(sets, rdms, strict=True)])
    return finish(
        fig,
        title="Which emotions are represented alike?",
        aid="dark = more alike, bright = less; diagonal left out; one colour range for all panels; marks at the left: quadrant",
        notes=provenance_notes(sets, [r.layer for r in rdms], f"{rdms[0].centring} centring"),
        height=height,
        left=96,
        right=72,
        above=26,
        below=84,
    )


def _square(condensed: np.ndarray, n: int) -> np.ndarray:
    """The symmetric matrix of a condensed RDM, with a blank diagonal."""
    square = np.full((n, n), np.nan)
    rows, columns = np.triu_indices(n, 1)
    square[rows, columns] = square[columns, rows] = condensed
    return square
