"""One selection drives every view, and every click in a figure changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..geometry import preferred_layer
from ..geometry.layers import layers_of
from ..plots.theme import short_label
from ..types import VectorSet
from .library import library

MAX_PANELS = 4
BEST, SAME_DEPTH = "best of each", "same depth"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown: which sets, at which layers, centred how, and the emotion that is marked everywhere."""

    sets: tuple[str, ...]
    layer_mode: str
    depth: float
    centring: str
    emotion: str

    def chosen(self) -> list[VectorSet]:
        """The selected sets. Raises InputError if there is none."""
        known = library().sets
        sets = [known[name] for name in self.sets if name in known]
        if not sets:
            raise InputError("no vector set is selected. Tick a set on the left.")
        return sets

    def panels(self) -> list[VectorSet]:
        """The sets that are drawn side by side, the first four."""
        return self.chosen()[:MAX_PANELS]

    def readable(self, sets: list[VectorSet]) -> tuple[list[VectorSet], tuple[int, ...], list[str]]:
        """Those of the sets whose layer is finite, their layers, and a note for each set that is left out.

        Raises InputError if none is left.
        """
        pairs = list(zip(sets, self.layers(sets), strict=True))
        left = [(s, layer) for s, layer in pairs if layer in s.finite_layers]
        notes = [
            f"left out: {short_label(s)}, whose layer {layer} is not finite in {s.provenance.precision}"
            for s, layer in pairs
            if layer not in s.finite_layers
        ]
        if not left:
            raise InputError(f"{notes[0]}. Choose another depth or another set.")
        return [s for s, _ in left], tuple(layer for _, layer in left), notes

    def layers(self, sets: list[VectorSet]) -> tuple[int, ...]:
        """The layer shown of each set."""
        if self.layer_mode == SAME_DEPTH:
            # A slider at its end gives 1, which would be a layer.
            return layers_of(sets, float(self.depth))
        return tuple(preferred_layer(s) for s in sets)


def first_selection() -> Selection:
    """What a newcomer sees: the shipped sets of the default protocol, each at its best layer."""
    shipped = tuple(
        s.name
        for s in library().sets.values()
        if s.shipped and (s.provenance.protocol.name, s.provenance.precision) == ("emoviz", "fp32")
    )
    return Selection(shipped, BEST, depth=0.6, centring="class", emotion="afraid")


def clicked(data: Any) -> tuple[str, list]:
    """The kind of figure that was clicked and the ids of the point; nothing for what no figure sends."""
    kind, ids = (data.get("kind"), data.get("ids")) if isinstance(data, dict) else (None, None)
    return (kind, ids) if isinstance(kind, str) and isinstance(ids, list) and ids else ("", [])


def pick_depth(ids: list, _view: Selection) -> dict[str, Any]:
    """A click on a curve, [set, layer], asks for that depth in all sets."""
    vectors = library().sets.get(ids[0]) if isinstance(ids[0], str) else None
    if vectors is None or len(ids) != 2 or type(ids[1]) is not int or not 0 <= ids[1] < vectors.n_layers:
        return {}
    return {"layer_mode": SAME_DEPTH, "depth": round(vectors.depth(ids[1]), 4)}


def pick_emotion(ids: list, _view: Selection) -> dict[str, Any]:
    """A click on a class, [class, ...], marks it everywhere."""
    return {"emotion": ids[0]} if isinstance(ids[0], str) and ids[0] in library().classes else {}
