"""Converse: the same messages to several models and doses side by side, with the state that each answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ....errors import InputError
from ....plots.conversation import profile_figure, turns_figure
from ....share.transcript import FORMATS, transcript_file
from ....steer.recipes import EMOVIZ, NORMS, PRESETS, SCOPES
from ... import fetching
from ...cleaning import menu, set_read, snippet_lines
from ...components import EMPTY, Figure, Message, Turns
from ...contract import LATEST, QUIET, WITH_MODEL, Laid, Page, Part, Tab, by_name, on_said, tried
from ...download import downloaded
from ...library import library
from ...limits import limits
from ...selection import Selection
from ...snippet import dose_list, snippet
from ...steer.conversing import Talk, exact, say
from ...steer.request import check_prompt, plain, request
from .texts import CONTROLS, in_python, models_of, summary

_RECIPE = "System prompt, recipe and decoding: "
_FIRST = "I think somebody is in my house right now."
_HINT = (
    "The same message goes to the unsteered model and to every direction at every dose; each goes on with its own "
    "answers. Then the unsteered model reads each answer."
)


def lay(start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        user = gr.Textbox(
            _FIRST, label="Message", info=f"up to {limits().prompt:,} letters", lines=2, max_lines=6, scale=5,
            min_width=260, elem_id="ez-message",
        )  # fmt: skip
        chosen = gr.Dropdown(
            list(library().classes), value=[start.emotion], label="Emotions, mixtures and interventions",
            info="type 0.7 calm + 0.3 grateful, or ablate afraid", multiselect=True, allow_custom_value=True, scale=4,
            min_width=260, elem_id="ez-converse-directions",
        )  # fmt: skip
        with gr.Column(scale=1, min_width=110, elem_classes="ez-buttons"):
            go = gr.Button("Send", variant="primary", elem_id="ez-send-message")
            stop = gr.Button("Stop", elem_id="ez-converse-stop", interactive=False)
    with gr.Row(elem_classes="ez-controls"):
        doses = gr.Textbox("0.04", label="Doses", scale=3, min_width=140)
        controls = gr.CheckboxGroup(CONTROLS, label="Controls", scale=5, min_width=290)
        again = gr.Button("Again, other seed", size="sm", scale=1, min_width=140, elem_id="ez-converse-again")
        new = gr.Button("New", size="sm", scale=1, min_width=90, elem_id="ez-converse-new")
    fetch = fetching.lay()
    first = {"preset": EMOVIZ, "layers": "window", "scope": "all", "norm": "fixed"}
    label = _label(**first, tokens="60", temperature="0", seed="0")
    with gr.Accordion(label, open=False, elem_id="ez-converse-recipe") as fold:
        system = gr.Textbox(
            "", label="System prompt", info="empty: what the model's chat template adds by itself, told below",
            lines=2, max_lines=6,
        )  # fmt: skip
        with gr.Row(elem_classes="ez-controls"):
            preset = gr.Radio(list(PRESETS), value=EMOVIZ, label="Recipe", scale=3, elem_classes="ez-pills")
            layers = gr.Textbox("window", label="Layers", info="window, all, 12 or 10-20", scale=2, min_width=140)
            scope = gr.Dropdown(list(SCOPES), label="Scope", info="of each turn", scale=2, min_width=140)
            norm = gr.Dropdown(list(NORMS), label="Norm", info="what a dose is a share of", scale=2, min_width=140)
        with gr.Row(elem_classes="ez-controls"):
            cleaning = menu(scale=2, min_width=190, elem_id="ez-converse-cleaning")
            tokens = gr.Textbox("60", label="New tokens", info="of one answer", scale=2, min_width=120)
            temperature = gr.Textbox("0", label="Temperature", info="0 is greedy", scale=2, min_width=120)
            seed = gr.Textbox("0", label="Seed", info="of the sampling", scale=2, min_width=120)
    status = Message(_HINT, elem_classes="ez-status", elem_id="ez-converse-status")
    how: dict[str, Part] = {"preset": preset, "layers": layers, "scope": scope, "norm": norm, "tokens": tokens}
    how |= {"temperature": temperature, "seed": seed, "cleaning": cleaning}
    labelled, inputs = by_name(lambda **now: gr.update(label=_label(**now)), **how)
    gr.on([part.change for part in inputs], labelled, inputs, fold, **LATEST)
    asked = {"user": user, "chosen": chosen, "controls": controls, "doses": doses, "system": system, **how}
    turns = Turns(EMPTY, elem_id="ez-turns")
    with gr.Row():
        saves = [
            gr.Button(f"Save .{name}", size="sm", scale=0, min_width=110, elem_id=f"ez-converse-{name}")
            for name in FORMATS
        ]
    with gr.Row(elem_classes="ez-two"):
        over = Figure(EMPTY, share=0.5)
        profile = Figure(EMPTY, share=0.5)
    own = {"talk": gr.State(Talk())}
    outputs = {"fetch": fetch, "over": over, "profile": profile}
    parts = {"status": status, "turns": turns, "go": go, "stop": stop, "again": again, "new": new, "at": gr.State(None)}
    parts |= dict(zip(FORMATS, saves, strict=True))
    linked = {name: part for name, part in asked.items() if name != "user"}
    return Laid({**asked, **own}, outputs, parts, menus=["fetch"], linked=linked)


def _label(**how: Any) -> str:
    return _RECIPE + summary(**how, chat=False).partition(": ")[2]


def draw(view: Selection, talk: Talk, **_asked: Any) -> dict:
    """The figures of the conversation, for the emotion on the left; nothing is read again."""
    shown: dict[str, Any] = {"fetch": fetching.offer(models_of(view)), "over": None, "profile": None}
    if not talk.read:
        return shown
    turn, place = talk.shown["chosen"] or (len(talk.read) - 1, min(1, len(talk.read[-1]) - 1))
    if turn >= len(talk.read) or place >= len(talk.read[turn]):
        return shown
    reply = talk.read[turn][place]
    twin = next((one for one in talk.read[turn] if one.model == reply.model), None)
    # The lines of one model: those of several would hide each other.
    own = [[one for one in replies if one.model == reply.model] for replies in talk.read]
    vectors = set_read(reply.set)
    if vectors is not None:
        shown["over"] = tried(turns_figure, vectors, own, [view.emotion, *view.emotions])
        shown["profile"] = tried(profile_figure, vectors, reply, twin)
    return shown


def send(view: Selection, talk: Talk, at: int | None, user: str, system: str, **asked: Any) -> Iterator[tuple]:
    """Yields (turns, status, message box) while one message is answered."""
    talk.stopped = False
    try:
        models = models_of(view)
        if system.strip():
            check_prompt(system)
        found = request(prompt=user, models=models, sets=view.sets, chat=True, **asked)
        for shown, said in say(talk, found, user.strip(), system, at):
            yield shown, said, gr.skip()
        yield gr.skip(), gr.skip(), ""
    except InputError as error:
        yield gr.skip() if not talk.shown["turns"] else talk.shown, f"**Cannot send.** {error}", gr.skip()


def resend(view: Selection, talk: Talk, system: str, seed: str, user: str, **asked: Any) -> Iterator[tuple]:
    """Yields (turns, status, seed) while the last message is answered once more, with the next seed."""
    if not talk.read:
        yield gr.skip(), "**Cannot repeat.** Nothing has been said yet. Write a message and press Send.", gr.skip()
        return
    last_seed = plain(seed)
    following = int(last_seed) + 1 if last_seed.isdecimal() else 1
    last = talk.shown["turns"][-1]["user"]
    greedy = plain(asked["temperature"]) == "0"
    told = "; greedy answers are the same under any seed: raise the temperature" if greedy else ""
    for shown, said, _ in send(view, talk, len(talk.read) - 1, last, system, seed=following, **asked):
        yield shown, said if said == gr.skip() else f"{said}{told}", following


def begin_anew(talk: Talk) -> tuple:
    """(talk, turns, status, at) for another conversation."""
    talk.stopped = True
    return Talk(), EMPTY, _HINT, None


def picked(clicked: Any, talk: Talk, at: int | None) -> tuple:
    """(turns, message box, at, status) where something of an answer or a message is asked for."""
    told = clicked if isinstance(clicked, dict) else {}
    nothing = (gr.skip(),) * 4
    edit, profile, tokens = (told.get(name) for name in ("edit", "profile", "tokens"))
    if type(edit) is int and edit == at:
        return gr.skip(), "", None, _HINT
    if type(edit) is int and 0 <= edit < len(talk.read):
        user = talk.shown["turns"][edit]["user"]
        return (
            gr.skip(),
            user,
            edit,
            f"Send takes the place of turn {edit + 1} and forgets what follows it. Edit again to leave it.",
        )
    if _place(profile, talk) is not None:
        talk.shown["chosen"] = profile
        return talk.shown, gr.skip(), gr.skip(), gr.skip()
    if _place(tokens, talk) is not None and tokens is not None:
        there = talk.shown["exact"]
        found = exact(talk, *tokens)
        talk.shown["exact"] = None if there == found else found
        return talk.shown, gr.skip(), gr.skip(), gr.skip()
    return nothing


def _place(given: Any, talk: Talk) -> tuple[int, int] | None:
    """A turn and an answer of it, if there is one; a visitor can post any value."""
    if not isinstance(given, list) or len(given) != 2 or not all(type(k) is int for k in given):
        return None
    turn, place = given
    there = 0 <= turn < len(talk.read) and 0 <= place < len(talk.read[turn])
    return (turn, place) if there else None


def save(format: str) -> Any:
    def saved(talk: Talk) -> dict:
        def make() -> tuple[str, bytes]:
            if not talk.read:
                raise InputError("nothing has been said yet. Write a message and press Send.")
            return f"emoviz-conversation.{format}", transcript_file(talk.read, format, talk.shown["notes"])

        return downloaded("emoviz-conversation", format, make)

    return saved


def fetch(view: Selection, owner: str) -> tuple[str, Any]:
    """(status, jobs) where missing weights are asked for."""
    return fetching.begin(models_of(view), owner)


def wire(page: Page) -> list:
    laid = page.laid["Converse"]
    part, control, output = laid.parts, laid.controls, laid.outputs
    turns, status, talk, at = part["turns"], part["status"], control["talk"], part["at"]
    buttons = [part["go"], part["again"], part["new"], part["stop"]]
    ended = []
    for button, work, extra, last in (
        (part["go"], send, {"at": at}, control["user"]),
        (part["again"], resend, {}, control["seed"]),
    ):
        waiting = button.click(
            lambda: ["waiting for the model", *_buttons(busy=True)], None, [status, *buttons], **QUIET
        )
        running = waiting.then(*by_name(work, page.selection, **control, **extra), [turns, status, last], **WITH_MODEL)
        ended.append(running.then(lambda: [None, *_buttons(busy=False)], None, [at, *buttons], **QUIET))
    part["stop"].click(stop, talk, None, **QUIET)
    anew = part["new"].click(begin_anew, talk, [talk, turns, status, at], **QUIET)
    chosen = on_said(page.said, [turns], "select", picked, [talk, at], [turns, control["user"], at, status])
    output["fetch"].click(*by_name(fetch, page.selection, owner=page.jobs.owner), [status, page.jobs.lines], **QUIET)
    for name in FORMATS:
        part[name].click(save(name), talk, page.saved, **QUIET)
    return [*ended, anew, chosen]


def stop(talk: Talk) -> None:
    talk.stopped = True


def _buttons(*, busy: bool) -> list:
    """Send, Again, New and Stop."""
    return [*(gr.update(interactive=not busy) for _ in range(3)), gr.update(interactive=busy)]


def python(view: Selection, chosen: list[str], controls: list[str], doses: str, system: str, **how: Any) -> str:
    pairs, directions = in_python(view, chosen, controls)
    recipe = ", ".join([repr(how["preset"]), *(f"{name}={how[name]!r}" for name in ("layers", "scope", "norm"))])
    tokens, temperature, seed = (plain(how[name]) for name in ("tokens", "temperature", "seed"))
    return snippet(
        f"for name, own in {pairs!r}:",
        "    model, vectors = ez.load_model(name), ez.find_set(own)",
        *(f"    {line}" for line in snippet_lines(how["cleaning"])),
        f"    recipe = ez.recipe(vectors, {recipe})",
        f"    decoding = ez.Decoding({tokens}, temperature={temperature}, seed={seed})",
        f"    said = ez.converse(model, vectors, {directions!r}, {dose_list(doses)}, [{_FIRST!r}], recipe, "
        f"decoding, system={system or None!r})",
        "    print(said.turns)",
    )


TAB = Tab(
    title="Converse",
    question="How do steered models talk, turn by turn, and what state does each answer carry?",
    lay=lay,
    draw=draw,
    python=python,
    uses=("sets", "pin", "emotion", "emotions"),
    wire=wire,
)
