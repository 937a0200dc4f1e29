"""k of 40: does steering move a model to the emotions it is named for?"""

from __future__ import annotations

import sys
import time
from functools import cache

from ..extract.progress import Progress
from .printing import table


def verify(arguments) -> tuple[dict, str, int]:
    from ..experiments.calibration import calibrate
    from ..experiments.plans import plan_for
    from ..experiments.verification import criterion, second_witness, usable_calibration, verified_emotions
    from ..experiments.verification import verify as run
    from ..models.load import load_model
    from ..stimuli import openings
    from ..store import list_verifications, save_verification
    from ..store.choice import set_for
    from ..store.verifications import filed
    from ..witness.hub import hub_witness
    from ..witness.witness import candidates, chosen

    loaded = load_model(arguments.model, precision=arguments.precision, device=arguments.device)
    vectors = set_for(loaded)
    emotions = verified_emotions(vectors)
    plan, prompts = plan_for(vectors), openings()
    load = cache(lambda name: load_model(name, precision=arguments.precision, device=arguments.device))
    found, missing = candidates(loaded.name, loaded.revision, load=load)
    own = chosen(found, missing, loaded.name)
    witness = own if arguments.witness is None else hub_witness(arguments.witness, device=arguments.device)
    check = own if arguments.witness is not None else second_witness(own, found)
    known = None if arguments.recalibrate else usable_calibration(list_verifications(), vectors, plan, prompts)
    print(criterion(plan), file=sys.stderr, flush=True)
    progress = Progress()
    started = time.perf_counter()
    if known is None:
        calibrated = calibrate(loaded, vectors, witness, plan, emotions, prompts.calibration, progress)
        how = (witness.card.name, time.perf_counter() - started)
    else:
        print(f"doses as calibrated on {known.created}", file=sys.stderr, flush=True)
        calibrated, how = known.calibrated, (known.calibrated_by, known.calibration_seconds)
    done = run(loaded, vectors, witness, check, plan, calibrated, prompts, calibrated_by=how, progress=progress)
    progress.close()
    path = save_verification(done)
    values = filed(done)
    shown = {name: values.pop(name) for name in ("k", "n", "wilson_low", "wilson_high", "control_k", "rows")}
    return {**shown, "calibration": values.pop("calibrated"), **values, "path": str(path)}, _text(done), 0


def _text(done) -> str:
    from ..experiments.plans import rise_words

    rows = [
        {
            "emotion": own.emotion,
            "opening": own.prompt + 1,
            "dose": f"{own.dose:g}",
            "before": f"{own.before:.3f}",
            "after": f"{own.after:.3f}",
            "surgical": f"{own.surgical} of {done.plan.samples}",
            "confirmed": "yes" if own.confirmed else "no",
            "random after": f"{other.after:.3f}",
            "random confirmed": "yes" if other.confirmed else "no",
        }
        for own, other in zip(done.rows, done.controls, strict=True)
    ]
    return "\n".join(
        [
            done.criterion,
            f"witness: {done.witness.name}; second witness, for comparison: {done.check.name}",
            table(rows),
            f"confirmed: {done.k} of {done.n}, 95 % interval {done.wilson_low:.2f} to {done.wilson_high:.2f}",
            f"random directions by the same procedure: {done.control_k} of {done.n}, {done.control_low:.2f} to "
            f"{done.control_high:.2f}",
            rise_words(done),
            f"by the second witness: {done.check_k} of {done.n}, random {done.check_control_k}",
            f"{done.seconds:.0f} s, calibration {done.calibration_seconds:.0f} s",
        ]
    )
