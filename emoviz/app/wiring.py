"""What happens when something is clicked: the open tab is drawn anew, the others when they are opened."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from ..errors import InputError
from ..plots.depth import PUBLISHED_CURVES
from . import extraction
from .components import EMPTY, Figure
from .library import library
from .state import SAME_DEPTH, Selection
from .views import VIEWS, models

_THEME_SWITCH = """() => {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('emoviz-theme', dark ? 'dark' : 'light');
}"""
_ON_LOAD = """() => {
  const kept = new URLSearchParams(location.search).get('__theme') || localStorage.getItem('emoviz-theme');
  if (kept) document.body.classList.toggle('dark', kept === 'dark');
  if (window.innerWidth < 768) document.querySelector('#ez-sidebar .toggle-button')?.click();
}"""


def wire(page) -> None:
    """Connects the parts of a `layout.Page`."""
    active = gr.State("Overview")
    controls = [*page.selection, *(c for options in page.options.values() for c in options)]
    figures = [part for parts in page.outputs.values() for part in parts]
    sets, layer_mode, depth, _, emotion = page.selection
    (pair,) = page.options["Models"]

    def show(tab: str, *values: Any) -> dict:
        """What the open tab shows for the present selection; everything else stays as it is."""
        given = dict(zip(controls, values, strict=True))
        chosen, *others = (given[c] for c in page.selection)
        options = [given[c] for c in page.options.get(tab, ())]
        menu = {}
        try:
            if tab == "Models":
                choices = models.pair_choices(Selection(tuple(chosen), *others))
                known = [name for _, name in choices]
                picked = given[pair] if given[pair] in known else next(iter(known), None)
                menu = {pair: gr.update(choices=choices, value=picked, visible=len(choices) > 1)}
            drawn = VIEWS[tab](Selection(tuple(chosen), *others), *options) if tab in VIEWS else ()
        except InputError as error:
            # What was drawn for another selection must not stand under this message.
            blank = dict.fromkeys(page.outputs.get(tab, ()), EMPTY)
            return {page.notice: gr.update(value=f"**Nothing to show.** {error}", visible=True), **blank}
        return {
            page.notice: gr.update(visible=False),
            **menu,
            **{
                part: EMPTY if value is None else value
                for part, value in zip(page.outputs.get(tab, ()), drawn, strict=True)
            },
        }

    def open_tab(event: gr.SelectData, *values: Any) -> dict:
        """Draws a tab when it is opened."""
        return {active: event.value, **show(event.value, *values)}

    def move_depth(tab: str, *values: Any) -> dict:
        """Moving the slider asks for that depth in all sets."""
        return {layer_mode: SAME_DEPTH, **show(tab, values[0], SAME_DEPTH, *values[2:])}

    def pick(event: gr.EventData, tab: str, *values: Any) -> dict:
        """A click in a figure picks its emotion, or moves all sets to the clicked depth."""
        chosen = list(values)
        kind, ids = clicked(event._data)
        if kind == "depth":
            chosen[1], chosen[2] = SAME_DEPTH, round(library().sets[ids[0]].depth(ids[1]), 4)
        elif kind == "rsa":
            chosen[controls.index(pair)] = ids[0]
        elif kind:
            chosen[4] = ids[0]
        return {layer_mode: chosen[1], depth: chosen[2], emotion: chosen[4], **show(tab, *chosen)}

    def refresh() -> dict:
        """Sets that came or went since the page was built."""
        return {
            sets: gr.update(choices=library().choices()),
            emotion: gr.update(choices=list(library().classes)),
            page.shelf.table: extraction.sets_table(),
            page.shelf.own: gr.update(choices=extraction.own_choices(), value=None),
            page.shelf.written: gr.update(choices=extraction.stories_choices()),
        }

    plain = {"queue": False, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    results = [page.notice, pair, *figures]
    page.tabs.select(open_tab, controls, [active, *results], **plain)
    changed = [c.input for c in controls if c is not depth and not isinstance(c, gr.State)]
    gr.on(changed, show, [active, *controls], results, **plain)
    for loaded in page.loaded:
        loaded.then(show, [active, *controls], results, **plain)
    depth.input(move_depth, [active, *controls], [layer_mode, *results], **plain)
    gr.on(
        [part.select for part in figures if isinstance(part, Figure)],
        pick,
        [active, *controls],
        [layer_mode, depth, emotion, *results],
        **plain,
    )
    curve, published = page.options["Depth"]
    curve.input(lambda name: gr.update(visible=name in PUBLISHED_CURVES), curve, published, **plain)
    page.theme.click(None, js=_THEME_SWITCH)
    page.blocks.load(None, js=_ON_LOAD)
    shelf = [sets, emotion, page.shelf.table, page.shelf.own, page.shelf.written]
    page.blocks.load(refresh, None, shelf, **plain)
    for change in page.shelf.made:
        change.then(refresh, None, shelf, **plain)


def clicked(data: Any) -> tuple[str, list]:
    """The kind of figure and the ids of a click, checked: a visitor can post any value."""
    kind, ids = (data.get("kind"), data.get("ids")) if isinstance(data, dict) else (None, None)
    if not isinstance(ids, list) or not ids or not isinstance(ids[0], str):
        return "", []
    known = library()
    if kind in ("depth", "valence") and len(ids) == 2 and ids[0] in known.sets and isinstance(ids[1], int):
        return ("depth", ids) if 0 <= ids[1] < known.sets[ids[0]].n_layers else ("", [])
    if kind == "rsa" and re.fullmatch("[A-Z]{1,9} and [A-Z]{1,9}", ids[0]):
        return kind, ids
    if kind in ("map", "rdm", "pair") and ids[0] in known.classes:
        return kind, ids
    return "", []
