"""Dose response: what every dose of an emotion does to the texts of several models, from runs that are stored."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from functools import lru_cache
from typing import Any

import gradio as gr

from ...errors import InputError
from ...experiments.dose_curves import curves, usable_window
from ...plots.dose_response import dose_response_figure
from ...plots.regime_map import regime_map_figure
from ...plots.theme import SERIES
from ...steer.doses import RUN_DOSES
from ...steer.grammar import weights_of
from ...stimuli.scenarios import dose_prompts
from ...store import responses_folder, shipped_folder
from ...store.responses import PATTERN, delete_response, list_responses
from ...types import DoseResponse
from ..components import EMPTY, Figure, Texts
from ..library import library
from ..process import run_command
from .models import steerable
from .stored_texts import texts_at

MAX_RUNS = 4
# Prompts of a run whose texts are shown at once; each has a panel of its own.
MAX_PROMPTS = 4
_HINT = (
    "Click a dose in a figure for its texts, which stand below the map; a click in the map also chooses its emotion."
)
_NOTHING = (EMPTY, EMPTY, *(EMPTY,) * MAX_PROMPTS)
_QUICK = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def runs() -> Mapping[str, DoseResponse]:
    """The stored runs by name, shipped ones first; opened again when a file has come, gone or changed."""
    folders = [folder for folder in (shipped_folder(), responses_folder()) if folder.is_dir()]
    files = sorted(path for folder in folders for path in folder.glob(PATTERN))
    return _open(tuple((str(path), path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=1)
def _open(_files: tuple) -> Mapping[str, DoseResponse]:
    return {r.name: r for r in list_responses()}


def choices() -> list[tuple[str, str]]:
    """(label, name) of the stored runs."""
    return [(_label(r), name) for name, r in runs().items()]


def _label(r: DoseResponse) -> str:
    if r.shipped:
        return f"{r.model} \u00b7 shipped"
    what = ", ".join(r.directions) if len(r.directions) <= 2 else f"{len(r.directions)} emotions"
    return f"{r.model} \u00b7 {what} \u00b7 {len(r.doses) - 1} doses \u00b7 {r.created[:16].replace('T', ' ')}"


def shipped_choice() -> list[str]:
    """What is drawn before anything is chosen."""
    return [name for name, r in runs().items() if r.shipped][:MAX_RUNS]


def show(names: list[str], direction: str, at: tuple | None) -> tuple:
    """(dose response, regime map, texts of each prompt, status). at : (run, dose) whose texts are shown; None for the
    highest usable dose of the first run.

    Whatever cannot be drawn leaves nothing of an earlier choice behind.
    """
    try:
        chosen = [runs()[name] for name in names if name in runs()]
        if not chosen:
            raise InputError("no run is chosen; one or more are needed; choose one, or make a run of your own.")
        if len(chosen) > MAX_RUNS:
            raise InputError(f"{len(chosen)} runs are chosen; up to {MAX_RUNS} fit side by side; choose fewer.")
        having = [r for r in chosen if direction in (*r.directions, *r.controls)]
        missing = [r.model for r in chosen if r not in having]
        weights = weights_of(direction)
        colour = _colours(chosen)
        figure = dose_response_figure(having, direction, colour, weights=weights) if having else EMPTY
        said = f"No {direction} in the run of {', '.join(missing)}. {_HINT}" if missing else _HINT
        return figure, regime_map_figure(chosen), *_texts(having, direction, weights, at), said
    except InputError as error:
        return *_NOTHING, f"**Nothing to show.** {error}"


def _texts(having: list[DoseResponse], direction: str, weights: dict | None, at: tuple | None) -> list:
    if not having:
        return [EMPTY] * MAX_PROMPTS
    known = {r.name: r for r in having}
    response, dose = (known[at[0]], at[1]) if at is not None and at[0] in known else (having[0], None)
    if dose is None or dose not in response.doses:
        _, high, _ = usable_window(curves(response, direction, weights))
        dose = max(response.doses) if math.isnan(high) else high
    panels = [texts_at(response, direction, dose, k) for k in range(min(len(response.prompts), MAX_PROMPTS))]
    return panels + [EMPTY] * (MAX_PROMPTS - len(panels))


def _colours(chosen: list[DoseResponse]) -> dict[str, str]:
    """Models have the colour of their sets; a model whose sets are gone has one that is left."""
    known = {s.provenance.model: library().style[name].colour for name, s in library().sets.items()}
    left = [colour for colour in SERIES if colour not in known.values()]
    for r in chosen:
        known.setdefault(r.model, left.pop(0) if left else SERIES[-1])
    return known


def clicked(data: Any) -> tuple[str, str, float] | None:
    """(run, direction, dose) of a click in one of the figures, checked: a visitor can post any value."""
    ids = data.get("ids") if isinstance(data, dict) else None
    if not isinstance(ids, list) or len(ids) != 3 or not isinstance(ids[0], str) or ids[0] not in runs():
        return None
    response = runs()[ids[0]]
    if ids[1] not in (*response.directions, *response.controls) or ids[2] not in response.doses:
        return None
    return ids[0], ids[1], float(ids[2])


def make(model: str, emotions: list[str], doses: str, prompts: str) -> Iterator[tuple]:
    """Makes a run in a process of its own: yields (status, chosen runs); last its result or its complaint.

    Closing the iterator ends the process; asked for again, it goes on where it stopped.
    """
    try:
        made = yield from _saying(run_command(_asked(model, emotions, doses, prompts)))
    except InputError as error:
        yield f"**Cannot run.** {error}", gr.skip()
        return
    how = f"made in {made['seconds']:.0f} s" if made["computed"] else "it was there already"
    yield f"**{made['response']}** is stored: {how}.", gr.update(choices=choices(), value=[made["response"]])


def _saying(steps: Generator[str, None, dict]) -> Generator[tuple, None, dict]:
    """What a command says as the status, with the chosen runs left as they are."""
    try:
        while True:
            try:
                said = next(steps)
            except StopIteration as done:
                return done.value
            yield said, gr.skip()
    finally:
        steps.close()


def _asked(model: str, emotions: list[str], doses: str, prompts: str) -> list[str]:
    known = steerable()
    if model not in known:
        raise InputError("no model is chosen; one with a vector set is needed; choose it in the list.")
    texts = [line.strip() for line in prompts.splitlines() if line.strip()]
    if not texts:
        raise InputError("the prompts are empty; a text to continue is needed, one a line; write one.")
    if len(texts) > MAX_PROMPTS:
        raise InputError(f"{len(texts)} prompts were given; up to {MAX_PROMPTS} fit; leave some out.")
    origin = known[model].provenance.origin
    words = ["doses", "--json", f"--dose={doses}", "--prompt", *texts]
    if emotions:
        words += ["--emotion", *emotions]
    # After --, so that no name can be taken for an option.
    return [*words, "--", origin if origin else model]


def own_choices() -> list[tuple[str, str]]:
    return [(_label(r), name) for name, r in runs().items() if not r.shipped]


def delete(name: str | None) -> str:
    """Deletes one of the user's own runs; returns what happened."""
    try:
        response = runs().get(name)
        if response is None:
            raise InputError("no run is chosen; one of your own is needed; choose it in the list.")
        delete_response(response)
    except InputError as error:
        return f"**Cannot delete.** {error}"
    return f"{name} is deleted."


def tab(blocks: gr.Blocks, opened: gr.Tab, emotion: gr.Dropdown) -> list[Texts]:
    """Lays the part out and wires it; returns its texts. opened : the tab that it lies in; figures are drawn when it is opened."""
    at, drawn = gr.State(None), gr.State(False)
    with gr.Row(elem_classes="ez-controls"):
        chosen = gr.Dropdown(
            choices(), value=shipped_choice(), multiselect=True, label="Runs", scale=4, elem_id="ez-dose-runs"
        )
    with gr.Accordion("A run of your own", open=False, elem_id="ez-dose-own"):
        own, changes = _own_runs(chosen)
    status = gr.Markdown(_HINT, elem_classes="ez-status", elem_id="ez-dose-status")
    curve, regimes = Figure(EMPTY), Figure(EMPTY)
    panels = [Texts(EMPTY) for _ in range(MAX_PROMPTS)]
    shown = [curve, regimes, *panels, status]

    def open_part(names: list[str], direction: str, place: tuple | None) -> list:
        return [True, *show(names, direction, place)]

    def follow(ready: bool, names: list[str], direction: str, place: tuple | None) -> list:
        """A part that was never opened is not drawn in vain."""
        return list(show(names, direction, place)) if ready else [gr.skip()] * len(shown)

    def pick(event: gr.EventData, names: list[str], direction: str, place: tuple | None) -> list:
        found = clicked(event._data)
        if found is None:
            return [gr.skip()] * (2 + len(shown))
        run, direction, dose = found
        known = direction in library().classes
        return [(run, dose), direction if known else gr.skip(), *show(names, direction, (run, dose))]

    last = {**_QUICK, "trigger_mode": "always_last"}
    opened.select(open_part, [chosen, emotion, at], [drawn, *shown], **last)
    gr.on([chosen.change, emotion.change], follow, [drawn, chosen, emotion, at], shown, **last)
    gr.on([curve.select, regimes.select], pick, [chosen, emotion, at], [at, emotion, *shown], **last)

    def refresh(names: list[str]) -> list:
        """Runs that came or went since the page was built."""
        left = [name for name in names if name in runs()]
        return [
            gr.update(choices=choices(), value=left if left else shipped_choice()),
            gr.update(choices=own_choices()),
        ]

    blocks.load(refresh, chosen, [chosen, own], **_QUICK)
    for change in changes:
        change.then(refresh, chosen, [chosen, own], **_QUICK)
    return panels


def _own_runs(chosen: gr.Dropdown) -> tuple[gr.Dropdown, list]:
    """The controls that make and delete runs; returns the menu of the user's own and the events that change it."""
    models = list(steerable())
    with gr.Row(elem_classes="ez-controls"):
        model = gr.Dropdown(models, value=models[0] if models else None, label="Model", scale=3, min_width=200)
        emotions = gr.Dropdown(
            list(library().classes),
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="Emotions and mixtures",
            info="none: all of the set",
            scale=4,
            min_width=240,
        )
        doses = gr.Textbox(
            RUN_DOSES, label="Dose list", info="length added / length of the state", scale=4, min_width=240
        )
    with gr.Row(elem_classes="ez-controls"):
        prompts = gr.Textbox(
            "\n".join(dose_prompts()),
            label="Prompts to continue, one a line",
            lines=2,
            max_lines=4,
            scale=8,
            min_width=280,
        )
        with gr.Column(scale=1, min_width=120, elem_classes="ez-buttons"):
            go = gr.Button("Run", variant="primary", elem_id="ez-dose-run")
            stop = gr.Button("Cancel", interactive=False, elem_id="ez-dose-cancel")
    said = gr.Markdown(
        "Random and mean directions run beside. A run that was cancelled goes on where it stopped.",
        elem_classes="ez-status",
        elem_id="ez-dose-making",
    )
    with gr.Row(elem_classes="ez-controls"):
        own = gr.Dropdown(own_choices(), value=None, label="Delete a run of your own", scale=4)
        remove = gr.Button("Delete", size="sm", scale=1, min_width=100)
    free = [gr.update(interactive=True), gr.update(interactive=False)]
    started = go.click(lambda: ["starting", *reversed(free)], None, [said, go, stop], **_QUICK)
    running = started.then(
        make,
        [model, emotions, doses, prompts],
        [said, chosen],
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="dose-run",
        concurrency_limit=1,
    )
    ended = running.then(lambda: free, None, [go, stop], **_QUICK)
    stop.click(
        lambda: ["cancelled; asked for again, it goes on where it stopped", *free],
        None,
        [said, go, stop],
        cancels=[running],
        **_QUICK,
    )
    return own, [ended, remove.click(delete, own, said, **_QUICK)]
