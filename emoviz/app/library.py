"""The vector sets that the page shows, opened once per process, and the numbers that are asked for again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..emotions import CLASSES
from ..geometry import best_layers, depth_curves
from ..plots.theme import Style, short_label, styles
from ..stats import compare
from ..stimuli import load_corpus
from ..store import list_sets, load_activations, sets_folder, shipped_folder
from ..types import Comparison, DepthCurve, VectorSet


@dataclass(frozen=True, slots=True)
class Library:
    """Known sets by name, in the order of `emoviz list`, each with the style it has in every figure."""

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
