"""Anisotropy: how far all states point the same way, and what that does to cosines."""

from __future__ import annotations

from ... import plot
from ..components import Figure
from ..contract import Laid, Tab
from ..library import library
from ..selection import Selection, pick_depth


def lay(_start: Selection) -> Laid:
    return Laid(outputs={"dials": Figure(), "cosines": Figure(), "curves": Figure()})


def draw(view: Selection) -> dict:
    sets, look = view.panels(), library().style
    readable, layers, left_out = view.readable(sets)
    chosen = view.chosen()
    return {
        "dials": plot.anisotropy(sets, layers=view.layers(sets), style=look),
        "cosines": plot.cosines(readable, layers=layers, emotion=view.emotion, style=look, notes=left_out),
        "curves": plot.depth(
            chosen,
            "anisotropy",
            centring=view.centring,
            layers=view.layers(chosen),
            published=True,
            style=look,
        ),
    }


TAB = Tab(
    title="Anisotropy",
    question="How far do all states point the same way, and what does that do to cosines?",
    lay=lay,
    draw=draw,
    picks={"depth": pick_depth},
)
