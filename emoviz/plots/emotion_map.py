"""Maps of the emotions, one panel per set. Panels never share axes: their coordinates do not compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..emotions import NEUTRAL, QUADRANTS, quadrant
from ..types import Projection, VectorSet
from .theme import QUADRANT_COLOUR, QUADRANT_SYMBOL, finish, provenance_line, short_label

_GROUPS = (*QUADRANTS, NEUTRAL, "other")
_MAX_LABELLED = 60


def map_figure(
    sets: Sequence[VectorSet],
    maps: Sequence[Projection],
    *,
    emotion: str | None = None,
    title: str | None = None,
    height: int = 520,
) -> go.Figure:
    """One map per set; colour and shape say the quadrant, position is the model's own.

    emotion : ringed and written in bold.
    """
    fig = make_subplots(
        rows=1,
        cols=len(maps),
        subplot_titles=[f"{short_label(s)}, layer {m.layer}" for s, m in zip(sets, maps, strict=True)],
        horizontal_spacing=0.06,
    )
    for column, (vectors, projection) in enumerate(zip(sets, maps, strict=True), 1):
        groups = [quadrant(name) for name in projection.classes]
        for group in _GROUPS:
            rows = [k for k, g in enumerate(groups) if g == group]
            if not rows:
                continue
            names = [projection.classes[k] for k in rows]
            fig.add_scatter(
                x=projection.points[rows, 0],
                y=projection.points[rows, 1],
                mode="markers+text" if len(projection.classes) <= _MAX_LABELLED else "markers",
                text=[f"<b>{n}</b>" if n == emotion else n for n in names],
                textposition=[_side(projection.points, k) for k in rows],
                textfont={"size": 11.5},
                marker={
                    "color": QUADRANT_COLOUR[group],
                    "symbol": QUADRANT_SYMBOL[group],
                    "size": [15 if n == emotion else 10 for n in names],
                },
                name=group,
                legendgroup=group,
                showlegend=column == 1,
                customdata=[[n, vectors.name] for n in names],
                hovertemplate="<b>%{customdata[0]}</b><extra></extra>",
                cliponaxis=False,
                row=1,
                col=column,
            )
        x_title, y_title = _axis_titles(projection)
        span = _padded(projection.points)
        axis = {"showticklabels": False, "ticks": "", "showgrid": False, "showline": True, "mirror": True}
        fig.update_xaxes(**axis, title_text=x_title, range=span[0], row=1, col=column)
        fig.update_yaxes(**axis, title_text=y_title, range=span[1], row=1, col=column)
    fig.update_layout(
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.09, "yanchor": "top"},
        uirevision=f"map {maps[0].method}",
        meta={"kind": "map"},
    )
    notes = [f"{provenance_line(s, m.layer)} · {_method_note(m)}" for s, m in zip(sets, maps, strict=True)]
    aid = (
        "near = represented alike; pleasant turned to the right, aroused to the top; axes of different models do not compare"
        if maps[0].method == "PCA"
        else "near = represented alike; only neighbourhoods mean something, not axes or gaps; models do not share axes"
    )
    finish(fig, title=title or "How does each model arrange the emotions?", aid=aid, notes=notes, height=height, left=36)
    fig.update_layout(margin_t=108, margin_b=74 + 14 * len(notes))
    fig.for_each_annotation(lambda a: a.update(yshift=a.yshift - 18) if a.name == "provenance" else None)
    return fig


def _side(points: np.ndarray, k: int) -> str:
    """Where a label is least in the way: away from the nearest neighbour."""
    delta = points - points[k]
    scale = np.ptp(points, axis=0)
    delta = delta / np.where(scale > 0, scale, 1)
    distance = np.hypot(*delta.T)
    distance[k] = np.inf
    dx, dy = delta[distance.argmin()]
    if abs(dx) > 1.5 * abs(dy):
        return "middle left" if dx > 0 else "middle right"
    return "bottom center" if dy > 0 else "top center"


def _padded(points: np.ndarray) -> list[list[float]]:
    low, high = points.min(0), points.max(0)
    margin = (high - low) * np.array([0.16, 0.1])
    return [[float(a), float(b)] for a, b in zip(low - margin, high + margin, strict=True)]


def _axis_titles(projection: Projection) -> tuple[str, str]:
    if projection.method != "PCA":
        return "", ""
    shares = [*projection.params["explained"], 0.0, 0.0]
    return f"PC1, {shares[0]:.0%} of variance", f"PC2, {shares[1]:.0%} of variance"


def _method_note(projection: Projection) -> str:
    if projection.method == "PCA":
        return "PCA of class-centred unit vectors"
    p = projection.params
    return f"UMAP {p['n_neighbors']} neighbours, min_dist {p['min_dist']}, {p['metric']}, seed {p['seed']}, started from PCA"
