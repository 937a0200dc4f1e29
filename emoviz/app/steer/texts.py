"""Texts: several models and doses side by side, streamed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import isfinite

import gradio as gr

from ...errors import InputError
from ...steer.doses import parse_doses
from ...steer.recipes import EMOVIZ, PRESET_DOSES, recipe, recipe_words
from ...types import Decoding
from ..components import EMPTY, Texts
from .models import loaded_with_status, steerable

# A page cannot show more updates than this anyway.
_UPDATES_PER_SECOND = 20
_MAX_COLUMNS = 8
_DEFAULT_PROMPT = "She closed the door, sat down at the kitchen table and"


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
        loaded = yield from loaded_with_status(shown, model)
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
    from ...steer.generate import generate
    from ...steer.injection import offsets
    from ...steer.sets import set_for

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
    from ...steer.judge import judge

    texts = [cell["text"] for cell in row["cells"]]
    for cell, verdict in zip(row["cells"], judge(loaded, prompt, texts[0], texts), strict=True):
        numbers = (
            ("perplexity \u00d7", verdict.ppl_ratio, ".2g"),
            ("repetition", verdict.repetition, ".0%"),
            ("leak", verdict.leak, ".0%"),
        )
        cell["regime"], cell["reason"] = verdict.regime, verdict.reason
        cell["numbers"] = " \u00b7 ".join(f"{name} {value:{form}}" for name, value, form in numbers if isfinite(value))


def tab(emotion: gr.Dropdown) -> None:
    """Lays the part out and wires it."""
    models = list(steerable())
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        prompt = gr.Textbox(_DEFAULT_PROMPT, label="Prompt to continue", lines=2, max_lines=4, scale=4)
        doses = gr.Textbox(PRESET_DOSES[EMOVIZ], label="Doses", info="length added / length of the state", scale=2)
        chosen = gr.CheckboxGroup(models, value=models, label="Models", scale=2)
    with gr.Row(elem_classes="ez-controls"):
        layers = gr.Textbox("window", label="Layers", info="window = middle third; or all, 12, 10-20", scale=2)
        tokens = gr.Slider(8, 120, value=40, step=1, label="New tokens", scale=2)
        temperature = gr.Slider(0, 1.5, value=0, step=0.1, label="Temperature", scale=2)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, scale=1)
        with gr.Column(scale=1, min_width=120):
            go = gr.Button("Steer", variant="primary", elem_id="ez-steer")
            stop = gr.Button("Stop", elem_id="ez-stop", interactive=False)
    status = gr.Markdown(
        "The emotion on the left is added to each model's states while it writes; the first column is left alone.",
        elem_id="ez-status",
    )
    texts = Texts()
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    free, busy = (
        [gr.update(interactive=True), gr.update(interactive=False)],
        [gr.update(interactive=False), gr.update(interactive=True)],
    )
    started = go.click(lambda: [EMPTY, "waiting for the model", *busy], None, [texts, status, go, stop], **quick)
    running = started.then(
        run,
        [prompt, emotion, doses, chosen, layers, tokens, temperature, seed],
        [texts, status],
        api_name="steer",
        show_progress="hidden",
        concurrency_id="model",
        concurrency_limit=1,
    )
    running.then(lambda: free, None, [go, stop], **quick)
    stop.click(lambda: ["stopped", *free], None, [status, go, stop], cancels=[running], **quick)
