"""One text: which emotions each of its tokens lights up, at every layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from .... import plot
from ....errors import InputError
from ....geometry.cleaning import NONE, parted
from ....plots.reading import formula, scale_limit
from ....plots.theme import short_label
from ....plots.wording import minus
from ....readout.projection import passage_scale
from ....readout.summary import layer_of, ranked, sentences, text_scores
from ....store.examples import shipped_examples
from ....types import Missing, Reading, VectorSet
from ....words import counted
from ... import fetching
from ...cleaning import label, menu, set_read, snippet_lines
from ...components import EMPTY, Figure, Message, Table, Tokens
from ...contract import QUIET, Laid, Page, Part, Tab, by_name, on_said, pressed, stale
from ...library import library
from ...limits import TEXT, check_text
from ...reader import first_with_model
from ...selection import Selection
from ...snippet import figure, with_model
from ...turns import MODEL_TURNS

EXAMPLES = {
    "a night of waiting": (
        "She waited all night by the telephone. The hospital had promised to call before nine, and it was past "
        "midnight now. Then the door opened: he was there, laughing, snow on his coat, and she ran to him."
    ),
    "the wrong invoice": (
        "They had billed him three times for the same repair. He read the letter twice, put it down very carefully and "
        "rang them again. Nobody there had ever heard of him. On the bus home a child offered him half of an orange, "
        "and he took it."
    ),
    "an empty room": (
        "The neighbours' boxes are gone from the stairs. She still sets out two cups before she notices. In the "
        "evening the light comes in over the roofs, slowly, and for once there is nothing that she has to do."
    ),
}
# What is shown before anything was read, in place of a reading.
STORED = "stored example"


def run(text: str, view: Selection, cleaning: str = NONE) -> Iterator[tuple]:
    """Yields (reading, chosen token, status); the first set that is selected reads, and its model is loaded on the way.

    Errors end as the status.
    """
    try:
        check_text(text)
        with MODEL_TURNS.turn() as waiting:
            for said in waiting:
                yield gr.skip(), gr.skip(), said
            vectors, loaded = yield from first_with_model(view, gr.skip(), gr.skip(), cleaning=cleaning)
            from ....readout.reading import read_text

            reading = read_text(loaded, vectors, text)
        yield reading, _strongest(reading, view.emotion), _said(reading)
    except InputError as error:
        yield None, None, f"**Cannot read.** {error}"


def views(reading: Reading | None, view: Selection, token: int | None) -> tuple:
    """(status, tokens, figure of one token, heat map, sentences) for the selected layer; the model is not run again."""
    if reading is None or token is None:
        return gr.skip(), EMPTY, EMPTY, EMPTY, EMPTY
    try:
        vectors, emotion = set_read(reading.set), view.emotion
        if vectors is None:
            raise InputError(f"{reading.set} is not at hand any more. Press Read again.")
        at = layer_of(reading, f"{view.layers([vectors])[0]}")
        if emotion not in reading.classes:
            raise InputError(
                f"emotion {emotion!r} is not in {reading.set}. Choose another on the left: "
                f"{', '.join(reading.classes)}."
            )
        return (
            _said(reading),
            coloured(reading, vectors, at, emotion, token),
            plot.token(reading, token, emotion, layer=at, vectors=vectors),
            plot.reading(reading, emotion, layer=at, vectors=vectors),
            sentence_table(reading, vectors, at, emotion),
        )
    except InputError as error:
        return f"**Cannot show.** {error}", EMPTY, EMPTY, EMPTY, EMPTY


def coloured(reading: Reading, vectors: VectorSet, layer: int, emotion: str, chosen: int) -> dict:
    """What the coloured text shows."""
    scores = reading.scores[layer]
    own = scores[:, reading.classes.index(emotion)]
    rows: list[dict[str, Any]] = []
    for k, text in enumerate(reading.tokens):
        if np.isnan(own[k]):
            rows.append({"text": text, "score": None, "said": f"not read: {reading.unread_tokens.get(k, '')}"})
            continue
        rank = 1 + int((scores[k] > own[k]).sum())
        best = ", ".join(f"{name} {score:+.3f}" for name, score in ranked(reading.classes, scores[k], 3))
        said = minus(f"{emotion}, rank {rank} of {len(reading.classes)}; highest: {best}")
        rows.append({"text": text, "score": round(float(own[k]), 5), "said": said})
    return {
        "title": f"Each token on {emotion}, layer {layer} of {len(reading.scores)}",
        "aid": f"{formula(vectors)}; in the unit of a steering dose. Hover for a value; click a token, or use the "
        "arrow keys and Enter, to see it through the layers.",
        "limit": scale_limit(reading, layer),
        "chosen": chosen,
        "tokens": rows,
    }


def sentence_table(reading: Reading, vectors: VectorSet, layer: int, emotion: str) -> dict:
    """Mean scores per sentence, the whole text first."""
    scale = passage_scale(vectors, layer)
    found = None if isinstance(scale, Missing) else scale
    column = reading.classes.index(emotion)
    rows = []
    for text, scores in [
        ("the whole text", text_scores(reading, layer)),
        *((s.text, s.scores) for s in sentences(reading, layer)),
    ]:
        top = ", ".join(f"{name} {score:+.3f}" for name, score in ranked(reading.classes, scores, 3))
        z = [] if found is None else [f"{(scores[column] - found[0][column]) / found[1][column]:+.1f}"]
        cells = (
            ["not read", *(["–"] if z else []), "–"] if np.isnan(scores).any() else [f"{scores[column]:+.3f}", *z, top]
        )
        rows.append([text, *(minus(cell) for cell in cells)])
    explained = [["z", f"standard deviations from the mean {emotion} score of the set's own passages"]]
    notes = ["means over the tokens that were read"]
    if isinstance(scale, Missing):
        notes.append(f"no z: {scale.why}")
    else:
        notes.append(
            f"z: against the {vectors.provenance.n_passages} passages of the set; a sentence has fewer tokens than a "
            "passage, so its z spreads more"
        )
    return {
        "columns": ["sentence", emotion, *(explained if found is not None else []), "highest"],
        "rows": rows,
        "notes": notes,
        "wrap": True,
    }


def given(reading: Reading | str | None) -> Reading | None:
    """The visitor's reading, before there is one the stored one; None where there is nothing to show."""
    if not isinstance(reading, str):
        return reading
    examples = shipped_examples()
    return None if examples is None or examples.reading.set not in library().sets else examples.reading


def pick(clicked: Any, reading: Reading | str | None) -> Any:
    """The token that was clicked; a visitor can post any value."""
    reading = given(reading)
    token = clicked.get("token") if isinstance(clicked, dict) else None
    if reading is None or type(token) is not int or not 0 <= token < len(reading.tokens):
        return gr.skip()
    return token


def lay(_start: Selection) -> Laid:
    reading, token = gr.State(STORED), gr.State(None)
    with gr.Row(elem_classes="ez-controls"):
        text = gr.Textbox(
            next(iter(EXAMPLES.values())),
            label="Text to read",
            info=f"up to {TEXT:,} letters",
            lines=4,
            max_lines=8,
            scale=5,
            min_width=260,
        )
        cleaning = menu(scale=1, min_width=220, elem_id="ez-read-cleaning")
    with gr.Row(elem_classes="ez-controls"):
        go = gr.Button("Read", variant="primary", elem_id="ez-read", scale=0, min_width=120)
        for name, example in EXAMPLES.items():
            button = gr.Button(name, size="sm", scale=0, min_width=140)
            button.click(lambda example=example: example, None, text, **QUIET)
    status = Message(
        "The text is read once. Then change the layer or the emotion on the left, and the view follows at once.",
        elem_id="ez-read-status",
        elem_classes="ez-status",
    )
    outputs: dict[str, Part] = {"status": status, "fetch": fetching.lay()}
    with gr.Column(elem_classes="ez-results"):
        outputs |= {"made": Message(elem_classes="ez-made"), "tokens": Tokens()}
        outputs |= {"token": Figure(EMPTY), "heat_map": Figure(EMPTY), "sentences": Table(elem_classes="ez-left")}
    controls = {"text": text, "cleaning": cleaning, "reading": reading, "chosen": token}
    return Laid(controls, outputs, {"go": go}, menus=["fetch"])


def draw(view: Selection, text: str, reading: Reading | str | None, chosen: int | None, cleaning: str = NONE) -> dict:
    """For the layer and the emotion that are selected; the model is not run again."""
    names = ("status", "tokens", "token", "heat_map", "sentences")
    found, examples = given(reading), shipped_examples()
    if found is not None and chosen is None:
        chosen = _strongest(found, view.emotion)
    shown = dict(zip(names, views(found, view, chosen), strict=True))
    stored = reading == STORED
    if stored and examples is not None and shown["tokens"] != EMPTY:
        own = "Press Read for a text of your own."
        shown["status"] = f"**Stored example.** {shown['status']} ({examples.made}). {own}"
    now = {"set": f"{short_label(view.chosen()[0])}{label(cleaning)}", "text": text}
    read = set_read(found.set) if found is not None else None
    made = None if found is None or read is None or stored else {"set": short_label(read), "text": found.text}
    return {
        **shown,
        "fetch": fetching.offer([view.chosen()[0].provenance.model]),
        "made": stale(made, now, "Read"),
    }


def wire(page: Page) -> list:
    laid = page.laid["One text"]
    control, output, part = laid.controls, laid.outputs, laid.parts
    work = by_name(run, page.selection, text=control["text"], cleaning=control["cleaning"])
    done = pressed(part["go"], output["status"], work, [control["reading"], control["chosen"], output["status"]])
    picked = on_said(page.said, [output["tokens"]], "select", pick, [control["reading"]], control["chosen"])
    output["fetch"].click(
        *by_name(fetch, page.selection, owner=page.jobs.owner), [output["status"], page.jobs.lines], **QUIET
    )
    return [done, picked]


def fetch(view: Selection, owner: str) -> tuple[str, Any]:
    """(status, jobs) where missing weights are asked for."""
    return fetching.begin([view.chosen()[0].provenance.model], owner)


def _strongest(reading: Reading, emotion: str) -> int:
    """The token that is chosen at first: the one that the emotion moves most."""
    column = reading.classes.index(emotion) if emotion in reading.classes else 0
    return int(np.nanargmax(np.abs(reading.scores[reading.layer, :, column])))


def _said(reading: Reading) -> str:
    unread = len(reading.unread_tokens)
    marked = f"; {unread} of them not read at some or all layers (attention sinks)" if unread else ""
    cleaning = parted(reading.set)[1]
    how = f" along directions {cleaning}" if cleaning else ""
    return f"{reading.model} read {counted(len(reading.tokens), 'token')}{how}{marked}"


def python(view: Selection, text: str, cleaning: str = NONE) -> str:
    vectors = view.chosen()[0]
    return with_model(
        vectors,
        *snippet_lines(cleaning),
        f"reading = ez.read_text(model, vectors, {text!r})",
        figure("reading", "reading", "vectors=vectors", emotion=view.emotion, layer=view.layers([vectors])[0]),
    )


TAB = Tab(
    title="One text",
    question="Which emotions does each token of a text light up?",
    lay=lay,
    draw=draw,
    python=python,
    uses=("sets", "pin", "layer_mode", "depth", "emotion"),
    wire=wire,
)
