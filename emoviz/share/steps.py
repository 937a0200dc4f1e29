"""Work that takes seconds, one step at a time, so that whoever asked sees how far it is and can stop it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

_S = TypeVar("_S")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Step:
    """What is done next, the number of this step, and of how many."""

    what: str
    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.what} ({self.number} of {self.of})"


# Closing the generator ends the work; it returns the result.
Steps = Generator[Step, None, _T]


def finished(steps: Generator[_S, None, _T], say: Callable[[_S], object] = lambda step: None) -> _T:
    """Goes through all steps and returns the result. say : is told each."""
    while True:
        try:
            say(next(steps))
        except StopIteration as done:
            return done.value
