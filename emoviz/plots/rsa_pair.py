"""Two RDMs against each other: which pairs of emotions do two models see differently?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import valence
from ..types import PairedRDMs, VectorSet
from .callouts import callouts
from .canvas import narrow
from .marks import Marked, marked_pairs
from .marks import names as emotions_of
from .theme import PAIR_COLOUR, PAIR_SYMBOL, class_colour, figure, provenance_notes, short_label
from .wording import literal

N_NAMED = 8
_MARGIN = 0.09
_FEW = 1000


def pair_figure(
    sets: tuple[VectorSet, VectorSet],
    layers: tuple[int, int],
    paired: PairedRDMs,
    names: tuple[str, str],
    *,
    rho: float,
    centring: str,
    emotion: Marked = None,
    notes: Sequence[str] = (),
    height: int = 520,
) -> go.Figure:
    """One dot per pair of emotions; the pairs whose ranks differ most are named.

    names : what the two sets are called here. emotion : its pairs are ringed, the others pale; of several, those among
    them. notes : more lines.
    """
    kinds = [_kind(pair) for pair in paired.pairs]
    emotions, marked = emotions_of(emotion), marked_pairs(paired.pairs, emotion)
    size = 7 if len(paired.pairs) < _FEW else 4
    points = paired.values.T
    traces = [
        _dots(paired, [k for k, own in enumerate(kinds) if own == kind], kind, marked, size) for kind in PAIR_COLOUR
    ]
    traces = [trace for trace in traces if len(trace["x"])]
    if marked.any():
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": points[marked, 0],
                "y": points[marked, 1],
                "name": f"with {emotions[0]}" if len(emotions) == 1 else f"among {len(emotions)} emotions",
                "marker": {
                    "symbol": "circle-open",
                    "size": size + 7,
                    "color": class_colour(emotions[0]),
                    "line": {"width": 1.5},
                },
                "hoverinfo": "skip",
            }
        )
    x_range, y_range = ([v.min() - _MARGIN * np.ptp(v), v.max() + _MARGIN * np.ptp(v)] for v in paired.values)
    top = paired.most_different(N_NAMED // 2 if narrow() else N_NAMED)
    first, second = (literal(short_label(vectors)) for vectors in sets)
    layout = {
        "xaxis": {"title": {"text": f"dissimilarity in {names[0]} ({first})"}, "range": x_range},
        "yaxis": {"title": {"text": f"dissimilarity in {names[1]}<br>({second})"}, "range": y_range},
        "annotations": callouts(points[top], [" – ".join(paired.pairs[k]) for k in top], points, x_range, y_range),
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left",
                   "itemsizing": "constant"},
        "uirevision": f"pair {names}",
        "meta": {"kind": "pair"},
    }  # fmt: skip
    most = " and ".join(paired.pairs[top[0]]) if top else ""
    return figure(
        traces,
        layout,
        title=f"{names[0]} and {names[1]} differ most on {most}"
        if most
        else f"{names[0]} and {names[1]}: the same ranks",
        aid=f"a dot per pair of emotions, rho = {rho:.3f}; named: the ranks that differ most",
        notes=[
            *provenance_notes(sets, layers, f"1 - cosine, {centring} centring"),
            *notes,
        ],
        height=height,
        left=76,
        above=52,
        below=48,
        wide=74,
        fill=True,
    )


def _kind(pair: tuple[str, str]) -> str:
    signs = valence(pair[0]) * valence(pair[1])
    return "neutral or unplaced" if signs == 0 else "same valence" if signs > 0 else "opposite valence"


def _dots(paired: PairedRDMs, members: list[int], kind: str, marked: np.ndarray, size: int) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": paired.values[0, members],
        "y": paired.values[1, members],
        "name": kind,
        "marker": {
            "symbol": PAIR_SYMBOL[kind],
            "color": PAIR_COLOUR[kind],
            "size": size,
            "opacity": np.where(marked[members], 1.0, 0.55) if marked.any() else 0.8,
            "line": {"width": 1.5 if PAIR_SYMBOL[kind].endswith("open") else 0},
        },
        "customdata": [
            [*paired.pairs[k], f"{paired.ranks[0, k]:g}", f"{paired.ranks[1, k]:g}"] for k in members
        ],
        "hovertext": [" and ".join(map(literal, paired.pairs[k])) for k in members],
        "hovertemplate": "<b>%{hovertext}</b><br>%{x:.3f} (rank %{customdata[2]}) and "
        "%{y:.3f} "
        f"(rank %{{customdata[3]}}) of {len(paired.pairs)}<extra>{kind}</extra>",
    }  # fmt: skip
