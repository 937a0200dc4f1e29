"""What an independent classifier finds in the texts: a line under each, its name and accuracy once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...errors import InputError
from ...plots.wording import minus
from ...steer.grammar import direction_in, is_control
from ...types import WitnessCard
from ...witness.targets import direction_scores
from ..memory import model_named


def witnessed(
    loaded, rows: Sequence[tuple[str, float]], texts: Sequence[str], own: Sequence[str]
) -> tuple[str, list[str]]:
    """(who the witness is, a line per text) for the texts of a batch, the unsteered one first. own : the classes of the
    vector set.

    A direction's line says how much its own emotions rose against the unsteered text; for the unsteered text and the
    controls it says what the witness takes them for. Where no witness is at hand the first part says why.
    """
    try:
        witness = _witness(loaded.name, loaded.revision)
        found = witness.probabilities(texts)
    except InputError as error:
        return f"no witness: {error}", [""] * len(texts)
    lines = [witness_line(witness.card.classes, found, k, direction, own) for k, (direction, _) in enumerate(rows)]
    return witness_words(witness.card), lines


def outside_witnessed(
    loaded, rows: Sequence[tuple[str, float]], texts: Sequence[str], own: Sequence[str]
) -> tuple[str, list[str]]:
    """The same by a witness that people taught; empty where none is at hand."""
    witness = _outside(loaded.name, loaded.revision)
    if witness is None:
        return "", [""] * len(texts)
    found = witness.probabilities(texts)
    lines = [outside_line(witness.card.classes, found, k, direction, own) for k, (direction, _) in enumerate(rows)]
    return outside_words(witness.card), lines


@lru_cache(maxsize=8)
def _witness(model: str, revision: str):
    from ...witness.witness import witness_for

    return witness_for(model, revision, load=model_named)


@lru_cache(maxsize=8)
def _outside(model: str, revision: str):
    from ...witness.outside import outside_for

    return outside_for(model, revision, load=model_named)


def witness_words(card: WitnessCard) -> str:
    """Who the witness is, and how often it is right."""
    tested = (
        "not tested here"
        if card.accuracy is None
        else f"accuracy {card.accuracy:.2f} on full passages from held-out topics"
    )
    return f"witness: {card.name}, {tested} (chance {card.chance:.2f})"


def outside_words(card: WitnessCard) -> str:
    """Who the outside witness is, and how often it is right."""
    return (
        f"outside witness: {card.name}, mean recall {card.accuracy:.2f} on comments it was not trained on (chance "
        f"{card.chance:.2f})"
    )


def witness_line(classes: Sequence[str], found: np.ndarray, k: int, direction: str, own: Sequence[str]) -> str:
    """What it finds in text k of a batch. found : (n, C) probabilities, the unsteered text first. own : the classes of
    the vector set."""
    return _line("witness", classes, found, k, direction, own, "")


def outside_line(classes: Sequence[str], found: np.ndarray, k: int, direction: str, own: Sequence[str]) -> str:
    """The same by the outside witness, which does not judge every emotion."""
    return _line("outside witness", classes, found, k, direction, own, "not judged, ")


def _line(
    who: str, classes: Sequence[str], found: np.ndarray, k: int, direction: str, own: Sequence[str], unknown: str
) -> str:
    if np.isnan(found[k]).any():
        return f"{who}: nothing that it can read"
    try:
        here, unsteered = direction_scores(classes, found[[k, 0]], direction, own)
    except InputError:
        # The unsteered text, a control, or emotions that it was not trained on.
        top = int(found[k].argmax())
        said = "" if k == 0 or is_control(direction, own) else unknown
        return f"{who}: {said}{classes[top]} {found[k, top]:.2f}"
    before = "" if np.isnan(unsteered) else f" (unsteered {unsteered:.2f})"
    return minus(f"{who}: {direction_in(direction, own).replace(' - ', ' − ')} {here:.2f}{before}")
