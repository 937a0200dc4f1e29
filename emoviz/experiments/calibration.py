"""The dose of every direction, chosen on calibration openings alone, before a verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..judge.regimes import SURGICAL
from ..models.loaded import LoadedModel
from ..steer.grammar import RANDOM, control_label
from ..types import Calibrated, VectorSet, VerificationPlan
from ..witness.targets import target_scores
from ..witness.witness import Witness
from .judged import judged_texts


def targets(emotions: Sequence[str], classes: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(emotion, direction) of all that is verified: each emotion by its own direction, then by a random one.

    classes : of the vector set.
    """
    random = [(name, control_label(f"{RANDOM} {k}", classes)) for k, name in enumerate(emotions, 1)]
    return [(name, name) for name in emotions] + random


def calibrate(
    loaded: LoadedModel,
    vectors: VectorSet,
    witness: Witness,
    plan: VerificationPlan,
    emotions: Sequence[str],
    prompts: Sequence[str],
    progress: Callable[[str, int, int], None],
    work: Path | None = None,
) -> tuple[Calibrated, ...]:
    """For every direction of `targets` the dose with the highest score; random directions choose just as emotions do.

    The score is the mean over the prompts of the gain in the target's probability against the baseline; a text that
    is not surgical gains 0. One text per prompt and dose, each prompt with the next seed. A tie goes to the lower dose.
    work : as `judged_texts`.
    """
    asked = targets(emotions, vectors.classes)
    pairs = [(direction, dose) for _, direction in asked for dose in plan.doses]
    gains = np.zeros((len(asked), len(plan.doses)))
    for done, prompt in enumerate(prompts):
        progress("calibrating", done, len(prompts))
        decoding = replace(plan.decoding, seed=plan.decoding.seed + done)
        texts = judged_texts(loaded, vectors, prompt, pairs, plan.recipe, decoding, work)
        read = witness.probabilities([text for text, _ in texts])
        surgical = np.array([said.regime == SURGICAL for _, said in texts[1:]]).reshape(gains.shape)
        for k, (emotion, _) in enumerate(asked):
            scores = target_scores(witness.card.classes, read, emotion)
            gain = scores[1:].reshape(gains.shape)[k] - scores[0]
            gains[k] += np.where(surgical[k] & np.isfinite(gain), gain, 0.0) / len(prompts)
    progress("calibrating", len(prompts), len(prompts))
    return tuple(
        Calibrated(emotion, direction, plan.doses[row.argmax()], tuple(row.tolist()))
        for (emotion, direction), row in zip(asked, gains, strict=True)
    )
