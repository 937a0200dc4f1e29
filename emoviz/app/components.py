"""Custom components: a plotly figure that keeps its node, and views that are filled from JSON.

Nothing that a model, a visitor or a file wrote is ever read as HTML: the browser code sets text through textContent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
# Bytes of a file that a visitor uploads.
MAX_UPLOAD = 5 * 2**20
STATIC_URL, FONTS_URL = "emoviz-static", "emoviz-fonts"


@dataclass(frozen=True, slots=True)
class Refused:
    """What a figure, a table or cards show in their place when they cannot be drawn: why."""

    why: str

    def to_json(self) -> str:
        return json.dumps({"refused": self.why})


_NUMBERS = count()
# A page has dozens of the same kind, so that the script of each kind stands in it once.
_RUN = "window.emovizScripts.{}(element, props, window.emovizParts.saying(element, trigger), watch);"


class Figure(gr.HTML):
    """A plotly figure drawn with the plotly.js that plotly ships, the same on screen and in exports.

    gr.Plot rebuilds its node at every update (losing zoom and leaking WebGL contexts) and reports no clicks. Here the
    template is constant, so the node stays. `select` fires with {kind, ids, add} of a click, `add` with the shift
    key, and with {kind, brushed: [ids]} of what lies in a box; `download` with {format, preset, theme, link} of what is
    to be saved. The page's theme is applied in the browser by swapping the figure's template. share : of the tab's
    width, on a wide screen.
    """

    def __init__(self, value: go.Figure | None = None, share: float = 1.0, **kwargs: Any):
        self.share = share
        # By which `Shown` finds it in the browser.
        self.part = f"part-{next(_NUMBERS)}"
        super().__init__(
            value=value,
            html_template=f"<figure class='ez-figure' data-part='{self.part}'>"
            "<p class='ez-refused'></p><div class='ez-plot' role='group'></div><p class='ez-keys' aria-hidden='true'>"
            "← → layer, ↑ ↓ emotion, T table</p><div class='ez-tools' hidden><button class='ez-numbers' type='button'>"
            "Table</button><button class='ez-add' type='button'>+ Talk</button><button class='ez-save' type='button'>"
            f"Save</button></div><figcaption class='ez-hidden' id='{self.part}-said'></figcaption></figure>",
            js_on_load=_RUN.format("figure"),
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
    # Scripts that several kinds share.
    uses: tuple[str, ...] = ()

    def __init__(self, value: Any = None, **kwargs: Any):
        self.part = f"part-{next(_NUMBERS)}"
        super().__init__(
            value=value,
            html_template=f"<div class='ez-{self.script}' data-part='{self.part}'></div>",
            js_on_load=_RUN.format(self.script),
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

    With {stored: true} an example, which is not shown once others were asked for.
    A cell is {label, state, text, leaks: [[start, end, script, and its gloss if there is one]], lines: what else is
    said under it}; a judged one also has {regime, sign, verdict, reason, numbers, hidden, mass}, and with its row
    {witness, outside} later. `select` fires with {text, set} of a text that is to be read.
    """

    script, uses = "texts", ("text_cell",)


class Turns(Filled):
    """A conversation: {notes, turns: [{user, done, rows: [{title, witness, cells: [cell]}]}], chosen: [turn, place],
    exact: {turn, title, pieces: [[text, whether it is a control token]]}}.

    A cell is as in `Texts`, with {control, read}. Places count the answers of all rows of a turn. `select` fires with
    {profile: [turn, place]}, {tokens: [turn, place]} or {edit: turn}.
    """

    script, uses = "turns", ("text_cell",)


class Memory(Filled):
    """Models in memory: {models: [{name, size}], held: what the server holds, shared: whether none may be let go}.

    `select` fires with {free: name}.
    """

    script = "memory"


class Cards(Filled):
    """Key numbers: {cards: [{title, note, colour, dashed, facts: [{name, value, note}]}]}."""

    script = "cards"


class Messages(Filled):
    """What some sets say at a glance: {messages: [{lead, text, go or open}]}.

    go : what the link of a line changes of the view, by the names that links have. open : the id of the fold that it
    opens instead.
    """

    script = "messages"


class Board(Filled):
    """The papers' claims: {key, sets, claims: how many} of the sets that are chosen.

    `select` fires with {key, sets} once the page rests; the answer is {key, models, counts, rows} of `app.board`.
    """

    script = "board"


class Table(Filled):
    """A plain table: {columns: [name or [name, explanation]], rows: [[...]], groups: {row: heading}, notes: [...]}.

    With {shares: [-1 to 1 of each row]} the first cells are coloured as the tokens of a text are.
    With {kind, ids: [ids of each row], marked: [row]} a row is a button: `select` fires with {kind, ids, add}.
    """

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


class JobLines(Filled):
    """Long work: {jobs: [{job, label, said, open, failed, mine}], ended: how many have ended}.

    `select` fires with {owner} of a page that asks for news, and {owner, act, job} of one that cancels or dismisses;
    `expand` when one has ended since it last asked.
    """

    script = "jobs"


class UploadLimit(Filled):
    """Keeps files that are too large from being sent: {within: a selector, bytes}.

    `select` fires with {name, bytes} of such a file.
    """

    script = "upload"


class Shown(Filled):
    """What a view shows, in one message: {part: value of a figure or another part that is filled}.

    Gradio makes every output of an event anew, shown or not, which takes a millisecond each; and it keeps their values
    for every visitor.
    """

    script = "shown"

    @staticmethod
    def of(values: Mapping[Any, Any]) -> dict[str, str | None]:
        """The message that fills these parts. It also empties what gradio, which has not filled it, holds for empty."""
        return {part.part: part.postprocess(value) for part, value in values.items()}


class Layers(Filled):
    """What the view that is shown has at every layer: {key, from, step} of the view, with {at, parts} as `layers` gives
    them once they are asked for.

    `select` fires when they are, `expand` when the slider leaves the best layers, `input` with {swept} when it rests,
    `swept` where the browser has shown the depth.
    """

    script = "layers"


class Ahead(Filled):
    """What tabs show before they are opened: {view, tabs: titles of those to fetch for it, shares: {part: of the width
    that a figure has}}, then {view, parts} of one.

    view : names what is shown, so that what was fetched for another view is not. `select` fires with {tab, view}.
    """

    script = "ahead"


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
    """The address of the view, its Python, and the layer that is shown of the first set, null where there is none:
    {query, python, layer, layers}, with {asked: its number} where it answers a link.

    `select` fires with {query, width, number} of a link that is opened, `expand` with {width}: the pixels of a figure
    where the screen is narrow, else null.
    """

    script = "link"


def scripts() -> str:
    """The scripts of all kinds of parts, for the head of the page."""
    kinds, waiting = {"figure": ["figure"]}, [Filled]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.script:
            kinds[kind.script] = ["node", *kind.uses, kind.script]
    texts = {kind: "\n".join((STATIC / f"{name}.js").read_text("utf-8") for name in kinds[kind]) for kind in kinds}
    functions = (f"{kind}(element, props, trigger, watch) {{\n{text}\n}}" for kind, text in texts.items())
    return f"window.emovizScripts = {{\n{','.join(functions)}\n}};"


def _as_given(_part: Any, payload: Any) -> Any:
    return payload


# Parts whose value may be anything: gradio answers one out of bounds, or a choice that is there no more, with an error
# 500. Who reads the value checks it and says what is wrong. Gradio shows them as its own.
class Slider(gr.Slider):
    """A slider; its value may be None or out of bounds."""

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
