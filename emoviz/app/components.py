"""Custom components: a plotly figure that keeps its node, and views that are filled from JSON.

Nothing that a model, a visitor or a file wrote is ever read as HTML: the browser code sets text through textContent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

# Shown as nothing at all, where None (an empty string in the browser) is what has not been computed yet.
EMPTY = "null"

STATIC = Path(__file__).parent / "static"
# Relative, so that the page also works behind a path prefix.
STATIC_URL, FONTS_URL, PLOTLY_URL = "emoviz-static", "emoviz-fonts", "emoviz-plotly"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a figure, a table or cards show in their place when they cannot be drawn: why."""

    why: str

    def to_json(self) -> str:
        return json.dumps({"refused": self.why})


_NUMBERS = count()


class Figure(gr.HTML):
    """A plotly figure drawn with the plotly.js that plotly ships, the same on screen and in exports.

    gr.Plot rebuilds its node at every update (losing zoom and leaking WebGL contexts) and reports no clicks. Here the
    template is constant, so the node stays. `select` fires with the kind of figure and the clicked ids, `download` with
    {format, preset, theme, link} of what is to be saved. The page's theme is applied in the browser by swapping the
    figure's template.
    """

    def __init__(self, value: go.Figure | None = None, **kwargs: Any):
        # By which `Shown` finds it in the browser.
        self.part = f"part-{next(_NUMBERS)}"
        super().__init__(
            value=value,
            html_template=f"<figure class='ez-figure' data-part='{self.part}'>"
            "<button class='ez-add' type='button' hidden>+ Talk</button>"
            "<button class='ez-save' type='button' hidden>Save</button><p class='ez-refused'></p>"
            "<div class='ez-plot'></div><figcaption class='ez-hidden'></figcaption></figure>",
            js_on_load=(STATIC / "figure.js").read_text("utf-8"),
            apply_default_css=False,
            **kwargs,
        )

    def postprocess(self, value: go.Figure | Refused | str | None) -> str | None:
        return value.to_json() if isinstance(value, (go.Figure, Refused)) else value

    def api_info(self) -> dict[str, Any]:
        return {"type": "string", "description": "a plotly figure as JSON"}


class Filled(gr.HTML):
    """A node that the named script fills from the value, a JSON-able object."""

    script = ""

    def __init__(self, value: Any = None, **kwargs: Any):
        self.part = f"part-{next(_NUMBERS)}"
        super().__init__(
            value=value,
            html_template=f"<div class='ez-{self.script}' data-part='{self.part}'></div>",
            js_on_load="\n".join((STATIC / f"{name}.js").read_text("utf-8") for name in ("node", self.script)),
            apply_default_css=False,
            **kwargs,
        )

    def postprocess(self, value: Any) -> str | None:
        if isinstance(value, Refused):
            return value.to_json()
        return value if value in (None, EMPTY) else json.dumps(value)

    def api_info(self) -> dict[str, Any]:
        return {"type": "string", "description": "JSON"}


class Texts(Filled):
    """Steered texts: {prompt, chat, rows: [{title, note, set, baseline: cell, lines: [{label, control, cells:
    [cell]}]}]}.

    A cell is {label, state, text, leaks: [[start, end, script]]}; a judged one also has {regime, sign, verdict, reason,
    numbers, hidden, mass}, and with its row {witness} later. `select` fires with {text, set} of a text that is to be
    read.
    """

    script = "texts"


class Memory(Filled):
    """Models in memory: {models: [{name, size}], held: what the server holds}. `select` fires with {free: name}."""

    script = "memory"


class Cards(Filled):
    """Key numbers: {cards: [{title, note, colour, dashed, facts: [{name, value, note}]}]}."""

    script = "cards"


class Table(Filled):
    """A plain table: {columns: [name or [name, explanation]], rows: [[...]], groups: {row: heading}, notes: [...]}."""

    script = "table"


class Tokens(Filled):
    """A text in coloured tokens: {title, aid, limit, chosen, tokens: [{text, score or null, said}]}.

    `select` fires with {token: index}.
    """

    script = "tokens"


class Message(Filled):
    """A line that says what happened. What stands first between ** is set strong; all else is plain text.

    No Markdown: a message quotes what a visitor gave, and an image in it would be fetched.
    """

    script = "message"


class Shown(Filled):
    """What a view shows, in one message: {part: value of a figure or another part that is filled}.

    Gradio makes every output of an event anew, shown or not, which takes a millisecond each; and it keeps their values
    for every visitor.
    """

    script = "shown"


class Download(Filled):
    """Saves a file: {name, type, data in base64}, or says {name, format, problem} and lets the browser try; on the way
    {name, progress}. `select` fires when it is no longer wanted."""

    script = "download"


class Order(Filled):
    """The talk: {items: its slides as texts, at: the depth that the page shows, None for the best layers}, and once it
    is to be shown {slides, left_out, counter}.

    `select` fires with {items} in another order, `expand` when the talk is to be shown, `download` with {theme} when it
    is to be saved.
    """

    script = "order"


class Link(Filled):
    """The address of the view and its Python: {query, python}.

    `select` fires with {query, width} of a link that is opened, `expand` with {width}: the pixels of a figure where the
    screen is narrow, else null.
    """

    script = "link"


def _as_given(_part: Any, payload: Any) -> Any:
    return payload


# Parts whose value may be anything: gradio answers one out of bounds, or a choice that is there no more, with an error
# 500. Who reads the value checks it and says what is wrong. Gradio shows them as its own.
class Slider(gr.Slider):
    """A slider; its value may be None or out of bounds."""

    is_template = True
    preprocess = _as_given


class Ticks(gr.CheckboxGroup):
    """Boxes to tick; sets come and go while they are shown."""

    is_template = True
    preprocess = _as_given


class Menu(gr.Dropdown):
    """A menu whose choices come and go while it is shown."""

    is_template = True
    preprocess = _as_given


class Choice(gr.Radio):
    """One of several that come and go while they are shown."""

    is_template = True
    preprocess = _as_given
