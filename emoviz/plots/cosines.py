"""What a common direction does to raw cosines: every pair of classes, before and after centring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import VectorSet
from .canvas import fitted, rows
from .marks import Marked, marked_pairs
from .theme import Style, figure, panels, provenance_notes, short_label
from .wording import literal

_GAP, _ROW_GAP, _BELOW = 0.09, 84, 52
# Rows of a panel, lowest first: height of the middle, and what it shows.
_ROWS = ((0.0, "centred"), (1.0, "raw"))
_SPREAD = 0.3


def cosines_figure(
    sets: Sequence[VectorSet],
    layers: Sequence[int],
    pairs: Sequence[tuple[np.ndarray, np.ndarray, Sequence[tuple[str, str]]]],
    style: Mapping[str, Style],
    *,
    emotion: Marked = None,
    notes: Sequence[str] = (),
    height: int = 360,
) -> go.Figure:
    """One panel per set: the cosines of all pairs of classes, raw and after class centring, on one axis from -1 to 1.

    pairs : per set the raw cosines, the centred cosines, and the names of each pair. emotion : its pairs are drawn
    large, of several those among them. notes : more lines under the figure.
    """
    down = rows(len(sets))
    height = fitted(height + (down - 1) * (height - _BELOW - 40))
    places, heads = panels(
        [f"{short_label(s)}, layer {k}" for s, k in zip(sets, layers, strict=True)], _GAP, _ROW_GAP / (height - 150)
    )
    traces, axes, marks = [], {}, []
    for panel, vectors, (raw, centred, names) in zip(places, sets, pairs, strict=True):
        on = {"xaxis": f"x{panel.number}", "yaxis": f"y{panel.number}"}
        chosen = marked_pairs(names, emotion)
        # The same pair sits at the same height within both rows, by its place in the list.
        jitter = _SPREAD * (2 * ((np.arange(len(names)) * 0.618034) % 1) - 1)
        for (middle, word), values in zip(_ROWS, (centred, raw), strict=True):
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "x": values, "y": middle + jitter, "showlegend": False, **on,
                    "marker": {
                        "color": style[vectors.name].colour, "size": np.where(chosen, 9, 6),
                        "symbol": np.where(chosen, "diamond", "circle"), "opacity": np.where(chosen, 1.0, 0.5),
                        "line": {"width": 0},
                    },
                    "customdata": [list(pair) for pair in names],
                    "meta": word,
                    "hovertext": [" and ".join(map(literal, pair)) for pair in names],
                    "hovertemplate": f"%{{hovertext}}<br>{word} cosine "
                    "%{x:.4f}<extra></extra>",
                }
            )  # fmt: skip
            marks.append(
                {
                    "x": -1.08, "y": middle + 0.46, "xref": f"x{panel.number}", "yref": f"y{panel.number}",
                    "xanchor": "left",
                    "yanchor": "middle", "font": {"size": 12},
                    "text": f"<b>{word}</b>: {_span(values)}, mean {values.mean():.2f}",
                }
            )  # fmt: skip
        axes[f"xaxis{panel.number}"] = {
            "range": [-1.1, 1.1], "dtick": 0.5, "domain": panel.x, "anchor": f"y{panel.number}",
            "title": {"text": "cosine between two classes"},
        }  # fmt: skip
        axes[f"yaxis{panel.number}"] = {
            "range": [-0.4, 1.65], "visible": False, "domain": panel.y, "anchor": f"x{panel.number}"
        }  # fmt: skip
    raw_low = min(raw.min() for raw, _, _ in pairs)
    centred_low, centred_high = min(c.min() for _, c, _ in pairs), max(c.max() for _, c, _ in pairs)
    alike = f"Raw, all emotions look alike (cosine {raw_low:.2f} or more)"
    # Vectors of other tools are differences already.
    apart = f"Raw cosines go from {raw_low:.2f} to {max(raw.max() for raw, _, _ in pairs):.2f}"
    return figure(
        traces,
        {**axes, "annotations": heads + marks, "uirevision": "cosines", "meta": {"kind": "cosines", "name": "cosines"}},
        title=f"{alike if raw_low > 0 else apart}; centred, {centred_low:.2f} to {centred_high:.2f}",
        aid="each dot is a pair of classes, at the same height in both rows; raw cosines measure the direction that "
        "all states share, centred ones what differs",
        notes=[*provenance_notes(sets, layers, "raw: no centring; centred: less the mean over classes"), *notes],
        height=height,
        left=24,
        above=26,
        below=_BELOW,
    )


def _span(values: np.ndarray) -> str:
    """`-0.73 to 0.52`, with more digits where two would hide the difference."""
    digits = 2 if np.ptp(values) > 0.05 else 4
    return f"{values.min():.{digits}f} to {values.max():.{digits}f}"
