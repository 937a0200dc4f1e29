"""How verifications are made: one plan for every model, fixed on the calibration openings. No torch."""

from __future__ import annotations

from ..steer.recipes import recipe
from ..types import Decoding, VectorSet, Verification, VerificationPlan

DOSES = (0.02, 0.03, 0.04)
SAMPLES, TOKENS, TEMPERATURE = 5, 48, 0.7
MARGIN = 0.05


def plan_for(vectors: VectorSet) -> VerificationPlan:
    """The default recipe with doses to choose from. Raises InputError as `recipe`."""
    return VerificationPlan(recipe(vectors), DOSES, Decoding(TOKENS, TEMPERATURE), SAMPLES, MARGIN)


def rise_words(found: Verification) -> str:
    """How many scenarios the rise alone would confirm, and how much of the control's text is sense: a control whose
    texts break is not confirmed for that reason, whatever it does to the emotion.
    """
    own, control = (sum(row.gain > found.plan.margin for row in rows) for rows in (found.rows, found.controls))
    surgical, random = (
        sum(row.surgical for row in rows) / (found.plan.samples * len(rows)) for rows in (found.rows, found.controls)
    )
    return (
        f"By the rise alone, surgical or not: {own} of {found.n}, random {control}. Surgical are {100 * surgical:.0f} "
        f"% of the steered texts and {100 * random:.0f} % of those by random directions."
    )


def outside_words(found: Verification) -> str:
    """What the witness that people taught confirms, of the scenarios that it can judge."""
    if found.outside is None:
        return "No outside witness has read the texts."
    missing = sorted({row.emotion for row in found.rows if row.outside_confirmed is None})
    return (
        f"By the outside witness ({found.outside.name}): {found.outside_k} of the {found.outside_n} that it can judge, "
        f"random {found.outside_control_k}" + (f"; it does not judge {', '.join(missing)}." if missing else ".")
    )
