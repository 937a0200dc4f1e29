"""Does steering move the model to the emotion it is named for? k of 40 scenarios, judged by a witness, beside a
control.

Jeong 2026 (arXiv 2604.04064) reports 37 of 40 scenarios confirmed by an external classifier; its scenarios and
criterion are not published. Here: 20 emotions on 2 neutral openings, a criterion that is stated before the run, doses
chosen on other openings (`calibration`), and random directions that go through the very same procedure.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from ..emotions import EMOTIONS
from ..errors import InputError
from ..extract.norms import fitting
from ..judge.regimes import SURGICAL
from ..models.fit import check_fit
from ..models.load import load_model
from ..models.loaded import LoadedModel
from ..stats.wilson import wilson_interval
from ..stimuli.scenarios import openings
from ..store.verifications import list_verifications
from ..types import Calibrated, Openings, Scenario, ScenarioText, VectorSet, Verdict, Verification, VerificationPlan
from ..witness.outside import outside_for
from ..witness.targets import target_scores
from ..witness.witness import Witness, candidates, chosen
from .calibration import calibrate
from .judged import judged_texts
from .plans import plan_for

log = logging.getLogger(__name__)

# Names of witnesses that are joined, and of the one that reads no language model, as `witness.candidates` gives them.
_JOINED, _SENTENCES = " + ", "MiniLM"
_SEEDS_APART = 1000


def criterion(plan: VerificationPlan) -> str:
    """What counts as confirmed, in words."""
    return (
        f"A scenario is confirmed if the witness's probability of the target emotion, mean over {plan.samples} sampled "
        f"texts, rises by more than {plan.margin:g} against the unsteered texts of the same opening and seeds, and "
        f"most of the {plan.samples} steered texts are surgical (changed, readable, no loop)."
    )


def confirmed(before: float, after: float, surgical: int, plan: VerificationPlan) -> bool:
    """The criterion. A probability that cannot be read (NaN) confirms nothing."""
    return bool(after - before > plan.margin and 2 * surgical > plan.samples)


def verified_emotions(vectors: VectorSet) -> tuple[str, ...]:
    """The 20 emotions. Raises InputError for a set that lacks one, since k of 40 would be k of something else."""
    missing = [name for name in EMOTIONS if name not in vectors.classes]
    if missing:
        raise InputError(
            f"{vectors.name} lacks {', '.join(missing)}; a verification needs all 20 emotions. Make such a set with "
            "emoviz extract."
        )
    return EMOTIONS


def second_witness(first: Witness, found: Sequence[Witness]) -> Witness:
    """Of all witnesses the one that shares least with the first: what reads no language model before what does."""

    def shared(one: Witness) -> tuple[int, bool]:
        parts = one.card.name.split(_JOINED)
        return len(set(parts) & set(first.card.name.split(_JOINED))), parts != [_SENTENCES]

    others = [one for one in found if one.card.name != first.card.name]
    return min(others, key=shared) if others else first


def usable_calibration(
    known: Sequence[Verification], vectors: VectorSet, plan: VerificationPlan, prompts: Openings
) -> Verification | None:
    """An earlier verification with the same set, plan and calibration prompts, whose calibration still holds."""
    for one in known:
        same = (one.set, one.plan, one.calibration_prompts) == (vectors.name, plan, prompts.calibration)
        if same:
            return one
    return None


def verify(
    model: LoadedModel,
    vectors: VectorSet | None = None,
    *,
    witness: Witness | None = None,
    recalibrate: bool = False,
    work: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Verification:
    """Does steering move the model to the emotions it is named for? 20 emotions on 2 openings, judged by a witness.

    The plan is fixed before anything is written (`plans.plan_for`); only the dose of each direction is chosen, on other
    openings, unless an earlier verification of the same set and plan has chosen it. Random directions take the same
    path.

    vectors : None for the set that the model uses. recalibrate : choose the doses anew. witness : None for the best
    that is none of the model's own; a second one is chosen for comparison, and an outside one where there is one.
    work : a folder of this set and precision in which finished texts are kept, so that a run that was killed goes on
    after them; the seconds count from there.
    progress : called with `calibrating` (openings) and `verifying` (samples), done and in all.
    Returns : Verification, not stored yet (`save_verification`). Takes minutes: some 1,200 texts.
    Raises  : InputError for a set without the 20 emotions, or if there is no witness.
    Source  : Jeong 2026 (arXiv 2604.04064) reports 37 of 40.

    >>> import emoviz as ez
    >>> [(found.model, found.k, found.control_k) for found in ez.list_verifications()]
    [('Qwen2.5-Coder-0.5B-Instruct', 29, 4), ('SmolLM2-135M-Instruct', 39, 3), ('gemma-3-270m', 39, 0)]
    """
    vectors = fitting(vectors, model)
    model.check_steerable()
    emotions = verified_emotions(vectors)
    plan, prompts = plan_for(vectors), openings()
    load = cache(lambda name: load_model(name, precision=model.precision, device=model.device.type))
    found, missing = candidates(model.name, model.revision, load=load)
    best = chosen(found, missing, model.name)
    judge = best if witness is None else witness
    check = second_witness(best, found) if witness is None else best
    known = None if recalibrate else usable_calibration(list_verifications(), vectors, plan, prompts)
    if known is None:
        started = time.perf_counter()
        calibrated = calibrate(model, vectors, judge, plan, emotions, prompts.calibration, progress, work)
        how = judge.card.name, time.perf_counter() - started
    else:
        log.info("doses as calibrated on %s", known.created)
        calibrated, how = known.calibrated, (known.calibrated_by, known.calibration_seconds)
    done = run_scenarios(
        model, vectors, judge, check, plan, calibrated, prompts, calibrated_by=how, progress=progress, work=work
    )
    outside = outside_for(model.name, model.revision, load=load)
    return done if outside is None else by_outside(done, outside)


def by_outside(found: Verification, witness: Witness) -> Verification:
    """The same verification, its texts read by an outside witness too: by the same criterion, with nothing tuned on it.

    What it does not judge is counted in neither k nor n.
    """
    texts = [t for samples in found.baselines for t in samples]
    texts += [text.text for row in (*found.rows, *found.controls) for text in row.texts]
    distinct = list(dict.fromkeys(texts))
    read = dict(zip(distinct, witness.probabilities(distinct), strict=True))

    def judged(row: Scenario) -> Scenario:
        try:
            first, second = (
                target_scores(witness.card.classes, np.stack([read[t] for t in part]), row.emotion)
                for part in (found.baselines[row.prompt], [text.text for text in row.texts])
            )
        except InputError:
            return row
        before, after = _means(np.stack([first, second], axis=1))
        return replace(
            row,
            outside_before=before,
            outside_after=after,
            outside_confirmed=confirmed(before, after, row.surgical, found.plan),
            texts=tuple(replace(text, outside=float(score)) for text, score in zip(row.texts, second, strict=True)),
        )

    rows, controls = (tuple(map(judged, part)) for part in (found.rows, found.controls))
    return replace(
        found,
        rows=rows,
        controls=controls,
        outside=witness.card,
        outside_k=sum(row.outside_confirmed is True for row in rows),
        outside_n=sum(row.outside_confirmed is not None for row in rows),
        outside_control_k=sum(row.outside_confirmed is True for row in controls),
    )


def run_scenarios(
    loaded: LoadedModel,
    vectors: VectorSet,
    witness: Witness,
    check: Witness,
    plan: VerificationPlan,
    calibrated: Sequence[Calibrated],
    openings: Openings,
    *,
    calibrated_by: tuple[str, float],
    progress: Callable[[str, int, int], None],
    work: Path | None = None,
) -> Verification:
    """Writes and judges every scenario and its control; nothing is chosen here.

    check : a second witness, on which nothing was tuned, for comparison alone. calibrated_by : the witness of the
    calibration, and the seconds it took. work : as `judged_texts`.

    Raises InputError if an opening is in both lists, and as `judged_texts`.
    """
    prompts = openings.verification
    both = set(prompts) & set(openings.calibration)
    if both:
        raise InputError(f"{sorted(both)[0]!r} was used for calibration. Leave it out of the verification.")
    check_fit(vectors, loaded)
    started = time.perf_counter()
    pairs = [(one.direction, one.dose) for one in calibrated]
    baselines, scenarios = [], []
    for number, prompt in enumerate(prompts):
        samples = []
        for sample in range(plan.samples):
            progress("verifying", number * plan.samples + sample, len(prompts) * plan.samples)
            # The same noise writes much the same text after any opening: none is used twice, nor for calibration.
            seed = plan.decoding.seed + _SEEDS_APART + number * plan.samples + sample
            decoding = replace(plan.decoding, seed=seed)
            samples.append(judged_texts(loaded, vectors, prompt, pairs, plan.recipe, decoding, work))
        baselines.append(tuple(rows[0][0] for rows in samples))
        scenarios += _scenarios(witness, check, plan, calibrated, number, samples)
    progress("verifying", len(prompts) * plan.samples, len(prompts) * plan.samples)
    own = [s for s in scenarios if s.direction == s.emotion]
    controls = [s for s in scenarios if s.direction != s.emotion]
    k, control_k = (sum(s.confirmed for s in part) for part in (own, controls))
    low, high = wilson_interval(k, len(own))
    control_low, control_high = wilson_interval(control_k, len(controls))
    return Verification(
        name=_name(vectors, loaded.precision, witness),
        model=loaded.name,
        set=vectors.name,
        precision=loaded.precision,
        plan=plan,
        criterion=criterion(plan),
        witness=witness.card,
        check=check.card,
        prompts=prompts,
        calibration_prompts=openings.calibration,
        calibrated=tuple(calibrated),
        calibrated_by=calibrated_by[0],
        baselines=tuple(baselines),
        rows=tuple(own),
        controls=tuple(controls),
        k=k,
        n=len(own),
        wilson_low=low,
        wilson_high=high,
        control_k=control_k,
        control_low=control_low,
        control_high=control_high,
        check_k=sum(s.check_confirmed for s in own),
        check_control_k=sum(s.check_confirmed for s in controls),
        seconds=time.perf_counter() - started,
        calibration_seconds=calibrated_by[1],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _name(vectors: VectorSet, precision: str, witness: Witness) -> str:
    """A file name that changes with the set, the precision and the judge."""
    judge = re.sub(r"[^a-z0-9.]+", "-", witness.card.name.lower())[:60].strip("-")
    return f"{_own(vectors)}_{precision}_by-{judge}"


def verification_work(vectors: VectorSet, precision: str) -> str:
    """What the folder of a verification that is under way is called. Its texts do not depend on who judges them."""
    return f"{_own(vectors)}_{precision}_verification_{vectors.provenance.revision[:8]}"


def _own(vectors: VectorSet) -> str:
    return re.sub(r"[^\w.+-]+", "-", vectors.name).strip("-")


def _scenarios(
    witness: Witness,
    check: Witness,
    plan: VerificationPlan,
    calibrated: Sequence[Calibrated],
    prompt: int,
    samples: Sequence[Sequence[tuple[str, Verdict]]],
) -> list[Scenario]:
    """Every direction on one opening. samples : per sample the baseline, then a row per direction."""
    texts = [text for rows in samples for text, _ in rows]
    shape = (len(samples), len(samples[0]), -1)
    read = witness.probabilities(texts).reshape(shape)
    checked = check.probabilities(texts).reshape(shape)
    found = []
    for row, one in enumerate(calibrated, 1):
        first = target_scores(witness.card.classes, read[:, [0, row]], one.emotion)
        second = target_scores(check.card.classes, checked[:, [0, row]], one.emotion)
        own = tuple(
            ScenarioText(text, said.regime, said.reason, said.ppl_ratio, float(target), float(baseline), float(other))
            for (text, said), (baseline, target), other in zip(
                (rows[row] for rows in samples), first, second[:, 1], strict=True
            )
        )
        surgical = sum(text.regime == SURGICAL for text in own)
        before, after = _means(first)
        check_before, check_after = _means(second)
        found.append(
            Scenario(
                emotion=one.emotion,
                prompt=prompt,
                direction=one.direction,
                dose=one.dose,
                before=before,
                after=after,
                surgical=surgical,
                confirmed=confirmed(before, after, surgical, plan),
                check_before=check_before,
                check_after=check_after,
                check_confirmed=confirmed(check_before, check_after, surgical, plan),
                texts=own,
            )
        )
    return found


def _means(scores: np.ndarray) -> tuple[float, float]:
    """Of the unsteered and of the steered texts, (samples, 2), blank ones left out; NaN where all are blank."""
    there = np.isfinite(scores)
    counts = there.sum(0)
    sums = np.where(there, scores, 0.0).sum(0)
    before, after = (float(total / n) if n else float("nan") for total, n in zip(sums, counts, strict=True))
    return before, after
