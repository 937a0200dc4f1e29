"""The page: one selection on the left, one tab per question. What the tabs are, only `tabs` knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from ..geometry import CENTRINGS
from .components import EMPTY, Figure, Filled, Message, Slider
from .contract import LATEST, QUIET, Laid, Page, Part, Tab
from .library import library
from .selection import BEST, DEPTHS, SAME_DEPTH, NothingSelected, Selection, checked, clicked, first_selection
from .tabs import TABS

_HEADING = "<h1 class='ez-wordmark'>emoviz</h1><p class='ez-tagline'>how small language models represent emotion</p>"
_THEME_SWITCH = """() => {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('emoviz-theme', dark ? 'dark' : 'light');
}"""
_ON_LOAD = """() => {
  const kept = new URLSearchParams(location.search).get('__theme') || localStorage.getItem('emoviz-theme');
  if (kept) document.body.classList.toggle('dark', kept === 'dark');
  if (window.innerWidth < 768) document.querySelector('#ez-sidebar .toggle-button')?.click();
}"""
# Where the page itself is open, beside the titles of tabs that have parts.
_PAGE = ""


def build() -> gr.Blocks:
    """The dashboard, not yet served. The first tab is drawn here, from the stored sets: torch is not needed for it."""
    start = first_selection()
    with gr.Blocks(title="emoviz", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as blocks:
        selection = _sidebar(start)
        notice = Message(elem_id="ez-notice")
        opened = gr.State({_PAGE: TABS[0].title})
        laid: dict[str, Laid] = {}
        with gr.Tabs(elem_id="ez-tabs") as tabs:
            groups = {_PAGE: tabs, **_lay(TABS, start, laid)}
        page = Page(blocks, tabs, notice, selection, laid)
        _wire(page, groups, opened)
        for tab in _all(TABS):
            if tab.wire is not None:
                tab.wire(page)
    return blocks


def _sidebar(start: Selection) -> dict[str, Part]:
    with gr.Sidebar(width=288, open=True, elem_id="ez-sidebar"):
        gr.HTML(_HEADING)
        parts: dict[str, Part] = {
            "sets": gr.CheckboxGroup(library().choices(), value=list(start.sets), label="Vector sets"),
            "layer_mode": gr.Radio(
                [BEST, SAME_DEPTH],
                value=start.layer_mode,
                label="Layer",
                info="Best: each set by its protocol's own rule (emoviz: decoding).",
            ),
            "depth": Slider(*DEPTHS, value=start.depth, step=0.01, label="Depth"),
            "centring": gr.Radio(
                list(CENTRINGS),
                value=start.centring,
                label="Centring",
                info="What is subtracted from the class means. Maps and cards always subtract the mean over classes.",
            ),
            "emotion": gr.Dropdown(list(library().classes), value=start.emotion, label="Emotion", filterable=True),
        }
        gr.Button("Light / dark", size="sm", elem_id="ez-theme").click(None, js=_THEME_SWITCH)
    return parts


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


def _wire(page: Page, groups: Mapping[str, gr.Tabs], opened: gr.State) -> None:
    """The tab that is seen is drawn anew when something changes, the others when they are opened."""
    drawn = [tab for tab in _all(TABS) if tab.draw is not None]
    controls = {tab.title: page.laid[tab.title].controls for tab in drawn}
    inputs = [opened, *page.selection.values(), *(part for parts in controls.values() for part in parts.values())]
    outputs = [part for tab in drawn for part in page.laid[tab.title].outputs.values()]
    # A control may be drawn too: menus whose choices depend on the selection.
    results = list(dict.fromkeys([page.notice, *inputs[1:], *outputs]))

    def selected(given: Mapping[Part, Any]) -> tuple[Selection, list[str]]:
        return checked({name: given[part] for name, part in page.selection.items()})

    def show(given: dict[Part, Any], changes: Mapping[str, Any] | None = None) -> dict[Part, Any]:
        """What the open tab shows for the present selection, with some of it changed; all else stays as it is."""
        tab = _seen(given[opened], TABS)
        laid = page.laid[tab.title]
        named = {**page.selection, **laid.controls}
        moved = {named[name]: value for name, value in (changes or {}).items()}
        given = {**given, **moved}
        view, notes = selected(given)
        # What cannot be used is said and put right.
        said = {page.notice: f"**Corrected.** {' '.join(notes)}" if notes else None}
        moved |= {part: getattr(view, name) for name, part in page.selection.items() if notes and name != "sets"}
        if tab.draw is None:
            return {**said, **moved}
        try:
            found = tab.draw(view, **{name: given[part] for name, part in laid.controls.items()})
        except NothingSelected as error:
            # What was drawn for another selection must not stand under this message.
            blank = {part: EMPTY for part in laid.outputs.values() if isinstance(part, (Figure, Filled))}
            return {page.notice: f"**Nothing to show.** {error}", **moved, **blank}
        parts = {**laid.controls, **laid.outputs}
        values = {parts[name]: EMPTY if value is None else value for name, value in found.items()}
        return {**said, **moved, **values}

    def changed(*values: Any) -> dict[Part, Any]:
        return show(dict(zip(inputs, values, strict=True)))

    def move_depth(*values: Any) -> dict[Part, Any]:
        """Moving the slider asks for that depth in all sets."""
        return show(dict(zip(inputs, values, strict=True)), {"layer_mode": SAME_DEPTH})

    def pick(event: gr.EventData, *values: Any) -> dict[Part, Any]:
        """A click in a figure changes what its tab says that it changes."""
        given = dict(zip(inputs, values, strict=True))
        kind, ids = clicked(event._data)
        pick_of = _seen(given[opened], TABS).picks.get(kind)
        return show(given, {} if pick_of is None else pick_of(ids, selected(given)[0]))

    def opening(within: str) -> Any:
        def open_tab(event: gr.SelectData, *values: Any) -> dict[Part, Any]:
            given = dict(zip(inputs, values, strict=True))
            given[opened] = {**given[opened], within: event.value}
            return {opened: given[opened], **show(given)}

        return open_tab

    def refresh() -> list:
        """Sets that came or went since the page was built."""
        return [gr.update(choices=library().choices()), gr.update(choices=list(library().classes))]

    for within, bar in groups.items():
        bar.select(opening(within), inputs, [opened, *results], **LATEST)
    depth = page.selection["depth"]
    depth.input(move_depth, inputs, results, **LATEST)
    gr.on(
        [part.input for part in inputs if _is_touched(part) and part is not depth], changed, inputs, results, **LATEST
    )
    gr.on([part.select for part in outputs if isinstance(part, Figure)], pick, inputs, results, **LATEST)
    menus = [page.selection["sets"], page.selection["emotion"]]
    for event in (event for laid in page.laid.values() for event in laid.changed):
        event.then(refresh, None, menus, **QUIET).then(changed, inputs, results, **LATEST)
    page.blocks.load(refresh, None, menus, **QUIET)
    page.blocks.load(None, js=_ON_LOAD)


def _is_touched(part: Part) -> bool:
    """Whether a visitor can change its value; that of a state only the server can."""
    return not isinstance(part, gr.State)
