"""Two models taken from each other: which pairs of emotions one tells apart better, and at which depths they part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..geometry.curves import CURVES
from ..types import CurveDifference, PairedRDMs, VectorSet
from ..types.condensed import square
from . import marks
from .canvas import narrow
from .depth import line_mode
from .marks import Marked
from .rdm import MAX_LABELLED, class_bar
from .theme import PUBLISHED_COLOUR, SERIES, figure, provenance_notes, short_label
from .wording import literal, minus


def difference_figure(
    sets: tuple[VectorSet, VectorSet],
    layers: tuple[int, int],
    paired: PairedRDMs,
    names: tuple[str, str],
    *,
    centring: str,
    emotion: Marked = None,
    notes: Sequence[str] = (),
    height: int = 560,
) -> go.Figure:
    """How much less alike a pair of emotions is in the first set than in the second, by rank, as a heat map.

    names : what the two sets are called here. emotion : one or several, set bold. notes : more lines.
    """
    known = tuple(dict.fromkeys(name for pair in paired.pairs for name in pair))
    classes = by_quadrant(known)
    n, at, told = len(classes), [known.index(name) for name in classes], [literal(name) for name in classes]
    blank = np.where(np.eye(n, dtype=bool), np.nan, 0.0)
    shares = [square(row, n)[np.ix_(at, at)] for row in paired.shares]
    values = square(paired.difference, n)[np.ix_(at, at)] + blank
    limit = float(np.abs(paired.difference).max())
    top = paired.most_different(1)
    heat = {
        "type": "heatmap",
        "z": values,
        "x": np.arange(n),
        "y": np.arange(n),
        "customdata": [
            [[a, b, f"{shares[0][i, j]:.2f}", f"{shares[1][i, j]:.2f}"] for j, b in enumerate(classes)]
            for i, a in enumerate(classes)
        ],
        "coloraxis": "coloraxis",
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertext": [[f"{a} and {b}" for b in told] for a in told],
        "hovertemplate": "<b>%{hovertext}</b><br>"
        f"{names[0]} %{{customdata[2]}}, {names[1]} %{{customdata[3]}}: %{{z:+.2f}}<extra></extra>",
    }  # fmt: skip
    ticks = list(range(n)) if n <= MAX_LABELLED else []
    axis = {
        "tickvals": ticks,
        "ticktext": [f"<b>{told[k]}</b>" if classes[k] in marks.names(emotion) else told[k] for k in ticks],
        "showgrid": False,
        "ticks": "",
        "tickfont": {"size": 11},
        "constrain": "domain",
        "ticklabeloverflow": "allow",
    }
    bar, bar_height = class_bar(f"{names[0]} − {names[1]}")
    layout = {
        "xaxis": {**axis, "range": [-0.5, n - 0.5], "tickangle": -60},
        "yaxis": {**axis, "autorange": "reversed", "scaleanchor": "x"},
        "shapes": [_outline(classes.index(x), classes.index(y)) for k in top for x, y in _both(paired.pairs[k])],
        # The template brings the colours, so that the middle is the paper in both themes.
        "coloraxis": {
            "autocolorscale": True, "cmin": -limit, "cmax": limit, "colorbar": {**bar, "tickformat": "+.1f"}
        },
        "uirevision": f"difference {names}",
        "meta": {"kind": "difference"},
    }  # fmt: skip
    return figure(
        [heat],
        layout,
        title=_claim(paired, names, top),
        aid=f"rank of each pair, from 0, the most alike, to 1, the least alike: in {names[0]} less in {names[1]}; "
        f"ochre: less alike in {names[0]}, teal: in {names[1]}; outlined: the largest difference",
        notes=[
            *provenance_notes(sets, layers, f"ranks of 1 - cosine, {centring} centring"),
            *notes,
        ],
        height=height,
        left=96,
        right=16 if narrow() else 72,
        below=84 + bar_height,
        wide=74,
        fill=True,
    )


def _claim(paired: PairedRDMs, names: tuple[str, str], top: Sequence[int]) -> str:
    if not top:
        return f"{names[0]} and {names[1]}: the same ranks"
    first, second = paired.shares[:, top[0]]
    return f"{' and '.join(paired.pairs[top[0]])}: ranks {first:.2f} and {second:.2f}"


def _both(pair: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    """The cells of a pair, above and below the diagonal."""
    return pair, (pair[1], pair[0])


def _outline(x: int, y: int) -> dict:
    corners = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    return {"type": "rect", "xref": "x", "yref": "y", "line": {"color": SERIES[1], "width": 3}, **corners}


def depth_difference_figure(
    sets: tuple[VectorSet, VectorSet],
    found: CurveDifference,
    names: tuple[str, str],
    *,
    centring: str,
    notes: Sequence[str] = (),
    height: int = 380,
) -> go.Figure:
    """One depth curve of the first set less that of the second, over relative depth."""
    entry = CURVES[found.name]
    traces = []
    if found.low is not None and found.high is not None:
        known = np.isfinite(found.low)
        depth, low, high = (part[known] for part in (found.depth, found.low, found.high))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": np.concatenate([depth, depth[::-1]]),
                "y": np.concatenate([high, low[::-1]]), "fill": "toself", "fillcolor": SERIES[3], "opacity": 0.16,
                "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
            }
        )  # fmt: skip
    traces.append(
        {
            "type": "scatter",
            "mode": line_mode(found.values),
            "x": found.depth,
            "y": found.values,
            "name": f"{names[0]} − {names[1]}",
            "line": {"color": SERIES[3], "width": 2.5},
            "customdata": [list(at) for at in found.at],
            "hovertemplate": f"depth %{{x:.2f}}<br>{names[0]} − {names[1]}: %{{y:+.4g}}<extra></extra>",
            "connectgaps": False,
            "showlegend": False,
        }
    )
    finite = np.isfinite(found.values)
    claim = entry.label
    if finite.any():
        at = int(np.nanargmax(np.abs(found.values)))
        claim = (
            f"{entry.label}: {names[0]} and {names[1]} differ most at depth {found.depth[at]:.2f}, by "
            f"{minus(f'{found.values[at]:+.2g}')}"
        )
    calls = ", ".join(f"{name}: {short_label(s)}" for name, s in zip(names, sets, strict=True))
    band = (
        "band: 95 % interval over the topics that both share, from the differences of their resamples"
        if found.low is not None
        else f"no interval: {found.reason}"
    )
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "depth (share of the layers passed)"}, "range": [0, 1.015], "dtick": 0.1},
            "yaxis": {
                "title": {"text": f"{names[0]} − {names[1]}"}, "zeroline": True, "zerolinewidth": 1.5,
                "zerolinecolor": PUBLISHED_COLOUR, "range": _symmetric(found),
            },
            "uirevision": f"depth difference {entry.name}",
            "meta": {"kind": "depth"},
        },
        title=claim,
        aid=f"{entry.axis}, {calls}; above zero: higher in {names[0]}. Curves are interpolated between their layers",
        notes=[*provenance_notes(sets, None, f"{centring} centring", band), *notes],
        height=height,
        left=72,
        below=50,
    )  # fmt: skip


def _symmetric(found: CurveDifference) -> list[float]:
    """A range with zero in its middle."""
    edges = [edge for edge in (found.values, found.low, found.high) if edge is not None]
    known = np.concatenate(edges)[np.isfinite(np.concatenate(edges))]
    top = 1.1 * float(np.abs(known).max(initial=1e-9))
    return [-top, top]
