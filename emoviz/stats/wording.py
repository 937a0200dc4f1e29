"""What a comparison leaves out, in words, with the pairs that share a sentence in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from ..types import VectorSet

_REASON_OF = {
    "rho": "not compared",
    "ci": "no interval",
    "p": "no p",
    "ceiling": "no ceiling",
    "rho_disjoint": "no rho on disjoint topics",
    "rho_partial_lexical": "no rho given shared words",
    "rho_disattenuated": "no rho without noise",
    "rho_partial_controls": "no rho given all controls",
}
_MAX_NAMED = 12


def letters(n: int) -> list[str]:
    """Short names for n sets: A to Z, then AA to ZZ."""
    return [chr(ord("A") + k % 26) * (k // 26 + 1) for k in range(n)]


def reason_lines(reasons: Mapping[str, str], pairs: Mapping[str, str]) -> list[str]:
    """What could not be computed, for which pairs, and why.

    reasons : of a `Comparison`. pairs : how its reasons name a pair ("set x set"), and how the reader does. Numbers that
    the same pairs lack for the same reason share a line.
    """
    concerned: dict[tuple[str, str], list[str]] = {}
    for key, why in reasons.items():
        what, _, pair = key.partition(" ")
        names = concerned.setdefault((_REASON_OF[what], why), [])
        if pair:
            names.append(pairs[pair])
    lacking: dict[tuple[str, str], list[str]] = {}
    for (what, why), names in concerned.items():
        lacking.setdefault((why, ", ".join(names)), []).append(what)
    return [f"{', '.join(whats)}{' for ' if names else ''}{names}: {why}" for (why, names), whats in lacking.items()]


def class_lines(sets: Sequence[VectorSet], names: Sequence[str]) -> list[str]:
    """For each pair of sets with different classes, which are compared and which are left out. names : one per set."""
    told: dict[str, list[str]] = {}
    for i, j in combinations(range(len(sets)), 2):
        first, second = set(sets[i].classes), set(sets[j].classes)
        if first != second:
            n, left = len(first & second), sorted(first ^ second)
            more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
            sentence = f"on the {n} class(es) that both have; left out: {', '.join(left[:_MAX_NAMED])}{more}"
            told.setdefault(sentence, []).append(f"{names[i]} and {names[j]}")
    return [f"{', '.join(pairs)}: {sentence}" for sentence, pairs in told.items()]
