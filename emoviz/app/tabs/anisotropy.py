"""Anisotropy: how far all states point the same way, and what that does to cosines."""

from __future__ import annotations

import plotly.graph_objects as go

from ... import plot
from ...geometry import rdm
from ..components import Figure
from ..contract import Laid, Tab, tried
from ..library import library
from ..selection import Selection, pick_depth, pick_emotion
from ..snippet import figure, open_sets, snippet


def lay(_start: Selection) -> Laid:
    return Laid(outputs={"dials": Figure(), "cosines": Figure(), "curves": Figure()})


def draw(view: Selection) -> dict:
    return {"dials": tried(dials, view), "cosines": tried(cosines, view), "curves": tried(curves, view)}


def dials(view: Selection) -> go.Figure:
    sets = view.panels()
    return plot.anisotropy(sets, layers=view.layers(sets), style=library().style)


def cosines(view: Selection) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels(), rdm)
    return plot.cosines(sets, layers=layers, emotion=view.marked, style=library().style, notes=left_out)


def curves(view: Selection) -> go.Figure:
    sets, left_out = view.centred()
    return plot.depth(
        sets,
        "anisotropy",
        centring=view.centring,
        layers=view.layers(sets),
        published=True,
        style=library().style,
        notes=left_out,
    )


def python(view: Selection) -> str:
    sets, layers, _ = view.readable(view.panels())
    return snippet(
        open_sets(sets),
        figure("anisotropy", "sets", layers=layers),
        figure("cosines", "sets", layers=layers, emotion=view.marked),
        figure("depth", "sets", "'anisotropy'", centring=view.centring, layers=layers, published=True),
    )


TAB = Tab(
    title="Anisotropy",
    question="How far do all states point the same way, and what does that do to cosines?",
    lay=lay,
    draw=draw,
    ahead=True,
    layered=draw,
    python=python,
    picks={"depth": pick_depth, "cosines": pick_emotion},
)
