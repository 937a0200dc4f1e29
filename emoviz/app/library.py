"""What the page shows from: vector sets, dose-response runs and verifications, opened once until a file changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from ..emotions import CLASSES
from ..errors import InputError
from ..files import entries
from ..models.registry import place_of
from ..plots.theme import SERIES, Style, short_label, styles
from ..stats import compare
from ..stimuli.norms import load_norms
from ..store import list_sets, responses_folder, sets_folder, shipped_folder, verifications_folder
from ..store.choice import Unfit, best_first, set_of_each_model
from ..store.effects import list_side_effects
from ..store.leaks import list_leak_runs
from ..store.responses import list_dose_responses
from ..store.unreadable import Unreadable, unreadable_files
from ..store.verifications import list_verifications
from ..types import Comparison, DoseResponse, LeakRun, Norms, SideEffects, VectorSet, Verification

T = TypeVar("T")
MAX_KEPT = 48
_NUMBERS = count()


class Library:
    """What is stored, by name, sets of known models first, and what was computed from it.

    There is a new one as soon as a file has come, gone or changed, so that nothing stale is kept with it.
    """

    def __init__(self, sets: list[VectorSet]) -> None:
        # Of its own: the place in memory of one that is gone may be that of the next.
        self.number = next(_NUMBERS)
        self.sets: Mapping[str, VectorSet] = {
            s.name: s for s in sorted(sets, key=lambda s: place_of(s.provenance.model))
        }
        # Of all known sets, so that a set looks the same whatever is selected.
        self.style: Mapping[str, Style] = styles(sets)
        # Visitors ask for any layers, and upload any files: only the latest are kept.
        self._comparison = lru_cache(maxsize=64)(self._compare)
        self._norms = lru_cache(maxsize=16)(load_norms)
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()

    @cached_property
    def runs(self) -> Mapping[str, DoseResponse]:
        found = sorted(list_dose_responses(), key=lambda run: (not run.shipped, place_of(run.model)))
        return {run.name: run for run in found}

    @cached_property
    def leaks(self) -> Mapping[str, LeakRun]:
        """The leak runs, known models first."""
        found = sorted(list_leak_runs(), key=lambda run: (not run.shipped, place_of(run.model)))
        return {run.name: run for run in found}

    @cached_property
    def effects(self) -> Mapping[str, SideEffects]:
        """The runs of side effects, known models first."""
        found = sorted(list_side_effects(), key=lambda run: (not run.shipped, place_of(run.model)))
        return {run.name: run for run in found}

    @cached_property
    def verifications(self) -> Mapping[str, Verification]:
        return {found.name: found for found in list_verifications()}

    @cached_property
    def left_out(self) -> list[Unreadable]:
        """The files that cannot be read, of sets, runs and all else."""
        return unreadable_files()

    @property
    def classes(self) -> tuple[str, ...]:
        """The 21 classes and those of any set, in alphabetical order."""
        return tuple(sorted({*CLASSES, *(name for s in self.sets.values() for name in s.classes)}))

    @property
    def steerable(self) -> Mapping[str, VectorSet]:
        """Model -> the set that it is steered with, for every model that has one."""
        return set_of_each_model(self.sets.values())

    def sets_of(self, models: Iterable[str], unfit: Unfit) -> list[VectorSet]:
        """The set that each model is steered with for what is asked for; without those of models that have none."""
        own = [[s for s in self.sets.values() if s.provenance.model == model] for model in models]
        return [best_first(sets, unfit)[0] for sets in own if sets]

    def set_named(self, name: str | None) -> VectorSet | None:
        """None where nothing is chosen, and for a name that is not there (any more)."""
        return None if name is None else self.sets.get(name)

    def chosen(self, name: str | None) -> VectorSet:
        """Raises InputError where no set is chosen."""
        vectors = self.set_named(name)
        if vectors is None:
            raise InputError("no vector set is chosen. Choose one, or extract one in the Library.")
        return vectors

    def choices(self) -> list[tuple[str, str]]:
        """(label, name) of each set, as a menu shows them."""
        return [(short_label(s), name) for name, s in self.sets.items()]

    def compared(
        self, names: tuple[str, ...], layers: tuple[int, ...], centring: str, intervals: bool = True
    ) -> Comparison:
        """RSA of the named sets; without intervals it is there at once."""
        return self._comparison(names, layers, centring, intervals)

    def _compare(self, names: tuple[str, ...], layers: tuple[int, ...], centring: str, intervals: bool) -> Comparison:
        return compare([self.sets[name] for name in names], layers, centring=centring, intervals=intervals)

    def kept(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives, for the latest keys made once: most visitors look at the same views."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return made

    def norms(self, path: str) -> Norms:
        """Raises InputError if the file cannot be used."""
        return self._norms(path)


_ONE: ContextVar[Library | None] = ContextVar("one", default=None)


@contextmanager
def one_library() -> Iterator[None]:
    """Inside, `library` is the same one, whatever becomes of the files: what is chosen from it is still in it."""
    before = _ONE.set(library())
    try:
        yield
    finally:
        _ONE.reset(before)


def library() -> Library:
    one = _ONE.get()
    if one is not None:
        return one
    folders = {shipped_folder(), sets_folder(), responses_folder(), verifications_folder()}
    files = [f for folder in folders for f in entries(folder)]
    return _open(tuple((str(f), _changed(f)) for f in sorted(files, key=str)))


def _changed(path: Path) -> int:
    """When a file was changed last; 0 for a link to nothing, and for what went away just now."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _open(_files: tuple[tuple[str, int], ...]) -> Library:
    return Library(list_sets())


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Models have the colour of their sets; one whose sets are gone has a colour that is left."""
    known = {s.provenance.model: library().style[name].colour for name, s in library().sets.items()}
    left = [colour for colour in SERIES if colour not in known.values()]
    for model in models:
        known.setdefault(model, left.pop(0) if left else SERIES[-1])
    return known
