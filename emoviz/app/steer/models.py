"""The models that are in memory: loaded once, shared by all visitors and tabs."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from ...types import VectorSet
from ..library import library

_loading = threading.Lock()


def steerable() -> dict[str, VectorSet]:
    """Models that can be steered here: those with a vector set, protocol `emoviz` before others."""
    found: dict[str, VectorSet] = {}
    for vectors in sorted(library().sets.values(), key=lambda s: s.provenance.protocol.name != "emoviz"):
        found.setdefault(vectors.provenance.model, vectors)
    return found


def loaded_with_status(shown: dict, model: str):
    """Loads a model in a thread and yields what it is doing; returns the model."""
    if model in _in_memory():
        return _in_memory()[model]
    stage = ["loading"]

    def progress(text: str, number: int, total: int) -> None:
        stage[0] = f"converting it once, about a minute: {text} ({number} of {total})"

    started = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_load, model, progress)
        while not future.done():
            yield shown, f"{model}: {stage[0]} ({time.perf_counter() - started:.0f} s)"
            time.sleep(0.25)
    return future.result()


@lru_cache(maxsize=1)
def _in_memory() -> dict:
    return {}


def _load(model: str, progress):
    from ...models.load import load_model

    with _loading:
        if model not in _in_memory():
            # The name of a hub model or a folder does not say where it is; its set remembers.
            vectors = steerable().get(model)
            origin = vectors.provenance.origin if vectors is not None else ""
            _in_memory()[model] = load_model(origin if origin else model, progress=progress)
        return _in_memory()[model]
