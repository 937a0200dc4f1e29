"""What is done to a row, as it is written. No torch.

    [when DIRECTION > NUMBER] [add | ablate | clamp | reflect] DIRECTION [NUMBER] [first N | after N | tokens I-J]

A direction is one emotion, a mixture such as `0.7 calm + 0.3 grateful`, or a control. Alone it is added. The name of a
class comes before all grammar, so that a class may be called `reflect` or `after 5`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..errors import InputError
from ..types import Condition, Direction, Intervention, Towards
from ..types.steering import UNSTEERED as UNSTEERED
from .doses import check_doses

RANDOM, MEAN = "random", "mean"
CONTROLS = (RANDOM, MEAN)
ADD, ABLATE, CLAMP, REFLECT = "add", "ablate", "clamp", "reflect"
# How a direction is used, and what becomes of the projection p of a state on it.
HOW = {
    ADD: "p becomes p + dose",
    ABLATE: "p becomes 0",
    CLAMP: "p becomes the value",
    REFLECT: "p becomes -p",
}
# Directions in words stay words.
T = TypeVar("T", bound=Towards)
_TERM = re.compile(r"([+-]?)\s*(\d*\.?\d+)?\s*\*?\s*([^\s\d.*+-].*)")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_CONDITION = re.compile(r"when\s+(?P<direction>\S.*?)\s*(?P<sign>[<>])\s*")
_THRESHOLD = re.compile(rf"({_NUMBER})(?:\s+|$)")
_HOW = re.compile(rf"({'|'.join(HOW)})\s+")
_AMOUNT = re.compile(rf"(?P<direction>\S.*?)\s+(?P<amount>{_NUMBER})")
_WINDOW = re.compile(r"\s+(?:(?P<side>first|after)\s+(?P<n>\d{1,6})|tokens\s+(?P<i>\d{1,6})\s*-\s*(?P<j>\d{1,6}))$")
# Letters of an intervention: nobody writes more, and expressions stay fast.
_MOST = 300


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


def parse_intervention(text: str, classes: Collection[str] = ()) -> Intervention:
    """`calm`, `ablate afraid`, `clamp calm 0.05`, `reflect angry`, `when afraid > 0.1 add calm 0.04`, `calm after 10`.

    classes : of the vector set, whose names come before all grammar.
    Raises InputError that marks the letter from which on the text cannot be read.
    """
    text = text.strip()
    if text in classes:
        return Intervention(ADD, text)
    if len(text) > _MOST:
        raise InputError(f"an intervention of {len(text)} letters was given; up to {_MOST} are allowed.")
    when, at = _condition(text, classes)
    found = _HOW.match(text, at)
    how, start = (ADD, at) if found is None else (found[1], found.end())
    window, end = _window(text, start)
    body = text[start:end]
    amount = None
    if body not in classes and (found is not None or when is not None):
        body, amount = _amount(text, start, body, how)
    if not body.strip() or (found is None and body.strip() in HOW):
        raise _stuck(text, len(text), "a direction is needed, such as calm or 0.7 calm + 0.3 grateful")
    try:
        direction = _direction(body, classes)
    except InputError as error:
        if found is None and when is None and window is None:
            raise
        raise _stuck(text, start, str(error)) from error
    if how == CLAMP and amount == 0:
        how, amount = ABLATE, None
    return Intervention(how, direction, amount, when, window)


def _condition(text: str, classes: Collection[str]) -> tuple[Condition | None, int]:
    """What stands after `when`, and where it ends."""
    if not text.startswith("when "):
        return None, 0
    found = _CONDITION.match(text)
    if found is None:
        raise _stuck(text, 5, "a direction, then > or < and a number are needed, such as when afraid > 0.1")
    number = _THRESHOLD.match(text, found.end())
    if number is None:
        raise _stuck(text, found.end(), f"a number is needed after {found['sign']}")
    try:
        direction = _direction(found["direction"], classes)
    except InputError as error:
        raise _stuck(text, found.start("direction"), str(error)) from error
    return Condition(direction, found["sign"] == ">", float(number[1])), number.end()


def _window(text: str, start: int) -> tuple[tuple[int, int | None] | None, int]:
    """The written tokens that are meant, and where the words for them begin."""
    found = _WINDOW.search(text, start)
    if found is None:
        return None, len(text)
    first: int
    last: int | None
    if found["side"] == "after":
        first, last = int(found["n"]) + 1, None
    else:
        first, last = int(found["i"] or 1), int(found["j"] or found["n"])
    if first < 1 or (last is not None and last < first):
        raise _stuck(text, found.start() + 1, "written tokens are counted from 1 on, the first before the last")
    return (first, last), found.start()


def _amount(text: str, start: int, body: str, how: str) -> tuple[str, float | None]:
    """A direction without the number behind it, and that number."""
    found = _AMOUNT.fullmatch(body)
    # `random 7` is a direction of its own.
    if found is None or (found["direction"] == RANDOM and found["amount"].isdecimal()):
        return body, None
    at = start + found.start("amount")
    if how in (ABLATE, REFLECT):
        raise _stuck(text, at, f"{how} takes no number")
    amount = float(found["amount"])
    try:
        check_doses([amount])
    except InputError as error:
        raise _stuck(text, at, str(error)) from error
    if how == ADD and amount == 0:
        raise _stuck(text, at, "a dose of 0 adds nothing")
    return found["direction"], amount


def _direction(text: str, classes: Collection[str]) -> str:
    """A direction as it is shown. Raises InputError for what is none."""
    text = text.strip()
    if text in classes or control_seed(text) is not None or text == MEAN:
        return text
    label = parse_direction(text).label
    if _HOW.match(label) or label.startswith("when "):
        raise InputError(f"{label.partition(' ')[0]!r} stands where an emotion is needed")
    return label


def rows_of(towards: T, doses: Sequence[float], classes: Collection[str] = ()) -> list[tuple[T | str, float]]:
    """(what is done, amount) of each row that a direction or an intervention makes in a batch.

    Without an amount of its own, one row for each dose but 0; `ablate` and `reflect` need none and make one row, whose
    amount is 1, the whole projection. Raises InputError as `parse_intervention`.
    """
    if isinstance(towards, Direction):
        return [(towards, dose) for dose in doses if dose]
    found = parse_intervention(towards, classes)
    if found.how in (ABLATE, REFLECT):
        return [(found.label, 1.0)]
    if found.amount is not None:
        return [(found.label, found.amount)]
    return [(found.label, dose) for dose in doses if dose]


def with_controls(texts: Iterable[str], controls: Sequence[str], classes: Collection[str] = ()) -> tuple[str, ...]:
    """What rows are made for, as it is shown, so that one written twice in two ways stands once: the texts, then the
    controls. The control of an intervention is the same along the control's direction. Errors as `parse_intervention`.
    """
    asked = [parse_intervention(text, classes).written for text in texts]
    others = [text for text in asked if not is_plain(text, classes)]
    plain = controls if not asked or len(others) < len(asked) else ()
    return tuple(dict.fromkeys([*asked, *plain, *(control_of(text, c, classes) for c in controls for text in others)]))


def has_amount(text: str, classes: Collection[str] = ()) -> bool:
    """Whether an intervention needs no dose, or names its own. Raises InputError as `parse_intervention`."""
    found = parse_intervention(text, classes)
    return found.how in (ABLATE, REFLECT) or found.amount is not None


def amount_words(direction: str, amount: float, classes: Collection[str] = ()) -> str:
    """The amount of a row in words, empty where it has none: `dose 0.04`, `to 0.05`."""
    how = _parsed(direction, classes).how
    return "" if how in (ABLATE, REFLECT) else f"{'to' if how == CLAMP else 'dose'} {amount:g}"


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
    """Whether it is a control, or an intervention along one."""
    inside = direction_in(direction)
    return inside == MEAN or control_seed(inside) is not None


def control_of(text: str, control: str, classes: Collection[str] = ()) -> str:
    """The same intervention along a control in place of its direction. Raises InputError as `parse_intervention`."""
    return replace(parse_intervention(text, classes), direction=control).written


def weights_of(direction: str, classes: Collection[str] = ()) -> dict[str, float] | None:
    """Emotion -> weight of an emotion or a mixture, that of an intervention too; None for a control.

    Raises InputError as `parse_intervention`.
    """
    inside = parse_intervention(direction, classes).direction
    if inside in classes:
        return {inside: 1.0}
    return None if is_control(inside) else dict(parse_direction(inside).terms)


def emotions_of(direction: str, classes: Collection[str] = ()) -> tuple[str, ...]:
    """Every emotion that a vector set must have for it, those of its condition too. Errors as `parse_intervention`."""
    found = parse_intervention(direction, classes)
    asked = [found.direction, *(() if found.when is None else (found.when.direction,))]
    return tuple(dict.fromkeys(name for one in asked for name in weights_of(one, classes) or ()))


def direction_in(text: str, classes: Collection[str] = ()) -> str:
    """The direction of an intervention; what cannot be read is one of that name."""
    return _parsed(text, classes).direction


def is_plain(text: str, classes: Collection[str] = ()) -> bool:
    """Whether it is only added, everywhere: an emotion, a mixture or a control without more."""
    return _parsed(text, classes).plain


def check_plain(directions: Iterable[str], classes: Collection[str] = ()) -> None:
    """Raises InputError for an intervention, where only directions can be used."""
    for text in directions:
        if not is_plain(text, classes):
            raise InputError(f"{text!r} is an intervention; an emotion, a mixture or a control is needed here.")


def _parsed(direction: str, classes: Collection[str] = ()) -> Intervention:
    """As `parse_intervention`; what cannot be read is a direction of that name."""
    try:
        return parse_intervention(direction, classes)
    except InputError:
        return Intervention(ADD, direction)


def _stuck(text: str, at: int, why: str) -> InputError:
    rest, why = text[at : at + 24].strip(), why.rstrip(".")
    where = f"cannot be read from letter {at + 1} on, at {rest!r}" if rest else "ends too early"
    return InputError(f"{text[:80]!r} {where}: {why}.")


def _unreadable(text: str) -> InputError:
    return InputError(
        f"{text[:60]!r} is no emotion or mixture. Write for example calm, or 0.7 calm + 0.3 grateful; not all "
        "weights may be 0."
    )
