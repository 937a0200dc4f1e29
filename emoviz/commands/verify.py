"""`emoviz verify MODEL`: k of 40, does steering reach the emotion? By a witness, beside a control."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ..emotions import EMOTIONS
from ..extract.progress import Progress
from ..store.choice import lacking
from ..types import Verification
from ..words import visible, written
from .arguments import Result, add_cleaning, add_device, add_precision, add_set, known_sets, named_sets, set_of
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="short name, hub id (@revision, :file.gguf), model folder or .gguf file, with a vector set",
    )
    parser.add_argument(
        "--witness",
        metavar="MODEL",
        help="a text classifier by hub id or folder, instead of the one that emoviz trains",
    )
    parser.add_argument("--recalibrate", action="store_true", help="choose the doses again, without the stored ones")
    add_set(parser)
    add_cleaning(parser)
    add_precision(parser)
    add_device(parser)


def run(given: Namespace) -> Result:
    from ..experiments.plans import plan_for
    from ..experiments.verification import criterion, verification_work, verify
    from ..extract.work import work_folder
    from ..models.load import load_model
    from ..store import check_writable, save_verification, verifications_folder
    from ..store.verifications import filed
    from ..witness.hub import hub_witness

    check_writable(verifications_folder())
    known_sets([given.model], named_sets(given), lacking(EMOTIONS))
    witness = None if given.witness is None else hub_witness(given.witness, device=given.device)
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, lacking(EMOTIONS), given.cleaning)
    # What counts is said before anything is written.
    print(visible(criterion(plan_for(vectors))), file=sys.stderr)
    progress = Progress()
    with work_folder(verification_work(vectors, loaded.precision)) as work:
        found = verify(loaded, vectors, witness=witness, recalibrate=given.recalibrate, work=work, progress=progress)
        progress.close()
        path = save_verification(found)
    values = filed(found)
    shown = {name: values.pop(name) for name in ("k", "n", "wilson_low", "wilson_high", "control_k", "rows")}
    return {**shown, "calibration": values.pop("calibrated"), **values, "path": str(path)}, _text(found), 0


_WORDS = {True: "yes", False: "no", None: "not judged"}


def _text(done: Verification) -> str:
    from ..experiments.plans import outside_words, rise_words

    rows = [
        {
            "emotion": own.emotion,
            "opening": own.prompt + 1,
            "dose": f"{own.dose:g}",
            "before": written(own.before, ".3f"),
            "after": written(own.after, ".3f"),
            "surgical": f"{own.surgical} of {done.plan.samples}",
            "confirmed": "yes" if own.confirmed else "no",
            "random after": written(other.after, ".3f"),
            "random confirmed": "yes" if other.confirmed else "no",
            "outside": _WORDS[own.outside_confirmed],
            "random outside": _WORDS[other.outside_confirmed],
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
            outside_words(done),
            f"{done.seconds:.0f} s, calibration {done.calibration_seconds:.0f} s",
        ]
    )
