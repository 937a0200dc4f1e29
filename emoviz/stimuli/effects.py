"""What side effects of steering are measured on: plain passages that no vector was made from, and questions."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from ..types import Question

CHOICES = 4
# Of the questions, by guessing.
CHANCE = 1 / CHOICES
KINDS = ("fact", "arithmetic", "comprehension")

_DATA = files(__package__) / "data"


@cache
def plain_passages() -> tuple[str, ...]:
    """40 passages about ordinary things, without emotion (stimuli/data/plain_passages.txt)."""
    return tuple((_DATA / "plain_passages.txt").read_text("utf-8").splitlines())


@cache
def questions() -> tuple[Question, ...]:
    """60 questions with four choices each, 20 of each kind (stimuli/data/questions.jsonl)."""
    rows = [json.loads(line) for line in (_DATA / "questions.jsonl").read_text("utf-8").splitlines()]
    return tuple(Question(**{**row, "choices": tuple(row["choices"])}) for row in rows)
