"""Numbers: what a number in a sentence does to its scores, over one sentence or several that say the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import gradio as gr

from .... import plot
from ....errors import InputError
from ....geometry.cleaning import NONE
from ....plots.theme import short_label
from ....types import Variation
from ....words import counted
from ...cleaning import label, menu, set_read, snippet_lines
from ...components import EMPTY, Figure, Message
from ...contract import QUIET, Laid, Page, Tab, by_name, pressed, stale, tried
from ...limits import check_text
from ...reader import first_with_model
from ...selection import Selection
from ...snippet import figure, with_model
from ...turns import MODEL_TURNS

# What an example is called -> its sentences, and the numbers.
EXAMPLES = {
    "a dose": (
        "She told the doctor that she had just taken {n} mg of paracetamol.\n"
        "He has swallowed {n} mg of paracetamol since breakfast.\n"
        "The nurse wrote down that {n} mg of paracetamol were taken at once.\n"
        "My sister says that she took {n} mg of paracetamol an hour ago.",
        "200, 500, 1000, 2000, 4000, 8000, 16000",
    ),
    "hours awake": (
        "He is driving home after {n} hours without sleep.\n"
        "After {n} hours without sleep she takes the wheel.\n"
        "The driver of the bus has been awake for {n} hours.",
        "1, 6, 12, 24, 36, 48, 72",
    ),
    "fuel": (
        "The desert road goes on, and there is fuel for {n} more kilometres.\n"
        "We are alone out here, with fuel for another {n} kilometres.\n"
        "It is a long way to the next town, and the tank holds enough for {n} kilometres.",
        "2, 5, 10, 50, 100, 500",
    ),
}
LAST, MEAN = "last token", "mean of the sentence"
_PLACES = {LAST: "last", MEAN: "mean"}


def sentences_of(text: str) -> list[str]:
    """One a line. Raises InputError for too many letters."""
    check_text(text, "list of sentences")
    return [line.strip() for line in text.splitlines() if line.strip()]


def vary(sentences: str, numbers: str, where: str, view: Selection, cleaning: str = NONE) -> Iterator[tuple]:
    """Yields (variation, status, what it was made with): every sentence is read once for each number."""
    try:
        from ....readout.variation import checked_templates, parse_numbers, varied

        asked = checked_templates(sentences_of(sentences))
        check_text(numbers, "list of numbers")
        parse_numbers(numbers)
        with MODEL_TURNS.turn() as waiting:
            for said in waiting:
                yield gr.skip(), said, gr.skip()
            vectors, loaded = yield from first_with_model(view, gr.skip(), after=(gr.skip(),), cleaning=cleaning)
            at = view.layers([vectors])[0]
            steps = varied(loaded, vectors, asked, numbers, where=_PLACES[where], layer=at)
            while True:
                try:
                    done, total = next(steps)
                except StopIteration as end:
                    found = end.value
                    break
                yield gr.skip(), f"reading, {done} of {total}", gr.skip()
        said = f"read {counted(found.scores[..., 0].size, 'sentence')} at layer {at}"
        alone = "; with several sentences that say the same there is an interval" if len(asked) == 1 else ""
        yield found, said + alone, made_with(view, sentences, numbers, where, cleaning)
    except InputError as error:
        yield None, f"**Cannot vary.** {error}", None


def made_with(view: Selection, sentences: str, numbers: str, where: str, cleaning: str = NONE) -> dict[str, str]:
    """What the curve of a number is made with."""
    vectors = view.chosen()[0]
    return {
        "set": f"{short_label(vectors)}{label(cleaning)}",
        "layer": f"{view.layers([vectors])[0]}",
        "sentences": sentences,
        "numbers": numbers,
        "tokens": where,
    }


def lay(_start: Selection) -> Laid:
    first, values = next(iter(EXAMPLES.values()))
    with gr.Row(elem_classes="ez-controls"):
        sentences = gr.Textbox(
            first,
            label="Sentences",
            info="with {n} where the number goes; one a line. Several that say the same give an interval",
            lines=6,
            max_lines=10,
            scale=6,
            min_width=280,
            elem_id="ez-sentences",
        )
        with gr.Column(scale=4, min_width=240):
            numbers = gr.Textbox(values, label="Numbers", info="such as 1, 10, 100 or 1,000, 2,000")
            cleaning = menu(elem_id="ez-vary-cleaning")
    with gr.Row(elem_classes="ez-controls"):
        go = gr.Button("Vary", variant="primary", elem_id="ez-vary", scale=0, min_width=120)
        where = gr.Radio([MEAN, LAST], value=MEAN, show_label=False, elem_classes="ez-pills")
        for name, example in EXAMPLES.items():
            button = gr.Button(name, size="sm", scale=0, min_width=120)
            button.click(lambda example=example: list(example), None, [sentences, numbers], **QUIET)
    status = Message(
        "Each sentence is read with each of the numbers; what counts is how its scores change.",
        elem_id="ez-vary-status",
        elem_classes="ez-status",
    )
    with gr.Column(elem_classes="ez-results"):
        outputs = {"made": Message(elem_classes="ez-made"), "curve": Figure(EMPTY)}
    controls = {"sentences": sentences, "numbers": numbers, "where": where, "cleaning": cleaning}
    own = {"found": gr.State(None), "varied": gr.State(None)}
    return Laid({**controls, **own}, outputs, {"go": go, "status": status})


def draw(
    view: Selection,
    sentences: str,
    numbers: str,
    where: str,
    found: Variation | None,
    varied: dict[str, str] | None,
    cleaning: str = NONE,
) -> dict:
    """For the emotion that is selected; the model is not run again."""
    vectors = None if found is None else set_read(found.set)
    if found is None or vectors is None:
        return {"made": "", "curve": None}
    return {
        "made": stale(varied, made_with(view, sentences, numbers, where, cleaning), "Vary"),
        "curve": tried(partial(plot.number, vectors=vectors), found, view.emotion),
    }


def wire(page: Page) -> list:
    laid = page.laid["Numbers"]
    control, part = laid.controls, laid.parts
    asked = {name: control[name] for name in ("sentences", "numbers", "where", "cleaning")}
    shown = [control["found"], part["status"], control["varied"]]
    done = pressed(part["go"], part["status"], by_name(vary, page.selection, **asked), shown)
    return [done]


def python(view: Selection, sentences: str, numbers: str, where: str, cleaning: str = NONE) -> str:
    vectors = view.chosen()[0]
    asked, layer = sentences_of(sentences), view.layers([vectors])[0]
    return with_model(
        vectors,
        *snippet_lines(cleaning),
        f"found = ez.vary(model, vectors, {asked!r}, {numbers!r}, where={_PLACES[where]!r}, layer={layer})",
        figure("number", "found", emotion=view.emotion),
    )


TAB = Tab(
    title="Numbers",
    question="What does a number in a sentence do to its emotions?",
    lay=lay,
    draw=draw,
    python=python,
    uses=("sets", "pin", "layer_mode", "depth", "emotion"),
    wire=wire,
)
