"""`emoviz doses MODEL`: what every dose of every direction does to the texts of one model; stored, and opened again."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..extract.progress import Progress
from ..judge.regimes import REGIME_LETTER, REGIME_WORDS, REGIMES
from ..steer.doses import RUN_DOSES
from ..steer.grammar import CONTROLS, MEAN, control_labels, unfit, usual_controls
from ..types import DoseResponse, VectorSet
from ..words import written
from .arguments import (
    SEVERAL,
    Result,
    add_decoding,
    add_device,
    add_out,
    add_precision,
    add_prompts,
    add_recipe,
    add_set,
    decoding_of,
    doses_of,
    named_directions,
    prompts_of,
    recipe_of,
    run_file,
    set_at_hand,
    set_of,
    witness_at_hand,
)
from .printing import table

# JSON key -> measure of a curve.
_MEASURES = {
    "ppl_ratio": "ppl_ratio",
    "repetition": "repetition",
    "classifier": "witness",
    "outside": "outside",
    "projection": "projection",
    "leak": "leak",
    "leak_mass": "leak_mass",
}
_WORDS = {measure: key for key, measure in _MEASURES.items()}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--emotion", **SEVERAL, metavar="E", help="emotions or mixtures (default: all of the set)")
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {RUN_DOSES})")
    add_prompts(parser)
    add_decoding(parser)
    add_recipe(parser)
    add_set(parser)
    parser.add_argument("--controls", nargs="*", metavar="C", help=f"control directions (default {' '.join(CONTROLS)})")
    add_precision(parser)
    add_device(parser)
    add_out(parser)


def run(given: Namespace) -> Result:
    from ..store import check_writable, responses_folder
    from ..store.choice import DEFAULT_PRECISION

    asked: dict[str, Any] = {
        "decoding": decoding_of(given),
        "prompts": prompts_of(given),
        "doses": tuple(sorted({0.0, *doses_of(given, RUN_DOSES)})),
    }
    check_writable(responses_folder() if given.out is None else given.out)
    # A model that need not be loaded to be known opens at once.
    vectors = set_at_hand(given)
    # Without a precision what is stored in the usual one is opened, wherever it was made.
    precision = DEFAULT_PRECISION if given.precision == "auto" else given.precision
    request = None if vectors is None else _request(vectors, asked, given)
    stored = None if vectors is None or request is None else _stored(request, vectors, precision, given.out)
    if stored is None:
        stored = _made(given, asked)
    found, path, computed = stored
    rows, windows, reasons = _numbers(found)
    short = given.controls is None and len(found.controls) < len(CONTROLS)
    notes = {"controls": f"{MEAN} is left out: {found.set} has no neutral class"} if short else {}
    result = {
        "response": found.name,
        "path": str(path),
        "computed": computed,
        **{name: getattr(found, name) for name in ("model", "set", "precision", "doses", "directions", "controls")},
        **{name: getattr(found, name) for name in ("prompts", "layer", "seconds", "created")},
        **{name: asdict(getattr(found, name)) for name in ("recipe", "decoding", "witness")},
        "outside": None if found.outside is None else asdict(found.outside),
        "rows": rows,
        "windows": windows,
        "reasons": reasons,
        "notes": notes,
    }
    return result, _said(result), 0


def _request(vectors: VectorSet, asked: dict[str, Any], given: Namespace) -> dict[str, Any]:
    """All that a run is named by."""
    controls = usual_controls(vectors) if given.controls is None else given.controls
    return {
        **asked,
        "directions": named_directions(given.emotion, vectors),
        "controls": control_labels(controls, vectors.classes),
        "recipe": recipe_of(given, vectors),
    }


def _stored(
    request: dict, vectors: VectorSet, precision: str, out: Path | None
) -> tuple[DoseResponse, Path, bool] | None:
    """A run that was made before, in `out` or else shipped or the user's own; None if there is none."""
    from ..store.folders import shipped_folder
    from ..store.responses import SUFFIX, load_dose_response, response_name

    name = response_name(vectors, **request, precision=precision)
    path = run_file(f"{name}{SUFFIX}", out)
    if path is None:
        return None
    logging.info("%s was computed before; nothing to compute", name)
    return load_dose_response(path, shipped=path.parent == shipped_folder()), path, False


def _made(given: Namespace, asked: dict[str, Any]) -> tuple[DoseResponse, Path, bool]:
    from ..experiments.dose_response import dose_response
    from ..extract.work import work_folder
    from ..models.load import load_model
    from ..store import responses_folder
    from ..store.responses import (
        load_dose_response,
        response_name,
        save_dose_response,
    )
    from ..witness.outside import outside_for

    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, unfit(given.emotion or ()))
    request = _request(vectors, asked, given)
    stored = _stored(request, vectors, loaded.precision, given.out)
    if stored is not None:
        return stored
    progress = Progress()
    with work_folder(response_name(vectors, **request, precision=loaded.precision)) as work:
        judges = {"witness": witness_at_hand(loaded), "outside": outside_for(loaded.name, loaded.revision)}
        found = dose_response(loaded, vectors, **request, **judges, work=work, progress=progress)
        progress.close()
        path = save_dose_response(found, responses_folder() if given.out is None else given.out)
    # As it will be opened: the file keeps four digits.
    return load_dose_response(path), path, True


def _numbers(response: DoseResponse) -> tuple[list[dict], list[dict], dict[str, dict[str, str]]]:
    """A row per direction and dose, the usable window of each direction, and why its numbers are missing."""
    from ..experiments.dose_curves import OUTCOMES, broken_off, curves, gain, usable_window

    rows, windows, reasons = [], [], {}
    for name in (*response.directions, *response.controls):
        curve = curves(response, name)
        if curve.reasons:
            reasons[name] = {_WORDS.get(what, what): why for what, why in curve.reasons.items()}
        for d, dose in enumerate(curve.doses.tolist()):
            rows.append(
                {
                    "direction": name,
                    "dose": dose,
                    **{name: getattr(curve, what).mean[d] for name, what in _MEASURES.items()},
                    "regime": curve.majority[d],
                    "regimes": {
                        "untold" if regime is None else regime: int(n)
                        for regime, n in zip(OUTCOMES, curve.counts[d], strict=True)
                        if n
                    },
                    "broken": broken_off(curve, d, response.precision),
                }
            )
        low, high, words = usable_window(curve)
        rise = float("nan") if name in response.controls else gain(curve, low, high)
        windows.append({"direction": name, "low": low, "high": high, "words": words, "gain": rise})
    return rows, windows, reasons


def _said(result: dict) -> str:
    """A line per direction: its regimes over the doses, and its window."""
    shown = []
    for window in result["windows"]:
        own = [row for row in result["rows"] if row["direction"] == window["direction"] and row["dose"] != 0]
        rise = window["gain"]
        shown.append(
            {
                "direction": window["direction"],
                **{f"{row['dose']:g}": REGIME_LETTER[row["regime"]] for row in own},
                "usable": window["words"],
                "witness gain": written(rise, "+.2f"),
            }
        )
    witness = result["witness"]
    right = "" if witness["accuracy"] is None else f", accuracy {witness['accuracy']:.2f} on held-out topics"
    lines = [
        table(shown),
        f"{', '.join(f'{REGIME_LETTER[name]} {REGIME_WORDS[name]}' for name in REGIMES)}: most texts at that dose",
        f"witness: {witness['name']}{right}",
        *result["notes"].values(),
        *(f"{row['direction']} at {row['dose']:g}: {row['broken']}" for row in result["rows"] if row["broken"]),
        f"{result['path']} ({'made in' if result['computed'] else 'made before, in'} {result['seconds']:.0f} s)",
    ]
    return "\n".join(lines)
