"""Every figure of some sets by name: the names of files, of the command line, and of the slides of a talk."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from typing import Any

from . import plot
from .errors import InputError
from .geometry.curves import CURVES
from .geometry.layers import BEST, layers_of
from .geometry.maps import METHODS
from .plots.rdm import ORDERS
from .stats import compare
from .store.responses import list_dose_responses
from .types import VectorSet

# Draws a plotly figure.
Draw = Callable[[], Any]
# The first words of the names of figures that change from layer to layer and are quickly drawn.
OVER_LAYERS = ("map", "rdm", "depth", "controls", "anisotropy", "cosines", "pair")
MAX_SLIDES = 40
_MAX_PAIRED = 4
_USUAL_TALK = ("map", "rsa", "rdm", "depth_decoding_accuracy", "anisotropy", "cosines")


def figures_of(
    sets: Sequence[VectorSet],
    layers: tuple[int, ...],
    centring: str,
    emotion: str | None,
    style: plot.Styles | None = None,
) -> dict[str, Draw]:
    """Name -> what draws it."""
    at: dict[str, Any] = {"layers": list(layers)}
    marked: dict[str, Any] = {**at, "emotion": emotion}
    look: dict[str, Any] = {"style": style}
    found: dict[str, Draw] = {
        "map": partial(plot.emotion_map, sets, **marked),
        "rdm": partial(plot.rdm, sets, centring=centring, **marked),
        **{
            f"depth_{name}": partial(plot.depth, sets, name, centring=centring, published=True, **at, **look)
            for name in CURVES
        },
        "controls": partial(plot.controls, sets, **at, **look),
        "valence": partial(plot.valence, sets, **look),
        "anisotropy": partial(plot.anisotropy, sets, **at, **look),
        "cosines": partial(plot.cosines, sets, **marked, **look),
    }
    if len(sets) > 1:
        # Resampling takes seconds, so that it waits until the figure is drawn, and is kept for the next time.
        compared = cache(lambda: compare(sets, layers, centring=centring))
        found["rsa"] = lambda: plot.rsa(sets, centring=centring, comparison=compared(), **at)
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        found[f"pair_{i + 1}_{j + 1}"] = partial(
            plot.pair, [a, b], layers=[layers[i], layers[j]], centring=centring, emotion=emotion
        )
    return found


def further_figures_of(
    sets: Sequence[VectorSet],
    layers: tuple[int, ...],
    centring: str,
    emotion: str | None,
    style: plot.Styles | None = None,
) -> dict[str, Draw]:
    """As `figures_of`: other forms of its figures, and those of what is stored beside the sets."""
    marked: dict[str, Any] = {"layers": list(layers), "emotion": emotion}
    return {
        **{
            f"map_{method.lower()}": partial(plot.emotion_map, sets, method=method, **marked)
            for method in METHODS
            if method != "PCA"
        },
        **{
            f"rdm_{order}": partial(plot.rdm, sets, order=order, centring=centring, **marked)
            for order in ORDERS
            if order != "quadrant"
        },
        "published_rsa": plot.published_rsa,
        **{
            name: partial(getattr(plot, name), sets, style=style)
            for name in ("decomposition", "separation", "precision", "variants")
        },
        "dose_response": lambda: plot.dose_response(list_dose_responses(), emotion),
        "regimes": lambda: plot.regime_map(list_dose_responses()),
    }


@cache
def labels() -> Mapping[str, str]:
    """What the figures are called in menus, by name, for up to four sets."""
    pairs = combinations(range(1, _MAX_PAIRED + 1), 2)
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
        "published_rsa": "Agreement of twelve published models",
        "decomposition": "What changes a geometry",
        "separation": "Reading against writing",
        "precision": "Precisions",
        "variants": "Base against instruct",
        "dose_response": "Dose response",
        "regimes": "Regimes over doses",
    }


def over_layers(name: str) -> bool:
    """Whether a figure changes from layer to layer."""
    return name.split("_")[0] in OVER_LAYERS


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
    try:
        depth = float(at)
    except ValueError:
        depth = math.nan
    if not 0 < depth <= 1:
        raise InputError(
            f"depth {at!r:.20} of {name} in the talk cannot be used; a number above 0 and up to 1 is allowed."
        )
    return Slide(name, round(depth, 4))


def usual_talk(n_sets: int) -> list[Slide]:
    """The order of a talk for which none was asked."""
    return [Slide(name) for name in _USUAL_TALK if n_sets > 1 or name != "rsa"]


def slide_drawer(
    sets: Sequence[VectorSet],
    centring: str = "class",
    emotion: str | None = None,
    style: plot.Styles | None = None,
) -> Callable[[Slide], Draw]:
    """From a slide to what draws it. That raises InputError for a figure that these sets do not have."""

    @cache
    def known(depth: float | None) -> dict[str, Draw]:
        at = layers_of(sets, BEST if depth is None else depth), centring, emotion, style
        return figures_of(sets, *at) | further_figures_of(sets, *at)

    def of(slide: Slide) -> Draw:
        found = known(slide.depth)
        if slide.name not in found:
            raise InputError("more sets are needed.")
        return found[slide.name]

    return of
