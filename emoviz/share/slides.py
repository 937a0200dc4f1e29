"""The slides of a talk: the figures of some sets by name, each at a depth of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations
from typing import Any

from .. import plot
from ..errors import InputError
from ..geometry.curves import CURVES
from ..geometry.layers import BEST, layers_of
from ..geometry.maps import METHODS
from ..numerals import SHARES, value_of
from ..plots.marks import names
from ..plots.rdm import ORDERS
from ..stats import compare
from ..store.responses import list_dose_responses
from .figures import Drawing, View, drawings

# Draws a plotly figure.
Draw = Callable[[], Any]
# The first words of the names of figures that change from layer to layer and are quickly drawn.
OVER_LAYERS = ("map", "rdm", "depth", "controls", "anisotropy", "cosines", "pair", "difference")
MAX_SLIDES = 40
_MAX_PAIRED = 4
_USUAL_TALK = ("map", "rsa", "rdm", "depth_decoding_accuracy", "anisotropy", "cosines")


def draws_of(view: View) -> dict[str, Draw]:
    """Name -> what draws it: the figures of a view, other forms of them, and what is stored beside the sets."""
    sets = view.sets
    marked: dict[str, Any] = {"layers": list(view.layers), "emotion": view.emotion}
    known = drawings(view)
    found: dict[str, Draw] = {name: drawing.draw_some for name, drawing in known.items()}
    if "rsa" in known:
        # Resampling takes seconds, so that it waits until the figure is drawn, and is kept for the next time.
        rsa, compared = known["rsa"], cache(lambda: compare(sets, view.layers, centring=view.centring))
        found["rsa"] = lambda: rsa.draw(compared())
    return {
        **found,
        **{
            f"map_{method.lower()}": Drawing(view, "emotion_map", {"method": method, **marked}).draw_some
            for method in METHODS
            if method != "PCA"
        },
        **{
            f"rdm_{order}": Drawing(view, "rdm", {"order": order, "centring": view.centring, **marked}).draw_some
            for order in ORDERS
            if order != "quadrant"
        },
        **{
            name: partial(getattr(plot, name), sets, style=view.style)
            for name in ("decomposition", "separation", "precision", "corpora", "variants")
        },
        "dose_response": lambda: plot.dose_response(list_dose_responses(), next(iter(names(view.emotion)), None)),
        "regimes": lambda: plot.regime_map(list_dose_responses()),
    }


@cache
def labels() -> Mapping[str, str]:
    """What the figures are called in menus, by name, for up to four sets."""
    pairs = list(combinations(range(1, _MAX_PAIRED + 1), 2))
    return {
        "map": "Map, PCA",
        **{f"map_{method.lower()}": f"Map, {method}" for method in METHODS if method != "PCA"},
        "rdm": "RDM",
        **{f"rdm_{order}": f"RDM in the order of {order}" for order in ORDERS if order != "quadrant"},
        **{f"depth_{name}": f"{curve.label} over depth" for name, curve in CURVES.items()},
        "controls": "Control RDMs over depth",
        "valence": "Valence and arousal over depth",
        "anisotropy": "Anisotropy, dials",
        "cosines": "Cosines, raw and centred",
        "rsa": "Agreement of the sets",
        **{f"pair_{i}_{j}": f"Sets {i} and {j}, pair by pair" for i, j in pairs},
        **{f"difference_{i}_{j}": f"Sets {i} and {j}, the difference" for i, j in pairs},
        "leak": "Leak over doses",
        "leak_scripts": "Leak by script",
        "side_effects": "Side effects",
        "off_target": "Off-target emotions",
        "published_rsa": "Agreement of twelve published models",
        "decomposition": "What changes a geometry",
        "separation": "Reading against writing",
        "precision": "Precisions",
        "corpora": "Other passages",
        "variants": "Base against instruct",
        "dose_response": "Dose response",
        "regimes": "Regimes over doses",
    }


def over_layers(name: str) -> bool:
    """Whether a figure changes from layer to layer."""
    return name.split("_")[0] in OVER_LAYERS and not name.startswith("depth_difference")


@dataclass(frozen=True, slots=True)
class Slide:
    """One figure of a talk. depth : relative, of the layer that it shows; None for the best layer of each set."""

    name: str
    depth: float | None = None

    def __str__(self) -> str:
        return self.name if self.depth is None else f"{self.name}@{self.depth:g}"

    @property
    def label(self) -> str:
        return labels()[self.name] + ("" if self.depth is None else f", depth {self.depth:.2f}")


def slide_of(text: str) -> Slide:
    """`rdm`, or `rdm@0.4` for the layer at that depth. Raises InputError for anything else."""
    name, _, at = text.partition("@")
    if name not in labels():
        raise InputError(
            f"figure {name!r:.60} of the talk is unknown; names of `emoviz figures` are allowed, such as map, rdm, "
            "depth_decoding_accuracy."
        )
    if not at:
        return Slide(name)
    depth = value_of(at, SHARES)
    if not 0 < depth <= 1:
        raise InputError(
            f"depth {at!r:.20} of {name} in the talk cannot be used; a number above 0 and up to 1 is allowed."
        )
    return Slide(name, round(depth, 4))


def usual_talk(n_sets: int) -> list[Slide]:
    """The order of a talk for which none was asked."""
    return [Slide(name) for name in _USUAL_TALK if n_sets > 1 or name != "rsa"]


def slide_drawer(view: View) -> Callable[[Slide], Draw]:
    """From a slide to what draws it, at its own depth; that raises InputError where it needs more sets."""

    @cache
    def known(depth: float | None) -> dict[str, Draw]:
        return draws_of(replace(view, layers=layers_of(view.sets, BEST if depth is None else depth)))

    def of(slide: Slide) -> Draw:
        found = known(slide.depth)
        if slide.name not in found:
            raise InputError("more sets are needed.")
        return found[slide.name]

    return of
