"""Depth: one quantity of every selected set over its layers, and what its stimuli alone would give."""

from __future__ import annotations

from functools import lru_cache

import gradio as gr
import plotly.graph_objects as go

from ... import plot
from ...geometry.curves import CONTROL_RDMS, CURVES
from ...plots.canvas import Canvas, canvas
from ...plots.theme import short_label
from ...share.tables import explained_table
from ..components import Figure, Table
from ..contract import Laid, Tab, tried
from ..library import Library, library
from ..selection import Selection, pick_depth
from ..snippet import figure, open_sets, snippet


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        curve = gr.Radio(
            [(curve.label.removesuffix(" accuracy"), name) for name, curve in CURVES.items()],
            value=next(iter(CURVES)),
            show_label=False,
            scale=9,
            elem_classes="ez-pills",
        )
        published = gr.Checkbox(True, label="published", scale=1, min_width=110, visible=False)
    outputs = {"curves": Figure(), "difference": Figure(), "controls": Figure(), "explained": Table()}
    return Laid({"curve": curve, "published": published}, outputs, menus=["published"])


def draw(view: Selection, curve: str, published: bool) -> dict:
    drawn, explained = tried(controls, view, n=2)
    # The menu of a visitor may name any curve.
    known = curve in CURVES and CURVES[curve].published is not None
    return {
        "published": gr.update(visible=known),
        "curves": tried(curves, view, curve, published),
        "difference": tried(difference, view, curve),
        "controls": drawn,
        "explained": explained,
    }


def curves(view: Selection, curve: str, with_published: bool) -> go.Figure:
    sets, left_out = view.centred()
    return plot.depth(
        sets,
        curve,
        centring=view.centring,
        layers=view.layers(sets),
        published=with_published,
        style=library().style,
        notes=left_out,
    )


def difference(view: Selection, curve: str) -> go.Figure | None:
    """The first of two sets less the second; nothing for any other number of sets."""
    sets, _ = view.centred()
    if len(sets) != 2:
        return None
    return _drawn(library(), tuple(s.name for s in sets), curve, view.centring, canvas())


@lru_cache(maxsize=16)
def _drawn(known: Library, names: tuple[str, ...], curve: str, centring: str, _on: Canvas) -> go.Figure:
    """The same for every layer, so that a moved slider does not draw it anew."""
    return plot.depth_difference([known.sets[name] for name in names], curve, centring=centring)


def controls(view: Selection) -> tuple[go.Figure | None, dict]:
    """What words, token embeddings and an encoder explain of each RDM: over depth, and at the layer that is shown."""
    sets, layers, left_out = view.readable(view.panels())
    have = [(s, layer) for s, layer in zip(sets, layers, strict=True) if s.control_rdms]
    missing = [
        f"{short_label(s)}: {name}: {why}" for s in sets for name, why in s.notes.items() if name in CONTROL_RDMS
    ] + [
        f"no control RDMs for {short_label(s)}: a set that emoviz extracts has them" for s in sets if not s.control_rdms
    ]
    if not have:
        return None, {"notes": [*left_out, *missing]}
    figure = plot.controls([s for s, _ in have], layers=[layer for _, layer in have], style=library().style)
    return figure, explained_table([s for s, _ in have], [layer for _, layer in have], [*left_out, *missing])


def python(view: Selection, curve: str, published: bool) -> str:
    sets, _ = view.centred()
    shown = {"centring": view.centring, "layers": view.layers(sets), "published": published}
    lines = [open_sets(sets), figure("depth", "sets", repr(curve), **shown)]
    if len(sets) == 2 and not CURVES[curve].logarithmic:
        lines.append(figure("depth_difference", "sets", repr(curve), centring=view.centring))
    known, layers, _ = view.readable(view.panels())
    own = [(k, s, layer) for k, (s, layer) in enumerate(zip(known, layers, strict=True)) if s.control_rdms]
    if own and [s for _, s, _ in own] == sets:
        lines.append(figure("controls", "sets", layers=[layer for _, _, layer in own]))
    return snippet(*lines)


TAB = Tab(
    title="Depth",
    question="At which depth do emotions stand apart, and what would the words alone give?",
    lay=lay,
    draw=draw,
    ahead=True,
    layered=draw,
    picks={"depth": pick_depth},
    uses=("sets", "pin", "layer_mode", "depth", "centring"),
    python=python,
)
