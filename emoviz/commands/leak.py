"""`emoviz leak MODEL`: how much of other scripts steering brings out, in the text and behind it; stored."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..extract.progress import Progress
from ..judge.leak import HIDDEN_LEAK
from ..types import Gloss, LeakRun, LeakText, VectorSet
from ..words import counted, percent
from .arguments import (
    SEVERAL,
    Result,
    add_decoding,
    add_device,
    add_out,
    add_precision,
    add_prompts,
    add_set,
    decoding_of,
    doses_of,
    named_directions,
    prompts_of,
    run_file,
    set_at_hand,
    set_of,
)
from .printing import table

# Leaked pieces that the text names.
_PIECES = 10


def arguments(parser: ArgumentParser) -> None:
    from ..experiments.leak_summary import LEAK_DOSES, RECIPES

    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--emotion", **SEVERAL, metavar="E", help="emotions or mixtures (default: all of the set)")
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {LEAK_DOSES})")
    add_prompts(parser)
    parser.add_argument("--recipe", nargs="+", default=RECIPES, help=f"presets (default {' '.join(RECIPES)})")
    add_decoding(parser)
    add_set(parser)
    parser.add_argument("--controls", nargs="*", metavar="C", help="control directions (default random)")
    add_precision(parser)
    add_device(parser)
    add_out(parser)


def run(given: Namespace) -> Result:
    from ..experiments.leak_summary import LEAK_DOSES, summary
    from ..steer.recipes import PRESETS
    from ..store import check_writable, responses_folder

    unknown = [name for name in given.recipe if name not in PRESETS]
    if unknown:
        raise InputError(f"recipe {unknown[0]!r:.40} is unknown; {', '.join(PRESETS)} are allowed.")
    doses_of(given, LEAK_DOSES)
    check_writable(responses_folder() if given.out is None else given.out)
    found, path, computed = _made(given)
    means = summary(found)
    result = {
        "run": found.name,
        "path": str(path),
        "computed": computed,
        **{name: getattr(found, name) for name in ("model", "set", "precision", "prompts", "controls", "seconds")},
        "recipes": list(found.recipes),
        "threshold": HIDDEN_LEAK,
        "rows": [_row(found, text) for text in found.texts],
        "summary": means,
    }
    return result, _text(found, means, path, computed), 0


def _row(found: LeakRun, text: LeakText) -> dict:
    from ..readout.gloss import glosses

    return {
        "emotion": text.direction,
        "control": text.direction in found.controls,
        "dose": text.dose,
        "recipe": text.recipe,
        "prompt": found.prompts[text.prompt],
        "visible": sum(text.visible.values(), 0.0),
        "hidden": text.peak,
        "by_script": text.hidden,
        "first_step": text.starts,
        "text": text.text,
        "broken": text.broken,
        "visible_by_script": text.visible,
        "mass": text.mass,
        "spans": [asdict(span) for span in text.spans],
        "gloss": [{**asdict(one), "times": n} for one, n in glosses(text.pieces, found.neighbours)],
    }


def _made(given: Namespace) -> tuple[LeakRun, Path, bool]:
    from ..experiments.leak import leak_run
    from ..extract.work import work_folder
    from ..models.load import load_model
    from ..steer.grammar import unfit
    from ..store import responses_folder
    from ..store.choice import DEFAULT_PRECISION
    from ..store.leaks import leak_name, load_leak_run, save_leak_run

    # A run that is stored opens without its model.
    known = set_at_hand(given)
    if known is not None:
        precision = DEFAULT_PRECISION if given.precision == "auto" else given.precision
        stored = _stored(leak_name(known, **_asked(given, known), precision=precision), given.out)
        if stored is not None:
            return stored
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, unfit(given.emotion or ()))
    asked = _asked(given, vectors)
    name = leak_name(vectors, **asked, precision=loaded.precision)
    stored = _stored(name, given.out)
    if stored is not None:
        return stored
    progress = Progress()
    with work_folder(name) as work:
        asked["recipes"] = tuple(asked["recipes"])
        found = leak_run(loaded, vectors, **asked, work=work, progress=progress)
        progress.close()
        path = save_leak_run(found, responses_folder() if given.out is None else given.out)
    # As it will be opened: the file keeps five digits.
    return load_leak_run(path), path, True


def _asked(given: Namespace, vectors: VectorSet) -> dict[str, Any]:
    """All that a run is named by but its set and precision."""
    from ..experiments.leak_summary import LEAK_DOSES
    from ..steer.grammar import RANDOM, control_labels
    from ..steer.recipes import recipe

    return {
        "recipes": {name: recipe(vectors, name) for name in given.recipe},
        "decoding": decoding_of(given),
        "prompts": prompts_of(given),
        "directions": named_directions(given.emotion, vectors),
        "controls": control_labels([RANDOM] if given.controls is None else given.controls, vectors.classes),
        "doses": doses_of(given, LEAK_DOSES),
    }


def _stored(name: str, out: Path | None) -> tuple[LeakRun, Path, bool] | None:
    """A run that was made before, in `out` or else shipped or the user's own; None if there is none."""
    from ..store.folders import shipped_folder
    from ..store.leaks import SUFFIX, load_leak_run

    path = run_file(f"{name}{SUFFIX}", out)
    return None if path is None else (load_leak_run(path, shipped=path.parent == shipped_folder()), path, False)


def _text(found: LeakRun, rows: list[dict], path: Path, computed: bool) -> str:
    """Per recipe a line for each direction: the hidden leak at each dose, and the visible one where there is any. Below
    them what leaked into texts, in English."""
    from ..readout.gloss import glosses

    lines = []
    for recipe in found.recipes:
        own = {(row["direction"], row["dose"]): row for row in rows if row["recipe"] == recipe}
        shown = []
        for direction in dict.fromkeys(name for name, _ in own):
            at = {dose: row for (name, dose), row in own.items() if name == direction}
            highest = max(at.values(), key=lambda row: row["hidden"] if isfinite(row["hidden"]) else -1.0)
            cells = {f"{dose:g}": _cell(at[dose]) if dose in at else "" for dose in (0.0, *found.doses)}
            starts = highest["starts"]
            shown.append(
                {
                    "direction": direction + (" (control)" if direction in found.controls else ""),
                    **cells,
                    "mostly": next(iter(highest["scripts"]), "-"),
                    "starts at token": "-" if starts is None else str(starts),
                }
            )
        lines += [f"recipe {recipe}, hidden leak in % at each dose (visible leak in brackets)", table(shown), ""]
    broken = [(text.direction, text.dose, text.recipe, text.broken) for text in found.texts if text.broken]
    lines += [f"{name} at {dose:g}, {recipe}: {why}" for name, dose, recipe, why in broken]
    pieces = glosses([piece for text in found.texts for piece in text.pieces], found.neighbours)[:_PIECES]
    if pieces:
        lines += ["leaked pieces, the most frequent", table([_piece(one, n) for one, n in pieces]), ""]
    lines += [
        "hidden: the highest probability of all steps on tokens in scripts that the prompt does not use, mean of "
        f"{counted(len(found.prompts), 'prompt')}; it starts where it reaches {100 * HIDDEN_LEAK:g} %. visible: share "
        "of the letters.",
        f"{path} ({'made in' if computed else 'made before, in'} {found.seconds:.0f} s)",
    ]
    return "\n".join(lines)


def _piece(one: Gloss, n: int) -> dict:
    return {"piece": one.piece, "times": n, "in English": one.english or "-", "source": one.source or "-"}


def _cell(row: dict) -> str:
    visible = f" ({percent(row['visible'])})" if row["visible"] > 0 else ""
    return f"{percent(row['hidden'])}{visible}"
