"""Maps of the emotions, one panel per set. Panels never share axes: their coordinates do not compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..emotions import NEUTRAL, QUADRANTS, quadrant
from ..types import Projection, VectorSet
from .theme import QUADRANT_COLOUR, QUADRANT_SYMBOL, finish, panel_titles, provenance_notes, short_label

_GROUPS = (*QUADRANTS, NEUTRAL, "other")
_MAX_LABELLED = 60
_BELOW = 66


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
        horizontal_spacing=0.06,
    )
    for column, (vectors, projection) in enumerate(zip(sets, maps, strict=True), 1):
        groups = [quadrant(name) for name in projection.classes]
        sides = _label_sides(projection.points, projection.classes)
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
                textposition=[sides[k] for k in rows],
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
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "yanchor": "top"},
        uirevision=f"map {maps[0].method}",
        meta={"kind": "map"},
    )
    panel_titles(fig, [f"{short_label(s)}, layer {m.layer}" for s, m in zip(sets, maps, strict=True)])
    aid = (
        "near = represented alike; pleasant turned to the right, aroused to the top; axes of different models do not compare"
        if maps[0].method == "PCA"
        else "near = represented alike; only neighbourhoods mean something, not axes or gaps; models do not share axes"
    )
    finish(
        fig,
        title=title or "How does each model arrange the emotions?",
        aid=aid,
        notes=provenance_notes(sets, [m.layer for m in maps], _method_note(maps[0])),
        height=height,
        left=36,
        above=26,
        below=_BELOW,
    )
    margin = fig.layout.margin
    fig.update_layout(legend_y=-34 / (height - margin.t - margin.b))
    return fig


_SIDES = {
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top center": (0, 1),
    "bottom center": (0, -1),
    "top right": (1, 1),
    "bottom right": (1, -1),
    "top left": (-1, 1),
    "bottom left": (-1, -1),
}
# Rough sizes in pixels of a panel, a letter and a line, enough to keep labels apart.
_PANEL, _LETTER, _LINE, _MARK = (380, 290), 6.4, 14, 8


def _label_sides(points: np.ndarray, names: Sequence[str]) -> list[str]:
    """For each point the side on which its label covers least of other labels and marks; crowded points first."""
    scale = np.ptp(points, axis=0)
    at = (points - points.min(0)) / np.where(scale > 0, scale, 1) * _PANEL
    marks = [(x - _MARK, x + _MARK, y - _MARK, y + _MARK) for x, y in at]
    distance = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    placed: dict[int, tuple[float, float, float, float]] = {}
    sides = [""] * len(names)
    for k in distance.min(1).argsort():
        others = [m for j, m in enumerate(marks) if j != k] + list(placed.values())
        boxes = {side: _label_box(at[k], names[k], way) for side, way in _SIDES.items()}
        sides[k] = min(boxes, key=lambda side: sum(_overlap(boxes[side], other) for other in others))
        placed[int(k)] = boxes[sides[k]]
    return sides


def _label_box(at: np.ndarray, name: str, way: tuple[int, int]) -> tuple[float, float, float, float]:
    width, (dx, dy) = len(name) * _LETTER, way
    middle = at[0] + dx * (width / 2 + _MARK * (1 if dy == 0 else 0.6)), at[1] + dy * (_LINE / 2 + _MARK * 0.8)
    return middle[0] - width / 2, middle[0] + width / 2, middle[1] - _LINE / 2, middle[1] + _LINE / 2


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[2], b[2]))


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
