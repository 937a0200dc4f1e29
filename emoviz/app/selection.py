"""One selection drives every view, and every click in a figure changes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from ..geometry import CENTRINGS, preferred_layer
from ..geometry.layers import layers_of
from ..geometry.vectors import check_centring
from ..models.registry import BUNDLED
from ..plots.theme import short_label
from ..store.choice import DEFAULT_PRECISION, DEFAULT_PROTOCOL
from ..types import VectorSet
from .library import library

MAX_PANELS = 4
# Names of sets, and of emotions, that are looked at; a visitor can post any number.
MAX_ASKED = 1000
DEPTHS = 0.02, 1.0
STEP = 0.01
BEST, SAME_DEPTH = "best of each", "same depth"
# What an arrow key in any figure is reported as.
STEP_EMOTION = "step"


class NothingSelected(InputError):
    """No set is selected, so that no tab has anything to show."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown: which sets, at which layers, centred how, and what is marked everywhere.

    emotion : marked before all others. emotions : marked beside it. pin : the set that the others are compared with; it
    is drawn first.
    """

    sets: tuple[str, ...]
    layer_mode: str
    depth: float
    centring: str
    emotion: str
    emotions: tuple[str, ...] = ()
    pin: str | None = None

    @property
    def marked(self) -> tuple[str, ...]:
        """The emotions that are marked, the one before all others first."""
        return (self.emotion, *self.emotions)

    def chosen(self) -> list[VectorSet]:
        """The selected sets, the pinned one first. Raises NothingSelected if there is none."""
        known = library().sets
        sets = [known[name] for name in sorted(self.sets, key=lambda name: name != self.pin) if name in known]
        if not sets:
            raise NothingSelected("no vector set is selected. Tick a set on the left.")
        return sets

    def panels(self) -> list[VectorSet]:
        """The sets that are drawn side by side, the first four."""
        return self.chosen()[:MAX_PANELS]

    def readable(
        self, sets: list[VectorSet], check: Callable[[VectorSet, int], Any] | None = None
    ) -> tuple[list[VectorSet], tuple[int, ...], list[str]]:
        """Those of the sets that can be shown, their layers, and a note for each selected set that is left out.

        check : a set and its layer; raises InputError if they cannot be shown. A layer must be finite in any case.
        Raises InputError if none is left.
        """
        pairs = list(zip(sets, self.layers(sets), strict=True))
        notes = [
            f"left out: {short_label(s)}, whose layer {layer} {s.gap}"
            for s, layer in pairs
            if layer not in s.finite_layers
        ]
        left = [(s, layer) for s, layer in pairs if layer in s.finite_layers]
        if check is not None:
            left, more = _passing(left, check)
            notes += more
        if not left:
            raise InputError(
                notes[0] if notes[0].endswith(".") else f"{notes[0]}. Choose another depth or another set."
            )
        if unseen := self.chosen()[len(sets) :]:
            names = ", ".join(short_label(s) for s in unseen)
            notes.append(f"the first {len(sets)} selected sets are drawn here; not drawn: {names}")
        notes += self.reference_notes()
        return [s for s, _ in left], tuple(layer for _, layer in left), notes

    def centred(self) -> tuple[list[VectorSet], list[str]]:
        """The selected sets that can be centred as asked, and a note for each other. Raises InputError if none can."""
        pairs = [(vectors, 0) for vectors in self.chosen()]
        passing, notes = _passing(pairs, lambda s, _layer: check_centring(self.centring, s.classes))
        left = [vectors for vectors, _ in passing]
        if not left:
            raise InputError(notes[0])
        return left, notes + self.reference_notes()

    def reference_notes(self) -> list[str]:
        """A note that names the pinned set, where others are compared with it."""
        first, *others = self.chosen()
        return [f"reference: {short_label(first)}, pinned"] if others and first.name == self.pin else []

    def with_first(self, name: str) -> dict[str, Any]:
        """What makes a set the first of those selected, by the names of the selection."""
        pin = self.pin if self.pin == name else None
        return {"sets": [name, *(other for other in self.sets if other != name)], "pin": pin}

    def layers(self, sets: list[VectorSet]) -> tuple[int, ...]:
        """The layer shown of each set."""
        if self.layer_mode == SAME_DEPTH:
            # A slider at its end gives 1, which would be a layer.
            return layers_of(sets, float(self.depth))
        return tuple(preferred_layer(s) for s in sets)

    def first_layer(self) -> tuple[int | None, int]:
        """The layer shown of the first set, and how many it has; None and 0 where no set is selected."""
        try:
            first = self.chosen()[:1]
        except NothingSelected:
            return None, 0
        return self.layers(first)[0], first[0].n_layers


def _passing(
    pairs: list[tuple[VectorSet, int]], check: Callable[[VectorSet, int], Any]
) -> tuple[list[tuple[VectorSet, int]], list[str]]:
    """The sets, each with a layer, for which the check raises no InputError, and a note for each other."""
    left, notes = [], []
    for vectors, layer in pairs:
        try:
            check(vectors, layer)
            left.append((vectors, layer))
        except InputError as error:
            notes.append(f"left out: {short_label(vectors)}: {error}")
    return left, notes


def checked(values: Mapping[str, Any]) -> tuple[Selection, list[str]]:
    """A selection out of what a visitor or a link gave, by the names of `Selection`; the rest is as at first.

    Returns it and, for everything that cannot be used, what was given, what is allowed and what is shown instead.
    """
    start, known = first_selection(), library()
    allowed: dict[str, Collection[Any]] = {
        "layer_mode": (BEST, SAME_DEPTH),
        "centring": CENTRINGS,
        "emotion": known.classes,
    }
    found: dict[str, Any] = {}
    notes = []
    if "sets" in values:
        asked, wrong = _listed("sets", values["sets"])
        notes += wrong
        found["sets"] = tuple(dict.fromkeys(name for name in asked if isinstance(name, str) and name in known.sets))
        notes += [f"set {_short(name)} is not here; it is left out." for name in asked if name not in found["sets"]]
        if asked and not found["sets"]:
            # Nothing was asked for that is here: better the usual sets than an empty page.
            del found["sets"]
    if "emotions" in values:
        asked, wrong = _listed("emotions", values["emotions"])
        notes += wrong
        more = tuple(dict.fromkeys(name for name in asked if isinstance(name, str) and name in allowed["emotion"]))
        notes += [f"emotion {_short(name)} is unknown; it is not marked." for name in asked if name not in more]
        found["emotions"] = more
    if values.get("pin") is not None:
        if values["pin"] in found.get("sets", start.sets):
            found["pin"] = values["pin"]
        else:
            notes.append(f"set {_short(values['pin'])} is not selected; no set is pinned.")
    if "depth" in values:
        depth, (low, high) = values["depth"], DEPTHS
        if isinstance(depth, (int, float)) and low <= depth <= high:
            found["depth"] = float(depth)
        else:
            number = isinstance(depth, (int, float)) and math.isfinite(depth)
            found["depth"] = min(max(depth, low), high) if number else start.depth
            given = "no depth" if depth is None else f"depth {_short(depth)}"
            notes.append(f"{given} was given; {low:g} to {high:g} is allowed. Depth {found['depth']:g} is shown.")
    for name, choices in allowed.items():
        if name in values and values[name] in choices:
            found[name] = values[name]
        elif name in values:
            usual = getattr(start, name)
            notes.append(f"{name.replace('_', ' ')} {_short(values[name])} is unknown; {usual!r} is shown.")
    view = replace(start, **found)
    return replace(view, emotions=tuple(name for name in view.emotions if name != view.emotion)), notes


def _listed(what: str, given: Any) -> tuple[Sequence[Any], list[str]]:
    """Names that were given, the first of very many, and what is wrong with them."""
    if isinstance(given, (list, tuple)):
        return given[:MAX_ASKED], []
    return [], [f"{what} {_short(given)} is no list of names."]


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:57]}..."


def first_selection() -> Selection:
    """What a newcomer sees: the shipped sets of the default protocol, of models that can be steered at once, each at
    its best layer.
    """
    bundled = {entry.id for entry in BUNDLED}
    shipped = tuple(
        s.name
        for s in library().sets.values()
        if s.shipped
        and (s.provenance.protocol.name, s.provenance.precision) == (DEFAULT_PROTOCOL, DEFAULT_PRECISION)
        and s.provenance.model in bundled
    )
    return Selection(shipped, BEST, depth=0.6, centring="class", emotion="afraid")


def clicked(data: Any) -> tuple[str, list]:
    """The kind of figure that was clicked and the ids of the point, or of those in a box; nothing for what no figure
    sends."""
    kind, ids = (data.get("kind"), data.get("brushed", data.get("ids"))) if isinstance(data, dict) else (None, None)
    return (kind, ids) if isinstance(kind, str) and isinstance(ids, list) and ids else ("", [])


# Clicked ids and the selection to what changes: names of the selection or of the tab's controls; nothing for a click
# that does not count. A visitor can post any ids.
Pick = Callable[[list, Selection], dict[str, Any]]


def picked(data: Any, picks: Mapping[str, Pick], view: Selection) -> dict[str, Any]:
    """What a click in a figure or a table changes; nothing for what none of them sends.

    picks : kind -> what a click there changes. With `add` a click marks one emotion more, or no longer; `brushed`, ids
    of everything inside a box, marks all emotions in it.
    """
    kind, ids = clicked(data)
    if kind not in picks:
        return {}
    if "brushed" in data:
        inside = [picks[kind](one, view).get("emotion") for one in ids if isinstance(one, list) and one]
        names = dict.fromkeys(name for name in inside if name is not None and name != view.emotion)
        return {"emotions": list(names)} if any(inside) else {}
    change = picks[kind](ids, view)
    if data.get("add") is True and "emotion" in change:
        toggled = {change["emotion"], *change.get("emotions", ())} - {view.emotion}
        return {"emotions": [*(e for e in view.emotions if e not in toggled), *sorted(toggled - {*view.emotions})]}
    return change


def pick_depth(ids: list, _view: Selection) -> dict[str, Any]:
    """A click on a curve, [set, layer, ...], asks for that depth in all sets."""
    vectors = library().sets.get(ids[0]) if isinstance(ids[0], str) else None
    if vectors is None or len(ids) < 2 or type(ids[1]) is not int or not 0 <= ids[1] < vectors.n_layers:
        return {}
    return {"layer_mode": SAME_DEPTH, "depth": round(vectors.depth(ids[1]), 4)}


def pick_emotion(ids: list, _view: Selection) -> dict[str, Any]:
    """A click on a class, [class, ...], marks it everywhere."""
    return {"emotion": ids[0]} if isinstance(ids[0], str) and ids[0] in library().classes else {}


def step_emotion(ids: list, view: Selection) -> dict[str, Any]:
    """A key in a figure, [-1 or 1], marks the emotion before or after, of those that the selected sets have."""
    known = library().sets
    names = sorted({name for chosen in view.sets if chosen in known for name in known[chosen].classes})
    if type(ids[0]) is not int or abs(ids[0]) != 1 or not names:
        return {}
    after = [name for name in names if name > view.emotion]
    before = [name for name in names if name < view.emotion]
    return {"emotion": (after or names)[0] if ids[0] > 0 else (before or names)[-1]}


def pick_emotions(ids: list, view: Selection) -> dict[str, Any]:
    """A click on a pair of classes, [class, class, ...], marks both."""
    first, *others = [found["emotion"] for found in (pick_emotion([one], view) for one in ids[:2]) if found] or [None]
    return {} if first is None else {"emotion": first, "emotions": others}
