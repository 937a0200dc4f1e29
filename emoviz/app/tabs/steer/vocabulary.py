"""Vocabulary: the tokens that an emotion vector raises and lowers through the output head, at every layer."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from .... import plot
from ....errors import InputError
from ....geometry import preferred_layer
from ....plots.wording import minus
from ....types import TokenChange, VocabularyLens
from ...components import EMPTY, Figure, Menu, Message, Slider, Table
from ...contract import QUIET, WITH_MODEL, Laid, Page, Tab, by_name
from ...library import library
from ...selection import Selection
from ...snippet import figure, with_model
from ...turns import MODEL_TURNS
from ..read import choices, set_with_model

_SHOWN = 20


def look(name: str | None, emotion: str) -> Iterator[tuple]:
    """Yields (lens, status, layer slider); the model is loaded on the way. Errors end as the status."""
    try:
        with MODEL_TURNS.turn() as waiting:
            for place in waiting:
                yield gr.skip(), place, gr.skip()
            vectors, loaded = yield from set_with_model(name, (gr.skip(),), (gr.skip(),))
            yield (
                gr.skip(),
                f"{loaded.name}: {emotion} through the output head at {len(vectors.finite_layers)} layers",
                gr.skip(),
            )
            from ....readout.lens import vocabulary_lens

            found = vocabulary_lens(loaded, vectors, emotion)
        best = preferred_layer(vectors)
        yield found, said(found), gr.update(maximum=vectors.n_layers - 1, value=best)
    except InputError as error:
        yield None, f"**Cannot look.** {error}", gr.skip()


def views(found: VocabularyLens | None, layer: float) -> tuple:
    """(figure, table) of one layer; the model is not run again."""
    vectors = library().set_named(found.set if found is not None else None)
    if found is None or vectors is None:
        return EMPTY, EMPTY
    # A layer that is not finite has no lens; the nearest one has.
    at = min(found.raised, key=lambda known: abs(known - int(layer)))
    return plot.vocabulary(found, at, vectors=vectors), tokens_table(found, at)


def tokens_table(found: VocabularyLens, layer: int) -> dict:
    """The first tokens of both lists, with their scripts."""

    def cells(row: TokenChange) -> list[str]:
        return [_visible(row.token), row.script if row.script else "–", minus(f"{row.change:+.1f}")]

    change = ["change", "of the token's logit per unit of dose, less the mean over the vocabulary"]
    pairs = zip(found.raised[layer][:_SHOWN], found.lowered[layer][:_SHOWN], strict=True)
    return {
        "columns": [f"raised by {found.emotion}", "script", change, "lowered", "script", change],
        "rows": [[*cells(up), *cells(down)] for up, down in pairs],
        "notes": [
            f"layer {layer} of {found.model}; the direct path only, what later blocks make of the vector is not seen; "
            "␣ is a blank, ⏎ a line break"
        ],
    }


def _visible(token: str) -> str:
    """A token with its blanks, by which two that look the same may differ."""
    return "".join({" ": "␣", "\n": "⏎"}.get(c, c if c.isprintable() else repr(c)[1:-1]) for c in token)


def said(found: VocabularyLens) -> str:
    return f"{found.emotion} in {found.model}: move the layer, or click in the figure; nothing is run again"


def lay(_start: Selection) -> Laid:
    sets = choices()
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        chosen = Menu(sets, value=sets[0][1] if sets else None, label="Vectors, seen by their own model", scale=4)
        layer = Slider(0, 1, value=0, step=1, label="Layer", scale=4)
        go = gr.Button("Look", variant="primary", elem_id="ez-look", scale=1, min_width=120)
    status = Message(
        "Which tokens would the emotion on the left make more likely, and in which languages, before any text is "
        "written?",
        elem_id="ez-look-status",
        elem_classes="ez-status",
    )
    outputs = {"figure": Figure(EMPTY), "table": Table(EMPTY, elem_classes="ez-compact")}
    parts = {"set": chosen, "go": go, "status": status}
    return Laid({"found": gr.State(None), "layer": layer}, outputs, parts, linked={"set": chosen})


def draw(_view: Selection, found: VocabularyLens | None, layer: float) -> dict:
    figure, table = views(found, layer)
    return {"figure": figure, "table": table}


def pick(ids: list, _view: Selection) -> dict:
    """A click in the figure, [layer], moves the layer there."""
    return {"layer": ids[0]} if type(ids[0]) is int else {}


def wire(page: Page) -> list:
    laid = page.laid["Vocabulary"]
    control, part = laid.controls, laid.parts
    started = part["go"].click(
        lambda: ["waiting for the model", gr.update(interactive=False)], None, [part["status"], part["go"]], **QUIET
    )
    done = started.then(
        *by_name(look, name=part["set"], emotion=page.selection["emotion"]),
        [control["found"], part["status"], control["layer"]],
        **WITH_MODEL,
    )
    done.then(lambda: gr.update(interactive=True), None, part["go"], **QUIET)
    page.blocks.load(lambda: gr.update(choices=choices()), None, part["set"], **QUIET)
    return [done]


def python(view: Selection, set: str | None) -> str:
    return with_model(
        library().chosen(set),
        f"found = ez.vocabulary_lens(model, vectors, {view.emotion!r})",
        figure("vocabulary", "found"),
    )


TAB = Tab(
    title="Vocabulary",
    question="Which tokens does an emotion vector raise and lower, and in which languages, before any text is written?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"lens": pick},
    wire=wire,
)
