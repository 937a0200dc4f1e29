"""Anisotropy gauges: one dial per set, with marks to read it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedModel
from ..types import VectorSet
from .theme import PUBLISHED_COLOUR, Style, finish, provenance_notes, short_label

_INNER, _OUTER = 0.78, 1.0
_GAP = 2.7


def gauge_figure(
    sets: Sequence[VectorSet],
    layers: Sequence[int],
    style: Mapping[str, Style],
    *,
    published: Sequence[PublishedModel] = (),
    height: int = 400,
) -> go.Figure:
    """A half dial from 0 (isotropic) to 1 (all states alike) per set, at one layer each.

    Outside the dial: the published models at their best layers. Inside: what random vectors of the same width give.
    """
    fig = go.Figure()
    for k, (vectors, layer) in enumerate(zip(sets, layers, strict=True)):
        centre = k * _GAP
        value = float(vectors.anisotropy[layer])
        look = style[vectors.name]
        _arc(fig, centre, 0.0, 1.0, "rgba(138,146,161,0.22)", None)
        if np.isfinite(value):
            _arc(
                fig,
                centre,
                0.0,
                float(np.clip(value, 0, 1)),
                look.colour,
                f"{short_label(vectors)}<br>layer {layer}: {value:.3f}",
            )
        chance = 1 / np.sqrt(vectors.d_model)
        _tick(
            fig,
            centre,
            chance,
            (_INNER - 0.1, _INNER),
            look.colour,
            f"random vectors of width {vectors.d_model}: 0 ± {chance:.3f}",
        )
        for model in published:
            _tick(
                fig,
                centre,
                model.anisotropy_best,
                (_OUTER + 0.03, _OUTER + 0.12),
                PUBLISHED_COLOUR,
                f"<b>published</b> {model.id}<br>{model.anisotropy_best:.3f} at its best layer",
            )
        for at, text in ((0.0, "0<br>isotropic"), (1.0, "1<br>all alike")):
            x, y = _place(centre, at, (_INNER + _OUTER) / 2)
            fig.add_annotation(x=x, y=y - 0.05, text=text, showarrow=False, yanchor="top", font={"size": 11})
        number = f"<b>{value:.3f}</b>" if np.isfinite(value) else "missing"
        for y, text, size in (
            (0.2, number, 30),
            (0.46, f"layer {layer}", 12),
            (-0.36, f"<b>{short_label(vectors)}</b>", 13),
        ):
            fig.add_scatter(x=[centre], y=[y], mode="text", text=[text], textfont={"size": size}, hoverinfo="skip")
    span = (len(sets) - 1) * _GAP
    fig.update_xaxes(visible=False, range=[-1.35, span + 1.35], constrain="domain")
    fig.update_yaxes(visible=False, range=[-0.5, 1.18], scaleanchor="x", constrain="domain")
    fig.update_layout(showlegend=False, uirevision="gauge", meta={"kind": "gauge"})
    p = sets[0].provenance
    notes = provenance_notes(sets, layers, f"{p.n_neutral_sentences} neutral sentences")
    if published:
        notes.append(
            f"grey marks: {len(published)} published models, {SOURCE} (fp16, last token, 10 or 20 other sentences)"
        )
    return finish(
        fig,
        title="How far do all states point the same way?",
        aid="mean cosine between unrelated neutral sentences; inner mark: random vectors; grey outer marks: published models",
        notes=notes,
        height=height,
        left=24,
        below=8,
    )


def _place(centre: float, value: float, radius: float) -> tuple[float, float]:
    angle = np.pi * (1 - value)
    return centre + radius * float(np.cos(angle)), radius * float(np.sin(angle))


def _arc(fig: go.Figure, centre: float, start: float, end: float, colour: str, text: str | None) -> None:
    values = np.linspace(start, end, 90)
    outline = [_place(centre, v, _OUTER) for v in values] + [_place(centre, v, _INNER) for v in values[::-1]]
    x, y = zip(*outline, strict=True)
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        hoveron="fills",
        text=text,
        hoverinfo="text" if text else "skip",
    )


def _tick(fig: go.Figure, centre: float, value: float, radii: tuple[float, float], colour: str, text: str) -> None:
    x, y = zip(*(_place(centre, value, r) for r in radii), strict=True)
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        marker={"size": 7, "opacity": 0},
        line={"color": colour, "width": 2.5},
        text=text,
        hoverinfo="text",
    )
