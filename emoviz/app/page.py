"""The page: one selection on the left, one tab per question. What the tabs are, only `tabs` knows."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from ..errors import InputError
from ..geometry import CENTRINGS
from ..plots.canvas import Canvas, drawn_on
from ..plots.export import ANIMATIONS, export
from ..plots.sweep import depths_of, sweep
from ..share.slides import labels, over_layers
from . import job_strip, leaving
from .components import EMPTY, Ahead, Download, Figure, Filled, Layers, Link, Menu, Message, Order, Shown, Slider, Table
from .contract import EVERYTHING, EXPORTS, LATEST, QUIET, Endpoint, Laid, Page, Part, Tab, answered
from .download import downloaded
from .footer import footer
from .layers import MAX_SETS, at_every_layer
from .library import library, one_library
from .link import decode, from_query, key, to_query
from .picker import Marks, Names, Picker, Pin, Side
from .quick_start import without_app
from .selection import (
    BEST,
    DEPTHS,
    SAME_DEPTH,
    STEP,
    STEP_EMOTION,
    NothingSelected,
    Selection,
    checked,
    first_selection,
    picked,
    step_emotion,
)
from .tabs import TABS
from .talk import checked_order, slides_of, talk_file

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
_SAME_DEPTH = f"() => {json.dumps(SAME_DEPTH)}"
# Where the page itself is open, beside the titles of tabs that have parts.
_PAGE = ""
_SKIP = gr.skip()


def build(endpoints: Sequence[Endpoint] = ()) -> gr.Blocks:
    """The dashboard, not yet served. The first tab is drawn here, from the stored sets: torch is not needed for it.

    endpoints : what its API answers.
    """
    start = first_selection()
    with (
        without_app(),
        gr.Blocks(title="emoviz", analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as blocks,
    ):
        selection, side, leaves = _sidebar(start)
        notice, strip = Message(elem_id="ez-notice"), job_strip.lay()
        opened = gr.State({_PAGE: TABS[0].title})
        laid: dict[str, Laid] = {}
        with gr.Tabs(elem_id="ez-tabs") as tabs:
            groups = {_PAGE: tabs, **_lay(TABS, start, laid)}
        footer()
        first = _address(to_query(TABS[0], start, {}), TABS[0], start, {})
        address, saved = Link(first, elem_id="ez-link"), Download(elem_id="ez-download")
        talk = Order({"items": [], "at": None}, elem_id="ez-order")
        shown, layers, ahead = Shown(elem_id="ez-shown"), Layers(elem_id="ez-layers"), Ahead(elem_id="ez-ahead")
        page = Page(blocks, tabs, notice, strip, selection, laid, saved)
        leaving.wire(leaves | leaving.lay_told(), page)
        for endpoint in endpoints:
            gr.api(answered(endpoint), api_name=endpoint.__name__, concurrency_id="api", concurrency_limit=2)
        again = [event for tab in _all(TABS) if tab.wire is not None for event in tab.wire(page) or ()]
        _wire(page, start, groups, opened, shown, layers, ahead, side, address, saved, talk, again)
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


def unused_by(tab: Tab) -> dict[str, Any]:
    return {"tab": tab.title, "unused": [name for name in EVERYTHING if name not in tab.uses]}


def _lay(tabs: Iterable[Tab], start: Selection, laid: dict[str, Laid]) -> dict[str, gr.Tabs]:
    """Lays every tab, and those inside it; returns the tab bars inside tabs by title."""
    groups: dict[str, gr.Tabs] = {}
    for tab in tabs:
        with gr.Tab(tab.title, id=tab.title):
            laid[tab.title] = tab.lay(start)
            if tab.parts:
                with gr.Tabs(elem_classes="ez-parts") as inner:
                    groups |= {tab.title: inner, **_lay(tab.parts, start, laid)}
    return groups


def _all(tabs: Iterable[Tab]) -> Iterator[Tab]:
    for tab in tabs:
        yield tab
        yield from _all(tab.parts)


def _seen(opened: Mapping[str, str], tabs: Sequence[Tab], within: str = _PAGE) -> Tab:
    """The tab that is seen: the open one, or in a tab with parts its open part, by default the first."""
    tab = next((tab for tab in tabs if tab.title == opened.get(within)), tabs[0])
    return _seen(opened, tab.parts, tab.title) if tab.parts else tab


def _wire(
    page: Page,
    start: Selection,
    groups: Mapping[str, gr.Tabs],
    opened: gr.State,
    shown: Shown,
    layers: Layers,
    ahead: Ahead,
    side: Side,
    address: Link,
    saved: Download,
    talk: Order,
    again: Sequence[gr.events.Dependency],
) -> None:
    """The tab that is seen is drawn anew when something changes, and after the events `again`; others when opened."""
    tabs = list(_all(TABS))
    drawn = [tab for tab in tabs if tab.draw is not None]
    controls = [part for tab in drawn for part in page.laid[tab.title].controls.values()]
    linked = {tab.title: page.laid[tab.title].in_link for tab in tabs}
    in_link = {key(tab, name): part for tab in tabs for name, part in linked[tab.title].items()}
    # Pixels of a figure on a narrow screen, None on others.
    width = gr.State(None)
    # The slides of the talk, as a link names them.
    order = gr.State(())
    inputs = list(dict.fromkeys([opened, width, order, *page.selection.values(), *controls, *in_link.values()]))
    outputs = [part for tab in drawn for part in page.laid[tab.title].outputs.values()]
    menus = [
        {**laid.controls, **laid.outputs}[name]
        for laid in (page.laid[tab.title] for tab in drawn)
        for name in laid.menus
    ]
    # What gradio updates itself; all that is filled goes through `shown`.
    results = list(dict.fromkeys([shown, *page.selection.values(), *menus]))
    at_first = {part: part.value for part in in_link.values()}

    def selected(given: Mapping[Part, Any]) -> tuple[Selection, list[str]]:
        return checked({name: given[part] for name, part in page.selection.items()})

    def own(tab: Tab, given: Mapping[Part, Any]) -> dict[str, Any]:
        return {name: given[part] for name, part in page.laid[tab.title].controls.items()}

    def draw(tab: Tab, view: Selection, given: Mapping[Part, Any]) -> Mapping[str, Any]:
        return {} if tab.draw is None else tab.draw(view, **own(tab, given))

    def about(tab: Tab, view: Selection, given: Mapping[Part, Any]) -> str:
        """Names everything that decides what a tab shows."""
        used = {name: getattr(view, name) for name in tab.uses}
        text = repr((tab.title, used, own(tab, given), given[width], library().number))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def filled(tab: Tab, view: Selection, given: Mapping[Part, Any]) -> dict[Part, Any]:
        """What a tab shows, by part; of parts that are filled as the browser gets it. Raises NothingSelected."""
        laid = page.laid[tab.title]
        parts = {**laid.controls, **laid.outputs}

        def make() -> dict[Part, Any]:
            with drawn_on(Canvas(given[width])):
                found = draw(tab, view, given)
            by_part = {parts[name]: EMPTY if value is None else value for name, value in found.items()}
            return {part: _ready(part, value) for part, value in by_part.items()}

        return library().kept(about(tab, view, given), make) if tab.ahead else make()

    def to_fetch(tab: Tab, view: Selection, given: Mapping[Part, Any]) -> dict[str, Any]:
        """What the browser is to fetch while it rests: the other tabs, for this view."""
        tabs = [one for one in drawn if one.ahead]
        name = "".join(about(one, view, given)[:6] for one in tabs)
        return {"view": name, "tabs": [one.title for one in tabs if one is not tab and view.sets]}

    def swept(tab: Tab, view: Selection, given: Mapping[Part, Any]) -> dict[str, Any]:
        """By what the browser knows what a view has at every layer; no key where it is asked layer by layer."""
        if tab.layered is None or len(view.sets) > MAX_SETS:
            return {}
        anywhere = replace(view, layer_mode=SAME_DEPTH, depth=1.0)
        return {"key": f"layers {about(tab, anywhere, given)}", "from": DEPTHS[0], "step": STEP}

    def show(
        given: Mapping[Part, Any], moved: Mapping[Part, Any], notes: Sequence[str] = (), drawn: bool = False
    ) -> dict[Part, Any]:
        """What the open tab shows for what is given, some of it moved; all else stays as it is.

        notes : said above. drawn : whether the browser shows already what changes with the layer.
        """
        with one_library():
            return show_from_it(given, moved, notes, drawn)

    def show_from_it(
        given: Mapping[Part, Any], moved: Mapping[Part, Any], notes: Sequence[str], drawn: bool
    ) -> dict[Part, Any]:
        tab = _seen(given[opened], TABS)
        laid = page.laid[tab.title]
        given = {**given, **moved}
        view, wrong = selected(given)
        notes = [*notes, *wrong]
        values: dict[Part, Any] = {
            **addressed(tab, view, given, notes),
            side: unused_by(tab),
            talk: {"items": list(given[order]), "at": view.depth if view.layer_mode == SAME_DEPTH else None},
        }
        if not drawn:
            values |= {layers: swept(tab, view, given), ahead: to_fetch(tab, view, given)}
        # What cannot be used is put right.
        right = {part: _as_value(getattr(view, name)) for name, part in page.selection.items() if wrong}
        made: dict[Part, Any] = {}
        try:
            made = {} if drawn and tab.layered is tab.draw else filled(tab, view, given)
        except NothingSelected as error:
            # What was drawn for another selection must not stand under this message.
            values |= {part: EMPTY for part in laid.outputs.values() if _is_filled(part)}
            values[page.notice] = f"**Nothing to show.** {error}"
        ready = made | {part: _ready(part, value) for part, value in values.items()}
        message = {part.part: value for part, value in ready.items() if _is_filled(part) and value != _SKIP}
        return {shown: message, **moved, **right, **{part: v for part, v in ready.items() if not _is_filled(part)}}

    def addressed(tab: Tab, view: Selection, given: Mapping[Part, Any], notes: Sequence[str]) -> dict[Part, Any]:
        """The link of a view with its Python, and what of it was put right."""
        kept = {name: given[part] for name, part in in_link.items() if given[part] != at_first[part]}
        own = {name: given[part] for name, part in linked[tab.title].items()}
        return {
            page.notice: f"**Corrected.** {' '.join(notes)}" if notes else None,
            address: _address(to_query(tab, view, kept, given[order]), tab, view, own),
        }

    def changed(*values: Any) -> dict[Part, Any]:
        return show(dict(zip(inputs, values, strict=True)), {})

    def move_depth(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """Moving the slider asks for that depth in all sets."""
        drawn = isinstance(event._data, dict) and event._data.get("swept") is True
        moved = {page.selection["layer_mode"]: SAME_DEPTH}
        return show(dict(zip(inputs, values, strict=True)), moved, drawn=drawn)

    def all_layers(*values: Any) -> Any:
        """What the open tab shows at every layer."""
        given = dict(zip(inputs, values, strict=True))
        tab, (view, _) = _seen(given[opened], TABS), selected(given)
        key = swept(tab, view, given)
        if tab.layered is None or not key or not view.sets:
            return gr.skip()
        laid, controls, make = page.laid[tab.title], own(tab, given), tab.layered

        def at(one: Selection) -> dict[str, str | None]:
            found = make(one, **controls)
            return {p.part: p.postprocess(found[n]) for n, p in laid.outputs.items() if n in found and _is_filled(p)}

        def make_all() -> str | None:
            with one_library(), drawn_on(Canvas(given[width])):
                return layers.postprocess({**key, **at_every_layer(at, view)})

        return {shown: {layers.part: library().kept(key["key"], make_all)}}

    def look_ahead(event: gr.EventData, *values: Any) -> Any:
        """What a tab shows that is not open."""
        given = dict(zip(inputs, values, strict=True))
        asked: Any = event._data if isinstance(event._data, dict) else {}
        tab = next((one for one in drawn if one.ahead and one.title == asked.get("tab")), None)
        view, _ = selected(given)
        if tab is None or not view.sets:
            return gr.skip()
        with one_library():
            found = filled(tab, view, given)
        parts = {part.part: value for part, value in found.items() if _is_filled(part) and value != _SKIP}
        return {"view": str(asked.get("view")), "parts": parts}

    def pick(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """A click in a figure or a table changes what its tab says that it changes."""
        given = dict(zip(inputs, values, strict=True))
        tab = _seen(given[opened], TABS)
        named = {**page.selection, **page.laid[tab.title].controls}
        changes = picked(event._data, {**tab.picks, STEP_EMOTION: step_emotion}, selected(given)[0])
        return show(given, {named[name]: value for name, value in changes.items()})

    def opening(within: str) -> Any:
        def open_tab(event: gr.SelectData, *values: Any) -> Any:
            given = dict(zip(inputs, values, strict=True))
            if given[opened].get(within) == event.value:
                # A link has opened it and shows it already.
                return gr.skip()
            given[opened] = {**given[opened], within: event.value}
            return {opened: given[opened], **show(given, {})}

        return open_tab

    def open_link(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """The view of a link; what it does not name is as at first, what it cannot give is said."""
        given = dict(zip(inputs, values, strict=True))
        data: Any = event._data
        query = data.get("query") if isinstance(data, dict) else None
        given[width] = _pixels(data)
        asked = from_query(query if isinstance(query, str) else "")
        path, notes = _path(asked.tab)
        view, wrong = checked(asked.selection)
        moved = {part: _as_value(getattr(view, name)) for name, part in page.selection.items()} | at_first
        for name, texts in asked.controls.items():
            try:
                moved[in_link[name]] = decode(in_link[name], texts)
            except KeyError:
                notes.append(f"{name!r:.60} of the link is not known.")
            except InputError as error:
                notes.append(f"{name} {texts[-1]!r:.60} of the link cannot be used; {error}.")
        given[opened] = {**given[opened], **path}
        given[order], unknown = checked_order(asked.talk)
        bars = {groups[within]: gr.update(selected=title) for within, title in path.items()}
        state = {part: given[part] for part in (opened, width, order)}
        return {**state, **bars, **show(given, moved, [*notes, *wrong, *unknown])}

    def fit(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """Figures as wide as the screen, where it is narrow."""
        given = dict(zip(inputs, values, strict=True))
        given[width] = _pixels(event._data)
        return {width: given[width], **show(given, {})}

    def arrange(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """The talk in another order; what the page shows stays."""
        given = dict(zip(inputs, values, strict=True))
        data: Any = event._data
        given[order], notes = checked_order(data.get("items") if isinstance(data, dict) else None)
        tab, view = _seen(given[opened], TABS), selected(given)[0]
        filled = addressed(tab, view, given, notes)
        return {order: given[order], shown: {part.part: part.postprocess(value) for part, value in filled.items()}}

    def present(*values: Any) -> dict[str, Any]:
        """The slides of the talk; told apart from the last ones, since the browser hears of changes alone."""
        given = dict(zip(inputs, values, strict=True))
        return {**slides_of(given[order], selected(given)[0]), "number": time.monotonic_ns()}

    def save_talk(event: gr.EventData, *values: Any) -> dict[str, Any]:
        """The talk as a page of its own."""
        given = dict(zip(inputs, values, strict=True))
        how: Any = event._data
        theme = str(how.get("theme")) if isinstance(how, dict) else ""
        view = selected(given)[0]
        return downloaded("emoviz-talk", "html", lambda: ("emoviz-talk.html", talk_file(given[order], view, theme)))

    def save(event: gr.EventData, *values: Any) -> Iterator[dict[str, Any]]:
        """The figure that was asked for, drawn again for the file; of an animation also how far it is."""
        given = dict(zip(inputs, values, strict=True))
        tab = _seen(given[opened], TABS)
        name = next((n for n, part in page.laid[tab.title].outputs.items() if part is event.target), "")
        how = event._data if isinstance(event._data, dict) else {}
        asked = {key: str(how.get(key)) for key in ("format", "preset", "theme", "link")}
        called = f"emoviz-{tab.title}-{name}".lower().replace(" ", "-")

        view = selected(given)[0]

        def again(view: Selection) -> go.Figure:
            figure = draw(tab, view, given).get(name)
            if not isinstance(figure, go.Figure):
                raise InputError("this figure cannot be drawn again.")
            return figure

        def over_depths() -> Generator[tuple[int, int], None, bytes]:
            drawn = str(again(view).layout.meta.get("name"))
            if not over_layers(drawn):
                raise InputError("this figure is the same at every layer.")
            return (
                yield from sweep(
                    lambda depth: again(replace(view, layer_mode=SAME_DEPTH, depth=depth)),
                    depths_of(view.chosen()),
                    labels().get(drawn, drawn),
                    **asked,
                )
            )

        format, film = asked["format"], b""
        file = f"{called}.{format}"
        try:
            if format in ANIMATIONS:
                film = yield from _told(over_depths(), file)
        except InputError as error:
            yield {"name": file, "format": format, "problem": str(error)}
        else:
            yield downloaded(called, format, lambda: (file, film if film else export(lambda: again(view), **asked)))

    def refresh() -> list:
        """Sets that came or went since the page was built; what is chosen stays, which a link may change meanwhile."""
        there = {part.part: json.dumps(part.known()) for part in page.selection.values() if isinstance(part, Names)}
        late = ((laid.outputs[name], make) for laid in page.laid.values() for name, make in laid.late.items())
        there |= {part.part: part.postprocess(make()) for part, make in late}
        return [there, gr.update(choices=list(library().classes))]

    for within, bar in groups.items():
        bar.select(opening(within), inputs, [opened, *results], **LATEST)
    anything = list(dict.fromkeys([*results, *in_link.values()]))
    address.select(open_link, inputs, [opened, width, order, *groups.values(), *anything], **LATEST)
    address.expand(fit, inputs, [width, *results], **LATEST)
    figures = [
        part
        for laid in page.laid.values()
        for part in (*laid.outputs.values(), *laid.parts.values())
        if isinstance(part, Figure)
    ]
    saving = gr.on([part.download for part in figures], save, inputs, saved, **EXPORTS)
    saved.select(None, None, None, cancels=[saving], **QUIET)
    talk.select(arrange, inputs, [order, shown], **LATEST)
    talk.expand(present, inputs, talk, **QUIET)
    talk.download(save_talk, inputs, saved, **QUIET)
    at_start = {part: part.value for part in inputs}
    layers.value = layers.postprocess(swept(TABS[0], start, at_start))
    depth = page.selection["depth"]
    # The browser moves through the layers, and says when the slider rests or when it needs to be shown them.
    layers.expand(None, None, page.selection["layer_mode"], js=_SAME_DEPTH, **QUIET)
    layers.input(move_depth, inputs, results, **LATEST)
    ahead.value = ahead.postprocess(to_fetch(TABS[0], start, at_start))
    ahead.select(look_ahead, inputs, ahead, **QUIET)
    layers.select(all_layers, inputs, shown, **LATEST)
    touched = [part for part in inputs if _is_touched(part) and part is not depth]
    # A text that is being written is not sent with every letter.
    events = [part.blur if isinstance(part, gr.Textbox) else part.input for part in touched]
    gr.on(events, changed, inputs, results, **LATEST)
    gr.on(
        [part.select for part in outputs if isinstance(part, (Figure, Table))],
        pick,
        inputs,
        list(dict.fromkeys([*results, *controls])),
        **LATEST,
    )
    for event in again:
        event.then(changed, inputs, results, **LATEST)
    choices = [shown, page.selection["emotion"]]
    strip = page.jobs
    strip.lines.select(job_strip.answer, strip.owner, [strip.lines, strip.owner], **QUIET)
    # What is stored may be other than before.
    ended = strip.lines.expand(lambda: None, None, None, **QUIET)
    for event in (ended, *(event for laid in page.laid.values() for event in laid.changed)):
        event.then(refresh, None, choices, **QUIET).then(changed, inputs, results, **LATEST)
    page.blocks.load(refresh, None, choices, **QUIET)
    page.blocks.load(None, js=_ON_LOAD)


def _address(query: str, tab: Tab, view: Selection, own: Mapping[str, Any]) -> dict[str, Any]:
    """What `Link` shows. query : of the address. own : what a link keeps of the tab, by name."""
    layer, layers = view.first_layer()
    return {"query": query, "python": _python(tab, view, own), "layer": layer, "layers": layers}


def _told(frames: Generator[tuple[int, int], None, bytes], name: str) -> Generator[dict[str, Any], None, bytes]:
    """What the frames give; on the way, at most twice a second, how far they are and how long the rest will take."""
    started, last = time.monotonic(), -math.inf
    while True:
        try:
            done, total = next(frames)
        except StopIteration as end:
            return end.value
        now = time.monotonic()
        if now - last > 0.5:
            last = now
            left = f", about {(now - started) / done * (total - done):.0f} s more" if done > 1 else ""
            yield {"name": name, "progress": f"every layer is drawn, {done / total:.0%}{left}"}


def _python(tab: Tab, view: Selection, kept: Mapping[str, Any]) -> str:
    """What a tab shows as Python, empty where there is nothing to show."""
    try:
        return "" if tab.python is None else tab.python(view, **kept)
    except InputError:
        return ""


def _path(title: str | None) -> tuple[dict[str, str], list[str]]:
    """Which tab is open within which for a tab to be seen, and what is wrong with its title."""
    for tab in TABS:
        if title == tab.title:
            return {_PAGE: tab.title}, []
        for part in tab.parts:
            if title == part.title:
                return {_PAGE: tab.title, tab.title: part.title}, []
    return {_PAGE: TABS[0].title}, [] if title is None else [f"tab {title!r:.60} is unknown; {TABS[0].title} is shown."]


def _pixels(data: Any) -> int | None:
    """The width of figures on a narrow screen, as a visitor's browser tells it; None for any other screen."""
    told = data.get("width") if isinstance(data, dict) else None
    return min(max(int(told), 280), 700) if isinstance(told, (int, float)) and math.isfinite(told) else None


def _as_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _ready(part: Part, value: Any) -> Any:
    """A value as the browser gets it, where the part is filled."""
    return part.postprocess(value) if _is_filled(part) and value != _SKIP else value


def _is_filled(part: Part) -> bool:
    return isinstance(part, (Figure, Filled))


def _is_touched(part: Part) -> bool:
    """Whether a visitor can change its value; that of a state only the server can."""
    return not isinstance(part, gr.State)
