"""The vector sets that the page shows, opened once per process, and the numbers that are asked for again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from ..geometry import best_layers, depth_curves
from ..plots.theme import Style, styles
from ..stats import compare
from ..stimuli import load_corpus
from ..store import list_sets, load_activations
from ..types import Comparison, DepthCurve, VectorSet


@dataclass(frozen=True, slots=True)
class Library:
    """Known sets by name, in the order of `emoviz list`, each with the style it has in every figure."""

    sets: Mapping[str, VectorSet]
    style: Mapping[str, Style]


@cache
def library() -> Library:
    sets = list_sets()
    return Library({s.name: s for s in sets}, styles(sets))


@lru_cache(maxsize=256)
def curves_of(name: str, centring: str) -> dict[str, DepthCurve]:
    return depth_curves(library().sets[name], centring)


@lru_cache(maxsize=256)
def best_of(name: str) -> dict[str, int | None]:
    return best_layers(library().sets[name])


@lru_cache(maxsize=256)
def comparison_of(names: tuple[str, ...], layers: tuple[int, ...], centring: str, controls: bool = True) -> Comparison:
    """RSA of the named sets. Without controls (interval, lexical partial) it is there at once and needs no scikit-learn."""
    sets = [library().sets[name] for name in names]
    return compare(
        sets,
        layers,
        centring=centring,
        activations=[load_activations(s) for s in sets] if controls else None,
        corpus=load_corpus() if controls else None,
    )
