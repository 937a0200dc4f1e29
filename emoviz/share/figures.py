"""The figures of a selection of sets: what draws each, and the Python with the public library that draws it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from itertools import combinations
from typing import Any

from .. import plot
from ..emotions import class_named
from ..errors import InputError
from ..geometry import CENTRINGS
from ..geometry.curves import CURVES
from ..geometry.layers import layers_of
from ..plots.marks import Marked, names
from ..plots.theme import short_label
from ..stats import compare, letters
from ..store.effects import list_side_effects
from ..store.leaks import list_leak_runs
from ..types import Comparison, LeakRun, SideEffects, VectorSet


@dataclass(frozen=True, slots=True)
class View:
    """What a report, an archive or a folder of figures is made of.

    layers : one per set. emotion : the class or classes that are marked. link : the address of the view, if any.
    style : how sets look, by name; None for as they would alone.
    """

    sets: tuple[VectorSet, ...]
    layers: tuple[int, ...]
    centring: str = "class"
    emotion: Marked = None
    link: str = ""
    style: plot.Styles | None = None

    def on(self, places: Sequence[int]) -> View:
        """The same of some of its sets."""
        return replace(self, sets=tuple(self.sets[k] for k in places), layers=tuple(self.layers[k] for k in places))


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of `emoviz.plot` and what it is called with.

    function : its name. options : by name. only : the places of the sets that it shows, None for all, () for published
    numbers alone. compared : whether it takes the comparison of the sets, whose resampling takes seconds.
    """

    view: View
    function: str
    options: dict[str, Any] = field(default_factory=dict)
    only: tuple[int, ...] | None = None
    compared: bool = False

    def draw(self, known: Comparison | None = None) -> Any:
        """A plotly figure. known : the comparison of all sets, if it was made before."""
        view = self.view
        sets = [view.sets[k] for k in range(len(view.sets)) if self.only is None or k in self.only]
        given = dict(self.options)
        if self.compared:
            given["comparison"] = compare(sets, view.layers, centring=view.centring) if known is None else known
        make = getattr(plot, self.function)
        if view.style is not None and "style" in signature(make).parameters:
            given["style"] = view.style
        return make(*([sets] if sets else []), **given)

    def without_failing(self) -> tuple[Drawing, list[str]]:
        """The same without the sets that cannot be drawn, and why for each of these.

        Raises InputError if none can, or if it needs all of them.
        """
        if self.compared or self.only is not None:
            self.draw()
        places, notes = [], []
        for k, vectors in enumerate(self.view.sets):
            try:
                self._on((k,)).draw()
                places.append(k)
            except InputError as error:
                notes.append(f"left out: {short_label(vectors)}: {error}")
        if not places:
            raise InputError(notes[0])
        return self._on(tuple(places)), notes

    def draw_some(self) -> Any:
        """A plotly figure of those sets that can be drawn, which says what is left out. Raises InputError as
        `without_failing`."""
        try:
            return self.draw()
        except InputError:
            drawing, notes = self.without_failing()
            told = {"notes": notes} if "notes" in signature(getattr(plot, self.function)).parameters else {}
            return replace(drawing, options={**drawing.options, **told}).draw()

    def _on(self, places: tuple[int, ...]) -> Drawing:
        layers = self.options.get("layers")
        options = self.options if layers is None else {**self.options, "layers": [layers[k] for k in places]}
        return replace(self, only=places, options=options)

    @property
    def code(self) -> str:
        """An expression that draws it, with `ez` and `sets` in scope."""
        sets = "sets" if self.only is None else f"[{', '.join(f'sets[{k}]' for k in self.only)}]"
        given = [] if self.only == () else [sets]
        given += [f"{name}={value!r}" for name, value in self.options.items()]
        if self.compared:
            given.append(f"comparison=ez.compare({sets}, {list(self.view.layers)!r}, centring={self.view.centring!r})")
        return f"ez.plot.{self.function}({', '.join(given)})"


def view_of(
    sets: Sequence[VectorSet],
    layers: str | float | Sequence[int] = "best",
    centring: str = "class",
    emotion: Marked = None,
    link: str = "",
) -> View:
    """A view whose parts are checked. layers : as for `compare`. Raises InputError for what cannot be used."""
    if centring not in CENTRINGS:
        raise InputError(f"centring {centring!r} is unknown; {', '.join(CENTRINGS)} are allowed.")
    known = {name for vectors in sets for name in vectors.classes}
    marked = []
    for name in names(emotion):
        found = class_named(name, known)
        if found is None:
            raise InputError(f"emotion {name!r:.60} is in none of these sets; {', '.join(sorted(known))} are allowed.")
        marked.append(found)
    return View(tuple(sets), layers_of(sets, layers), centring, tuple(marked) if marked else None, link)


def leak_runs_of(view: View) -> list[LeakRun]:
    """The newest leak run of each model of the sets that has one."""
    newest = {run.model: run for run in sorted(list_leak_runs(), key=lambda run: run.created)}
    models = dict.fromkeys(s.provenance.model for s in view.sets)
    return [newest[model] for model in models if model in newest]


def leak_direction(view: View, runs: Sequence[LeakRun]) -> str | None:
    """What their figures show: the first marked emotion that all have, else the first that all have; None where they
    have none together."""
    shared = [name for name in runs[0].directions if all(name in run.directions for run in runs)] if runs else []
    marked = [name for name in names(view.emotion) if name in shared]
    return next(iter([*marked, *shared]), None)


def _leaks(view: View) -> dict[str, Drawing]:
    runs = leak_runs_of(view)
    direction = leak_direction(view, runs)
    if direction is None:
        return {}
    given = {"runs": [run.name for run in runs], "direction": direction}
    return {name: Drawing(view, name, given, only=()) for name in ("leak", "leak_scripts")}


def effects_run_of(view: View) -> SideEffects | None:
    """The newest run of side effects of the first model of the sets that has one."""
    newest = {run.model: run for run in sorted(list_side_effects(), key=lambda run: run.created)}
    return next((newest[s.provenance.model] for s in view.sets if s.provenance.model in newest), None)


def _effects(view: View) -> dict[str, Drawing]:
    run = effects_run_of(view)
    if run is None:
        return {}
    marked = [name for name in names(view.emotion) if name in run.directions][:1]
    given = {"run": run.name, **({"emotion": marked[0]} if marked else {})}
    return {name: Drawing(view, name, given, only=()) for name in ("side_effects", "off_target")}


def drawings(view: View) -> dict[str, Drawing]:
    """Name -> figure, in the order of the page's tabs."""
    at: dict[str, Any] = {"layers": list(view.layers)}
    marked = at if view.emotion is None else {**at, "emotion": view.emotion}
    centred = {"centring": view.centring}
    found = {
        "map": Drawing(view, "emotion_map", marked),
        "rdm": Drawing(view, "rdm", {**marked, **centred}),
        **{
            f"depth_{name}": Drawing(view, "depth", {"curve": name, **at, **centred, "published": True})
            for name in CURVES
        },
        "controls": Drawing(view, "controls", at),
        "valence": Drawing(view, "valence"),
        "anisotropy": Drawing(view, "anisotropy", at),
        "cosines": Drawing(view, "cosines", marked),
    }
    if len(view.sets) > 1:
        found["rsa"] = Drawing(view, "rsa", {**at, **centred}, compared=True)
    short = letters(len(view.sets))
    for i, j in combinations(range(len(view.sets)), 2):
        own = {**marked, **centred, "layers": [view.layers[i], view.layers[j]], "names": (short[i], short[j])}
        found[f"pair_{i + 1}_{j + 1}"] = Drawing(view, "pair", own, only=(i, j))
        found[f"difference_{i + 1}_{j + 1}"] = Drawing(view, "difference", own, only=(i, j))
    if len(view.sets) == 2:
        found |= {
            f"depth_difference_{name}": Drawing(view, "depth_difference", {"curve": name, **centred})
            for name, curve in CURVES.items()
            if not curve.logarithmic
        }
    found |= _leaks(view) | _effects(view)
    found["published_rsa"] = Drawing(view, "published_rsa", only=())
    return found
