"""The Steer tab: several models and doses side by side, streamed together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import isfinite

from ..errors import InputError
from ..steer.doses import parse_doses
from ..steer.recipes import recipe, recipe_words
from ..types import Decoding, VectorSet
from .library import library

# A page cannot show more updates than this anyway.
_UPDATES_PER_SECOND = 20
_MAX_COLUMNS = 8
_loading = threading.Lock()


def steerable() -> dict[str, VectorSet]:
    """Models that can be steered here: those with a vector set, protocol `emoviz` before others."""
    found: dict[str, VectorSet] = {}
    for vectors in sorted(library().sets.values(), key=lambda s: s.provenance.protocol.name != "emoviz"):
        found.setdefault(vectors.provenance.model, vectors)
    return found


def run(
    prompt: str,
    emotion: str,
    doses: str,
    models: list[str],
    layers: str,
    tokens: float,
    temperature: float,
    seed: float,
) -> Iterator[tuple[dict, str]]:
    """Yields (texts, status) while the models load and write; all columns grow together, verdicts come last.

    Bad input ends the run with its message as the status. Closing the generator stops at the next token and leaves
    nothing behind.
    """
    shown = {"prompt": f"{prompt.strip()} ...", "rows": []}
    try:
        if seed is None:
            raise InputError("the seed is empty; a whole number is needed; 0 will do.")
        yield from _run(shown, prompt, emotion, doses, models, layers, int(tokens), float(temperature), int(seed))
    except InputError as error:
        yield shown, f"**Cannot steer.** {error}"


def _run(shown, prompt, emotion, doses, models, layers, tokens, temperature, seed) -> Iterator[tuple[dict, str]]:
    columns = list(dict.fromkeys([0.0, *parse_doses(doses)]))
    if len(columns) > _MAX_COLUMNS:
        raise InputError(
            f"{len(columns)} doses were given with the unsteered one; up to {_MAX_COLUMNS} fit; give fewer."
        )
    if not models:
        raise InputError("no model is chosen; one or more are needed; tick a model.")
    if not prompt.strip():
        raise InputError("the prompt is empty; a text to continue is needed; write one.")

    started = time.perf_counter()
    streams, judged = [], []
    for model in models:
        loaded = yield from _load_with_status(shown, model)
        streams.append(_open(shown, loaded, prompt, emotion, columns, layers, tokens, temperature, seed))
        judged.append((loaded, shown["rows"][-1]))
    writing_since = time.perf_counter()
    last = 0.0
    step = 0
    while streams:
        step += 1
        # Interleaved, not threaded: two models on a few cores would only slow each other down.
        streams = [advance for advance in streams if advance()]
        if time.perf_counter() - last > 1 / _UPDATES_PER_SECOND:
            last = time.perf_counter()
            yield shown, f"writing, token {step} of {tokens}{_time_left(last - writing_since, step, tokens)}"
    seconds = time.perf_counter() - writing_since
    for loaded, row in judged:
        yield shown, f"written in {seconds:.1f} s; {loaded.name} without offsets judges its texts"
        _judge(loaded, row, prompt)
    yield shown, f"done: {len(columns) * len(models)} texts in {seconds:.1f} s, {writing_since - started:.1f} s to load"


def _time_left(seconds: float, step: int, tokens: int) -> str:
    # The first tokens include reading the prompt and say little about the rest.
    return f", about {seconds / step * (tokens - step):.0f} s left" if step > 4 else ""


def _open(shown, loaded, prompt, emotion, columns, layers, tokens, temperature, seed) -> Callable[[], bool]:
    """Adds a row for one model to what is shown; returns a function that writes one more token into it."""
    from ..steer.generate import generate
    from ..steer.injection import offsets
    from ..steer.sets import set_for

    vectors = set_for(loaded, [emotion])
    found = recipe(vectors, layers=layers)
    added = offsets(vectors, [(emotion, dose) for dose in columns], found)
    steps = generate(loaded, prompt, added, Decoding(tokens, temperature, seed))
    decoding = "greedy" if temperature == 0 else f"temperature {temperature:g}, seed {seed}"
    row = {
        "title": loaded.name,
        "note": f"{emotion} · {recipe_words(found)} · {decoding} · {loaded.weights} in {loaded.precision} · "
        f"vectors {vectors.name}",
        "cells": [
            {"label": "unsteered" if dose == 0 else f"dose {dose:g}", "state": "", "text": "", "twin": dose == 0}
            for dose in columns
        ],
    }
    shown["rows"].append(row)

    def advance() -> bool:
        partial = next(steps, None)
        if partial is None:
            return False
        for cell, text, finished in zip(row["cells"], partial.texts, partial.finished, strict=True):
            cell["text"] = text
            cell["state"] = "ended" if finished else ""
        return True

    return advance


def _judge(loaded, row: dict, prompt: str) -> None:
    """Puts a verdict under every text of a row; the unsteered one is the first."""
    from ..steer.judge import judge

    texts = [cell["text"] for cell in row["cells"]]
    for cell, verdict in zip(row["cells"], judge(loaded, prompt, texts[0], texts), strict=True):
        numbers = (
            ("perplexity \u00d7", verdict.ppl_ratio, ".2g"),
            ("repetition", verdict.repetition, ".0%"),
            ("leak", verdict.leak, ".0%"),
        )
        cell["regime"], cell["reason"] = verdict.regime, verdict.reason
        cell["numbers"] = " \u00b7 ".join(f"{name} {value:{form}}" for name, value, form in numbers if isfinite(value))


def _load_with_status(shown: dict, model: str):
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
    from ..models.load import load_model

    with _loading:
        if model not in _in_memory():
            # The name of a hub model or a folder does not say where it is; its set remembers.
            vectors = steerable().get(model)
            origin = vectors.provenance.origin if vectors is not None else ""
            _in_memory()[model] = load_model(origin if origin else model, progress=progress)
        return _in_memory()[model]
