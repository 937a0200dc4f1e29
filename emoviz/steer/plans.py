"""How verifications are made: one plan for every model, fixed on the calibration openings. No torch."""

from __future__ import annotations

from ..types import Decoding, VectorSet, VerificationPlan
from .recipes import recipe

DOSES = (0.02, 0.03, 0.04)
SAMPLES, TOKENS, TEMPERATURE = 5, 48, 0.7
MARGIN = 0.05


def plan_for(vectors: VectorSet) -> VerificationPlan:
    """The default recipe with doses to choose from. Raises InputError as `recipe`."""
    return VerificationPlan(recipe(vectors), DOSES, Decoding(TOKENS, TEMPERATURE), SAMPLES, MARGIN)
