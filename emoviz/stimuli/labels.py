"""Labels that look alike: for a reader one class, for a file two."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

# Blanks that have a letter's category; Unicode calls them ignorable.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Letters of other scripts that are drawn as a Latin one (of Unicode's confusables, UTS 39).
_TWINS = str.maketrans("аеорсухіјѕԁԛԝһӏοανρτυικ", "aeopcyxijsdqwhloavptuik")


def _composed(label: str) -> str:
    return unicodedata.normalize("NFC", label)


def _visible(label: str) -> str:
    """Without what cannot be seen, and with one kind of blank."""
    kept = "".join(one for one in label if unicodedata.category(one) != "Cf" and one not in _FILLERS)
    return " ".join(kept.split())


# What two labels may differ in, from the least: how it is said, and what takes it away.
_DIFFERENCES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("how their accents are stored", _composed),
    ("invisible characters or blanks", _visible),
    ("the width or form of their letters", lambda label: unicodedata.normalize("NFKC", label)),
    ("capitals", str.casefold),
    ("letters of another script that are drawn alike", lambda label: label.translate(_TWINS)),
)


def look(label: str) -> str:
    """What a reader sees of a label, capitals aside: labels that look alike have the same."""
    for _, take_away in _DIFFERENCES:
        label = take_away(label)
    return label


def alike(labels: Iterable[str]) -> list[tuple[str, str, str]]:
    """Pairs of labels that look alike, each with the one that comes first, and what they differ in."""
    found: dict[str, list[str]] = defaultdict(list)
    for label in dict.fromkeys(labels):
        found[look(label)].append(label)
    return [(first, other, _difference(first, other)) for first, *others in found.values() for other in others]


def alike_words(first: str, other: str, difference: str) -> str:
    """One such pair in a line; what cannot be seen is written out."""
    return f"{ascii(first)} and {ascii(other)} differ only in {difference}"


def _difference(one: str, other: str) -> str:
    for what, take_away in _DIFFERENCES:
        one, other = take_away(one), take_away(other)
        if one == other:
            return what
    raise ValueError(f"{one!r} and {other!r} do not look alike")
