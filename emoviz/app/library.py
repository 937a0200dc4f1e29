"""The vector sets that the page shows, opened once per process, and the numbers that are asked for again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..emotions import CLASSES
from ..geometry import best_layers, depth_curves, maps_over_layers, preferred_layer
from ..plots.theme import Style, short_label, styles
from ..stats import compare
from ..stats.valence import valence_arousal
from ..stimuli.norms import load_norms
from ..store import list_sets, sets_folder, shipped_folder
from ..types import Comparison, DepthCurves, Norms, Projection, ValenceArousal, VectorSet


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Known sets by name, in the order of `emoviz list`, each with the style it has in every figure.

    Equal only to itself, so that what was drawn from one can be kept until there is another.
    """

    sets: Mapping[str, VectorSet]
    style: Mapping[str, Style]

    @property
    def classes(self) -> tuple[str, ...]:
        """The 21 classes and those of any set, in alphabetical order."""
        return tuple(sorted({*CLASSES, *(name for s in self.sets.values() for name in s.classes)}))

    def choices(self) -> list[tuple[str, str]]:
        """(label, name) of each set, as a menu shows them."""
        return [(short_label(s), name) for name, s in self.sets.items()]


def library() -> Library:
    """The sets in the shipped and the user's folder; opened again when a file there has come, gone or changed."""
    files = [f for folder in (shipped_folder(), sets_folder()) if folder.is_dir() for f in folder.iterdir()]
    return _open(tuple((str(f), f.stat().st_mtime_ns) for f in sorted(files)))


@lru_cache(maxsize=1)
def _open(_files: tuple) -> Library:
    for kept in (curves_of, best_of, comparison_of, maps_of, valence_of):
        # A set may have been replaced by another of its name.
        kept.cache_clear()
    sets = list_sets()
    return Library({s.name: s for s in sets}, styles(sets))


@lru_cache(maxsize=256)
def curves_of(name: str, centring: str) -> DepthCurves:
    return depth_curves(library().sets[name], centring)


@lru_cache(maxsize=256)
def best_of(name: str) -> dict[str, int | None]:
    return best_layers(library().sets[name])


@lru_cache(maxsize=256)
def comparison_of(names: tuple[str, ...], layers: tuple[int, ...], centring: str, intervals: bool = True) -> Comparison:
    """RSA of the named sets; without intervals it is there at once."""
    sets = [library().sets[name] for name in names]
    return compare(sets, layers, centring=centring, intervals=intervals)


@lru_cache(maxsize=256)
def maps_of(name: str, method: str) -> dict[int, Projection]:
    """The maps of all layers, so that a moved slider only has to look one up."""
    vectors = library().sets[name]
    return maps_over_layers(vectors, method, preferred_layer(vectors))


@lru_cache(maxsize=256)
def valence_of(name: str, norms: str | None) -> ValenceArousal:
    """norms : path of a norms file, None for the quadrant signs. Raises InputError if the file cannot be used."""
    vectors = library().sets[name]
    ratings = None if norms is None else _norms(norms)
    return valence_arousal(vectors, ratings, anchor=preferred_layer(vectors))


@lru_cache(maxsize=8)
def _norms(path: str) -> Norms:
    return load_norms(path)
