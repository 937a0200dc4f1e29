"""Geometry: which emotions are alike, as matrices, maps and neighbours, and whether valence and arousal order them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...emotions import quadrant, valence
from ...errors import InputError
from ...geometry import linkage_of, rdm
from ...geometry.clusters import clusters
from ...geometry.maps import METHODS, map_at, maps_over_layers
from ...plots.canvas import Canvas, canvas
from ...plots.rdm import ORDERS
from ...plots.theme import short_label
from ...plots.wording import p_text
from ...share.tables import neighbours_table, traits_table
from ...stats.rand_index import adjusted_rand_index, rand_index_p
from ...stats.valence import valence_arousal
from ...types import Norms, ValenceArousal, VectorSet
from ..components import EMPTY, Figure, Table
from ..contract import LATEST, QUIET, Laid, Page, Tab, tried
from ..library import Library, library
from ..passages import passages_table
from ..selection import Selection, pick_depth, pick_emotion
from ..snippet import figure, open_sets, snippet

N_CLUSTERS = 4
N_RELABELLINGS = 10_000


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        order = gr.Radio(list(ORDERS), value="quadrant", label="Order", elem_classes="ez-pills")
        method = gr.Radio(list(METHODS), value="UMAP", label="Map", elem_classes="ez-pills")
    outputs = {"matrices": Figure(), "maps": Figure(), "neighbours": Table(elem_classes="ez-compact")}
    # Filled once it was opened.
    opened = gr.State(False)
    with gr.Accordion("The texts behind the marked emotion", open=False, elem_id="ez-passages") as accordion:
        outputs["passages"] = Table(EMPTY, elem_classes="ez-left")
    # The path is kept on the server: a path that a visitor could name would be any file's.
    norms = gr.State(None)
    with gr.Row(elem_classes="ez-controls"):
        upload = gr.UploadButton(
            norms_label(None), file_types=[".csv", ".tsv", ".txt"], size="sm", scale=0, min_width=420
        )
        leave = gr.Button("back to the quadrant signs", size="sm", scale=0, min_width=220, visible=False)

    def use(path: str | None) -> list:
        return [path, gr.update(value=None, label=norms_label(path)), gr.update(visible=path is not None)]

    parts = [norms, upload, leave]
    changed = [upload.upload(use, upload, parts, **LATEST), leave.click(lambda: use(None), None, parts, **LATEST)]
    outputs |= {"valence": Figure(), "traits": Table()}
    controls = {"order": order, "method": method, "norms": norms, "passages_open": opened}
    return Laid(controls, outputs, {"accordion": accordion}, changed=changed)


def wire(page: Page) -> list:
    laid = page.laid["Geometry"]
    return [laid.parts["accordion"].expand(lambda: True, None, laid.controls["passages_open"], **QUIET)]


def draw(view: Selection, order: str, method: str, norms: str | None, passages_open: bool = False) -> dict:
    """norms : path of the user's norms file, None for the quadrant signs."""
    figure, table = tried(traits, view, norms, n=2)
    return {
        "matrices": tried(matrices, view, order),
        "maps": tried(maps, view, method),
        "neighbours": tried(neighbours, view),
        "passages": tried(passages, view) if passages_open else None,
        "valence": figure,
        "traits": table,
    }


def matrices(view: Selection, order: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels(), lambda s, layer: rdm(s, layer, view.centring))
    agreement = [_agreement(sets, layers, view.centring)] if order == "clustering" else []
    return plot.rdm(
        sets,
        layers=layers,
        centring=view.centring,
        order=order,
        emotion=view.marked,
        notes=[*agreement, *left_out],
    )


def maps(view: Selection, method: str) -> go.Figure:
    sets, layers, left_out = view.readable(
        view.panels(), lambda s, layer: map_at(s, maps_over_layers(s, method), layer)
    )
    return plot.emotion_map(
        sets,
        method=method,
        layers=layers,
        emotion=view.marked,
        halves=method != "UMAP",
        notes=[*_map_notes(method, len(sets)), *left_out],
        # Maps of one scale need about as much height as width.
        height=520 if method == "PCA" else 600,
    )


def neighbours(view: Selection) -> dict:
    """The three nearest emotions of each: the selected one's first, then all others, or those that are marked."""
    sets, layers, left_out = view.readable(view.panels(), lambda s, layer: rdm(s, layer, view.centring))
    return neighbours_table(sets, layers, view.centring, view.marked, left_out)


def passages(view: Selection) -> dict:
    sets = view.panels()
    return passages_table(sets, view.layers(sets), view.emotion)


def traits(view: Selection, norms: str | None) -> tuple[go.Figure, dict]:
    """The correlations with valence and arousal over depth, and those at the layers shown.

    Norms that cannot be used give way to the quadrant signs, with the reason.
    """
    sets = view.panels()
    fits, problems = _fits(sets, norms)
    table = traits_table(sets, view.layers(sets), fits, problems)
    return _drawn(library(), tuple(s.name for s in sets), norms, canvas()), table


@lru_cache(maxsize=16)
def _drawn(known: Library, names: tuple[str, ...], norms: str | None, _on: Canvas) -> go.Figure:
    """The same for every layer, so that a moved slider does not draw it anew."""
    sets = [known.sets[name] for name in names]
    return plot.valence(sets, norms=_ratings(sets, norms)[0], style=known.style)


def _fits(sets: Sequence[VectorSet], norms: str | None) -> tuple[list[ValenceArousal], list[str]]:
    """One fit per set, and what is wrong with the norms."""
    ratings, problems = _ratings(sets, norms)
    return [valence_arousal(s, own) for s, own in zip(sets, ratings, strict=True)], problems


def _ratings(sets: Sequence[VectorSet], norms: str | None) -> tuple[list[Norms | None], list[str]]:
    """The norms, or None for a set that they cannot be used for, and why."""
    found: list[Norms | None] = []
    problems = []
    for vectors in sets:
        try:
            own = None if norms is None else library().norms(norms)
            valence_arousal(vectors, own)
            found.append(own)
        except InputError as error:
            found.append(None)
            problems.append(f"Norms not used, quadrant signs instead: {error}")
    return found, problems


def norms_label(norms: str | None) -> str:
    """What the upload button says."""
    return "Norms of your own (CSV or TSV: word, valence, arousal)" if norms is None else f"Norms: {Path(norms).name}"


def _agreement(sets: Sequence[VectorSet], layers: Sequence[int], centring: str) -> str:
    """How well the clusters of each set agree with the quadrants, over the classes that have one."""
    parts = []
    for vectors, layer in zip(sets, layers, strict=True):
        found = rdm(vectors, layer, centring)
        known = np.array([valence(name) != 0 for name in found.classes])
        if known.sum() < 3:
            parts.append(f"{short_label(vectors)} none, fewer than 3 of its classes have a quadrant")
            continue
        cut = clusters(linkage_of(found), N_CLUSTERS)[known]
        theory = np.array([quadrant(name) for name in found.classes])[known]
        index, p = adjusted_rand_index(cut, theory), rand_index_p(cut, theory, N_RELABELLINGS)
        chance = "no p, fewer than 7 classes" if np.isnan(p) else p_text(p, N_RELABELLINGS)
        value = "not defined, one group" if np.isnan(index) else f"{index:.2f} ({chance})"
        parts.append(f"{short_label(vectors)} {value}")
    return (
        f"average linkage, optimal leaf order; {N_CLUSTERS} clusters against the quadrants, adjusted Rand index "
        f"(0 = chance, 1 = the same): {'; '.join(parts)}"
    )


def _map_notes(method: str, n_panels: int) -> list[str]:
    residual = "Procrustes residual: 0 = the same shape, 1 = no relation; relabelled: median over 1,000 relabellings"
    if method != "UMAP":
        return [f"{method} has no seed: the same set gives the same map. {residual}"]
    return [residual] if n_panels > 1 else []


def python(view: Selection, order: str, method: str) -> str:
    sets, layers, _ = view.readable(view.panels())
    shown = {"layers": layers, "emotion": view.marked}
    return snippet(
        open_sets(sets),
        figure("rdm", "sets", centring=view.centring, order=order, **shown),
        figure("emotion_map", "sets", method=method, halves=method != "UMAP", **shown),
        figure("valence", "sets"),
    )


TAB = Tab(
    title="Geometry",
    question="Which emotions are alike, and do valence and arousal order them?",
    lay=lay,
    draw=draw,
    ahead=True,
    layered=draw,
    python=python,
    wire=wire,
    picks={"rdm": pick_emotion, "map": pick_emotion, "neighbours": pick_emotion, "valence": pick_depth},
)
