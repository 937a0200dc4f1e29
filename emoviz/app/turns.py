"""Whose turn it is to run a model: a few at once, the others in the order in which they came, and told their place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count


class Turns:
    """at_once : how many have their turn together."""

    def __init__(self, at_once: int) -> None:
        self._at_once, self._lock, self._numbers = at_once, threading.Lock(), count()
        self._line: list[int] = []

    @contextmanager
    def turn(self) -> Iterator[Iterator[str]]:
        """Holds a place in line; what it gives says how many come before, again and again, until it is its turn."""
        with self._lock:
            number = next(self._numbers)
            self._line.append(number)
        try:
            yield self._waiting(number)
        finally:
            with self._lock:
                self._line.remove(number)

    def _waiting(self, number: int) -> Iterator[str]:
        while before := self._before(number):
            yield f"waiting, {before} before you"
            time.sleep(0.25)

    def _before(self, number: int) -> int:
        """How many must end first."""
        with self._lock:
            return max(0, self._line.index(number) + 1 - self._at_once)


# Of those who run a model on the page. A visitor whose model is being loaded leaves room for others, whose models are
# there; a model's own lock keeps their passes apart.
MODEL_TURNS = Turns(3)
