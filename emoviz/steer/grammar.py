"""What is done to a row, as it is written. No torch.

    [when DIRECTION > NUMBER] [add | ablate | clamp | reflect] DIRECTION [NUMBER] [first N | after N | tokens I-J]

A direction is one emotion, a mixture such as `0.7 calm + 0.3 grateful`, or a control. Alone it is added. The name of a
class comes before all grammar, so that a class may be called `reflect`, `0` or `joy + pride`; beside a class `mean` the
control is written `control mean`. What would be read as something else once it is written down is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from ..emotions import NEUTRAL, class_named
from ..errors import InputError
from ..types import Condition, Direction, Intervention, Towards, VectorSet
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
# Signs between terms stand between blanks: a class of one's own may be called `well-being`.
_BETWEEN = re.compile(r"\s+(?=[+-](?:\s|$))")
_WEIGHT = re.compile(r"(?P<sign>[+-]?\s*)(?P<weight>\d*\.?\d+)?\s*\*?\s*")
_NAME = re.compile(r"[^\s\d.*+-].*")
_CONTROL = re.compile(rf"(?:control )*({MEAN}|{RANDOM}(?: \d{{1,9}})?)")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_SIGN = re.compile(r"\s*([<>])\s*")
_THRESHOLD = re.compile(rf"({_NUMBER})(?:\s+|$)")
_HOW = re.compile(rf"({'|'.join(HOW)})\s+")
_AMOUNT = re.compile(rf"(?P<direction>\S.*?)\s+(?P<amount>{_NUMBER})")
_WINDOW = re.compile(r"\s+(?:(?P<side>first|after)\s+(?P<n>\d{1,6})|tokens\s+(?P<i>\d{1,6})\s*-\s*(?P<j>\d{1,6}))$")
# A window, and where the words before it end.
_Ended = tuple[tuple[int, int | None] | None, int]
# Letters of an intervention, and of a term that names no class: nobody writes more, and expressions stay fast.
_MOST, _MOST_TERM = 300, 80


def parse_direction(text: str, classes: Collection[str] = ()) -> Direction:
    """`calm`, `0.7 calm + 0.3 grateful` or `happy - 0.5 sad`; an emotion named twice has the sum of its weights.

    classes : of the vector set, whose names come before all grammar, in every term.
    Raises InputError for a text that is none of these, weights that are all 0, and as `check_label`.
    """
    found = _mixture(text, classes)
    check_label(found, classes)
    return found


def check_label(direction: Direction, classes: Collection[str]) -> None:
    """Raises InputError for a direction that is read as another one where it is written down."""
    # Weights are written in six digits.
    again = _mixture(direction.label, classes) if classes else direction
    if [name for name, _ in again.terms] != [name for name, _ in direction.terms]:
        raise _alike(direction.label)


def _mixture(text: str, classes: Collection[str]) -> Direction:
    exact = class_named(text, classes)
    if exact is not None:
        return Direction(((exact, 1.0),))
    weights: dict[str, float] = {}
    rest = text.strip()
    while rest or not weights:
        found = _first_term(rest, classes)
        if found is None:
            raise _unreadable(text)
        name, weight, rest = found
        weights[name] = weights.get(name, 0.0) + weight
    terms = tuple((name, weight) for name, weight in weights.items() if weight)
    if not terms or not all(math.isfinite(weight) for _, weight in terms):
        raise _unreadable(text)
    return Direction(terms)


def _first_term(text: str, classes: Collection[str]) -> tuple[str, float, str] | None:
    """(emotion, weight, the other terms) of a mixture; None where it cannot be read."""
    # Letters are counted first: a weight of a thousand digits is infinite.
    found = _WEIGHT.match(text, 0, _MOST_TERM)
    if found is None:
        return None
    sign = -1.0 if found["sign"].startswith("-") else 1.0
    weight = sign if found["weight"] is None else sign * float(found["weight"])
    # What looks like a sign or a weight may be the beginning of a name.
    starts = ((0, 1.0), (found.end("sign"), sign), (found.end(), weight))
    for name in sorted(classes, key=len, reverse=True):
        for at, value in starts:
            end = at + len(name.strip())
            if text.startswith(name.strip(), at) and (end == len(text) or _BETWEEN.match(text, end)):
                return name, value, text[end:].lstrip()
    between = _BETWEEN.search(text)
    part = text if between is None else text[: between.start()]
    if len(part) > _MOST_TERM or not _NAME.fullmatch(part, found.end()):
        return None
    return part[found.end() :], weight, text[len(part) :].lstrip()


def parse_intervention(text: str, classes: Collection[str] = ()) -> Intervention:
    """`calm`, `ablate afraid`, `clamp calm 0.05`, `reflect angry`, `when afraid > 0.1 add calm 0.04`, `calm after 10`.

    classes : of the vector set, whose names come before all grammar, in every part.
    Raises InputError that marks the letter from which on the text cannot be read.
    """
    found = _read(text, classes)
    for written in (found.written, found.label) if classes else ():
        # Numbers are written in six digits.
        again = _read(written, classes)
        if (again.how, again.direction, again.window) != (found.how, found.direction, found.window):
            raise _alike(written)
    return found


def _read(text: str, classes: Collection[str]) -> Intervention:
    exact = class_named(text, classes)
    if exact is not None:
        return Intervention(ADD, exact)
    text = text.strip()
    if len(text) > _MOST:
        raise InputError(f"an intervention of {len(text)} letters was given; up to {_MOST} are allowed.")
    when, at = _condition(text, classes)
    found = _HOW.match(text, at)
    how, start = (ADD, at) if found is None else (found[1], found.end())
    for own, begin, (window, end) in _places(text, at, how, start):
        direction = _of_classes(text[begin:end], classes)
        if direction is not None:
            return Intervention(own, direction, None, when, window)
    window, end = _window(text, start)
    body, amount = text[start:end], None
    if found is not None or when is not None:
        body, amount = _amount(text, start, body, how, classes)
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


def _of_classes(text: str, classes: Collection[str]) -> str | None:
    """A class, or a mixture of classes and of nothing else, as it is shown; None for anything else."""
    try:
        found = parse_direction(text, classes)
    except InputError:
        return None
    return found.label if all(name in classes for name, _ in found.terms) else None


def _condition(text: str, classes: Collection[str]) -> tuple[Condition | None, int]:
    """What stands after `when`, and where it ends."""
    # A class may be called `when it rains`, and stand before a window.
    if not text.startswith("when ") or _of_classes(text[: _window(text, 0)[1]], classes) is not None:
        return None, 0
    signs = [found for found in _SIGN.finditer(text, 5) if text[5 : found.start()].strip()]
    if not signs:
        raise _stuck(text, 5, "a direction, then > or < and a number are needed, such as when afraid > 0.1")
    # A class may be called `x > y`.
    found = next((one for one in signs if _of_classes(text[5 : one.start()], classes) is not None), signs[0])
    number = _THRESHOLD.match(text, found.end())
    if number is None:
        raise _stuck(text, found.end(), f"a number is needed after {found[1]}")
    try:
        direction = _direction(text[5 : found.start()], classes)
    except InputError as error:
        raise _stuck(text, 5, str(error)) from error
    return Condition(direction, found[1] == ">", float(number[1])), number.end()


def _places(text: str, at: int, how: str, start: int) -> Iterator[tuple[str, int, _Ended]]:
    """What names of classes may be preceded and followed by: as little as possible first."""
    starts = ((ADD, at), (how, start))
    yield from ((own, begin, (None, len(text))) for own, begin in starts)
    yield from ((own, begin, _window(text, begin)) for own, begin in starts)


def _window(text: str, start: int) -> _Ended:
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


def _amount(text: str, start: int, body: str, how: str, classes: Collection[str]) -> tuple[str, float | None]:
    """A direction without the number behind it, and that number."""
    found = _AMOUNT.fullmatch(body)
    # `random 7` is a direction of its own.
    if found is None or (class_named(found["direction"], classes) is None and control_in(body, classes) is not None):
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
    control = control_in(text, classes)
    if control is not None:
        return control_label(control, classes)
    label = parse_direction(text, classes).label
    if class_named(label, classes) is None and (_HOW.match(label) or label.startswith("when ")):
        raise InputError(f"{label.partition(' ')[0]!r} stands where an emotion is needed")
    return label


def rows_of(towards: T, doses: Sequence[float], classes: Collection[str] = ()) -> list[tuple[T | str, float]]:
    """(what is done, amount) of each row that a direction or an intervention makes in a batch.

    Without an amount of its own, one row for each dose but 0; `ablate` and `reflect` need none and make one row, whose
    amount is 1, the whole projection. Raises InputError as `parse_intervention` and `check_label`.
    """
    if isinstance(towards, Direction):
        check_label(towards, classes)
        return [(towards, dose) for dose in doses if dose]
    found = parse_intervention(towards, classes)
    if found.how in (ABLATE, REFLECT):
        return [(found.label, 1.0)]
    if found.amount is not None:
        return [(found.label, found.amount)]
    return [(found.label, dose) for dose in doses if dose]


def with_controls(texts: Iterable[str], controls: Iterable[str], classes: Collection[str] = ()) -> tuple[str, ...]:
    """What rows are made for, as it is shown, so that one written twice in two ways stands once: the texts, then the
    controls. The control of an intervention is the same along the control's direction. Errors as `parse_intervention`.
    """
    asked = [parse_intervention(text, classes).written for text in texts]
    others = [text for text in asked if not is_plain(text, classes)]
    labels = control_labels(controls, classes)
    plain = labels if not asked or len(others) < len(asked) else ()
    return tuple(dict.fromkeys([*asked, *plain, *(control_of(text, c, classes) for c in labels for text in others)]))


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


def control_in(direction: str, classes: Collection[str] = ()) -> str | None:
    """`mean`, `random` or `random 7` where it is that control, which may be written `control mean`; None for a class
    of that name, and for anything else."""
    found = _CONTROL.fullmatch(direction)
    return None if found is None or class_named(direction, classes) is not None else found[1]


def control_label(control: str, classes: Collection[str]) -> str:
    """How a control is written beside these classes: `mean`, beside a class `mean` `control mean`."""
    found = _CONTROL.fullmatch(control)
    label = control if found is None else found[1]
    while class_named(label, classes) is not None:
        label = f"control {label}"
    return label


def control_labels(controls: Iterable[str], classes: Collection[str]) -> tuple[str, ...]:
    """Those of several, whatever classes are called. Raises InputError for what is no control."""
    controls = tuple(controls)
    for name in controls:
        if control_in(name) is None:
            raise InputError(
                f"control {name!r:.40} is unknown; {', '.join(CONTROLS)}, and 'random 7' for another random direction, "
                "are allowed."
            )
    return tuple(control_label(name, classes) for name in controls)


def usual_controls(vectors: VectorSet) -> tuple[str, ...]:
    """Those that a set can give: `mean` needs a neutral class."""
    return CONTROLS if NEUTRAL in vectors.classes else (RANDOM,)


def control_seed(direction: str, classes: Collection[str] = ()) -> int | None:
    """The seed of a random control, `random` being `random 0`; None for what is no random control."""
    control = control_in(direction, classes)
    if control in (None, MEAN):
        return None
    return int(str(control).removeprefix(RANDOM) or 0)


def is_control(direction: str, classes: Collection[str] = ()) -> bool:
    """Whether it is a control, or an intervention along one."""
    return control_in(direction_in(direction, classes), classes) is not None


def control_of(text: str, control: str, classes: Collection[str] = ()) -> str:
    """The same intervention along a control in place of its direction. Raises InputError as `parse_intervention`."""
    return replace(parse_intervention(text, classes), direction=control_label(control, classes)).written


def weights_of(direction: str, classes: Collection[str] = ()) -> dict[str, float] | None:
    """Emotion -> weight of an emotion or a mixture, that of an intervention too; None for a control.

    Raises InputError as `parse_intervention`.
    """
    inside = parse_intervention(direction, classes).direction
    return None if control_in(inside, classes) is not None else dict(parse_direction(inside, classes).terms)


def emotions_of(direction: str, classes: Collection[str] = ()) -> tuple[str, ...]:
    """Every emotion that a vector set must have for it, those of its condition too. Errors as `parse_intervention`."""
    asked = _directions_in(direction, classes)
    return tuple(dict.fromkeys(name for one in asked for name in weights_of(one, classes) or ()))


def unfit(towards: Iterable[Towards]) -> Callable[[VectorSet], tuple[bool, int]]:
    """How badly a set fits what is asked for, for `store.choice`: (whether it lacks an emotion, how many directions are
    none of its classes by their very name). Controls beside it ask for nothing."""
    towards = tuple(towards)

    def found(vectors: VectorSet) -> tuple[bool, int]:
        try:
            asked = [_asked_of(one, vectors) for one in towards]
        except InputError:
            return True, 0
        lacks = {name for _, emotions in asked for name in emotions} - set(vectors.classes)
        inside = [one for directions, _ in asked for one in directions]
        return bool(lacks), sum(class_named(one, vectors.classes) is None for one in inside)

    return found


def _asked_of(towards: Towards, vectors: VectorSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(directions, emotions) of one. Raises InputError for what the set cannot give."""
    if isinstance(towards, str):
        return _directions_in(towards, vectors.classes), emotions_of(towards, vectors.classes)
    if towards.set not in ("", vectors.name):
        raise InputError(f"{towards.label} is a direction of {towards.set}.")
    return (towards.label,), tuple(name for name, _ in towards.terms)


def _directions_in(text: str, classes: Collection[str]) -> tuple[str, ...]:
    found = parse_intervention(text, classes)
    return found.direction, *(() if found.when is None else (found.when.direction,))


def direction_in(text: str, classes: Collection[str] = ()) -> str:
    """The direction of an intervention; what cannot be read is one of that name."""
    return _parsed(text, classes).direction


def is_plain(text: str, classes: Collection[str] = ()) -> bool:
    """Whether it is only added, everywhere: an emotion, a mixture or a control without more."""
    return _parsed(text, classes).plain


def plain_labels(directions: Iterable[str], classes: Collection[str] = ()) -> tuple[str, ...]:
    """Directions as they are shown. Raises InputError for an intervention, where only directions can be used."""
    found = []
    for text in directions:
        one = parse_intervention(text, classes)
        if not one.plain or one.amount is not None:
            raise InputError(f"{text!r} is an intervention; an emotion, a mixture or a control is needed here.")
        found.append(one.label)
    return tuple(found)


def _parsed(direction: str, classes: Collection[str] = ()) -> Intervention:
    """As `parse_intervention`; what cannot be read is a direction of that name."""
    try:
        return parse_intervention(direction, classes)
    except InputError:
        return Intervention(ADD, direction)


def _alike(label: str) -> InputError:
    return InputError(
        f"what is meant would be shown as {label!r:.80}, which the names of the classes make something else. Rename a "
        "class, or give another number."
    )


def _stuck(text: str, at: int, why: str) -> InputError:
    rest, why = text[at : at + 24].strip(), why.rstrip(".")
    where = f"cannot be read from letter {at + 1} on, at {rest!r}" if rest else "ends too early"
    return InputError(f"{text[:80]!r} {where}: {why}.")


def _unreadable(text: str) -> InputError:
    return InputError(
        f"{text[:60]!r} is no emotion or mixture. Write for example calm, or 0.7 calm + 0.3 grateful; not all "
        "weights may be 0."
    )
