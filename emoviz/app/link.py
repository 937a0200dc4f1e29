"""The address of a view: what the page shows as a query, such as `?tab=Geometry&set=...&geometry.order=alphabet`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr

from ..errors import InputError
from ..numerals import value_of
from .contract import Part, Tab
from .selection import BEST, SAME_DEPTH, Selection

_LAYERS = {"best": BEST, "depth": SAME_DEPTH}
_YES_NO = {"yes": True, "no": False}
# Gradio's own, such as the theme.
_FOREIGN = ("__", "view", "deep_link")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link asks for. tab : a title, None for the first. selection : as `selection.checked` takes it. controls :
    key -> its texts, as given. talk : its slides, as given."""

    tab: str | None
    selection: Mapping[str, Any]
    controls: Mapping[str, Sequence[str]]
    talk: Sequence[str] = ()


def key(tab: Tab, name: str) -> str:
    """How a control of a tab is called in a link."""
    return f"{tab.title.lower().replace(' ', '-')}.{name}"


def to_query(tab: Tab, view: Selection, controls: Mapping[str, Any], talk: Sequence[str] = ()) -> str:
    """controls : those that are not as at first, by `key`. talk : its slides in order."""
    mode = next(name for name, mode in _LAYERS.items() if mode == view.layer_mode)
    pairs = [("tab", tab.title), *(("set", name) for name in view.sets or ("",)), ("layers", mode)]
    if view.layer_mode == SAME_DEPTH:
        pairs.append(("depth", f"{view.depth:g}"))
    pairs += [("pin", view.pin)] if view.pin is not None else []
    pairs += [("centring", view.centring), ("emotion", view.emotion), *(("emotions", name) for name in view.emotions)]
    pairs += [(name, text) for name, value in controls.items() for text in encode(value)]
    pairs += [("talk", ",".join(talk))] if talk else []
    return urlencode(pairs)


def from_query(query: str) -> Asked:
    """What was asked for, not checked yet."""
    given: dict[str, list[str]] = {}
    for name, text in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        if not name.startswith(_FOREIGN):
            given.setdefault(name, []).append(text)
    selection: dict[str, Any] = {}
    if "set" in given:
        selection["sets"] = [name for name in given.pop("set") if name]
    if "layers" in given:
        text = given.pop("layers")[-1]
        selection["layer_mode"] = _LAYERS.get(text, text)
    if "depth" in given:
        selection["depth"] = _number(given.pop("depth")[-1])
    if "emotions" in given:
        selection["emotions"] = given.pop("emotions")
    for name in ("centring", "emotion", "pin"):
        if name in given:
            selection[name] = given.pop(name)[-1]
    talk = [text for text in given.pop("talk", [""])[-1].split(",") if text]
    return Asked(given.pop("tab", [None])[-1], selection, given, talk)


def encode(value: Any) -> list[str]:
    """The value of a control as texts, one for each of a list; an empty list is one empty text."""
    if isinstance(value, (list, tuple)):
        return [str(one) for one in value] or [""]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return [f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)]


def decode(part: Part, texts: Sequence[str]) -> Any:
    """The value of a control out of its texts. Raises InputError with what is allowed."""
    last = texts[-1]
    if isinstance(part, gr.Checkbox):
        if last not in _YES_NO:
            raise InputError("yes or no is allowed")
        return _YES_NO[last]
    if isinstance(part, gr.Textbox):
        return last
    known = [value for _, value in part.choices]
    free = getattr(part, "allow_custom_value", False)
    for text in [text for text in texts if text]:
        if text not in known and not free:
            raise InputError(f"{', '.join(known)} are allowed")
    many = isinstance(part, gr.CheckboxGroup) or getattr(part, "multiselect", False)
    return [text for text in texts if text] if many else last


def _number(text: str) -> float | str:
    number = value_of(text)
    return text if math.isnan(number) else number
