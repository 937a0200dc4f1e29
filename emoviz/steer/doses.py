"""Doses as text and numbers. No torch, so that bad input is refused before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..numerals import SHARES, several

MAX_DOSE = 1.0
# Of a dose-response run: those of the paper (0.005 to 0.05), and on into collapse and noise.
RUN_DOSES = "0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2"


def parse_doses(text: str) -> list[float]:
    """Doses as they are written, see `numerals`. Raises InputError for anything else, or as `check_doses`."""
    allowed = "numbers separated by commas are allowed, such as 0, 0.02, 0.04."
    try:
        doses = several(text, SHARES)
    except InputError as error:
        raise InputError(f"doses {text!r:.80} were given; {allowed} {error}") from None
    if not doses:
        raise InputError(f"doses {text!r:.80} were given; {allowed}")
    check_doses(doses)
    return doses


def check_doses(doses: Sequence[float]) -> None:
    """Raises InputError for a dose that is not finite or beyond +-1."""
    for dose in doses:
        if not math.isfinite(dose) or abs(dose) > MAX_DOSE:
            raise InputError(
                f"dose {dose:g} was given; fractions of the residual norm from -{MAX_DOSE:g} to {MAX_DOSE:g} are "
                "allowed, usually 0.02 to 0.1."
            )


def doses_of(given: float | Sequence[float]) -> list[float]:
    """One dose or several, as a list. Raises InputError for none, for what is no number, and as `check_doses`."""
    try:
        doses = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        doses = np.full((0, 0), np.nan)
    if given is None or doses.ndim > 1 or not doses.size:
        raise InputError(f"dose {given!r:.60} was given. Give a number, such as 0.04, or a list of numbers.")
    check_doses(doses.ravel().tolist())
    return doses.ravel().tolist()
