"""What a tab is, and how its parts are wired. Every file in `tabs/` makes one `Tab`; `page` knows no tab by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, TypeVar

import gradio as gr

from ..errors import InputError
from .components import Refused
from .job_strip import Strip
from .selection import NothingSelected, Pick, Selection, checked

# What every event shares: answered at once, without a spinner, and no part of the page's API.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Of events that follow each other faster than they are answered, only the last counts.
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
# Every one counts, however fast: what is pressed while the one before is being answered would else be lost.
EACH: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}
# Pictures are made one after another.
EXPORTS: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "export",
    "concurrency_limit": 1,
}
# What runs a model shares this queue, which is wide: whose turn it is, and how many come before, `turns` says.
WITH_MODEL: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "model",
    "concurrency_limit": 20,
}

# A function that is answered over the API, typed and documented for whoever calls it.
Endpoint = Callable[..., dict[str, Any]]

# A component: gradio gives it its events (`click`, `select`, ...) at run time, where no annotation knows them.
Part = Any
F = TypeVar("F", bound=Callable[..., Any])


# The outer tab bar, beside the titles of tabs that have parts.
PAGE = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """A tab as it lies on the page.

    controls : name -> part whose value `Tab.draw` is given under that name. outputs : name -> part that `draw` fills.
    parts : what only `Tab.wire`, of this tab or another, needs to know.
    menus : names of controls and outputs of gradio's own that `draw` changes, such as menus whose choices depend on the
    selection.
    linked : name -> part whose value a link keeps; None for every control that a visitor can set.
    changed : events after which sets may have come or gone, or a control has another value: the tab is drawn again.
    late : name of an output -> what makes its first value, once the page is shown and need not wait for it.
    """

    controls: Mapping[str, Part] = field(default_factory=dict)
    outputs: Mapping[str, Part] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    menus: Sequence[str] = ()
    linked: Mapping[str, Part] | None = None
    changed: Sequence[gr.events.Dependency] = ()
    late: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    @property
    def in_link(self) -> Mapping[str, Part]:
        """What a link keeps. What a model made is not in it, and a state cannot be set from outside."""
        if self.linked is not None:
            return self.linked
        return {name: part for name, part in self.controls.items() if not isinstance(part, gr.State)}


# Letters that a text is named by.
_NAMED = 60
# What a tab may use of the selection.
EVERYTHING = tuple(one.name for one in fields(Selection))


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the page, or one part of a tab that has several.

    title : its name. question : what it answers.
    lay : puts its parts on the page, inside the tab; gets the first selection.
    draw : the selection, and the values of its controls by name, to what it shows: name -> value, names of outputs or
        controls; None is shown as nothing. Called when the tab is opened or anything that it is given changes.
    layered : as `draw`, only what changes with the layer and is made at once: the browser gets it for all layers.
    picks : kind of a clicked figure or table -> what the click changes.
    ahead : whether the browser gets what it shows before it is opened, and the server keeps it: nothing else decides it
    than what is stored, the selection and its own controls.
    uses : names of the selection that change what it shows; the others are greyed on the left while it is open.
    python : the selection, and what a link keeps by name, to code that makes what the tab shows.
    wire : adds events of its own, once all tabs are laid; returns those after which the tab is drawn again.
    parts : the tabs inside it.
    """

    title: str
    question: str
    lay: Callable[[Selection], Laid] = lambda start: Laid()
    draw: Callable[..., Mapping[str, Any]] | None = None
    layered: Callable[..., Mapping[str, Any]] | None = None
    picks: Mapping[str, Pick] = field(default_factory=dict)
    ahead: bool = False
    uses: Collection[str] = EVERYTHING
    python: Callable[..., str] | None = None
    wire: Callable[[Page], Sequence[gr.events.Dependency] | None] | None = None
    parts: tuple[Tab, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The page as `Tab.wire` sees it.

    groups : the tab bars, by the title of their tab, `PAGE` for the outer one. selection : by the names of `Selection`.
    laid : by the titles of tabs. saved : takes a file for the browser. shown : fills any parts in one message. said :
    carries what parts say, for `on_said`.
    """

    blocks: gr.Blocks
    groups: Mapping[str, gr.Tabs]
    notice: Part
    jobs: Strip
    selection: Mapping[str, Part]
    laid: Mapping[str, Laid]
    saved: Part
    shown: Part
    said: Part


def pressed(
    button: gr.Button, status: Part, work: tuple[Callable[..., Any], list[Part]], outputs: Sequence[Part]
) -> gr.events.Dependency:
    """Work with a model, begun by a button, which rests until it has ended; returns the end of the work.

    status : says that the model is waited for. work : a function and its inputs, as `by_name` gives them.
    """
    waiting = ["waiting for the model", gr.update(interactive=False)]
    done = button.click(lambda: waiting, None, [status, button], **QUIET).then(*work, outputs, **WITH_MODEL)
    done.then(lambda: gr.update(interactive=True), None, button, **QUIET)
    return done


def on_said(
    carrier: Part, parts: Sequence[Part], event: str, function: Callable[..., Any], inputs: Any, outputs: Any
) -> gr.events.Dependency:
    """Answers what any of the parts said last with an event.

    carrier : `Page.said`. parts : figures and other filled parts. function : of what was said and the values of inputs;
    a visitor can post anything.

    Gradio holds an event back until the one before it is answered, and then sends it with the data of the one before.
    What was said therefore travels as an input.
    """
    last = f"window.emovizParts.said({json.dumps([part.part for part in parts])}, {json.dumps(event)})"
    return on_told(carrier, [getattr(part, event) for part in parts], last, function, inputs, outputs)


def on_told(
    carrier: Part, events: Sequence[Any], last: str, function: Callable[..., Any], inputs: Any, outputs: Any
) -> gr.events.Dependency:
    """As `on_said`. events : of any parts. last : what they told last, as JSON, in JavaScript."""

    def answer(told: Any, *values: Any) -> Any:
        return function(_from_json(told), *values)

    js = f"async (_, ...given) => [await {last}, ...given]"
    return gr.on(events, called_as(function, answer), [carrier, *inputs], outputs, js=js, **LATEST)


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def tried(make: Callable[..., Any], *given: Any, n: int = 1) -> Any:
    """What `make(*given)` gives, or why it cannot: then the part says so in its place and the others stay.

    n : how many parts it makes; the first of them says why. With no set selected there is nothing to try.
    """
    try:
        return make(*given)
    except NothingSelected:
        raise
    except InputError as error:
        why = Refused(str(error))
        return why if n == 1 else (why, *[None] * (n - 1))


def by_name(
    function: Callable[..., Any], selection: Mapping[str, Part] | None = None, **parts: Part
) -> tuple[Callable[..., Any], list[Part]]:
    """A function of named values as gradio calls it, and its inputs in that order: `button.click(*by_name(f, a=x),
    out)`.

    An event's own data goes to the parameter `event`, if the function has one; with the parts of the selection, what
    they select goes to the parameter `view`.
    """
    of_view = {} if selection is None else selection

    def named(values: Sequence[Any]) -> dict[str, Any]:
        given = dict(zip(parts, values, strict=False))
        if selection is not None:
            given["view"] = checked(dict(zip(of_view, values[len(parts) :], strict=True)))[0]
        return given

    inputs = [*parts.values(), *of_view.values()]
    if "event" in inspect.signature(function).parameters:

        def of_event(event: gr.EventData, *values: Any) -> Any:
            return function(event=event, **named(values))

        return called_as(function, of_event), inputs
    if inspect.isgeneratorfunction(function):

        def of_generator(*values: Any) -> Any:
            yield from function(**named(values))

        return called_as(function, of_generator), inputs

    def of_values(*values: Any) -> Any:
        return function(**named(values))

    return called_as(function, of_values), inputs


def called_as(function: Callable[..., Any], wrapper: F) -> F:
    """What gradio calls, under the name of what it calls in turn: by that `strangers` knows an event."""
    while isinstance(function, partial):
        function = function.func
    wrapper.__module__, wrapper.__qualname__ = function.__module__, function.__qualname__
    return wrapper


def stale(made: Mapping[str, str] | None, now: Mapping[str, str], again: str) -> str:
    """What results were made with, where something else is chosen now; empty where nothing is, or nothing was made.

    made, now : what can be chosen -> what is, by the same names. again : the button that makes them anew.
    """
    if made is None or all(now[name] == value for name, value in made.items()):
        return ""
    how = "; ".join(f"{name}: {_begun(value)}" for name, value in made.items())
    return f"**Something else is chosen now;** press {again} again. Made with {how}"


def _begun(text: str) -> str:
    """The beginning of a text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= _NAMED else f"{words[:_NAMED]}…"
