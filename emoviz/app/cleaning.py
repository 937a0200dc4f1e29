"""Cleaner directions on the page: the choice, and the cleaned sets that readings on it were made with."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..errors import InputError
from ..geometry.cleaning import CHOICES, NONE, parse_cleaning
from ..types import VectorSet
from .library import library

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel

_MOST = 16
# Name -> cleaned set, the latest last: what is read with one is drawn with it too.
_KEPT: OrderedDict[str, VectorSet] = OrderedDict()
_EXAMPLE = "against calm"


def menu(**options: Any) -> gr.Dropdown:
    """The control."""
    choices = [*(name for name in CHOICES if name.islower()), _EXAMPLE]
    title, info = "Cleaning of directions", "or type neutral 5, against sad"
    return gr.Dropdown(choices, value=NONE, label=title, info=info, allow_custom_value=True, **options)


def cleaned_with_status(
    shown: Any, loaded: LoadedModel, vectors: VectorSet, cleaning: str
) -> Generator[tuple[Any, str], None, VectorSet]:
    """Cleans a set in a thread and yields what it is doing; returns the set. Raises InputError as `cleaned`."""
    if parse_cleaning(cleaning).how == NONE:
        return vectors
    from ..extract.cleaning import cleaned

    stage = ["cleaning the directions"]

    def progress(_stage: str, done: int, total: int) -> None:
        stage[0] = f"reading once what the cleaning needs, {100 * done // total} %"

    started = time.perf_counter()
    pool = ThreadPoolExecutor(1)
    future = pool.submit(cleaned, loaded, vectors, cleaning, progress=progress)
    pool.shutdown(wait=False)
    while not future.done():
        yield shown, f"{loaded.name}: {stage[0]} ({time.perf_counter() - started:.0f} s)"
        time.sleep(0.25)
    found = future.result()
    _KEPT[found.name] = found
    _KEPT.move_to_end(found.name)
    while len(_KEPT) > _MOST:
        _KEPT.popitem(last=False)
    return found


def set_read(name: str) -> VectorSet | None:
    """A stored set, or a cleaned one that something on the page was made with; None for one that is gone."""
    known = library().set_named(name)
    return _KEPT.get(name) if known is None else known


def label(text: str) -> str:
    """As the name of a set has it, empty for none; what cannot be read as it is."""
    try:
        name = parse_cleaning(text).name
    except InputError:
        name = str(text)
    return "" if name == NONE else f", {name}"


def snippet_lines(text: str) -> list[str]:
    """The line of Python that cleans `vectors`; none where nothing is cleaned."""
    return [f"vectors = ez.cleaned(model, vectors, {text!r})"] if label(text) else []
