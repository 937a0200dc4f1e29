"""Conversations as files: one JSON object an answer, or Markdown to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..judge.verdict import borderline
from ..plots.conversation import what_steers
from ..readout.summary import top_words
from ..store.atomic import write_bytes
from ..store.jsonable import plain
from ..types import Reply
from ..words import visible
from .texts import markdown

FORMATS = ("jsonl", "md")


def reply_row(one: Reply) -> dict[str, Any]:
    """One answer as a JSON object: what was said, how it was steered, its verdict, and the state before and over it."""
    row: dict[str, Any] = {
        "model": one.model,
        "set": one.set,
        "turn": one.turn,
        "user": one.user,
        "emotion": one.direction,
        "dose": one.dose,
        "seed": one.seed,
        "text": one.text,
        "finished": one.finished,
        "broken": one.broken,
        "leak_mass": max(one.leak_mass, default=None),
        "before": _scores(one, one.before),
        "over": _scores(one, one.over),
    }
    if one.verdict is not None:
        row |= {**asdict(one.verdict), "borderline": bool(borderline(one.verdict))}
    return row


def _scores(one: Reply, values: np.ndarray | None) -> dict[str, float | None] | None:
    if values is None:
        return None
    return {name: None if np.isnan(v) else round(float(v), 5) for name, v in zip(one.classes, values, strict=True)}


def highest(one: Reply, n: int = 3) -> str:
    """The emotions that lie highest over an answer, `calm +0.021, hopeful +0.013`; empty where nothing was read."""
    return "" if one.over is None else top_words(one.classes, one.over, n)


def transcript(turns: Sequence[Sequence[Reply]], notes: Sequence[str] = ()) -> str:
    """Markdown: each message of the user, and below it every answer with its verdict and what was read.

    turns : the answers of each turn, of one or several models.
    """
    lines = ["# Conversation", ""]
    lines += [*(f"- {markdown(note)}" for note in notes), ""] if notes else []
    for k, replies in enumerate(turns):
        lines += [f"## Turn {k + 1}", "", *_fenced(replies[0].user), ""]
        for one in replies:
            said = [f"{one.verdict.regime}: {one.verdict.reason}" if one.verdict is not None else "", highest(one)]
            told = "; ".join(part for part in said if part)
            head = f"**{markdown(f'{one.model}, {what_steers(one.direction, one.dose, one.classes)}')}**"
            lines += [f"{head} ({markdown(told)})" if told else head, "", *_fenced(one.text), ""]
    return "\n".join([*lines, f"emoviz {__version__}", ""])


def transcript_file(turns: Sequence[Sequence[Reply]], format: str, notes: Sequence[str] = ()) -> bytes:
    """The content of a .jsonl or a .md. format : one of FORMATS."""
    if format == "md":
        return transcript(turns, notes).encode()
    rows: list[Mapping[str, Any]] = [reply_row(one) for replies in turns for one in replies]
    return "".join(json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows).encode()


def save_transcript(turns: Sequence[Sequence[Reply]], path: Path, notes: Sequence[str] = ()) -> Path:
    """Writes it whole, as what the file's name ends in."""
    write_bytes(path, transcript_file(turns, path.suffix.lower().removeprefix("."), notes))
    return path


def _fenced(text: str) -> list[str]:
    """A text that may hold anything: fenced by more backticks than it has in a row."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}text", visible(text), fence]
