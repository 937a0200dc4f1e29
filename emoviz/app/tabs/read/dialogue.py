"""Dialogue: the emotional state in a conversation that took place, message by message, in the chat template."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import gradio as gr
import numpy as np

from .... import plot
from ....errors import InputError
from ....geometry.cleaning import NONE
from ....plots.theme import short_label
from ....plots.wording import minus
from ....readout.summary import top_words
from ....stimuli.dialogues import parse_dialogue
from ....types import DialogueReading
from ....words import counted
from ... import fetching
from ...cleaning import label, menu, set_read, snippet_lines
from ...components import EMPTY, Figure, Message, Table
from ...contract import QUIET, Laid, Page, Part, Tab, by_name, pressed, stale, tried
from ...limits import DIALOGUE, check_text
from ...reader import first_with_model
from ...selection import Selection
from ...snippet import figure, with_model
from ...turns import MODEL_TURNS
from .text import fetch

EXAMPLE = (
    "User: My dog did not come back last night. I have been up and down the whole valley.\n"
    "Assistant: I am so sorry. Not knowing is the worst part. Have the neighbours been told?\n"
    "User: Wait. There is something at the door.\n"
    "Assistant: Go and look! I hope with all my heart that it is him.\n"
    "User: It is him! He is soaked and filthy, and he is eating my shoe."
)
_WHO = {"user": "user", "assistant": "assistant", "system": "system prompt"}


def run(text: str, view: Selection, cleaning: str = NONE) -> Iterator[tuple]:
    """Yields (reading, status, what it was made with); the first selected set reads, its model is loaded on the way."""
    try:
        check_text(text, "dialogue", DIALOGUE)
        messages = parse_dialogue(text)
        with MODEL_TURNS.turn() as waiting:
            for said in waiting:
                yield gr.skip(), said, gr.skip()
            vectors, loaded = yield from first_with_model(view, gr.skip(), after=(gr.skip(),), cleaning=cleaning)
            from ....readout.dialogue import read_dialogue

            yield gr.skip(), "reading; the first time, neutral exchanges too", gr.skip()
            found = read_dialogue(loaded, vectors, messages, view.layers([vectors])[0])
        how = "in its chat template" if loaded.tokenizer.chat_template is not None else "as a plain transcript"
        yield found, f"{found.model} read {counted(len(messages), 'message')} {how}", made_with(view, text, cleaning)
    except InputError as error:
        yield None, f"**Cannot read.** {error}", None


def made_with(view: Selection, text: str, cleaning: str = NONE) -> dict[str, str]:
    vectors = view.chosen()[0]
    return {
        "set": f"{short_label(vectors)}{label(cleaning)}",
        "layer": f"{view.layers([vectors])[0]}",
        "dialogue": text.strip(),
    }


def table(found: DialogueReading, emotion: str) -> dict:
    """A row for each message: the emotion before and over it, and what lies highest there."""
    at = found.classes.index(emotion)

    def score(values: np.ndarray) -> str:
        return "" if np.isnan(values).all() else minus(f"{values[at]:+.3f}")

    rows = []
    for k, (role, text) in enumerate(zip(found.roles, found.texts, strict=True)):
        own = found.before[k] if np.isnan(found.over[k]).all() else found.over[k]
        highest = minus(top_words(found.classes, own))
        said = text if text else "the answer that is to come"
        rows.append([f"{k + 1} {_WHO[role]}", said, score(found.before[k]), score(found.over[k]), highest])
    return {
        "columns": [
            "who",
            "message",
            ["before", f"{emotion} at the last position before the answer"],
            ["over", f"mean {emotion} score over the words of the message"],
            "highest",
        ],
        "rows": rows,
        "notes": [
            "scores less those of neutral exchanges in the same template, by speaker; highest: over the message, or "
            "before an answer that is to come"
        ],
        "wrap": True,
    }


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        text = gr.Textbox(
            EXAMPLE,
            label="Dialogue",
            info="User:, Assistant: or System: before each message, or JSON lines with role and content",
            lines=6,
            max_lines=14,
            elem_id="ez-dialogue-text",
            scale=5,
            min_width=260,
        )
        cleaning = menu(scale=1, min_width=220, elem_id="ez-dialogue-cleaning")
    with gr.Row(elem_classes="ez-controls"):
        go = gr.Button("Read the dialogue", variant="primary", elem_id="ez-dialogue", scale=0, min_width=180)
    status = Message(
        "The whole dialogue is read once, in the model's chat template, without steering.",
        elem_id="ez-dialogue-status",
        elem_classes="ez-status",
    )
    outputs: dict[str, Part] = {"fetch": fetching.lay()}
    with gr.Column(elem_classes="ez-results"):
        outputs |= {"made": Message(elem_classes="ez-made"), "lines": Figure(EMPTY)}
        outputs["messages"] = Table(elem_classes="ez-left")
    own = {"found": gr.State(None), "read": gr.State(None)}
    return Laid({"text": text, "cleaning": cleaning, **own}, outputs, {"go": go, "status": status}, menus=["fetch"])


def draw(
    view: Selection,
    text: str,
    found: DialogueReading | None,
    read: dict[str, str] | None,
    cleaning: str = NONE,
) -> dict:
    """For the emotions that are selected; the model is not run again."""
    shown = {"fetch": fetching.offer([view.chosen()[0].provenance.model]), "made": "", "lines": None, "messages": None}
    vectors = None if found is None else set_read(found.set)
    if found is None or vectors is None:
        return shown
    shown["made"] = stale(read, made_with(view, text, cleaning), "Read the dialogue")
    shown["lines"] = tried(partial(plot.dialogue, vectors=vectors), found, [view.emotion, *view.emotions])
    shown["messages"] = table(found, view.emotion) if view.emotion in found.classes else None
    return shown


def wire(page: Page) -> list:
    laid = page.laid["Dialogue"]
    control, output, part = laid.controls, laid.outputs, laid.parts
    work = by_name(run, page.selection, text=control["text"], cleaning=control["cleaning"])
    done = pressed(part["go"], part["status"], work, [control["found"], part["status"], control["read"]])
    output["fetch"].click(
        *by_name(fetch, page.selection, owner=page.jobs.owner), [part["status"], page.jobs.lines], **QUIET
    )
    return [done]


def python(view: Selection, text: str, cleaning: str = NONE) -> str:
    vectors = view.chosen()[0]
    try:
        messages = parse_dialogue(text)
    except InputError:
        messages = [("user", text)]
    return with_model(
        vectors,
        *snippet_lines(cleaning),
        f"found = ez.read_dialogue(model, vectors, {messages!r}, {view.layers([vectors])[0]})",
        figure("dialogue", "found", emotion=[view.emotion, *view.emotions]),
    )


TAB = Tab(
    title="Dialogue",
    question="What state does a conversation carry, message by message, and before each answer?",
    lay=lay,
    draw=draw,
    python=python,
    uses=("sets", "pin", "layer_mode", "depth", "emotion", "emotions"),
    wire=wire,
)
