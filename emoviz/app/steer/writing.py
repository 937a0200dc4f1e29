"""Writing the texts of one request: all models together, streamed to the page, then the verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...errors import InputError
from ...judge.leak import HIDDEN_LEAK, leaked_spans
from ...judge.regimes import REGIME_SIGN, REGIME_WORDS
from ...judge.verdict import borderline
from ...plots.wording import minus
from ...readout.scripts import own_scripts
from ...share.texts import Cell, Column, Sheet, decoding_words, verdict_numbers
from ...steer.grammar import MEAN, RANDOM, UNSTEERED, amount_words, control_in, is_control, parse_intervention, rows_of
from ...steer.recipes import recipe, recipe_words
from ...types import Generation, Recipe, VectorSet, Verdict
from ...words import counted, percent
from ..cleaning import cleaned_with_status
from ..library import library
from ..memory import loaded_with_status
from ..turns import MODEL_TURNS
from .lent import written
from .request import Request, request
from .witnessing import outside_witnessed, witnessed

if TYPE_CHECKING:
    from ...models.loaded import LoadedModel
    from ...steer.generate import Partial

# Each update is drawn by the browser, which on a small machine takes its time from the model.
_UPDATES_PER_SECOND = 8
_CONTROL_NAMES: dict[str | None, str] = {RANDOM: "random direction", MEAN: "mean of the emotions"}


@dataclass(eq=False)
class Job:
    """One run of one visitor, who may stop it: what was written until then is kept and judged.

    sheet : the texts as they can be saved, once all is said of them. It holds no model.
    """

    stopped: bool = False
    sheet: Sheet | None = None


@dataclass(eq=False)
class _Batch:
    """The texts of one model while they are written; `row` is what the page shows, `cells` its texts in order."""

    loaded: Any
    vectors: Any
    rows: list[tuple[str, float]]
    steps: Iterator
    row: dict
    cells: list[dict]
    own: frozenset[str]
    last: Any = None
    judged: list[tuple[Generation, Verdict]] = field(default_factory=list)
    open: bool = field(default=True)

    def advance(self) -> None:
        """Writes one more token of every text."""
        partial = next(self.steps, None)
        if partial is None:
            self.open = False
        else:
            self.last = partial


def run(*, job: Job, **fields: Any) -> Iterator[tuple[Any, str]]:
    """Yields (texts, status) while the models load and write; all texts grow together, verdicts come last.

    fields : those of `request`.
    Bad input ends the run with its message as the status; texts that were written before stay. Closing the generator
    stops at the next token and leaves nothing behind.
    """
    try:
        asked = request(**fields)
        with MODEL_TURNS.turn() as waiting:
            for said in waiting:
                if job.stopped:
                    break
                yield gr.skip(), said
            yield from _run(asked, job)
    except InputError as error:
        yield gr.skip(), f"**Cannot steer.** {error}"


def _run(asked: Request, job: Job) -> Iterator[tuple[Any, str]]:
    started = time.perf_counter()
    ready: list[tuple[LoadedModel, VectorSet]] = []
    for model in asked.models:
        found = yield from _unless_stopped(asked, model, job)
        if found is None:
            yield gr.skip(), "stopped before anything was written"
            return
        ready.append(found)
    batches = [_open(asked, *one) for one in ready]
    shown = {"prompt": asked.prompt, "chat": asked.decoding.chat, "rows": [batch.row for batch in batches]}
    writing_since = time.perf_counter()
    tokens = asked.decoding.max_new_tokens
    writing = ThreadPoolExecutor(1)
    # In a thread of its own: what the page costs does not hold up the models, and torch keeps its threads.
    future = writing.submit(_write, batches, job)
    writing.shutdown(wait=False)
    try:
        while not future.done():
            wait([future], timeout=1 / _UPDATES_PER_SECOND)
            step = _fill(batches)
            if not future.done():
                left = _time_left(time.perf_counter() - writing_since, step, tokens)
                yield shown, f"writing, token {step} of {tokens}{left}"
    except GeneratorExit:
        job.stopped = True
        raise
    future.result()
    seconds = time.perf_counter() - writing_since
    step = _fill(batches, stopped=job.stopped)
    said = f"stopped after {step} of {counted(tokens, 'token')}" if job.stopped else f"written in {seconds:.1f} s"
    end = said if job.stopped else f"done: {_count(batches)} in {seconds:.1f} s"
    # Pressed again, Stop leaves out the verdicts that are still to come.
    job.stopped = False
    for work, doing in _AFTERWARDS:
        for batch in batches:
            yield shown, f"{said}; {doing.format(batch.loaded.name)}"
            if batch.last is not None and not job.stopped:
                _until_stopped(job, work, batch, asked)
    job.sheet = Sheet(asked.prompt, tuple(map(_column, batches)))
    yield shown, f"{end}, {writing_since - started:.1f} s to load"


def _write(batches: list[_Batch], job: Job) -> None:
    """Writes until all is written or the visitor stops."""
    while not job.stopped and any(batch.open for batch in batches):
        # Interleaved, not threaded: two models on a few cores would only slow each other down.
        for batch in batches:
            if batch.open:
                batch.advance()


def model_and_set(asked: Request, model: str) -> Generator[tuple[Any, str], None, tuple[LoadedModel, VectorSet]]:
    """Yields what is being loaded and read; returns the model and the set that it is steered with."""
    from ...extract.norms import fitting
    from ...store.choice import set_for

    loaded = yield from loaded_with_status(gr.skip(), model)
    chosen = set_for(loaded, asked.unfit)
    # Each that is opened anew is mapped into memory once more, for as long as a conversation keeps it.
    vectors = fitting(library().sets.get(chosen.name, chosen), loaded)
    return loaded, (yield from cleaned_with_status(gr.skip(), loaded, vectors, asked.cleaning))


def _unless_stopped(
    asked: Request, model: str, job: Job
) -> Generator[tuple[Any, str], None, tuple[LoadedModel, VectorSet] | None]:
    """`model_and_set`, None if the visitor stopped before."""
    steps = model_and_set(asked, model)
    while not job.stopped:
        try:
            yield next(steps)
        except StopIteration as done:
            return done.value
    return None


def _count(batches: list[_Batch]) -> str:
    texts = sum(len(batch.cells) for batch in batches)
    return counted(texts, "text")


def _time_left(seconds: float, step: int, tokens: int) -> str:
    # The first tokens include reading the prompt and say little about the rest.
    return f", about {seconds / step * (tokens - step):.0f} s left" if step > 4 else ""


def _open(asked: Request, loaded: LoadedModel, vectors: VectorSet) -> _Batch:
    """One model's batch, with nothing written yet."""
    from ...steer.generate import batch_rows
    from ...steer.injection import offsets

    found = recipe(vectors, asked.preset, layers=asked.layers, scope=asked.scope, norm=asked.norm)
    directions, classes = asked.directions(vectors), vectors.classes
    rows = batch_rows(directions, asked.doses, classes)
    steps = written(loaded, asked.prompt, offsets(vectors, rows, found), asked.decoding)
    cells = [_cell(UNSTEERED if dose == 0 else minus(amount_words(name, dose, classes))) for name, dose in rows]
    at = dict(zip(rows, cells, strict=True))
    lines = [
        {
            "label": _CONTROL_NAMES.get(control_in(direction, classes), parse_intervention(direction, classes).label),
            "control": is_control(direction, classes),
            "cells": [at[row] for row in rows_of(direction, asked.doses, classes)],
        }
        for direction in directions
    ]
    row = {
        "title": loaded.name,
        "note": " \u00b7 ".join(
            [
                _recipe_note(asked.preset, found, vectors),
                decoding_words(asked.decoding),
                f"{loaded.weights} in {loaded.precision}",
                f"vectors {vectors.name.removeprefix(f'{loaded.name}_')}",
            ]
        ),
        "set": vectors.name,
        "baseline": cells[0],
        "lines": [line for line in lines if line["cells"]],
    }
    return _Batch(loaded, vectors, rows, steps, row, cells, own_scripts(asked.prompt))


def _column(batch: _Batch) -> Column:
    """What a batch has written, as it leaves the page."""
    judged: Sequence[tuple[Generation | None, Verdict | None]] = batch.judged or [(None, None)] * len(batch.rows)
    cells = [
        Cell(
            UNSTEERED if dose == 0 else direction,
            dose,
            cell["text"],
            verdict,
            max(one.leak_mass, default=float("nan")) if one is not None else float("nan"),
            cell.get("witness", ""),
            cell.get("outside", ""),
        )
        for cell, (direction, dose), (one, verdict) in zip(batch.cells, batch.rows, judged, strict=True)
    ]
    row, own = batch.row, batch.vectors.classes
    who = (row.get("witness", ""), row.get("outside", ""))
    return Column(row["title"], row["set"], row["note"], tuple(cells), *who, classes=own)


def _cell(label: str) -> dict:
    return {"label": label, "state": "", "text": "", "leaks": []}


def _recipe_note(preset: str, found: Recipe, vectors: VectorSet) -> str:
    changed = "" if found == recipe(vectors, preset) else ", changed"
    return f"recipe {preset}{changed}: {recipe_words(found, vectors)}"


def _fill(batches: list[_Batch], *, stopped: bool = False) -> int:
    """Puts what is written into what the page shows; returns the tokens of the longest text."""
    steps = 0
    for batch in batches:
        # The writer may put the next one in its place meanwhile.
        last = batch.last
        if last is None:
            continue
        steps = max(steps, last.ids.shape[1])
        fill(batch.cells, last, batch.own, unfinished="stopped" if stopped and batch.open else "")
    return steps


def fill(cells: Sequence[dict[str, Any]], written: Partial, own: frozenset[str], *, unfinished: str = "") -> None:
    """Puts what is written of a batch into its cells. unfinished : the state of texts that have not ended."""
    for cell, text, finished, broken in zip(cells, written.texts, written.finished, written.broken, strict=True):
        cell["state"] = "broken off" if broken is not None else "ended" if finished else unfinished
        if text.strip() != cell["text"]:
            cell["text"] = text.strip()
            cell["leaks"] = leaks(cell["text"], own)


def leaks(text: str, own: frozenset[str]) -> list[list]:
    """[start, end, script] of every stretch in another script, in characters."""
    if text.isascii() and "Latin" in own:
        return []
    return [[span.start, span.end, span.script] for span in leaked_spans(text, own)]


def _until_stopped(job: Job, work: Callable[..., Callable[[], None]], *given: Any) -> None:
    """Does the work in a thread and puts its result into what the page shows, unless the visitor stops before."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work, *given)
    pool.shutdown(wait=False)
    while not job.stopped and not future.done():
        time.sleep(0.05)
    if future.done():
        future.result()()


def _verdicts(batch: _Batch, asked: Request) -> Callable[[], None]:
    """A verdict under every text of one model."""
    from ...judge.texts import judge_batch
    from ...steer.generate import generations

    made = generations(batch.loaded, batch.vectors, batch.rows, asked.prompt, batch.last, chat=asked.decoding.chat)
    verdicts = judge_batch(batch.loaded, made)

    def show() -> None:
        batch.judged = list(zip(made, verdicts, strict=True))
        for cell, one, verdict in zip(batch.cells, made, verdicts, strict=True):
            cell |= verdict_words(verdict)
            cell["numbers"] = verdict_numbers(verdict)
            cell["hidden"], cell["mass"] = hidden_leak(one.leak_mass)

    return show


def _read_by(who: str, batch: _Batch, _asked: Request) -> Callable[[], None]:
    """What a witness finds under every text of one model, and its name over them. who : `witness` or `outside`."""
    ask = witnessed if who == "witness" else outside_witnessed
    name, lines = ask(batch.loaded, batch.rows, [cell["text"] for cell in batch.cells], batch.vectors.classes)

    def show() -> None:
        batch.row[who] = name
        for cell, line in zip(batch.cells, lines, strict=True):
            cell[who] = line

    return show


_AFTERWARDS = (
    (_verdicts, "{}, unsteered, judges its texts"),
    (partial(_read_by, "witness"), "the witness reads the texts of {} (it is trained once, in a minute or more)"),
    (partial(_read_by, "outside"), "the outside witness reads the texts of {}"),
)


def regime_marks(regime: str | None) -> dict:
    """The regime, its sign and its words, as a cell has them."""
    return {"regime": regime, "sign": REGIME_SIGN[regime], "verdict": REGIME_WORDS[regime]}


def verdict_words(verdict: Verdict) -> dict:
    """Regime and reason, as a cell has them; near a threshold both say so."""
    near = borderline(verdict)
    marks = regime_marks(verdict.regime)
    return {
        **marks,
        "verdict": f"{marks['verdict']}, borderline" if near else marks["verdict"],
        "reason": f"{verdict.reason}; {near}" if near else verdict.reason,
    }


def hidden_leak(leak_mass: Sequence[float]) -> tuple[str, str]:
    """The highest probability on other scripts, as a line where it is worth one, and as what the hover says."""
    masses = [(mass, step) for step, mass in enumerate(leak_mass, 1) if isfinite(mass)]
    if not masses:
        return "", "no probability on other scripts could be measured"
    mass, step = max(masses)
    said = f"highest probability on other scripts: {percent(mass)} % at token {step} of {len(leak_mass)}"
    return (f"hidden leak {percent(mass)} % at token {step}" if mass >= HIDDEN_LEAK else ""), said
