"""What a comparison leaves out, in words, with the pairs that share a sentence in one line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ..types import Comparison, Missing, VectorSet
from ..words import counted

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


def reason_lines(missing: Sequence[Missing], names: Sequence[str]) -> list[str]:
    """What a comparison could not compute, for which pairs, and why.

    names : how the reader calls each set. Numbers that the same pairs lack for the same reason share a line; pairs are
    not named where all lack it.
    """
    n_pairs = len(names) * (len(names) - 1) // 2
    concerned: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in missing:
        if one.pair is not None:
            concerned.setdefault((_REASON_OF[one.number], one.why), []).append(one.pair)
    lacking: dict[tuple[str, str], list[str]] = {}
    for (what, why), pairs in concerned.items():
        where = "" if len(pairs) == n_pairs else ", ".join(f"{names[i]} and {names[j]}" for i, j in pairs)
        lacking.setdefault((why, where), []).append(what)
    return [f"{', '.join(whats)}{' for ' if where else ''}{where}: {why}" for (why, where), whats in lacking.items()]


def reasons_by_name(found: Comparison) -> dict[str, str]:
    """What is missing as JSON has it: by number and pair, `ci A x B`; what all pairs lack by the number alone."""
    numbers: dict[str, dict[tuple[int, int], str]] = {}
    for one in found.missing:
        if one.pair is not None:
            numbers.setdefault(one.number, {})[one.pair] = one.why
    n_pairs = len(found.sets) * (len(found.sets) - 1) // 2
    out = {}
    for number, of_pairs in numbers.items():
        if len(of_pairs) == n_pairs and len(set(of_pairs.values())) == 1:
            out[number] = next(iter(of_pairs.values()))
        else:
            out |= {f"{number} {found.sets[i]} x {found.sets[j]}": why for (i, j), why in of_pairs.items()}
    return out


def class_lines(sets: Sequence[VectorSet], names: Sequence[str]) -> list[str]:
    """For each pair of sets with different classes, which are compared and which are left out. names : one per set."""
    told: dict[str, list[str]] = {}
    for i, j in combinations(range(len(sets)), 2):
        first, second = set(sets[i].classes), set(sets[j].classes)
        if first != second:
            n, left = len(first & second), sorted(first ^ second)
            more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
            sentence = f"on the {counted(n, 'class')} that both have; left out: {', '.join(left[:_MAX_NAMED])}{more}"
            told.setdefault(sentence, []).append(f"{names[i]} and {names[j]}")
    return [f"{', '.join(pairs)}: {sentence}" for sentence, pairs in told.items()]
