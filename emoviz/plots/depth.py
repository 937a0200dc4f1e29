"""Layer-depth curves of several sets on relative depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..geometry.curves import CURVES, Curve
from ..reference import SOURCE, PublishedModel
from ..types import DepthCurve, UShape, VectorSet
from .theme import MANY, PUBLISHED_COLOUR, Style, figure, provenance_notes, short_label
from .wording import literal

RULE_SYMBOL = {"decoding": "circle", "reliability": "square", "separation": "diamond"}


_LEGEND_COLUMNS, _LEGEND_LINE = 3, 22


def depth_figure(
    sets: Sequence[VectorSet],
    curves: Sequence[DepthCurve],
    best: Sequence[Mapping[str, int | None]],
    style: Mapping[str, Style],
    *,
    centring: str,
    shown: Sequence[int] = (),
    shapes: Sequence[UShape | None] = (),
    second: Sequence[DepthCurve] = (),
    published: Sequence[PublishedModel] = (),
    notes: Sequence[str] = (),
    height: int = 520,
) -> go.Figure:
    """One curve of every set over relative depth.

    curves, best : one per set, from `depth_curves` and `best_layers`; marks show the layer that each rule picks.
    shown : the layer that the other views show, one per set, ringed. shapes : one per set, the vertex of each drawn
    with its interval. second : another quantity of the same sets, drawn thin. published : drawn in grey where the
    quantity was published in a comparable form (mean cosine under class centring, anisotropy). notes : more lines under
    the figure.
    """
    entry = CURVES[curves[0].name]
    traces = _published_traces(entry, centring, published)
    drawn = len(traces)
    for vectors, curve in zip(sets, curves, strict=True):
        traces += band(curve, style[vectors.name].colour)
    for vectors, curve in zip(sets, second, strict=False):
        line = {"color": style[vectors.name].colour, "dash": "dot", "width": 1.5}
        label = CURVES[curve.name].label.lower()
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": curve.depth, "y": curve.values, "line": line,
                "showlegend": False,
                "hovertemplate": f"<b>{literal(short_label(vectors))}</b><br>{label} at depth %{{x:.2f}}: "
                "%{y:.4g}<extra></extra>",
            }
        )  # fmt: skip
    for vectors, curve, shape in zip(sets, curves, shapes, strict=False):
        traces += _vertex(curve, shape, style[vectors.name].colour)
    for vectors, curve, picks in zip(sets, curves, best, strict=True):
        look = style[vectors.name]
        traces.append(
            {
                "type": "scatter",
                "mode": line_mode(curve.values),
                "x": curve.depth,
                "y": curve.values,
                "name": short_label(vectors),
                "line": {"color": look.colour, "dash": look.dash, "width": 2.5},
                "customdata": [[vectors.name, layer, _range(curve, layer)] for layer in range(vectors.n_layers)],
                "hovertemplate": "<b>%{fullData.name}</b><br>layer %{customdata[1]}, depth %{x:.2f}<br>"
                + entry.axis
                + ": %{y:.4g}%{customdata[2]}<extra></extra>",
                "connectgaps": False,
            }
        )
        for rule, layer in picks.items():
            if layer is not None:
                traces.append(
                    {
                        **_mark(curve, layer),
                        "marker": {"color": look.colour, "symbol": RULE_SYMBOL[rule], "size": 10},
                        "customdata": [[vectors.name, layer]],
                        "hovertemplate": f"best layer by {rule}: {layer}<br>depth %{{x:.2f}}, "
                        "%{y:.4g}<extra></extra>",
                    }
                )
    for vectors, curve, layer in zip(sets, curves, shown, strict=False):
        ring = {"symbol": "circle-open", "size": 18, "color": style[vectors.name].colour, "line": {"width": 2}}
        traces.append({**_mark(curve, layer), "marker": ring, "hoverinfo": "skip"})
    levels = sorted({round(c.reference, 6) for c in curves if c.reference is not None})
    line = {"color": PUBLISHED_COLOUR, "width": 1.2, "dash": "dot"}
    legend = len(sets) <= MANY
    layout = {
        "shapes": [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": line}
            for level in levels
        ],
        "annotations": [
            {
                "text": f"{entry.reference_label} {level:.3g}", "xref": "paper", "x": 1, "xanchor": "right",
                "y": level, "yref": "y", "yanchor": "top",
            }
            for level in levels
        ],
        "xaxis": {"title": {"text": "depth (share of the layers passed)"}, "range": [0, 1.015], "dtick": 0.1},
        "yaxis": {"title": {"text": entry.axis}, **_y_axis(entry, curves)},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"} if legend else {},
        "showlegend": legend,
        "uirevision": f"depth {entry.name}",
        "meta": {"kind": "depth", "name": f"depth_{curves[0].name}"},
    }  # fmt: skip
    dotted = f"Dotted: {CURVES[second[0].name].aid}. " if second else ""
    lines = provenance_notes(sets, None, f"{centring} centring", *_interval_note(entry, sets, curves))
    if drawn:
        lines.append(f"grey: {drawn} published models, {SOURCE} (fp16, last token, other passages)")
    lines += [*notes, *missing_notes(sets, curves)]
    lines += [] if legend else [f"{len(sets)} sets have no legend here: point at a curve for its name"]
    return figure(
        traces,
        layout,
        title=_claim(entry, curves),
        aid=f"{entry.aid}. {dotted}Marks: best by decoding\u00a0●, reliability\u00a0■, separation\u00a0◆",
        notes=lines,
        height=height,
        left=72,
        above=8 + _LEGEND_LINE * -(-(len(sets) + (drawn > 0)) // _LEGEND_COLUMNS) if legend else 8,
        below=50,
        fill=True,
    )


def _y_axis(entry: Curve, curves: Sequence[DepthCurve]) -> dict:
    """Our own curves fill the height: published ones would press them flat, and norms differ by powers of ten."""
    if entry.logarithmic:
        return {"type": "log", "dtick": 1}
    if not entry.close_up:
        return {}
    edges = [edge for c in curves for edge in (c.values, c.low, c.high) if edge is not None]
    values = np.concatenate(edges + [[c.reference] for c in curves if c.reference is not None])
    if np.isnan(values).all():
        return {}
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.12 * max(high - low, 1e-4)
    return {"range": [float(low - 2 * margin), float(high + margin)]}


def line_mode(values: np.ndarray) -> str:
    """How a curve is drawn: with dots where one of its values has no neighbour, since a line needs two."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    return "lines+markers" if alone.any() else "lines"


def band(curve: DepthCurve, colour: str) -> list[dict]:
    """The interval as a pale band, one piece for each run of layers that have it."""
    if curve.low is None or curve.high is None:
        return []
    known = np.flatnonzero(np.isfinite(curve.low) & np.isfinite(curve.high))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    return [
        {
            "type": "scatter", "mode": "lines", "x": np.concatenate([curve.depth[run], curve.depth[run][::-1]]),
            "y": np.concatenate([curve.high[run], curve.low[run][::-1]]), "fill": "toself", "fillcolor": colour,
            "opacity": 0.16, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
        }
        for run in runs
        if len(run)
    ]  # fmt: skip


def _vertex(curve: DepthCurve, shape: UShape | None, colour: str) -> list[dict]:
    """A bar over the depths where the quadratic may turn, at the height of the curve there."""
    if shape is None or shape.curvature <= 0 or not 0 < shape.vertex < 1:
        return []
    finite = np.isfinite(curve.values)
    height = float(np.interp(shape.vertex, curve.depth[finite], curve.values[finite]))
    bar = {"type": "scatter", "mode": "markers", "x": [shape.vertex], "y": [height], "showlegend": False}
    bar["marker"] = {"symbol": "line-ns-open", "size": 14, "color": colour, "line": {"width": 2.5}}
    text = f"vertex of the quadratic: depth {shape.vertex:.2f}"
    if shape.vertex_low is not None and shape.vertex_high is not None:
        low, high = max(shape.vertex_low, 0.0), min(shape.vertex_high, 1.0)
        bar["error_x"] = {
            "type": "data", "symmetric": False, "array": [high - shape.vertex], "arrayminus": [shape.vertex - low],
            "color": colour, "thickness": 2, "width": 5,
        }  # fmt: skip
        text += f"<br>95 % interval over topics {shape.vertex_low:.2f} to {shape.vertex_high:.2f}"
    return [{**bar, "hovertemplate": f"{text}<extra></extra>"}]


def _range(curve: DepthCurve, layer: int) -> str:
    found = curve.interval(layer)
    return "" if found is None else f" [{found[0]:.4g}, {found[1]:.4g}]"


def _interval_note(entry: Curve, sets: Sequence[VectorSet], curves: Sequence[DepthCurve]) -> list[str]:
    found = [s.resampled for s, c in zip(sets, curves, strict=True) if c.low is not None]
    drawn = [resampled for resampled in found if resampled is not None]
    if not drawn:
        return []
    return [f"bands: 95 % interval over {entry.over} (bootstrap, {drawn[0].n:,} resamples, seed {drawn[0].seed})"]


def missing_notes(sets: Sequence[VectorSet], curves: Sequence[DepthCurve]) -> list[str]:
    """Why a set has no interval, or no value somewhere."""
    notes = []
    for vectors, curve in zip(sets, curves, strict=True):
        if curve.low is None and "intervals" in vectors.notes:
            notes.append(f"no interval for {short_label(vectors)}: {vectors.notes['intervals']}")
        if curve.reason:
            notes.append(f"missing in {short_label(vectors)}: {curve.reason}")
    return notes


def _mark(curve: DepthCurve, layer: int) -> dict:
    x, y = [curve.depth[layer]], [curve.values[layer]]
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "showlegend": False}


def _claim(entry: Curve, curves: Sequence[DepthCurve]) -> str:
    """The title says what the curves show: where each has its extreme."""
    places = []
    for curve in curves:
        if np.isnan(curve.values).all():
            continue
        at = int(np.nanargmin(curve.values) if entry.lowest else np.nanargmax(curve.values))
        places.append(curve.depth[at])
    if not places:
        return entry.label
    where = f"{min(places):.2f}" if max(places) - min(places) < 0.005 else f"{min(places):.2f} to {max(places):.2f}"
    return f"{entry.label} {'is lowest' if entry.lowest else 'peaks'} at depth {where}"


def _published_traces(entry: Curve, centring: str, published: Sequence[PublishedModel]) -> list[dict]:
    """Grey lines of the published models, where this quantity was published in a form that compares."""
    traces: list[dict] = []
    for model in published:
        found = None if entry.published is None else entry.published(model, centring)
        if found is None:
            continue
        x, y = found
        traces.append(
            {
                "type": "scatter",
                # A few depths are marked; a value at every layer needs no marks.
                "mode": "lines" if len(x) == model.n_layers else "lines+markers",
                "x": x,
                "y": y,
                "name": "published",
                "legendgroup": "published",
                "showlegend": not traces,
                "line": {"color": PUBLISHED_COLOUR, "width": 1},
                "marker": {"size": 4},
                "opacity": 0.55,
                "hovertemplate": f"<b>published</b> {model.id}<br>depth %{{x:.2f}}: %{{y:.4g}}<extra></extra>",
            }
        )
    return traces
