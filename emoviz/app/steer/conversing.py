"""One turn of a conversation on the page: all models together, streamed, then read and judged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import gradio as gr

from ...errors import InputError
from ...plots.conversation import what_steers
from ...readout.scripts import own_scripts
from ...share.texts import verdict_numbers
from ...share.transcript import highest
from ...steer.grammar import is_control, label_of
from ...steer.recipes import recipe, recipe_words
from ...types import Reply
from ..memory import WHEN_FREED, loaded_with_status
from ..turns import MODEL_TURNS
from .request import Request
from .witnessing import outside_witnessed, witnessed
from .writing import fill, hidden_leak, model_and_set, verdict_words

if TYPE_CHECKING:
    from ...steer.conversation import Conversation

# Each update is drawn by the browser, which on a small machine takes its time from the model.
_UPDATES_PER_SECOND = 8
# Turns on one page: a longer conversation is for the command line.
MAX_TURNS = 20


@dataclass(eq=False)
class Talk:
    """The conversation of one visitor, one with each model.

    shown : what the page shows. read : the answers of each turn, of all models, as far as they are read and judged.
    began : what it was begun with, which later turns cannot change. stopped : by the visitor.
    """

    conversations: list[Conversation] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=lambda: {"notes": [], "turns": [], "chosen": None, "exact": None})
    read: list[list[Reply]] = field(default_factory=list)
    began: Any = None
    stopped: bool = False
    answering: bool = False

    def __post_init__(self) -> None:
        _TALKS.add(self)


@dataclass(frozen=True, slots=True)
class _Away:
    """Stands for a model that is not in memory any more."""

    name: str


_TALKS: WeakSet[Talk] = WeakSet()


def _let_go(model: str) -> None:
    """A model that is let go is not kept for talks that rest; the next message loads it again."""
    for talk in list(_TALKS):
        for one in [] if talk.answering else talk.conversations:
            if one.model.name == model:
                one.rest()
                one.model = cast(Any, _Away(model))


WHEN_FREED.append(_let_go)


def begun_with(asked: Request, system: str) -> tuple:
    """What later turns cannot change."""
    how = (asked.preset, asked.layers, asked.scope, asked.norm, asked.cleaning)
    return asked.models, asked.chosen, asked.controls, sum(dose != 0 for dose in asked.doses), how, system


def say(talk: Talk, asked: Request, user: str, system: str, at: int | None) -> Iterator[tuple[Any, str]]:
    """Yields (turns, status) while one more message is answered, in all models together.

    at : the turn that it takes the place of, with all that follows; None for a new one. Raises InputError.
    """
    began = begun_with(asked, system)
    if talk.conversations and talk.began != began:
        raise InputError(
            "models, directions, the number of doses, recipe, cleaning and system prompt belong to a conversation as a "
            "whole. Press New to begin another with these; doses, tokens, temperature and seed may change from turn to "
            "turn."
        )
    if len(talk.read if at is None else talk.read[:at]) >= MAX_TURNS:
        raise InputError(f"{MAX_TURNS} turns are on the page. Press New, or go on with emoviz chat.")
    with MODEL_TURNS.turn() as waiting:
        for said in waiting:
            if talk.stopped:
                return
            yield gr.skip(), said
        talk.answering = True
        try:
            for one in talk.conversations:
                one.model = yield from loaded_with_status(gr.skip(), one.model.name)
            if not talk.conversations:
                talk.conversations = yield from _begun(asked, system)
                talk.began = began
                talk.shown["notes"] = [note for one in talk.conversations for note in _notes(one)]
            if at is not None:
                _forget(talk, at)
            yield from _answered(talk, asked, user)
        finally:
            talk.answering = False


def _begun(asked: Request, system: str) -> Any:
    from ...steer.conversation import conversation

    found = []
    for model in asked.models:
        loaded, vectors = yield from model_and_set(asked, model)
        how = recipe(vectors, asked.preset, layers=asked.layers, scope=asked.scope, norm=asked.norm)
        given = system if system.strip() else None
        found.append(
            conversation(loaded, vectors, asked.directions(vectors), asked.doses, how, asked.decoding, system=given)
        )
    return found


def _notes(made: Conversation) -> list[str]:
    """How a model is shown the conversation, and how it is steered."""
    from ...models.dialogue import form_of

    form = form_of(made.model)
    if not form.templated:
        shown = "no chat template: it reads a plain transcript, User: and Assistant:"
    elif made.system is not None:
        shown = "your system prompt"
    else:
        shown = f"its chat template adds the system prompt {form.system!r}" if form.system else "no system prompt"
    how = recipe_words(made.recipe, made.vectors)
    return [f"{made.model.name}: {shown} \u00b7 {how} \u00b7 vectors {made.vectors.name}"]


def _forget(talk: Talk, at: int) -> None:
    for one in talk.conversations:
        if at < len(one.turns):
            one.back_to(at)
    del talk.read[at:], talk.shown["turns"][at:]
    talk.shown |= {"chosen": None, "exact": None}


def _answered(talk: Talk, asked: Request, user: str) -> Iterator[tuple[Any, str]]:
    started, decoding = time.perf_counter(), asked.decoding
    steps = []
    for one in talk.conversations:
        one.decoding = decoding
        steps.append(one.say(user, directions=asked.directions(one.vectors), doses=asked.doses))
    own = own_scripts(" ".join([*(turn["user"] for turn in talk.shown["turns"]), user]))
    rows: list[dict[str, Any]] = [
        {
            "title": one.model.name,
            "witness": "",
            "cells": [_cell(label_of(towards), dose, one.vectors.classes) for towards, dose in one.rows],
        }
        for one in talk.conversations
    ]
    turn: dict[str, Any] = {"user": user, "done": False, "rows": rows}
    talk.shown["turns"].append(turn)
    last: list[Any] = [None] * len(steps)
    pool = ThreadPoolExecutor(1)
    future = pool.submit(_write, talk, steps, last)
    pool.shutdown(wait=False)
    try:
        while not future.done():
            wait([future], timeout=1 / _UPDATES_PER_SECOND)
            step = _fill(rows, last, own)
            yield talk.shown, f"answering, token {step} of {decoding.max_new_tokens}"
        future.result()
    except (GeneratorExit, InputError):
        talk.stopped = True
        talk.shown["turns"].remove(turn)
        raise
    step = _fill(rows, last, own)
    if talk.stopped and step == 0:
        talk.shown["turns"].remove(turn)
        yield talk.shown, "stopped before anything was written"
        return
    said = "stopped" if talk.stopped else f"answered in {time.perf_counter() - started:.1f} s"
    yield talk.shown, f"{said}; the unsteered models read and judge the answers"
    number = len(talk.read)
    talk.read.append([])
    for one, row in zip(talk.conversations, rows, strict=True):
        talk.read[-1] += _judged(one, number, row)
        yield talk.shown, f"{said}; the witnesses read the answers of {one.model.name}"
        steered = [(label_of(towards), dose) for towards, dose in one.rows]
        for key, ask in (("witness", witnessed), ("outside", outside_witnessed)):
            name, lines = ask(one.model, steered, [cell["text"] for cell in row["cells"]], one.vectors.classes)
            # Who they are is said once.
            row["witness"] = "; ".join(part for part in (row["witness"], name) if part) if number == 0 else ""
            for cell, line in zip(row["cells"], lines, strict=True):
                cell[key] = line
    turn["done"] = True
    dropped = max(one.dropped for one in talk.conversations)
    left = f"; the oldest {dropped} turns no longer fit the context and are left out" if dropped else ""
    yield talk.shown, f"{said}{left}"


def _write(talk: Talk, steps: Sequence[Iterator[Any]], last: list[Any]) -> None:
    """Writes until all is written or the visitor stops; what was written until then stays."""
    there = dict(enumerate(steps))
    while there and not talk.stopped:
        for k in list(there):
            found = next(there[k], None)
            if found is None:
                del there[k]
            else:
                last[k] = found
    for one in there.values():
        one.close()  # type: ignore[attr-defined]


def _cell(direction: str, dose: float, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "label": what_steers(direction, dose, classes), "control": is_control(direction, classes), "state": "",
        "text": "", "leaks": [], "read": "",
    }  # fmt: skip


def _fill(rows: list[dict], last: list[Any], own: frozenset[str]) -> int:
    steps = 0
    for row, partial in zip(rows, last, strict=True):
        if partial is not None:
            steps = max(steps, partial.ids.shape[1])
            fill(row["cells"], partial, own)
    return steps


def _judged(made: Conversation, turn: int, row: dict) -> list[Reply]:
    from ...judge.replies import judged_replies, read_replies

    replies = read_replies(made, turn, judged_replies(made, turn))
    for cell, one in zip(row["cells"], replies, strict=True):
        if one.verdict is not None:
            cell |= verdict_words(one.verdict)
            cell["numbers"] = verdict_numbers(one.verdict)
        told = highest(one)
        cell["read"] = f"read: {told}" if told else "nothing to read"
        cell["hidden"], cell["mass"] = hidden_leak(one.leak_mass)
    return list(replies)


def exact(talk: Talk, turn: int, place: int) -> dict[str, Any] | None:
    """The tokens that a model was given before one answer."""
    from ...models.dialogue import exact_tokens

    row = place
    for one in talk.conversations:
        if row < len(one.rows):
            if turn >= len(one.turns):
                return None
            if isinstance(one.model, _Away):
                return {"turn": turn, "title": f"{one.model.name} is not in memory; Send loads it again", "pieces": []}
            ids = one.context(turn, row)
            reply = one.turns[turn][row]
            told = what_steers(reply.direction, reply.dose, reply.classes)
            title = f"{one.model.name}, {told}: {len(ids)} tokens before the answer"
            return {"turn": turn, "title": title, "pieces": exact_tokens(one.model, ids)}
        row -= len(one.rows)
    return None
