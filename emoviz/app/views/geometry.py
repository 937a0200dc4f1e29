"""Geometry: which emotions are alike, as matrices and as maps."""

from __future__ import annotations

import plotly.graph_objects as go

from ...geometry import pca_map, rdm, umap_map
from ...plots.emotion_map import map_figure
from ...plots.rdm import rdm_figure
from ..state import Selection


def draw(view: Selection, order: str, method: str) -> tuple[go.Figure, go.Figure]:
    return matrices(view, order), maps(view, method)


def matrices(view: Selection, order: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels())
    rdms = [rdm(s, layer, view.centring) for s, layer in zip(sets, layers, strict=True)]
    return rdm_figure(sets, rdms, order=order, emotion=view.emotion, notes=left_out)


def maps(view: Selection, method: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels())
    make = umap_map if method == "UMAP" else pca_map
    found = [make(s, layer) for s, layer in zip(sets, layers, strict=True)]
    return map_figure(sets, found, emotion=view.emotion, notes=left_out)
