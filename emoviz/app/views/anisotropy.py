"""Anisotropy: how far all states point the same way, and what that does to cosines."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ...geometry.rdm import condensed_cosine
from ...geometry.vectors import class_vectors
from ...plots.cosines import cosines_figure
from ...plots.gauge import gauge_figure
from ...reference import published_models
from ..library import curves_of, library
from ..state import Selection
from . import depth


def draw(view: Selection) -> tuple[go.Figure, go.Figure, go.Figure]:
    sets = view.panels()
    curves = [[curves_of(s.name, "class")[name] for name in ("anisotropy", "anisotropy_centred")] for s in sets]
    gauges = gauge_figure(sets, view.layers(sets), curves, library().style, published=published_models())
    return gauges, cosines(view), depth.curves(view, "anisotropy", with_published=True)


def cosines(view: Selection) -> go.Figure:
    """All pairs of classes of each set, raw and centred."""
    sets, layers, left_out = view.readable(view.panels())
    pairs = []
    for vectors, layer in zip(sets, layers, strict=True):
        means, classes = vectors.class_means[layer], vectors.classes
        raw, centred = (condensed_cosine(*class_vectors(means, classes, c)) for c in ("none", "class"))
        rows, columns = np.triu_indices(len(classes), 1)
        pairs.append((raw, centred, [(classes[i], classes[j]) for i, j in zip(rows, columns, strict=True)]))
    return cosines_figure(sets, layers, pairs, library().style, emotion=view.emotion, notes=left_out)
