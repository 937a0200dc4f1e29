"""A number that is not there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """A number that could not be computed.

    number : its name. pair : places of the two sets that it would have been of, None where it is of a single set or
    lacks for every pair. why : one sentence without a full stop, fit to stand behind "no NUMBER: ".
    """

    number: str
    pair: tuple[int, int] | None
    why: str
