"""Vocabulary: the tokens that an emotion vector raises and lowers through the output head, at every layer."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from .... import plot
from ....errors import InputError
from ....plots.theme import short_label
from ....plots.wording import minus
from ....store.examples import shipped_examples
from ....types import TokenChange, VocabularyLens
from ...components import EMPTY, Figure, Message, Table
from ...contract import Laid, Page, Tab, by_name, pressed, stale
from ...library import library
from ...reader import first_with_model
from ...selection import Selection, pick_depth
from ...snippet import figure, with_model
from ...turns import MODEL_TURNS

_SHOWN = 20
# What is shown before anything was looked at, in place of a lens.
STORED = "stored example"


def look(view: Selection) -> Iterator[tuple]:
    """Yields (lens, status); the first set that is selected is looked at, and its model is loaded on the way.

    Errors end as the status.
    """
    try:
        with MODEL_TURNS.turn() as waiting:
            for place in waiting:
                yield gr.skip(), place
            vectors, loaded = yield from first_with_model(view, gr.skip())
            layers = len(vectors.finite_layers)
            yield gr.skip(), f"{loaded.name}: {view.emotion} through the output head at {layers} layers"
            from ....readout.lens import vocabulary_lens

            found = vocabulary_lens(loaded, vectors, view.emotion)
        yield found, said(found)
    except InputError as error:
        yield None, f"**Cannot look.** {error}"


def given(found: VocabularyLens | str | None) -> VocabularyLens | None:
    """The visitor's lens, before there is one the stored one; None where there is nothing to show."""
    if not isinstance(found, str):
        return found
    examples = shipped_examples()
    return None if examples is None else examples.lens


def views(found: VocabularyLens | None, view: Selection) -> tuple:
    """(figure, table) of the selected layer; the model is not run again."""
    vectors = library().set_named(found.set if found is not None else None)
    if found is None or vectors is None:
        return EMPTY, EMPTY
    # A layer that is not finite has no lens; the nearest one has.
    layer = view.layers([vectors])[0]
    at = min(found.raised, key=lambda known: abs(known - layer))
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
    return f"{found.emotion} in {found.model}: move the depth on the left, or click in the figure; nothing is run again"


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        go = gr.Button("Look", variant="primary", elem_id="ez-look", scale=0, min_width=120)
    status = Message(
        "Which tokens would the emotion on the left make more likely, and in which languages, before any text is "
        "written?",
        elem_id="ez-look-status",
        elem_classes="ez-status",
    )
    with gr.Column(elem_classes="ez-results"):
        made = Message(elem_classes="ez-made")
        outputs = {"made": made, "figure": Figure(EMPTY), "table": Table(EMPTY, elem_classes="ez-compact")}
    return Laid({"found": gr.State(STORED)}, {"status": status, **outputs}, {"go": go})


def draw(view: Selection, found: VocabularyLens | str | None) -> dict:
    lens, examples = given(found), shipped_examples()
    figure, table = views(lens, view)
    shown = {"figure": figure, "table": table}
    if found == STORED and examples is not None and lens is not None and figure != EMPTY:
        shown["status"] = (
            f"**Stored example.** {lens.emotion} in {lens.model} ({examples.made}). Press Look for your own."
        )
    now = {"set": short_label(view.chosen()[0]), "emotion": view.emotion}
    seen = library().set_named(lens.set) if lens is not None and found != STORED else None
    made = None if lens is None or seen is None else {"set": short_label(seen), "emotion": lens.emotion}
    return {**shown, "made": stale(made, now, "Look")}


def pick(ids: list, view: Selection) -> dict:
    """A click in the figure, [layer], asks for that depth in all sets."""
    return pick_depth([view.chosen()[0].name, *ids], view)


def wire(page: Page) -> list:
    laid = page.laid["Vocabulary"]
    control, part, status = laid.controls, laid.parts, laid.outputs["status"]
    done = pressed(part["go"], status, by_name(look, page.selection), [control["found"], status])
    return [done]


def python(view: Selection) -> str:
    vectors = view.chosen()[0]
    return with_model(
        vectors,
        f"found = ez.vocabulary_lens(model, vectors, {view.emotion!r})",
        figure("vocabulary", "found", layer=view.layers([vectors])[0]),
    )


TAB = Tab(
    title="Vocabulary",
    question="Which tokens does an emotion vector raise and lower, and in which languages, before any text is written?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"lens": pick},
    uses=("sets", "pin", "layer_mode", "depth", "emotion"),
    wire=wire,
)
