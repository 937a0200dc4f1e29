"""Depth: one quantity of every selected set over its layers."""

from __future__ import annotations

import plotly.graph_objects as go

from ...plots.depth import depth_figure
from ...reference import published_models
from ..library import best_of, curves_of, library
from ..state import Selection


def draw(view: Selection, curve: str, with_published: bool) -> tuple[go.Figure]:
    return (curves(view, curve, with_published),)


def curves(view: Selection, curve: str, with_published: bool) -> go.Figure:
    sets = view.chosen()
    return depth_figure(
        sets,
        [curves_of(s.name, view.centring)[curve] for s in sets],
        [best_of(s.name) for s in sets],
        library().style,
        centring=view.centring,
        shown=view.layers(sets),
        published=published_models() if with_published else (),
    )
