"""RDM heat maps side by side, on one colour range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import NEUTRAL, by_quadrant
from ..geometry import linkage_of
from ..geometry.clusters import branches, leaf_order
from ..types import RDM, VectorSet
from ..types.condensed import square
from .canvas import fitted, low, narrow, rows
from .marks import Marked, names
from .theme import (
    DISSIMILARITY_SCALE,
    class_colour,
    class_symbol,
    figure,
    panels,
    provenance_notes,
    short_label,
)
from .wording import literal

ORDERS = ("quadrant", "clustering", "alphabet")
MAX_LABELLED = 30
_GAP = 0.09
# The lines around a chosen class: one of them stands out from any cell and any paper.
BOX = ({"color": "#16181d", "width": 5}, {"color": "#ffffff", "width": 2})
# Pixels between two rows: class names below the upper one, title of the lower one.
_ROW_GAP, _LOW_GAP = 130, 46
# Pixels of the class names left of the first panel.
_LEFT = 96
# Room for the tree right of a heat map, and its distance from it, as shares of the classes.
_TREE, _TREE_GAP = 0.15, 0.02


# Below the class names: plotly lifts the title of a figure over a bar that lies on top.
_LYING_BAR_HEIGHT = 56


def class_bar(title: str) -> tuple[dict, int]:
    """The colour bar of a heat map of classes, and the pixels that it needs below the class names."""
    if not narrow():
        return {"title": {"text": title, "side": "right"}, "thickness": 12, "len": 0.9, "x": 1.01}, 0
    return {
        "title": {"text": title, "side": "top"}, "orientation": "h", "thickness": 10, "len": 1, "x": 0.5, "y": 0,
        "yanchor": "top", "ypad": 80,
    }, _LYING_BAR_HEIGHT  # fmt: skip


def rdm_figure(
    sets: Sequence[VectorSet],
    rdms: Sequence[RDM],
    *,
    order: str = "quadrant",
    emotion: Marked = None,
    notes: Sequence[str] = (),
    height: int = 540,
) -> go.Figure:
    """One heat map per set, same order of classes, same colour range, diagonal left out.

    order : `quadrant` (valence and arousal), `alphabet`, or `clustering`: the leaves of the first set's tree, which is
    drawn beside its heat map, in all panels. emotion : its row and column are marked; of several, all.
    notes : more lines under the figure.
    """
    top = max(float(r.condensed.max()) for r in rdms)
    titles = [f"{short_label(s)}, layer {r.layer}" for s, r in zip(sets, rdms, strict=True)]
    down = rows(len(sets))
    height = fitted(height + (down - 1) * (height - 84))
    right = 16 if narrow() else 72
    places, heads = panels(titles, _GAP, (_LOW_GAP if low() else _ROW_GAP) / (height - 260), _LEFT + right)
    marked = names(emotion)
    tree = linkage_of(rdms[0]) if order == "clustering" else None
    leaves = () if tree is None else tuple(rdms[0].classes[k] for k in leaf_order(tree))
    traces, shapes, axes = [], [], {}
    for panel, rdm in zip(places, rdms, strict=True):
        number = panel.number
        classes = _ordered(rdm.classes, order, leaves)
        n, told = len(classes), [literal(name) for name in classes]
        at = [rdm.classes.index(name) for name in classes]
        on = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        traces.append(
            {
                "type": "heatmap",
                "z": _square(rdm.condensed, n)[np.ix_(at, at)],
                "x": np.arange(n),
                "y": np.arange(n),
                "customdata": np.array([[[a, b] for b in classes] for a in classes]),
                "hovertext": [[f"{a} and {b}" for b in told] for a in told],
                "coloraxis": "coloraxis",
                "xgap": 1,
                "ygap": 1,
                "hoverongaps": False,
                "hovertemplate": "%{hovertext}<br>dissimilarity %{z:.3f}<extra></extra>",
                **on,
            }
        )
        # A mark per row says the quadrant by colour and shape; the labels stay in the text colour.
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": np.full(n, -1.1),
                "y": np.arange(n),
                "marker": {
                    "color": [class_colour(c) for c in classes],
                    "symbol": [class_symbol(c) for c in classes],
                    "size": 7,
                },
                "customdata": np.array([[c, c] for c in classes]),
                "hovertext": told,
                "hovertemplate": "%{hovertext}<extra></extra>",
                "showlegend": False,
                **on,
            }
        )
        if tree is not None and number == "":
            traces.append({**_tree(tree, n), **on})
        # Not cut off: the line around the last class.
        last = n - 0.3 + (0 if tree is None else _TREE * n)
        ticks = list(range(n)) if n <= MAX_LABELLED else []
        shared = {
            "tickvals": ticks,
            "ticktext": [f"<b>{told[k]}</b>" if classes[k] in marked else told[k] for k in ticks],
            "showgrid": False,
            "ticks": "",
            "tickfont": {"size": 11},
            "constrain": "domain",
            # All labels fit; measuring each of them to make sure takes as long as drawing the rest.
            "ticklabeloverflow": "allow",
        }
        axes[f"xaxis{number}"] = {
            **shared, "range": [-1.7, last], "tickangle": -60, "domain": panel.x, "anchor": f"y{number}",
            # On a slide the columns are in the order of the rows, whose names can then be read.
            "showticklabels": not low(),
        }  # fmt: skip
        axes[f"yaxis{number}"] = {
            **shared,
            "autorange": "reversed",
            "scaleanchor": f"x{number}",
            "anchor": f"x{number}",
            "domain": panel.y,
        }
        for name in (name for name in marked if name in classes):
            k = classes.index(name)
            for line in BOX if name == marked[0] else (BOX[0], BOX[1] | {"dash": "dot"}):
                for x, y in (((-0.5, n - 0.5), (k - 0.5, k + 0.5)), ((k - 0.5, k + 0.5), (-0.5, n - 0.5))):
                    shapes.append(
                        {
                            "type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "xref": f"x{number}",
                            "yref": f"y{number}", "line": line,
                        }
                    )  # fmt: skip
    bar, bar_height = class_bar("1 - cosine")
    layout = {
        **axes,
        "shapes": shapes,
        "annotations": heads,
        "coloraxis": {
            "colorscale": DISSIMILARITY_SCALE,
            "cmin": 0,
            "cmax": top,
            "colorbar": bar,
        },
        "uirevision": "rdm",
        "meta": {"kind": "rdm", "name": "rdm" if order == "quadrant" else f"rdm_{order}"},
    }
    return figure(
        traces,
        layout,
        title="Which emotions are represented alike?"
        + ("" if tree is None else f" In the order of {short_label(sets[0])}'s clusters"),
        aid="dark = more alike, bright = less; diagonal left out; one colour range for all panels; "
        "▲\u00a0pleasant,\u00a0aroused ●\u00a0pleasant,\u00a0quiet ■\u00a0unpleasant,\u00a0quiet "
        "◆\u00a0unpleasant,\u00a0aroused",
        notes=[*provenance_notes(sets, [r.layer for r in rdms], f"{rdms[0].centring} centring"), *notes],
        height=height,
        fill=True,
        left=_LEFT,
        right=right,
        above=26,
        below=(24 if low() else 84) + bar_height,
    )


def _ordered(classes: tuple[str, ...], order: str, leaves: tuple[str, ...]) -> tuple[str, ...]:
    if order == "quadrant":
        return by_quadrant(classes)
    # A class that the first set lacks has no place in its tree and comes last.
    return tuple(sorted(classes, key=lambda name: (leaves.index(name) if name in leaves else len(leaves), name)))


def _tree(tree: np.ndarray, n: int) -> dict:
    """The tree of the clusters, its leaves at the rows of the heat map, its root to the right."""
    start, span = n - 0.5 + _TREE_GAP * n, (_TREE - 2 * _TREE_GAP) * n
    top = max(float(tree[:, 2].max()), 1e-12)
    x, y, text = [], [], []
    for places, heights in branches(tree):
        x += [*(start + span * h / top for h in heights), None]
        y += [*places, None]
        text += [f"joined at {heights[1]:.3f}"] * 4 + [""]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": class_colour(NEUTRAL), "width": 1.2},
        "showlegend": False,
    }


def _square(condensed: np.ndarray, n: int) -> np.ndarray:
    """The symmetric matrix of a condensed RDM, with a blank diagonal."""
    full = square(condensed, n)
    np.fill_diagonal(full, np.nan)
    return full
