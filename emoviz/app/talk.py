"""The talk on the page: which figures, in which order, drawn for the selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..plots.talk import COUNTER, SlideData, slide_data, talk_page
from ..share.figures import View
from ..share.slides import MAX_SLIDES, slide_drawer, slide_of
from .library import library
from .selection import Selection


def checked_order(given: Any) -> tuple[tuple[str, ...], list[str]]:
    """The slides out of what a visitor or a link gave, and for everything that is left out, why."""
    found, notes = [], []
    for text in given if isinstance(given, (list, tuple)) else []:
        try:
            found.append(str(slide_of(str(text))))
        except InputError as error:
            notes.append(f"{error} It is left out.")
    if len(found) > MAX_SLIDES:
        notes.append(f"{len(found)} slides were given for the talk; the first {MAX_SLIDES} are kept.")
    return tuple(found[:MAX_SLIDES]), notes


def slides_of(order: Sequence[str], view: Selection) -> dict[str, Any]:
    """{slides, counter, left_out: why}, of the selected sets that are drawn side by side."""
    try:
        drawer = slide_drawer(_view(view))
    except InputError as error:
        return {"slides": [], "counter": COUNTER, "left_out": [str(error)]}
    slides: list[SlideData] = []
    left_out = []
    for slide in map(slide_of, order):
        try:
            slides.append(slide_data(drawer(slide)))
        except InputError as error:
            left_out.append(f"left out: {slide.label}: {error}")
    return {"slides": slides, "counter": COUNTER, "left_out": left_out}


def _view(view: Selection) -> View:
    sets = view.panels()
    return View(tuple(sets), view.layers(sets), view.centring, view.marked, style=library().style)


def talk_file(order: Sequence[str], view: Selection, theme: str) -> bytes:
    """The talk as a page that needs no network. Raises InputError where no slide can be drawn."""
    found = slides_of(order, view)
    if not found["slides"]:
        raise InputError(" ".join(["there is no figure in the talk.", *found["left_out"]]))
    return talk_page(found["slides"], theme).encode()
