"""Words that every room needs."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable

# What is not seen but done: control characters but tab and line feed, separators of lines, what turns the direction of
# writing for all that follows, and halves of surrogate pairs, which no file can hold.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""A text of others with what would be done instead of seen written out, as JSON does: `\u001b`, `\u202e`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def percent(share: float) -> str:
    """A share in percent, two digits where it is small: `69`, `8.1`, `0.005`; `-` where it is missing."""
    if not math.isfinite(share):
        return "-"
    return f"{100 * share:.0f}" if share >= 0.0995 or share == 0 else f"{100 * share:.2g}"


def written(value: float, form: str) -> str:
    """A number in a format; `-` where it is missing."""
    return format(value, form) if math.isfinite(value) else "-"


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in order, three or more that follow on each other as a range: `3, 4, 10-20`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(", ".join(map(str, run)) if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs)


def counted(n: int, word: str) -> str:
    """`1 token`, `2 tokens`, `2 classes`."""
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{n:,} {word if n == 1 else plural}"


def names_in(text: str) -> list[str]:
    """Of a list that is written with commas; a name that holds one stands in quotes: `calm, "a,b"`."""
    parts = next(csv.reader([text], skipinitialspace=True), [])
    return [part.strip() for part in parts if part.strip()]
