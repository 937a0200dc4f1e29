"""The models that are in memory: loaded once, shared by all visitors and tabs."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from ...types import VectorSet
from ..library import library

# What runs a model shares this queue. A visitor whose model is being loaded leaves room for others, whose models are there;
# a model's own lock keeps their passes apart.
MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 3}

_loading = threading.Lock()


def steerable() -> dict[str, VectorSet]:
    """Models that can be steered here: those with a vector set, protocol `emoviz` before others."""
    found: dict[str, VectorSet] = {}
    for vectors in sorted(library().sets.values(), key=lambda s: s.provenance.protocol.name != "emoviz"):
        found.setdefault(vectors.provenance.model, vectors)
    return found


def loaded_with_status(shown: dict | None, model: str):
    """Loads a model in a thread and yields what it is doing; returns the model.

    A caller may stop iterating: the model then goes on loading, for whoever asks next.
    """
    found = _in_memory().get(model)
    if found is not None:
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


def model_named(model: str):
    """A model by name, loaded where it is not in memory yet."""
    return _load(model, lambda *_: None)


def in_memory() -> list[tuple[str, int]]:
    """(model, bytes of its weights) of every model that is in memory."""
    return [(name, _weight_bytes(loaded)) for name, loaded in list(_in_memory().items())]


def free(model: str) -> None:
    """Lets a model go. Runs that are under way keep it until they end; the next one loads it again."""
    _in_memory().pop(model, None)
    # A module and its hooks point at each other: without this its memory stays until some later collection.
    gc.collect()


def _weight_bytes(loaded) -> int:
    return sum(weights.numel() * weights.element_size() for weights in loaded.model.parameters())


@lru_cache(maxsize=1)
def _in_memory() -> dict:
    return {}


def _load(model: str, progress):
    from ...models.load import load_model, quick_precision
    from ...readout.vocabulary import vocabulary_scripts

    with _loading:
        found = _in_memory().get(model)
        if found is None:
            # The name of a hub model or a folder does not say where it is; its set remembers.
            vectors = steerable().get(model)
            origin = vectors.provenance.origin if vectors is not None else ""
            found = load_model(origin if origin else model, precision=quick_precision(), progress=progress)
            # Takes seconds for a large vocabulary, and every run needs it.
            vocabulary_scripts(found)
            _in_memory()[model] = found
        return found
