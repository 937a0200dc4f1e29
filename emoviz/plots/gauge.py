"""Anisotropy gauges: one dial per set, with marks to read it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedModel
from ..types import DepthCurve, VectorSet
from .canvas import columns, rows
from .depth import missing_notes
from .theme import PUBLISHED_COLOUR, Style, figure, provenance_notes, short_label
from .wording import literal

_INNER, _OUTER = 0.78, 1.0
_GAP = 2.7
_ROW = 1.95
_ROW_HEIGHT = 270


def gauge_figure(
    sets: Sequence[VectorSet],
    layers: Sequence[int],
    curves: Sequence[tuple[DepthCurve, DepthCurve]],
    style: Mapping[str, Style],
    *,
    published: Sequence[PublishedModel] = (),
    height: int = 400,
) -> go.Figure:
    """A half dial from 0 (isotropic) to 1 (all states alike) per set, at one layer each.

    curves : per set the anisotropy and what centring leaves of it, which is a hollow mark on the dial.
    Outside the dial: the published models at their best layers. Inside: what random vectors of the same width give.
    """
    across, down = columns(len(sets)), rows(len(sets))
    traces: list[dict] = []
    marks = []
    for k, (vectors, layer, (raw, centred)) in enumerate(zip(sets, layers, curves, strict=True)):
        centre = (k % across * _GAP, -(k // across) * _ROW)
        value, left = float(raw.values[layer]), float(centred.values[layer])
        colour = style[vectors.name].colour
        traces.append(_arc(centre, 1.0, "rgba(138,146,161,0.22)", None))
        if np.isfinite(value):
            text = f"{literal(short_label(vectors))}<br>layer {layer}: {value:.3f}{_interval(raw, layer)}"
            traces.append(_arc(centre, float(np.clip(value, 0, 1)), colour, text))
        if np.isfinite(left):
            text = f"after the common mean is taken off: {left:.3f}{_interval(centred, layer)}"
            traces.append(_centred_mark(centre, float(np.clip(left, 0, 1)), text))
        chance = 1 / np.sqrt(vectors.d_model)
        text = f"random vectors of width {vectors.d_model}: 0 ± {chance:.3f}"
        traces.append(_tick(centre, chance, (_INNER - 0.1, _INNER), colour, text))
        for model in published:
            text = f"<b>published</b> {model.id}<br>{model.anisotropy_best:.3f} at its best layer"
            traces.append(_tick(centre, model.anisotropy_best, (_OUTER + 0.03, _OUTER + 0.12), PUBLISHED_COLOUR, text))
        for at, text in ((0.0, "0<br>isotropic"), (1.0, "1<br>all alike")):
            x, y = _place(centre, at, (_INNER + _OUTER) / 2)
            marks.append({"x": x, "y": y - 0.05, "text": text, "yanchor": "top", "font": {"size": 11}})
        number = f"<b>{value:.3f}</b>" if np.isfinite(value) else "missing"
        kept = f"{left:.2f} after centring" if np.isfinite(left) else ""
        for y, text, size in (
            (0.26, number, 30),
            (0.5, f"layer {layer}", 12),
            (0.08, _interval(raw, layer).strip(), 12),
            (-0.06, kept, 12),
            (-0.36, f"<b>{literal(short_label(vectors))}</b>", 13),
        ):
            traces.append(
                {
                    "type": "scatter", "mode": "text", "x": [centre[0]], "y": [centre[1] + y], "text": [text],
                    "textfont": {"size": size}, "hoverinfo": "skip",
                }
            )  # fmt: skip
    span = (across - 1) * _GAP
    hidden = {"visible": False, "constrain": "domain"}
    layout = {
        "xaxis": {**hidden, "range": [-1.35, span + 1.35]},
        "yaxis": {**hidden, "range": [-0.5 - (down - 1) * _ROW, 1.18], "scaleanchor": "x"},
        "annotations": marks,
        "showlegend": False,
        "uirevision": "gauge",
        "meta": {"kind": "gauge", "name": "anisotropy"},
    }
    sentences = max(s.provenance.n_neutral_sentences for s in sets)
    notes = provenance_notes(
        sets,
        layers,
        *([f"{sentences} neutral sentences"] if sentences else []),
        "brackets: 95 % interval over sentences",
    )
    notes += missing_notes(sets, [raw for raw, _ in curves])
    if published:
        notes.append(
            f"grey marks: {len(published)} published models, {SOURCE} (fp16, last token, 10 or 20 other sentences)"
        )
    return figure(
        traces,
        layout,
        title="How far do all states point the same way?",
        aid="mean cosine between unrelated neutral sentences; ring on the dial: after the mean over the emotion "
        "passages is taken off; inner mark: random vectors; grey outer marks: published models",
        notes=notes,
        height=height + (down - 1) * _ROW_HEIGHT,
        left=24,
        below=8,
    )


def _place(centre: tuple[float, float], value: float, radius: float) -> tuple[float, float]:
    angle = np.pi * (1 - value)
    return centre[0] + radius * float(np.cos(angle)), centre[1] + radius * float(np.sin(angle))


def _arc(centre: tuple[float, float], end: float, colour: str, text: str | None) -> dict:
    values = np.linspace(0, end, 90)
    outline = [_place(centre, v, _OUTER) for v in values] + [_place(centre, v, _INNER) for v in values[::-1]]
    x, y = np.array(outline).T
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "fill": "toself", "fillcolor": colour, "line": {"width": 0},
        "hoveron": "fills", "text": text, "hoverinfo": "text" if text else "skip",
    }  # fmt: skip


def _centred_mark(centre: tuple[float, float], value: float, text: str) -> dict:
    x, y = _place(centre, value, (_INNER + _OUTER) / 2)
    ring = {"size": 13, "symbol": "circle-open", "color": PUBLISHED_COLOUR, "line": {"width": 3}}
    return {
        "type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": ring, "text": text, "hoverinfo": "text"
    }  # fmt: skip


def _interval(curve: DepthCurve, layer: int) -> str:
    """` [0.61, 0.68]`, or nothing where there is none."""
    found = curve.interval(layer)
    return "" if found is None else f" [{found[0]:.3f}, {found[1]:.3f}]"


def _tick(centre: tuple[float, float], value: float, radii: tuple[float, float], colour: str, text: str) -> dict:
    x, y = zip(*(_place(centre, value, r) for r in radii), strict=True)
    return {
        "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "marker": {"size": 7, "opacity": 0},
        "line": {"color": colour, "width": 2.5}, "text": text, "hoverinfo": "text",
    }  # fmt: skip
