"""Anisotropy: how far all states point the same way."""

from __future__ import annotations

import plotly.graph_objects as go

from ...plots.gauge import gauge_figure
from ...reference import published_models
from ..library import library
from ..state import Selection
from . import depth


def draw(view: Selection) -> tuple[go.Figure, go.Figure]:
    sets = view.panels()
    gauges = gauge_figure(sets, view.layers(sets), library().style, published=published_models())
    return gauges, depth.curves(view, "anisotropy", with_published=True)
