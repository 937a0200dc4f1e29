"""Numbers as people write them, in a box, an option, a plan or a file: read here, and nowhere else.

    1000  1,000  1 000  1'000  1_000  1.000.000  1.000,5    thousands, in groups of three
    0.04  0,04  .5  4e-2  −3  4 %                            decimals, exponents, signs, shares
    0, 0.02, 0.04   0,02; 0,04   0:0.06:0.02                 several; from, to, step
    3, 10-20   10..20                                        layers

What can be read in two ways is refused, with both.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from .errors import InputError

SHARES = {"%": 0.01, "x": 1.0, "×": 1.0}
TOKENS = {"token": 1.0, "tokens": 1.0}
# Letters of one number, and numbers of one range; nobody writes more.
_MOST_LETTERS, _MOST = 40, 10_000
# Signs that mean the same: minus signs, Arabic points and commas. Blanks of any width are made one by NFKC.
_SAME = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2012": "-", "٫": ".", "٬": ",", "’": "'"})
_SIGN, _EXPONENT = r"[+-]?", r"(?:[eE][+-]?\d{1,4})?"
_PLAIN = re.compile(rf"{_SIGN}(?:\d+\.?\d*|\.\d+){_EXPONENT}")
_DECIMAL_COMMA = re.compile(rf"{_SIGN}\d+,\d+{_EXPONENT}")
_COMMAS = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d+)?")
_BLANKS = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:([ '_])\d{{3}})(?:\1\d{{3}})*(?:[.,]\d+)?")
_POINTS = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:(?:\.\d{{3}})+,\d+|(?:\.\d{{3}}){{2,}})")
# `1.000` is one, and in many countries a thousand.
_ONE_GROUP = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}\.\d{{3}}")
# Nobody begins a number with a nought: what looks so is the rest of `1,000`.
_WHOLE = r"(0|[1-9]\d{0,8})"
_RANGE = re.compile(rf"{_WHOLE}(?:-|\.\.|:){_WHOLE}(?::{_WHOLE})?")


def value_of(text: str, units: Mapping[str, float] | None = None, *, comma: bool = False) -> float:
    """The value of one number as it is written; NaN for what is none, or infinite.

    units : what may stand behind it, and what it is multiplied by. comma : whether a comma is a decimal mark wherever
    it stands, as in a table whose columns are parted by semicolons; else `1,000` is a thousand.
    """
    text = _same(text)
    if len(text) > _MOST_LETTERS:
        return math.nan
    times = 1.0
    for unit, factor in (units or {}).items():
        if text.casefold().endswith(unit) and text[: -len(unit)].strip():
            text, times = text[: -len(unit)].strip(), factor
            break
    if comma and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif _BLANKS.fullmatch(text):
        text = re.sub("[ '_]", "", text).replace(",", ".")
    elif _COMMAS.fullmatch(text):
        text = text.replace(",", "")
    elif _POINTS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif not _PLAIN.fullmatch(text):
        return math.nan
    value = float(Decimal(text) * Decimal(repr(times)))
    return value if math.isfinite(value) else math.nan


def number(text: str, low: float, high: float = math.inf, units: Mapping[str, float] | None = None) -> float:
    """One number. Raises InputError, with what was given, for what is none, and beyond the limits."""
    value = value_of(text, units)
    if not low <= value <= high:
        limits = "" if low == -math.inf else f" from {low:g} on" if high == math.inf else f" from {low:g} to {high:g}"
        raise InputError(f"{text[:24]!r} was given; a number{limits} is allowed")
    return value


def whole(text: str, low: float, high: float, units: Mapping[str, float] | None = None) -> int:
    """One whole number. Errors as `number`."""
    if _ONE_GROUP.fullmatch(_same(text)):
        one, other = _same(text).partition(".")[0], _same(text).replace(".", "")
        raise InputError(f"{text[:24]!r} was given, which may be {one} or {other}. Write one of these")
    value = value_of(text, units)
    if not low <= value <= high or value != int(value):
        limits = "" if low == -math.inf else f" from {low} to {high}"
        raise InputError(f"{text[:24]!r} was given; a whole number{limits} is allowed")
    return int(value)


def parted(text: str) -> list[str]:
    """Several numbers, each as it is written: by commas, semicolons, blanks or lines.

    A comma within an item is read as its neighbours say: `1,000, 2,000` are two, `0,02; 0,04` too, `1,10,100` three.
    Raises InputError for a text that can be read in two ways.
    """
    text = re.sub(r"\s+", " ", _same(text))
    if ";" in text:
        return [part.strip() for part in text.split(";") if part.strip()]
    text = text.rstrip(", ")
    if not text:
        return []
    if re.search(r", ", text):
        return [one for part in text.split(", ") if part.strip(" ,") for one in _within(part.strip(" ,"), tight=False)]
    if " " in text:
        apart = text.split(" ")
        groups = [part for part in apart[1:] if re.fullmatch(r"\d{3}", part)]
        if _BLANKS.fullmatch(text) or any(part.startswith("0") for part in groups):
            raise InputError(f"{text[:40]!r} may be one number or several. Part them by ; or leave out the blanks.")
        return apart
    if re.fullmatch(rf"{_SIGN}0,[1-9]\d*", text):
        one, other = text.replace(",", "."), text.replace(",", ", ")
        raise InputError(f"{text[:40]!r} may be the number {one[:40]} or the two {other[:40]}. Write one of these.")
    return _within(text, tight=True)


def _within(part: str, *, tight: bool) -> list[str]:
    """The numbers in a part without blanks. tight : whether commas alone part the numbers of the text."""
    apart = part.split(",")
    # Nobody begins a number with a nought: what looks so is the rest of another, as in 0,05 and 1,000.
    rest = any(re.fullmatch(r"0\d+", one) for one in apart)
    if " " in part or _POINTS.fullmatch(part) or ((rest or not tight) and _COMMAS.fullmatch(part)):
        return [part]
    decimal = re.fullmatch(rf"{_SIGN}0,\d+", part)
    if rest and not decimal:
        raise _no_number(part)
    return [part] if decimal and (rest or not tight) else apart


def several(text: str, units: Mapping[str, float] | None = None) -> list[float]:
    """Numbers, and ranges of them as from:to:step, all that are written. Raises InputError that names the first that
    is no number."""
    found: list[float] = []
    for part in parted(text):
        ends = [value_of(one, units) for one in re.split(r":|\.\.", part)]
        if len(ends) == 2 and not any(map(math.isnan, ends)):
            raise InputError(f"{part[:40]!r} is a range without a step. Write from:to:step, such as 0:0.06:0.01.")
        if any(map(math.isnan, ends)) or len(ends) > 3:
            raise _no_number(part)
        found += ends if len(ends) == 1 else _steps(part, *ends)
    return found


def _no_number(part: str) -> InputError:
    return InputError(f"{part[:40]!r} is no number. Part numbers by commas, such as 1, 10, 100 or 1,000, 2,000.")


def _steps(part: str, first: float, last: float, step: float) -> list[float]:
    n = math.nan if step == 0 else math.floor((last - first) / step + 1e-9)
    if not 0 <= n < _MOST:
        raise InputError(f"{part[:40]!r} holds no number, or more than {_MOST:,}. Write from:to:step.")
    return [float(Decimal(repr(first)) + k * Decimal(repr(step))) for k in range(int(n) + 1)]


def whole_numbers(text: str, most: int) -> list[int]:
    """Whole numbers from 0 to `most` and ranges of them, `3, 10-20`, in the order in which they are written.

    Raises InputError that names the first part that is neither.
    """
    found: list[int] = []
    for part in re.sub(r"\s*(-|\.\.|:)\s*", r"\1", _same(text)).replace(";", ",").replace(",", " ").split():
        ends = _RANGE.fullmatch(part if re.search(r"-|\.\.|:", part) else f"{part}-{part}")
        first, last, step = (-1, -1, 0) if ends is None else (int(ends[1]), int(ends[2]), int(ends[3] or 1))
        if not 0 <= first <= last <= most or step < 1:
            raise _no_whole_numbers(part, most)
        found += range(first, last + 1, step)
    if not found:
        raise _no_whole_numbers(text, most)
    return found


def _no_whole_numbers(text: str, most: int) -> InputError:
    return InputError(f"{text[:24]!r} was given; numbers from 0 to {most} and ranges such as 3, 10-20 are allowed.")


def _same(text: str) -> str:
    """With one sign for what means the same: digits and blanks of other scripts and widths too."""
    return unicodedata.normalize("NFKC", text).translate(_SAME).strip()
