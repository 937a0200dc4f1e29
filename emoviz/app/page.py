"""The page: one selection on the left, one tab per question. What the tabs are, only `tabs` knows."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import gradio as gr

from ..errors import InputError, faults_told
from ..geometry import CENTRINGS
from . import job_strip, leaving, saving
from .components import Ahead, Download, Figure, Layers, Link, Menu, Message, Order, Shown, Slider, Table
from .contract import EACH, LATEST, PAGE, QUIET, Endpoint, Laid, Page, Part, Tab, on_said, on_told
from .download import downloaded
from .faults import UNEXPECTED, line_of
from .footer import footer
from .library import library
from .limits import is_public, public_words
from .link import decode, from_query, to_query
from .picker import Marks, Names, Picker, Pin, Side
from .quick_start import without_app
from .selection import (
    BEST,
    DEPTHS,
    SAME_DEPTH,
    STEP,
    STEP_EMOTION,
    Selection,
    checked,
    first_selection,
    picked,
    step_emotion,
)
from .strangers import close
from .tabs import TABS
from .talk import checked_order, slides_of, talk_file
from .views import Views, address_of, as_value, unused_by

_HEADING = "<h1 class='ez-wordmark'>emoviz</h1><p class='ez-tagline'>how small language models represent emotion</p>"
_THEME_SWITCH = """() => {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('emoviz-theme', dark ? 'dark' : 'light');
}"""
_ON_LOAD = """() => {
  const kept = new URLSearchParams(location.search).get('__theme') || localStorage.getItem('emoviz-theme');
  if (kept) document.body.classList.toggle('dark', kept === 'dark');
  if (window.innerWidth < 768) document.querySelector('#ez-sidebar .toggle-button')?.click();
  const opened = setInterval(() => {
    if (!document.querySelector('#ez-sidebar.open')) return;
    clearInterval(opened);
    setTimeout(() => document.body.classList.add('ez-ready'), 400);
  }, 50);
  // On a small screen it may be closed before anybody looks.
  setTimeout(() => document.body.classList.add('ez-ready'), 1500);
}"""
# The tab that is open in a bar; the bar shows it a moment after it has told.
_OPEN_TAB = """new Promise((told) => setTimeout(() => {
  const open = document.getElementById(%s).querySelector('[role=tab][aria-selected=true]');
  told(JSON.stringify(open?.dataset.tabId ?? null));
}))"""
_SAME_DEPTH = f"() => {json.dumps(SAME_DEPTH)}"


class _Blocks(gr.Blocks):
    """A page that says why it cannot do something where its event did not."""

    async def call_function(self, *given: Any, **named: Any) -> Any:
        try:
            with faults_told():
                return await super().call_function(*given, **named)
        except gr.Error:
            raise
        except InputError as error:
            raise gr.Error(line_of(error), print_exception=False) from error
        except Exception as error:
            raise gr.Error(UNEXPECTED) from error


def build(endpoints: Sequence[Endpoint] = (), note: str = "") -> gr.Blocks:
    """The dashboard, not yet served. The first tab is drawn here, from the stored sets: torch is not needed for it.

    endpoints : what its API answers. note : what every visitor is told, where not many share the page.
    """
    start = first_selection()
    with (
        without_app(),
        _Blocks(title="emoviz", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as blocks,
    ):
        selection, side, leaves = _sidebar(start)
        # Where the server keeps things is nobody's business.
        told = public_words() if is_public() else note
        Message(told, elem_id="ez-told", elem_classes="ez-status", visible=bool(told))
        notice, strip = Message(elem_id="ez-notice"), job_strip.lay()
        opened = gr.State({PAGE: TABS[0].title})
        laid: dict[str, Laid] = {}
        with gr.Tabs(elem_id="ez-tabs") as tabs:
            groups = {PAGE: tabs, **_lay(TABS, start, laid)}
        footer()
        first = address_of(to_query(TABS[0], start, {}), TABS[0], start, {})
        saved = Download(elem_id="ez-download")
        shown, said = Shown(elem_id="ez-shown"), gr.Textbox(visible=False)
        page = Page(blocks, groups, notice, strip, selection, laid, saved, shown, said)
        views = Views(
            page=page,
            roots=TABS,
            start=start,
            opened=opened,
            width=gr.State(None),
            order=gr.State(()),
            layers=Layers(elem_id="ez-layers"),
            ahead=Ahead(elem_id="ez-ahead"),
            side=side,
            address=Link(first, elem_id="ez-link"),
            talk=Order({"items": [], "at": None}, elem_id="ez-order"),
        )
        leaving.wire(leaves | leaving.lay_told(), page)
        for endpoint in endpoints:
            gr.api(endpoint, api_name=endpoint.__name__, concurrency_id="api", concurrency_limit=2)
        again = [event for tab in views.tabs if tab.wire is not None for event in tab.wire(page) or ()]
        _wire_selection(views, [*again, *_wire_stored(views)])
        _wire_tabs_and_link(views)
        _wire_layers(views)
        _wire_talk(views)
        saving.wire(views)
        blocks.load(None, js=_ON_LOAD)
    if is_public():
        close(blocks)
    return blocks


def _sidebar(start: Selection) -> tuple[dict[str, Part], Side, dict[str, Part]]:
    """The parts of the selection by name; what greys them; what the selection leaves by."""
    with gr.Sidebar(width=288, open=True, elem_id="ez-sidebar"):
        gr.HTML(_HEADING)
        parts: dict[str, Part] = {
            "sets": Picker(list(start.sets), elem_id="ez-select-sets"),
            "pin": Pin(start.pin, elem_id="ez-pin"),
            "layer_mode": gr.Radio(
                [BEST, SAME_DEPTH],
                value=start.layer_mode,
                label="Layer",
                info="Best: by the rule of each set's protocol.",
                elem_id="ez-select-layer_mode",
            ),
            "depth": Slider(*DEPTHS, value=start.depth, step=STEP, label="Depth", elem_id="ez-select-depth"),
        }
        gr.Button("Play the layers", size="sm", elem_id="ez-play")
        parts |= {
            "centring": gr.Radio(
                list(CENTRINGS),
                value=start.centring,
                label="Centring",
                info="Subtracted from the means; maps: class.",
                elem_id="ez-select-centring",
            ),
            "emotion": Menu(
                list(library().classes),
                value=start.emotion,
                label="Emotion",
                filterable=True,
                elem_id="ez-select-emotion",
            ),
            "emotions": Marks(list(start.emotions), elem_id="ez-select-emotions"),
        }
        with gr.Row(elem_id="ez-buttons"):
            gr.Button("Copy link", size="sm", elem_id="ez-copy-link", min_width=90)
            gr.Button("Copy Python", size="sm", elem_id="ez-copy-python", min_width=90)
        leaves = leaving.lay()
        with gr.Row(elem_classes="ez-buttons"):
            gr.Button("Talk", size="sm", elem_id="ez-talk", min_width=90)
            gr.Button("Light / dark", size="sm", elem_id="ez-theme", min_width=90).click(None, js=_THEME_SWITCH)
        side = Side(unused_by(TABS[0]), elem_id="ez-side")
    return parts, side, leaves


def _lay(tabs: Iterable[Tab], start: Selection, laid: dict[str, Laid]) -> dict[str, gr.Tabs]:
    """Lays every tab, and those inside it; returns the tab bars inside tabs by title."""
    groups: dict[str, gr.Tabs] = {}
    for tab in tabs:
        with gr.Tab(tab.title, id=tab.title):
            laid[tab.title] = tab.lay(start)
            if tab.parts:
                with gr.Tabs(elem_classes="ez-parts", elem_id=f"ez-parts-{tab.title}") as inner:
                    groups |= {tab.title: inner, **_lay(tab.parts, start, laid)}
    return groups


def _wire_selection(views: Views, again: Sequence[gr.events.Dependency]) -> None:
    """The tab that is seen is drawn anew when something changes, and after the events `again`; others when opened."""
    page, inputs, results = views.page, views.inputs, views.results

    def changed(*values: Any) -> dict[Part, Any]:
        return views.show(views.given(values))

    def pick(clicked: Any, *values: Any) -> dict[Part, Any]:
        """A click in a figure or a table changes what its tab says that it changes."""
        given = views.given(values)
        tab = views.seen(given)
        named = {**page.selection, **page.laid[tab.title].controls}
        changes = picked(clicked, {**tab.picks, STEP_EMOTION: step_emotion}, views.selected(given)[0])
        return views.show(given, {named[name]: value for name, value in changes.items()})

    # The depth has events of its own. A text that is being written is not sent with every letter.
    touched = [part for part in inputs if _is_touched(part) and part is not page.selection["depth"]]
    events = [part.blur if isinstance(part, gr.Textbox) else part.input for part in touched]
    gr.on(events, changed, inputs, results, **LATEST)
    drawn = [page.laid[tab.title] for tab in views.drawn]
    clickable = [part for laid in drawn for part in laid.outputs.values() if isinstance(part, (Figure, Table))]
    controls = [part for laid in drawn for part in laid.controls.values()]
    on_said(page.said, clickable, "select", pick, inputs, list(dict.fromkeys([*results, *controls])))
    for event in again:
        event.then(changed, inputs, results, **LATEST)


def _wire_stored(views: Views) -> list[gr.events.Dependency]:
    """What is stored may be other than before: the menus follow. Returns the events after which it may be so."""
    page = views.page
    choices = [views.page.shown, page.selection["emotion"]]

    def refresh() -> list:
        """Sets that came or went since the page was built; what is chosen stays, which a link may change meanwhile."""
        there = {part.part: json.dumps(part.known()) for part in page.selection.values() if isinstance(part, Names)}
        late = ((laid.outputs[name], make) for laid in page.laid.values() for name, make in laid.late.items())
        there |= {part.part: part.postprocess(make()) for part, make in late}
        return [there, gr.update(choices=list(library().classes))]

    strip = page.jobs
    strip.lines.select(job_strip.answer, strip.owner, [strip.lines, strip.owner], **EACH)
    page.blocks.load(refresh, None, choices, **QUIET)
    ended = strip.lines.expand(lambda: None, None, None, **LATEST)
    events = (ended, *(event for laid in page.laid.values() for event in laid.changed))
    return [event.then(refresh, None, choices, **LATEST) for event in events]


def _wire_tabs_and_link(views: Views) -> None:
    """Tabs are opened by a click and by a link, which also brings all else of a view."""
    inputs, results, in_link, said = views.inputs, views.results, views.in_link, views.page.said

    def opening(within: str) -> Any:
        def open_tab(title: Any, *values: Any) -> Any:
            given = views.given(values)
            if title is None or given[views.opened].get(within) == title:
                # A link has opened it and shows it already.
                return gr.skip()
            given[views.opened] = {**given[views.opened], within: str(title)}
            return {views.opened: given[views.opened], **views.show(given)}

        return open_tab

    def open_link(data: Any, *values: Any) -> dict[Part, Any]:
        """The view of a link; what it does not name is as at first, what it cannot give is said."""
        given = views.given(values)
        query, number = (data.get(name) if isinstance(data, dict) else None for name in ("query", "number"))
        number = number if type(number) is int else None
        given[views.width] = _pixels(data)
        asked = from_query(query if isinstance(query, str) else "")
        path, notes = _path(asked.tab)
        view, wrong = checked(asked.selection)
        moved = {part: as_value(getattr(view, name)) for name, part in views.page.selection.items()}
        moved |= {part: part.value for part in in_link.values()}
        for name, texts in asked.controls.items():
            try:
                moved[in_link[name]] = decode(in_link[name], texts)
            except KeyError:
                notes.append(f"{name!r:.60} of the link is not known.")
            except InputError as error:
                notes.append(f"{name} {texts[-1]!r:.60} of the link cannot be used; {error}.")
        given[views.opened] = {**given[views.opened], **path}
        given[views.order], unknown = checked_order(asked.talk)
        bars = {views.page.groups[within]: gr.update(selected=title) for within, title in path.items()}
        state = {part: given[part] for part in (views.opened, views.width, views.order)}
        return {**state, **bars, **views.show(given, moved, [*notes, *wrong, *unknown], asked=number)}

    def fit(data: Any, *values: Any) -> dict[Part, Any]:
        """Figures as wide as the screen, where it is narrow."""
        given = views.given(values)
        given[views.width] = _pixels(data)
        return {views.width: given[views.width], **views.show(given)}

    for within, bar in views.page.groups.items():
        on_told(
            said, [bar.select], _OPEN_TAB % json.dumps(bar.elem_id), opening(within), inputs, [views.opened, *results]
        )
    state, bars = [views.opened, views.width, views.order], views.page.groups.values()
    anything = list(dict.fromkeys([*state, *bars, *results, *in_link.values()]))
    on_said(said, [views.address], "select", open_link, inputs, anything)
    on_said(said, [views.address], "expand", fit, inputs, [views.width, *results])


def _wire_layers(views: Views) -> None:
    """The browser moves through the layers, and says when the slider rests or when it needs to be shown them."""
    page, layers, ahead, inputs = views.page, views.layers, views.ahead, views.inputs

    def move_depth(data: Any, *values: Any) -> dict[Part, Any]:
        """Moving the slider asks for that depth in all sets."""
        drawn = isinstance(data, dict) and data.get("swept") is True
        return views.show(views.given(values), {page.selection["layer_mode"]: SAME_DEPTH}, drawn=drawn)

    def all_layers(*values: Any) -> Any:
        return views.all_layers(views.given(values))

    def look_ahead(event: gr.EventData, *values: Any) -> Any:
        return views.look_ahead(event._data, views.given(values))

    at_start = {part: part.value for part in inputs}
    layers.value = layers.postprocess(views.swept(views.roots[0], views.start, at_start))
    ahead.value = ahead.postprocess(views.to_fetch(views.roots[0], views.start, at_start))
    layers.expand(None, None, page.selection["layer_mode"], js=_SAME_DEPTH, **QUIET)
    on_said(page.said, [layers], "input", move_depth, inputs, views.results)
    layers.select(all_layers, inputs, page.shown, **LATEST)
    ahead.select(look_ahead, inputs, ahead, **QUIET)


def _wire_talk(views: Views) -> None:
    """The talk is put in order, shown and saved."""
    page, inputs, talk, order = views.page, views.inputs, views.talk, views.order

    def arrange(data: Any, *values: Any) -> dict[Part, Any]:
        """The talk in another order; what the page shows stays."""
        given = views.given(values)
        given[order], notes = checked_order(data.get("items") if isinstance(data, dict) else None)
        filled = views.addressed(views.seen(given), views.selected(given)[0], given, notes)
        return {order: given[order], page.shown: Shown.of(filled)}

    def present(*values: Any) -> dict[str, Any]:
        """The slides of the talk; told apart from the last ones, since the browser hears of changes alone."""
        given = views.given(values)
        return {**slides_of(given[order], views.selected(given)[0]), "number": time.monotonic_ns()}

    def save_talk(event: gr.EventData, *values: Any) -> dict[str, Any]:
        """The talk as a page of its own."""
        given = views.given(values)
        how: Any = event._data
        theme = str(how.get("theme")) if isinstance(how, dict) else ""
        view = views.selected(given)[0]
        return downloaded("emoviz-talk", "html", lambda: ("emoviz-talk.html", talk_file(given[order], view, theme)))

    on_said(page.said, [talk], "select", arrange, inputs, [order, page.shown])
    talk.expand(present, inputs, talk, **QUIET)
    talk.download(save_talk, inputs, views.page.saved, **QUIET)


def _path(title: str | None) -> tuple[dict[str, str], list[str]]:
    """Which tab is open within which for a tab to be seen, and what is wrong with its title."""
    for tab in TABS:
        if title == tab.title:
            return {PAGE: tab.title}, []
        for part in tab.parts:
            if title == part.title:
                return {PAGE: tab.title, tab.title: part.title}, []
    return {PAGE: TABS[0].title}, [] if title is None else [f"tab {title!r:.60} is unknown; {TABS[0].title} is shown."]


def _pixels(data: Any) -> int | None:
    """The width of figures on a narrow screen, as a visitor's browser tells it; None for any other screen."""
    told = data.get("width") if isinstance(data, dict) else None
    return min(max(int(told), 280), 700) if isinstance(told, (int, float)) and math.isfinite(told) else None


def _is_touched(part: Part) -> bool:
    """Whether a visitor can change its value; that of a state only the server can."""
    return not isinstance(part, gr.State)
