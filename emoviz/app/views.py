"""What the page shows: the values of its parts in, what each part is to hold out. The events are wired in `page`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ..errors import InputError
from ..plots.canvas import Canvas, drawn_on
from .components import EMPTY, Ahead, Figure, Filled, Layers, Link, Order
from .contract import EVERYTHING, PAGE, Page, Part, Tab
from .layers import MAX_SETS, at_every_layer
from .library import library, one_library
from .link import key, to_query
from .picker import Side
from .selection import DEPTHS, SAME_DEPTH, STEP, NothingSelected, Selection, checked

_SKIP = gr.skip()
# The value of every part that decides what is shown, at one event.
Given = Mapping[Part, Any]


@dataclass(frozen=True, slots=True)
class Views:
    """The parts of the page that any view fills, and from which it is made.

    roots : the tabs of the page. start : the selection that it begins with. opened : which tab is open within which.
    width : pixels of a figure on a narrow screen, None on others. order : the slides of the talk, as a link names them.
    The rest are described by their classes.
    """

    page: Page
    roots: Sequence[Tab]
    start: Selection
    opened: gr.State
    width: gr.State
    order: gr.State
    layers: Layers
    ahead: Ahead
    side: Side
    address: Link
    talk: Order

    @property
    def tabs(self) -> list[Tab]:
        """All tabs, those inside tabs too."""
        return [one for tab in self.roots for one in (tab, *tab.parts)]

    @property
    def drawn(self) -> list[Tab]:
        """The tabs that draw something."""
        return [tab for tab in self.tabs if tab.draw is not None]

    @property
    def in_link(self) -> dict[str, Part]:
        """The controls that a link keeps, under the names that it gives them."""
        laid = self.page.laid
        return {key(tab, name): part for tab in self.tabs for name, part in laid[tab.title].in_link.items()}

    @property
    def inputs(self) -> list[Part]:
        """Every part that decides what is shown."""
        controls = [part for tab in self.drawn for part in self.page.laid[tab.title].controls.values()]
        own = [self.opened, self.width, self.order]
        return list(dict.fromkeys([*own, *self.page.selection.values(), *controls, *self.in_link.values()]))

    @property
    def results(self) -> list[Part]:
        """What an event may change: parts that gradio updates itself, and `shown`, by which all others are filled."""
        laid = [self.page.laid[tab.title] for tab in self.drawn]
        menus = [{**one.controls, **one.outputs}[name] for one in laid for name in one.menus]
        return list(dict.fromkeys([self.page.shown, *self.page.selection.values(), *menus]))

    def given(self, values: Sequence[Any]) -> dict[Part, Any]:
        """The values of `inputs`, as an event gives them."""
        return dict(zip(self.inputs, values, strict=True))

    def selected(self, given: Given) -> tuple[Selection, list[str]]:
        """The selection, and what of it was put right."""
        return checked({name: given[part] for name, part in self.page.selection.items()})

    def seen(self, given: Given) -> Tab:
        """The tab that is seen: the open one, or in a tab with parts its open part, by default the first."""
        return _seen(given[self.opened], self.roots)

    def draw(self, tab: Tab, view: Selection, given: Given) -> Mapping[str, Any]:
        return {} if tab.draw is None else tab.draw(view, **self._own(tab, given))

    def show(
        self,
        given: Given,
        moved: Given | None = None,
        notes: Sequence[str] = (),
        drawn: bool = False,
        asked: int | None = None,
    ) -> dict[Part, Any]:
        """What the open tab shows for what is given, some of it moved; all else stays as it is.

        notes : said above. drawn : whether the browser shows already what changes with the layer. asked : the number of
        the link that is answered.
        """
        with one_library():
            return self._show({**given, **(moved or {})}, moved or {}, notes, drawn, asked)

    def _show(
        self, given: Given, moved: Given, notes: Sequence[str], drawn: bool, asked: int | None
    ) -> dict[Part, Any]:
        tab, page = self.seen(given), self.page
        view, wrong = self.selected(given)
        values: dict[Part, Any] = {
            **self.addressed(tab, view, given, [*notes, *wrong], asked),
            self.side: unused_by(tab),
            self.talk: {"items": list(given[self.order]), "at": view.depth if view.layer_mode == SAME_DEPTH else None},
        }
        if not drawn:
            values |= {self.layers: self.swept(tab, view, given), self.ahead: self.to_fetch(tab, view, given)}
        # What cannot be used is put right.
        right = {part: as_value(getattr(view, name)) for name, part in page.selection.items() if wrong}
        made: dict[Part, Any] = {}
        try:
            made = {} if drawn and tab.layered is tab.draw else self._filled(tab, view, given)
        except NothingSelected as error:
            # What was drawn for another selection must not stand under this message.
            values |= {part: EMPTY for part in page.laid[tab.title].outputs.values() if _is_filled(part)}
            values[page.notice] = f"**Nothing to show.** {error}"
        ready = made | {part: _ready(part, value) for part, value in values.items()}
        others = {part: value for part, value in ready.items() if not _is_filled(part)}
        return {self.page.shown: _message(ready), **moved, **right, **others}

    def addressed(
        self, tab: Tab, view: Selection, given: Given, notes: Sequence[str], asked: int | None = None
    ) -> dict[Part, Any]:
        """The link of a view with its Python, and what of it was put right; asked : as in `show`."""
        kept = {name: given[part] for name, part in self.in_link.items() if given[part] != part.value}
        own = {name: given[part] for name, part in self.page.laid[tab.title].in_link.items()}
        return {
            self.page.notice: f"**Corrected.** {' '.join(notes)}" if notes else None,
            self.address: {**address_of(to_query(tab, view, kept, given[self.order]), tab, view, own), "asked": asked},
        }

    def swept(self, tab: Tab, view: Selection, given: Given) -> dict[str, Any]:
        """By what the browser knows what a view has at every layer; no key where it is asked layer by layer."""
        if tab.layered is None or len(view.sets) > MAX_SETS:
            return {}
        anywhere = replace(view, layer_mode=SAME_DEPTH, depth=1.0)
        return {"key": f"layers {self._about(tab, anywhere, given)}", "from": DEPTHS[0], "step": STEP}

    def all_layers(self, given: Given) -> Any:
        """What the open tab shows at every layer."""
        tab, (view, _) = self.seen(given), self.selected(given)
        swept, layered = self.swept(tab, view, given), tab.layered
        if layered is None or not swept or not view.sets:
            return gr.skip()
        outputs, controls = self.page.laid[tab.title].outputs, self._own(tab, given)

        def at(one: Selection) -> dict[str, str | None]:
            found = layered(one, **controls)
            return _message({part: _ready(part, found[name]) for name, part in outputs.items() if name in found})

        def make() -> str | None:
            with one_library(), drawn_on(Canvas(given[self.width])):
                return self.layers.postprocess({**swept, **at_every_layer(at, view)})

        return {self.page.shown: {self.layers.part: library().kept(swept["key"], make)}}

    def to_fetch(self, tab: Tab, view: Selection, given: Given) -> dict[str, Any]:
        """What the browser is to fetch while it rests: the other tabs, for this view."""
        tabs = [one for one in self.drawn if one.ahead]
        name = "".join(self._about(one, view, given)[:6] for one in tabs)
        figures = [
            part for one in tabs for part in self.page.laid[one.title].outputs.values() if isinstance(part, Figure)
        ]
        return {
            "view": name,
            "tabs": [one.title for one in tabs if one is not tab and view.sets],
            "shares": {figure.part: figure.share for figure in figures if figure.share < 1},
        }

    def look_ahead(self, asked: Any, given: Given) -> Any:
        """What a tab shows that is not open. asked : {tab, view} by the browser."""
        wanted = asked if isinstance(asked, dict) else {}
        tab = next((one for one in self.drawn if one.ahead and one.title == wanted.get("tab")), None)
        view, _ = self.selected(given)
        if tab is None or not view.sets:
            return gr.skip()
        with one_library():
            return {"view": str(wanted.get("view")), "parts": _message(self._filled(tab, view, given))}

    def _own(self, tab: Tab, given: Given) -> dict[str, Any]:
        return {name: given[part] for name, part in self.page.laid[tab.title].controls.items()}

    def _about(self, tab: Tab, view: Selection, given: Given) -> str:
        """Names everything that decides what a tab shows."""
        used = {name: getattr(view, name) for name in tab.uses}
        text = repr((tab.title, used, self._own(tab, given), given[self.width], library().number))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _filled(self, tab: Tab, view: Selection, given: Given) -> dict[Part, Any]:
        """What a tab shows, by part; of parts that are filled as the browser gets it. Raises NothingSelected."""
        laid = self.page.laid[tab.title]
        parts = {**laid.controls, **laid.outputs}

        def make() -> dict[Part, Any]:
            with drawn_on(Canvas(given[self.width])):
                found = self.draw(tab, view, given)
            by_part = {parts[name]: EMPTY if value is None else value for name, value in found.items()}
            return {part: _ready(part, value) for part, value in by_part.items()}

        return library().kept(self._about(tab, view, given), make) if tab.ahead else make()


def unused_by(tab: Tab) -> dict[str, Any]:
    """What of the selection a tab does not use, as `Side` greys it."""
    return {"tab": tab.title, "unused": [name for name in EVERYTHING if name not in tab.uses]}


def address_of(query: str, tab: Tab, view: Selection, own: Mapping[str, Any]) -> dict[str, Any]:
    """What `Link` shows. query : of the address. own : what a link keeps of the tab, by name."""
    layer, layers = view.first_layer()
    return {"query": query, "python": _python(tab, view, own), "layer": layer, "layers": layers}


def as_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _python(tab: Tab, view: Selection, kept: Mapping[str, Any]) -> str:
    """What a tab shows as Python, empty where there is nothing to show."""
    try:
        return "" if tab.python is None else tab.python(view, **kept)
    except InputError:
        return ""


def _seen(opened: Mapping[str, str], tabs: Sequence[Tab], within: str = PAGE) -> Tab:
    tab = next((tab for tab in tabs if tab.title == opened.get(within)), tabs[0])
    return _seen(opened, tab.parts, tab.title) if tab.parts else tab


def _message(ready: Given) -> dict[str, Any]:
    """What `Shown` and `Ahead` carry: the values of the parts that are filled, by their names in the browser."""
    return {part.part: value for part, value in ready.items() if _is_filled(part) and value != _SKIP}


def _ready(part: Part, value: Any) -> Any:
    """A value as the browser gets it, where the part is filled."""
    return part.postprocess(value) if _is_filled(part) and value != _SKIP else value


def _is_filled(part: Part) -> bool:
    return isinstance(part, (Figure, Filled))
