"""The models that are in memory: loaded once, shared by all visitors and tabs."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from .gpu import LENT
from .library import library
from .limits import limits, place_of

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel


# Model -> it, for as long as it is in memory.
LOADED: dict[str, LoadedModel] = {}
# Told which model is let go: whoever keeps it for a visitor while nothing runs.
WHEN_FREED: list[Callable[[str], None]] = []
# When each was asked for last.
_USED: dict[str, float] = {}
_loading = threading.Lock()
# As in malloc.h.
_M_MMAP_THRESHOLD = -3


def loaded_with_status(shown: Any, model: str) -> Generator[tuple[Any, str], None, LoadedModel]:
    """Loads a model in a thread and yields what it is doing; returns the model.

    A caller may stop iterating: the model then goes on loading, for whoever asks next.
    """
    found = LOADED.get(model)
    if found is not None:
        _USED[model] = time.monotonic()
        return found
    stage = ["loading"]

    def progress(text: str, number: int, total: int) -> None:
        stage[0] = f"converting it once, about a minute: {text} ({number} of {total})"

    started = time.perf_counter()
    pool = ThreadPoolExecutor(1)
    future = pool.submit(_load, model, progress)
    pool.shutdown(wait=False)
    while not future.done():
        yield shown, f"{model}: {stage[0]} ({time.perf_counter() - started:.0f} s)"
        time.sleep(0.25)
    return future.result()


def model_named(model: str) -> LoadedModel:
    """A model by name, loaded where it is not in memory yet."""
    return _load(model, lambda *_: None)


def in_memory() -> list[tuple[str, int]]:
    """(model, bytes of its weights) of every model that is in memory."""
    return [(name, _weight_bytes(loaded)) for name, loaded in list(LOADED.items())]


def free(model: str) -> None:
    """Lets a model go. Runs that are under way keep it until they end; the next one loads it again."""
    LOADED.pop(model, None)
    for forget in WHEN_FREED:
        forget(model)
    # A module and its hooks point at each other: without this its memory stays until some later collection.
    gc.collect()
    # The C library keeps what was freed for itself, gigabytes of it, until it is asked.
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def return_large_arrays() -> None:
    """From now on arrays of 4 MB or more go back to the system as soon as they are freed.

    The C library learns otherwise to keep what was once in use, in every thread: a hundred megabytes for two visitors.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, 4 << 20)


def held() -> int:
    """Bytes of memory that this process holds, models and all else."""
    return psutil.Process().memory_info().rss


def _weight_bytes(loaded: LoadedModel) -> int:
    return sum(weights.numel() * weights.element_size() for weights in loaded.model.parameters())


def _load(model: str, progress: Callable[[str, int, int], None]) -> LoadedModel:
    from ..models.load import load_model, quick_precision
    from ..readout.vocabulary import vocabulary_scripts

    with _loading:
        found = LOADED.get(model)
        if found is None:
            # The name of a hub model or a folder does not say where it is; its set remembers.
            vectors = library().steerable.get(model)
            place = place_of(model, vectors.provenance.origin if vectors is not None else "")
            most = limits().held
            while most is not None and len(LOADED) >= most:
                _make_room()
            # A lent GPU is there only while texts are written.
            device = "cpu" if LENT else "auto"
            found = _loaded(lambda: load_model(place, precision=quick_precision(), device=device, progress=progress))
            # Takes seconds for a large vocabulary, and every run needs it.
            vocabulary_scripts(found)
            LOADED[model] = found
        _USED[model] = time.monotonic()
        return found


def _loaded(load: Callable[[], LoadedModel]) -> LoadedModel:
    """A model; others make room for it."""
    from ..models.memory import NotEnoughMemory

    while True:
        try:
            return load()
        except NotEnoughMemory:
            if not LOADED:
                raise
        _make_room()


def _make_room() -> None:
    """Lets the model go that was used longest ago."""
    oldest = min(list(LOADED), key=lambda name: _USED.get(name, 0.0), default=None)
    if oldest is not None:
        free(oldest)
