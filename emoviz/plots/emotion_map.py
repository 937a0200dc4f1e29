"""Maps of the emotions, one panel per set. Panels never share axes: their coordinates do not compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import NEUTRAL, QUADRANTS, quadrant
from ..types import Projection, VectorSet
from .canvas import fitted, narrow, rows
from .marks import Marked, names
from .theme import (
    QUADRANT_COLOUR,
    QUADRANT_SYMBOL,
    TEXT_SIZE,
    figure,
    panels,
    provenance_notes,
    short_label,
)
from .wording import literal

_GROUPS = (*QUADRANTS, NEUTRAL, "other")
_MAX_LABELLED = 60
_BELOW = 66
# Pixels of a second line under a panel.
_SECOND_LINE = 15
_GAP = 0.06
# Pixels between two rows: axis title and panel title.
_ROW_GAP = 64
_NARROW_HEIGHT = 460


_AIDS = {
    "PCA": "near = represented alike; signs are kept from layer to layer, set at the best one so that valence points "
    "right and arousal up; models do not share axes",
    "MDS": "far = unlike, as well as two axes can show it; the axes have no meaning: each map is turned onto the "
    "neighbouring layer, further panels onto the first",
    "UMAP": "near = represented alike; neighbourhoods have a meaning, gaps and axes have none: each map is turned onto "
    "the neighbouring layer, further panels onto the first",
}


def map_figure(
    sets: Sequence[VectorSet],
    maps: Sequence[Projection],
    *,
    emotion: Marked = None,
    title: str | None = None,
    notes: Sequence[str] = (),
    height: int = 520,
) -> go.Figure:
    """One map per set; colour and shape say the quadrant, position is the model's own.

    emotion : large and written in bold; of several the first is largest, and all others are pale.
    notes : more lines under the figure.
    A second line stands under a panel whose `params` have `halves` or `residual`, Procrustes residuals with the map of
    the other topic half and with the first panel (see `geometry.procrustes.disparity`).
    """
    down, marked = rows(len(sets)), names(emotion)
    second = _SECOND_LINE if any(_residual_text(m) for m in maps) else 0
    below = _BELOW + second
    height = min(height, _NARROW_HEIGHT) if narrow() else height
    height = fitted(height + (down - 1) * (height - below))
    titles = [f"{short_label(s)}, layer {m.layer}" for s, m in zip(sets, maps, strict=True)]
    places, heads = panels(titles, _GAP, (_ROW_GAP + second) / (height - 220))
    traces, axes = [], {}
    for panel, vectors, projection in zip(places, sets, maps, strict=True):
        number = panel.number
        groups = [quadrant(name) for name in projection.classes]
        labelled = len(projection.classes) <= _MAX_LABELLED
        # Where axes have no names, a distance counts the same in all directions.
        equal = projection.method != "PCA"
        sides = (
            _label_sides(projection.points, projection.classes, equal) if labelled else ["middle right"] * len(groups)
        )
        for group in _GROUPS:
            members = [k for k, g in enumerate(groups) if g == group]
            if not members:
                continue
            own = [projection.classes[k] for k in members]
            traces.append(
                {
                    "type": "scatter",
                    "x": projection.points[members, 0],
                    "y": projection.points[members, 1],
                    "mode": "markers+text" if labelled else "markers",
                    "text": [f"<b>{literal(n)}</b>" if n in marked else literal(n) for n in own],
                    "textposition": [sides[k] for k in members],
                    "textfont": {"size": TEXT_SIZE},
                    "marker": {
                        "color": QUADRANT_COLOUR[group],
                        "symbol": QUADRANT_SYMBOL[group],
                        "size": [15 if (n,) == marked[:1] else 13 if n in marked else 10 for n in own],
                        "opacity": [0.45 if len(marked) > 1 and n not in marked else 1 for n in own],
                        "line": {"width": 0},
                    },
                    "name": group,
                    "legendgroup": group,
                    "showlegend": number == "",
                    "customdata": np.array([[n, vectors.name] for n in own]),
                    "hovertext": [literal(n) for n in own],
                    "hovertemplate": "<b>%{hovertext}</b><extra></extra>",
                    "cliponaxis": False,
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                }
            )
        axis = {"showticklabels": False, "ticks": "", "showgrid": False, "showline": True, "mirror": True}
        (x_title, y_title), (x_range, y_range) = _axis_titles(projection), _padded(projection.points)
        for letter, other, text, span, domain in (
            ("x", "y", x_title, x_range, panel.x),
            ("y", "x", y_title, y_range, panel.y),
        ):
            axes[f"{letter}axis{number}"] = {
                **axis, "title": {"text": text}, "range": span, "domain": domain, "anchor": f"{other}{number}"
            }  # fmt: skip
        if equal:
            axes[f"yaxis{number}"]["scaleanchor"] = f"x{number}"
    method = maps[0].method
    layout = {
        **axes,
        "annotations": heads,
        "legend": {
            "orientation": "h",
            "x": 0.5,
            "xanchor": "center",
            "itemsizing": "constant",
        },
        "uirevision": f"map {method}",
        "meta": {"kind": "map", "name": "map" if method == "PCA" else f"map_{method.lower()}"},
    }
    return figure(
        traces,
        layout,
        title=title or "How does each model arrange the emotions?",
        aid=_AIDS[method],
        notes=[*provenance_notes(sets, [m.layer for m in maps], _method_note(maps[0])), *notes],
        height=height,
        left=36,
        above=26,
        below=below,
        fill=True,
        legend_below=True,
    )


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
_PANEL, _EQUAL_PANEL, _LETTER, _LINE, _MARK, _ROUNDS = (310, 220), (310, 280), 6.6, 14, 8, 4
# Room around the points for their labels, as a share of their span.
_X_MARGIN, _Y_MARGIN = 0.16, 0.1


def _label_sides(points: np.ndarray, names: Sequence[str], equal: bool = False) -> list[str]:
    """For each point the side on which its label covers least of other labels, marks and the frame.

    equal : whether both axes have one scale, so that one of them leaves room on both sides.
    Crowded points choose first; a few more rounds let each choose again, now that it sees all the others.
    """
    span = np.ptp(points, axis=0)
    panel = np.array(_EQUAL_PANEL if equal else _PANEL)
    scale = np.where(span > 0, span, 1) / panel
    scale = np.full(2, scale.max()) if equal else scale
    at = (points - points.min(0) - span / 2) / scale + panel / 2
    marks = np.array([(x - _MARK, x + _MARK, y - _MARK, y + _MARK) for x, y in at])
    distance = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    far, (width, height) = 1e4, panel
    beyond = np.array(
        [
            (-far, -_X_MARGIN * width, -far, far),
            ((1 + _X_MARGIN) * width, far, -far, far),
            (-far, far, -far, -_Y_MARGIN * height),
            (-far, far, (1 + _Y_MARGIN) * height, far),
        ]
    )
    n, m = len(names), len(_SIDES)
    boxes = np.array([_label_box(at[k], name, way) for k, name in enumerate(names) for way in _SIDES.values()])
    # What every label would cover on every side: once for all, so that choosing is only adding up.
    on_marks = _overlap(boxes, marks).reshape(n, m, n)
    on_marks[np.arange(n), :, np.arange(n)] = 0
    fixed = on_marks.sum(2) + _overlap(boxes, beyond).sum(1).reshape(n, m)
    on_labels = _overlap(boxes, boxes).reshape(n, m, n, m)
    chosen = np.zeros(n, int)
    placed = np.zeros(n, bool)
    for _ in range(_ROUNDS):
        for k in distance.min(1).argsort():
            placed[k] = False
            others = np.flatnonzero(placed)
            chosen[k] = (fixed[k] + on_labels[k][:, others, chosen[others]].sum(1)).argmin()
            placed[k] = True
    return [list(_SIDES)[side] for side in chosen]


def _label_box(at: np.ndarray, name: str, way: tuple[int, int]) -> tuple[float, float, float, float]:
    width, (dx, dy) = len(name) * _LETTER, way
    middle = at[0] + dx * (width / 2 + _MARK * (1 if dy == 0 else 0.6)), at[1] + dy * (_LINE / 2 + _MARK * 0.8)
    return middle[0] - width / 2, middle[0] + width / 2, middle[1] - _LINE / 2, middle[1] + _LINE / 2


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area of every box in a with every box in b; boxes are (left, right, bottom, top)."""
    width = np.minimum(a[:, None, 1], b[None, :, 1]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 2], b[None, :, 2])
    return np.clip(width, 0, None) * np.clip(height, 0, None)


def _padded(points: np.ndarray) -> list[list[float]]:
    low, high = points.min(0), points.max(0)
    margin = (high - low) * np.array([_X_MARGIN, _Y_MARGIN])
    return [[float(a), float(b)] for a, b in zip(low - margin, high + margin, strict=True)]


def _axis_titles(projection: Projection) -> tuple[str, str]:
    second = _residual_text(projection)
    first, y_title = _axis_texts(projection)
    return "<br>".join(part for part in (first, second) if part), y_title


def _axis_texts(projection: Projection) -> tuple[str, str]:
    p = projection.params
    if projection.method == "MDS":
        return f"two axes show {p['shown']:.0%}; negative eigenvalues {p['negative']:.0%}", ""
    if projection.method == "UMAP":
        if p.get("stability") is None:
            return "stability over seeds not stored; extract again", ""
        return f"{p['stability_neighbors']} nearest kept between {p['seeds']} seeds: {p['stability']:.0%}", ""
    shares = [*p["explained"], 0.0, 0.0]
    first, second = (
        f"PC{k + 1}, {shares[k]:.0%} of variance" + ("" if np.isnan(r) else f", r with {name} {r:.2f}")
        for k, (name, r) in enumerate((("valence", p["valence_r"]), ("arousal", p["arousal_r"])))
    )
    return first, second


def _residual_text(projection: Projection) -> str:
    """What the map's shape was compared with, and what is left of it; empty if with nothing."""
    p = projection.params
    parts = []
    if np.isfinite(p.get("halves", np.nan)):
        parts.append(f"between topic halves {p['halves']:.2f}")
    if np.isfinite(p.get("residual", np.nan)):
        chance = "" if np.isnan(p["residual_by_chance"]) else f" (relabelled {p['residual_by_chance']:.2f})"
        parts.append(f"with first panel {p['residual']:.2f}{chance}")
    return f"residual {', '.join(parts)}" if parts else ""


def _method_note(projection: Projection) -> str:
    if projection.method == "PCA":
        return "PCA of class-centred unit vectors"
    if projection.method == "MDS":
        return "classical MDS of the class-centred RDM"
    p = projection.params
    return (
        f"UMAP {p['n_neighbors']} neighbours, min_dist {p['min_dist']}, {p['metric']}, seed {p['seed']}, started from "
        f"{p['init']}"
    )
