"""What an independent classifier finds in the texts: a line under each, its name and accuracy once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...errors import InputError
from ...plots.wording import minus
from ...types import WitnessCard
from ...witness.targets import direction_scores
from ..memory import model_named


def witnessed(loaded, rows: Sequence[tuple[str, float]], texts: Sequence[str]) -> tuple[str, list[str]]:
    """(who the witness is, a line per text) for the texts of a batch, the unsteered one first.

    A direction's line says how much its own emotions rose against the unsteered text; for the unsteered text and the
    controls it says what the witness takes them for. Where no witness is at hand the first part says why.
    """
    try:
        witness = _witness(loaded.name, loaded.revision)
        found = witness.probabilities(texts)
    except InputError as error:
        return f"no witness: {error}", [""] * len(texts)
    lines = [witness_line(witness.card.classes, found, k, direction) for k, (direction, _) in enumerate(rows)]
    return witness_words(witness.card), lines


@lru_cache(maxsize=8)
def _witness(model: str, revision: str):
    from ...witness.witness import witness_for

    return witness_for(model, revision, load=model_named)


def witness_words(card: WitnessCard) -> str:
    """Who the witness is, and how often it is right."""
    tested = (
        "not tested here"
        if card.accuracy is None
        else f"accuracy {card.accuracy:.2f} on full passages from held-out topics"
    )
    return f"witness: {card.name}, {tested} (chance {card.chance:.2f})"


def witness_line(classes: Sequence[str], found: np.ndarray, k: int, direction: str) -> str:
    """What it finds in text k of a batch. found : (n, C) probabilities, the unsteered text first."""
    if np.isnan(found[k]).any():
        return "witness: nothing that it can read"
    try:
        here, unsteered = direction_scores(classes, found[[k, 0]], direction)
    except InputError:
        # The unsteered text, a control, or emotions of one's own, which it was not trained on.
        top = int(found[k].argmax())
        return f"witness: {classes[top]} {found[k, top]:.2f}"
    before = "" if np.isnan(unsteered) else f" (unsteered {unsteered:.2f})"
    return minus(f"witness: {direction.replace(' - ', ' − ')} {here:.2f}{before}")
