"""A direction as written: one emotion, a mixture such as `0.7 calm + 0.3 grateful`, or a control. No torch."""

from __future__ import annotations

import math
import re

from ..errors import InputError
from ..types import Direction, Towards

RANDOM, MEAN = "random", "mean"
CONTROLS = (RANDOM, MEAN)
# What the first row of every batch is called.
UNSTEERED = "unsteered"
_TERM = re.compile(r"([+-]?)\s*(\d*\.?\d+)?\s*\*?\s*([^\s\d.*+-].*)")


def parse_direction(text: str) -> Direction:
    """`calm`, `0.7 calm + 0.3 grateful` or `happy - 0.5 sad`; an emotion named twice has the sum of its weights.

    Raises InputError for a text that is none of these, or weights that are all 0.
    """
    weights: dict[str, float] = {}
    # Signs between terms stand between blanks: a class of one's own may be called `well-being`.
    parts = re.split(r"\s+(?=[+-](?:\s|$))", text.strip())
    for part in parts:
        found = _TERM.fullmatch(part.strip())
        # Digits are counted first: a weight of a thousand digits is infinite.
        if found is None or len(part) > 80:
            raise _unreadable(text)
        sign, weight, name = found.groups()
        value = (-1.0 if sign == "-" else 1.0) * (1.0 if weight is None else float(weight))
        weights[name.strip()] = weights.get(name.strip(), 0.0) + value
    terms = tuple((name, weight) for name, weight in weights.items() if weight)
    if not terms or not all(math.isfinite(weight) for _, weight in terms):
        raise _unreadable(text)
    return Direction(terms)


def label_of(towards: Towards) -> str:
    """A direction as it is written."""
    return towards.label if isinstance(towards, Direction) else towards


def control_seed(direction: str) -> int | None:
    """The seed of a random control, `random` being `random 0`; None for what is no random control."""
    name, _, number = direction.partition(" ")
    if name != RANDOM or (number and not (number.isdecimal() and len(number) <= 9)):
        return None
    return int(number) if number else 0


def is_control(direction: str) -> bool:
    return direction == MEAN or control_seed(direction) is not None


def weights_of(direction: str) -> dict[str, float] | None:
    """Emotion -> weight of an emotion or a mixture; None for a control. Errors as `parse_direction`."""
    return None if is_control(direction) else dict(parse_direction(direction).terms)


def _unreadable(text: str) -> InputError:
    return InputError(
        f"{text[:60]!r} is no emotion or mixture. Write for example calm, or 0.7 calm + 0.3 grateful; not all "
        "weights may be 0."
    )
