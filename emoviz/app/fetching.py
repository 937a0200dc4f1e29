"""Weights that are not on this machine yet: a button that names them, and fetches them as a job.

A job survives the page and can be cancelled; begun again, it goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from typing import Any

import gradio as gr

from ..errors import InputError
from ..models.registry import BUNDLED, FETCHED, ModelEntry, available
from ..process import run_command, words_of
from .job_strip import BEGUN, lines
from .jobs import JOBS, SERVER
from .limits import check_fetch
from .memory import model_named

log = logging.getLogger(__name__)


def lay() -> gr.Button:
    """The button; `offer` shows it where a model is missing."""
    return gr.Button(_label(None), visible=False, size="sm", scale=0, min_width=320)


def offer(models: Sequence[str]) -> dict[str, Any]:
    """How the button is to look for other models."""
    entry = missing(models)
    return gr.update(value=_label(entry), visible=entry is not None)


def missing(models: Sequence[str]) -> ModelEntry | None:
    """The first of these models whose weights can be fetched and are not here."""
    named = (entry for name in models for entry in (*BUNDLED, *FETCHED) if entry.id == name)
    return next((entry for entry in named if not available(entry)), None)


def begin(models: Sequence[str], owner: str) -> tuple[str, Any]:
    """(what is said, jobs) where the button is pressed: the fetch is begun."""
    entry = missing(models)
    if entry is None:
        return "The weights are here.", gr.skip()
    try:
        check_fetch(entry)
        JOBS.start("fetch", f"Fetch of {entry.id}", owner, lambda: fetched(entry.id))
    except InputError as error:
        return f"**Cannot fetch.** {error}", gr.skip()
    return BEGUN, lines(owner)


def begin_first() -> None:
    """Makes the model that a Space steers with ready, beside the page: its weights are fetched, converted and loaded.

    Everybody sees the job. Where it fails the log says why, and so does *Fetch*, in Steer and Read, when it is pressed.
    """
    model = BUNDLED[0].id

    def work() -> Generator[str, None, str]:
        try:
            if missing([model]) is not None:
                yield from fetched(model)
        except InputError as error:
            log.warning("%s could not be fetched: %s", model, error)
            raise
        yield "loading"
        model_named(model)
        return f"{model} is ready."

    JOBS.start("fetch", f"{model} is made ready", SERVER, work)


def fetched(model: str) -> Generator[str, None, str]:
    """Yields what a running fetch says; returns its result. Closing it ends the process. Raises InputError."""
    yield from run_command(words_of("fetch", model), first="looking for the hub")
    return f"{model} is here, and is converted when it is first used."


def _label(entry: ModelEntry | None) -> str:
    if entry is None or entry.fetched is None:
        return "Fetch"
    return f"Fetch {entry.id} ({entry.fetched.size / 1e6:.0f} MB)"
