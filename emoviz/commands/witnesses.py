"""What the witnesses say of steered texts, for the commands that write some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import InputError
from ..steer.grammar import UNSTEERED


def judge_named(name: str) -> Callable[[Any], Any]:
    """Model -> its witness: the best that is at hand, none, or the named classifier for all models."""
    if name == "none":

        def refused(_loaded: Any) -> Any:
            raise InputError("no witness was asked for")

        return refused
    if name == "auto":
        from ..witness.witness import witness_for

        return lambda loaded: witness_for(loaded.name, loaded.revision)
    from ..witness.hub import hub_witness

    given = hub_witness(name)
    return lambda _loaded: given


def outside_named(name: str) -> Callable[[Any], Any]:
    """Model -> its outside witness, beside the one that is found for it; a named one judges alone."""

    def found(loaded: Any) -> Any:
        if name != "auto":
            raise InputError("no witness was asked for" if name == "none" else f"{name} alone was asked to judge")
        from ..witness.outside import outside_for

        witness = outside_for(loaded.name, loaded.revision)
        if witness is None:
            raise InputError("no outside witness is at hand. Train one: emoviz witness --train FILE.")
        return witness

    return found


def card_of(witness: Any) -> dict[str, Any] | None:
    return None if witness is None else asdict(witness.card)


def witnessed(
    key: str,
    loaded: Any,
    made: Any,
    rows: Iterable[tuple[str, float]],
    judge: Callable[[Any], Any],
    classes: Collection[str],
) -> tuple[Any, dict[tuple[str, float], dict[str, Any]], dict[str, str]]:
    """What a witness finds in the texts: itself, the numbers of every (direction, dose), and why some are missing.

    classes : of the vector set, by which directions are read.
    Under `key` stands the score of the direction's own emotions, under `key_unsteered` that of the unsteered text, and
    under `key_top` the class it takes the text for.
    """
    from ..witness.targets import direction_scores

    nothing = dict.fromkeys((key, f"{key}_unsteered", f"{key}_top"))
    try:
        witness = judge(loaded)
        found = witness.probabilities([one.text for one in made])
    except InputError as error:
        return None, dict.fromkeys(rows, nothing), {key: str(error)}
    place = {(one.direction, one.dose): k for k, one in enumerate(made)}
    out, reasons = {}, {}
    for direction, dose in rows:
        k = place[(direction, dose) if dose else (UNSTEERED, 0.0)]
        top = None if np.isnan(found[k]).any() else witness.card.classes[int(found[k].argmax())]
        try:
            own, unsteered = direction_scores(witness.card.classes, found[[k, 0]], direction, classes)
        except InputError as error:
            own = unsteered = float("nan")
            reasons[f"{key} of {direction}"] = str(error)
        out[direction, dose] = {key: own, f"{key}_unsteered": unsteered, f"{key}_top": top}
    return witness, out, reasons


def witness_words(row: Mapping[str, Any]) -> str:
    """What both witnesses say of one row, to be added to its line."""
    said = ""
    for key, who in (("classifier", "witness"), ("outside", "outside witness")):
        score = row[key]
        if score is not None and not np.isnan(score):
            said += f"; {who} {score:.2f}, unsteered {row[f'{key}_unsteered']:.2f}"
    return said
