"""Overview: which sets there are, and how good each is where it is best."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...geometry import rdm
from ...geometry.dissimilarity import MIN_COMMON
from ...geometry.layers import MIDDLE, layer_rule
from ...plots.messages import facts, messages
from ...plots.rsa import AGREEMENT
from ...plots.theme import protocol_label
from ...plots.wording import p_text
from ...share.tables import key_numbers, sets_table
from ...stats.pairs import paired_rdms
from ...types import VectorSet
from ...words import counted
from ..board import asked, told
from ..components import EMPTY, Board, Cards, Figure, Messages, Table
from ..contract import EACH, EVERYTHING, Laid, Page, Tab, tried
from ..library import library, one_library
from ..selection import BEST, Selection, pick_emotion
from ..snippet import figure, open_sets, snippet

# Sets that are tested at once on the page.
MOST_SETS = 100


def lay(start: Selection) -> Laid:
    # Drawn here, so that it is there at once; the table, which takes all sets there are, once the page is shown.
    first = at_once(start) if start.sets else {}
    outputs = {
        "board": Board(asked(start.sets), elem_id="ez-claims"),
        "messages": Messages(first.get("messages"), elem_id="ez-glance"),
        "map": Figure(first.get("map")),
        "cards": Cards(first.get("cards")),
        "table": Table(),
    }
    return Laid(outputs=outputs, late={"table": table})


def draw(view: Selection) -> dict:
    return {"board": asked(view.sets), **at_once(view), "table": table()}


def wire(page: Page) -> None:
    """What stands of the papers takes a second: the browser asks for it when it has shown all else."""
    part = page.laid["Overview"].outputs["board"]
    # Each ask has its own answer: of asks that wait for one another gradio repeats the first.
    part.select(answer, None, part, **EACH)


def answer(event: gr.EventData) -> Any:
    """The board of the sets that a page asks for. A visitor may name any; those that are not there do not count."""
    data: Any = event._data
    names, key = (data.get("sets"), data.get("key")) if isinstance(data, dict) else (None, None)
    if not isinstance(names, list) or len(names) > MOST_SETS or not isinstance(key, str):
        return gr.skip()
    with one_library():
        known = [name for name in names if isinstance(name, str) and name in library().sets]
        found = tried(told, known) if known else EMPTY
    # Under the key that it was asked for by, so that the browser knows what it is of.
    return {**found, "key": key} if isinstance(found, dict) else found


def at_once(view: Selection) -> dict:
    return {
        "messages": tried(at_a_glance, view),
        "map": tried(emotion_map, view),
        "cards": tried(cards, view),
    }


def at_a_glance(view: Selection) -> dict:
    """Three to six lines of what the selected sets say, each a link to the tab that shows it."""
    sets = view.chosen()
    layers = view.layers(sets)
    compared = paired = None
    if len(sets) > 1:
        compared = library().compared(tuple(s.name for s in sets), layers, "class", intervals=False)
    if len(sets) == 2 and compared is not None and np.isfinite(compared.rho[0, 1]):
        paired = paired_rdms((sets[0], sets[1]), (layers[0], layers[1]), "class")
    found = messages([facts(s, layer) for s, layer in zip(sets, layers, strict=True)], compared, paired)
    return {"messages": [{"lead": m.lead, "text": m.text, "go": {"tab": m.tab, **m.controls}} for m in found]}


def cards(view: Selection) -> dict:
    """One card per selected set: where its geometry is best, and how good it is there."""
    found = []
    for vectors, layer in zip(sets := view.chosen(), view.layers(sets), strict=True):
        look = library().style[vectors.name]
        p = vectors.provenance
        rule = layer_rule(vectors)
        pinned = " · reference, pinned" if vectors.name == view.pin else ""
        chosen_by = "same depth" if view.layer_mode != BEST else rule if rule == MIDDLE else f"best by {rule}"
        texts = counted(p.n_passages, "text") if p.n_passages else "texts unknown"
        where = f"layer {layer} of {vectors.n_layers} ({chosen_by})"
        parts = (protocol_label(vectors), p.computed, where, texts)
        found.append(
            {
                "title": p.model,
                "note": " · ".join(part for part in parts if part) + pinned,
                "colour": look.colour,
                "dashed": look.dash != "solid",
                "facts": key_numbers(vectors, layer),
            }
        )
    return {"cards": found}


def emotion_map(view: Selection) -> go.Figure:
    """The first figure that anybody sees: the maps side by side, under what their comparison says."""
    sets, layers, left_out = view.readable(view.panels(), rdm)
    title = agreement(sets, layers)
    return plot.emotion_map(sets, layers=layers, emotion=view.marked, title=title, notes=left_out, height=470)


def table() -> dict:
    return sets_table(list(library().sets.values()))


def agreement(sets: list[VectorSet], layers: tuple[int, ...]) -> str | None:
    """What the comparison of two sets says, as the title of their maps; None for any other number of sets."""
    if len(sets) == 2 and len(set(sets[0].classes) & set(sets[1].classes)) >= MIN_COMMON:
        found = library().compared(tuple(s.name for s in sets), layers, "class", intervals=False)
        rho, p = found.rho[0, 1], found.p[0, 1]
        verb = "arrange emotions alike" if rho >= AGREEMENT and p < 0.01 else "compared"
        what = f"Two models {verb}"
        if sets[0].provenance.model == sets[1].provenance.model:
            what = "Two protocols, one model"
        chance = f", {p_text(p, found.n_permutations)}" if np.isfinite(p) else ""
        return f"{what}: RDM Spearman rho = {rho:.2f}{chance}"
    return None


def python(view: Selection) -> str:
    sets, layers, _ = view.readable(view.panels(), rdm)
    titled = {} if (title := agreement(sets, layers)) is None else {"title": title}
    return snippet(open_sets(sets), figure("emotion_map", "sets", layers=layers, emotion=view.marked, **titled))


TAB = Tab(
    title="Overview",
    question="Which vector sets are there, and how good is each where it is best?",
    lay=lay,
    draw=draw,
    ahead=True,
    layered=draw,
    picks={"map": pick_emotion},
    # Cards and maps always subtract the mean over classes.
    uses=[name for name in EVERYTHING if name != "centring"],
    python=python,
    wire=wire,
)
