"""`emoviz leak MODEL`: how much of other scripts steering brings out, in the text and behind it; stored."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from ..errors import InputError
from ..extract.progress import Progress
from ..judge.leak import HIDDEN_LEAK
from ..types import LeakRun
from ..words import counted
from .arguments import (
    Result,
    add_decoding,
    add_device,
    add_precision,
    add_set,
    checked_controls,
    decoding_of,
    set_of,
)
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    from ..experiments.leak_summary import LEAK_DOSES, RECIPES

    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--emotion", nargs="+", metavar="E", help="emotions or mixtures (default: all of the set)")
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {LEAK_DOSES})")
    parser.add_argument("--prompt", nargs="+", metavar="TEXT", help="texts to continue (default: two shipped openings)")
    parser.add_argument("--recipe", nargs="+", default=RECIPES, help=f"presets (default {' '.join(RECIPES)})")
    add_decoding(parser)
    add_set(parser)
    parser.add_argument("--controls", nargs="*", metavar="C", help="control directions (default random)")
    add_precision(parser)
    add_device(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: the user's cache folder)")


def run(given: Namespace) -> Result:
    from ..experiments.leak_summary import summary
    from ..steer.recipes import PRESETS
    from ..store import check_writable, responses_folder

    unknown = [name for name in given.recipe if name not in PRESETS]
    if unknown:
        raise InputError(f"recipe {unknown[0]!r:.40} is unknown; {', '.join(PRESETS)} are allowed.")
    folder = responses_folder() if given.out is None else given.out
    check_writable(folder)
    found, path, computed = _made(given, folder)
    rows = summary(found)
    result = {
        "run": found.name,
        "path": str(path),
        "computed": computed,
        **{name: getattr(found, name) for name in ("model", "set", "precision", "prompts", "controls", "seconds")},
        "recipes": list(found.recipes),
        "threshold": HIDDEN_LEAK,
        "rows": rows,
        "texts": [asdict(text) for text in found.texts],
    }
    return result, _text(found, rows, path, computed), 0


def _made(given: Namespace, folder: Path) -> tuple[LeakRun, Path, bool]:
    from ..experiments.leak import leak_run
    from ..experiments.leak_summary import LEAK_DOSES
    from ..extract.work import work_folder
    from ..models.load import load_model
    from ..steer.doses import parse_doses
    from ..steer.grammar import RANDOM, parse_direction
    from ..steer.recipes import recipe
    from ..store.leaks import SUFFIX, leak_name, load_leak_run, save_leak_run

    named = None if given.emotion is None else tuple(dict.fromkeys(parse_direction(e).label for e in given.emotion))
    doses = tuple(sorted(set(parse_doses(LEAK_DOSES if given.dose is None else given.dose)) - {0.0}))
    controls = tuple(checked_controls([RANDOM] if given.controls is None else given.controls))
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    wanted = tuple(emotion for name in named or () for emotion, _ in parse_direction(name).terms)
    vectors = set_of(loaded, given.set, wanted)
    directions = vectors.emotions if named is None else named
    prompts = _prompts(given)
    recipes = {name: recipe(vectors, name) for name in given.recipe}
    decoding = decoding_of(given)
    name = leak_name(vectors, recipes, decoding, prompts, directions, controls, doses, loaded.precision)
    path = folder / f"{name}{SUFFIX}"
    if path.exists():
        return load_leak_run(path), path, False
    progress = Progress()
    with work_folder(name) as work:
        asked = (directions, doses, prompts, tuple(recipes), decoding, controls)
        found = leak_run(loaded, vectors, *asked, work=work, progress=progress)
        progress.close()
        path = save_leak_run(found, folder)
    # As it will be opened: the file keeps five digits.
    return load_leak_run(path), path, True


def _prompts(given: Namespace) -> tuple[str, ...]:
    from ..stimuli.scenarios import dose_prompts

    return dose_prompts() if given.prompt is None else tuple(dict.fromkeys(given.prompt))


def _text(found: LeakRun, rows: list[dict], path: Path, computed: bool) -> str:
    """Per recipe a line for each direction: the hidden leak at each dose, and the visible one where there is any."""
    lines = []
    for recipe in found.recipes:
        own = {(row["direction"], row["dose"]): row for row in rows if row["recipe"] == recipe}
        shown = []
        for direction in dict.fromkeys(name for name, _ in own):
            at = {dose: row for (name, dose), row in own.items() if name == direction}
            highest = max(at.values(), key=lambda row: row["hidden"])
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
    lines += [
        "hidden: the highest probability of all steps on tokens in scripts that the prompt does not use, mean of "
        f"{counted(len(found.prompts), 'prompt')}; it starts where it reaches {100 * HIDDEN_LEAK:g} %. visible: share "
        "of the letters.",
        f"{path} ({'made in' if computed else 'made before, in'} {found.seconds:.0f} s)",
    ]
    return "\n".join(lines)


def _cell(row: dict) -> str:
    visible = f" ({100 * row['visible']:.0f})" if row["visible"] > 0 else ""
    return f"{100 * row['hidden']:.2g}{visible}"
