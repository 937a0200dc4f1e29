"""`emoviz effects MODEL`: what steering breaks, and what else it makes a model say; stored, and opened again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..extract.progress import Progress
from ..types import SideEffects, VectorSet
from ..words import percent, written
from .arguments import (
    SEVERAL,
    Result,
    add_device,
    add_out,
    add_precision,
    add_recipe,
    add_set,
    doses_of,
    named_directions,
    recipe_of,
    run_file,
    set_at_hand,
    set_of,
    witness_at_hand,
)
from .printing import table

if TYPE_CHECKING:
    from ..experiments.effects_summary import Effect

# Emotions that a line of the text names.
_NAMED = 4


def arguments(parser: ArgumentParser) -> None:
    from ..experiments.effects_summary import EFFECT_DOSES, RANDOMS

    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--emotion", **SEVERAL, metavar="E", help="emotions or mixtures (default: all of the set)")
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {EFFECT_DOSES})")
    add_recipe(parser)
    add_set(parser)
    names = " ".join(repr(name) if " " in name else name for name in RANDOMS)
    parser.add_argument("--controls", nargs="*", metavar="C", help=f"control directions (default {names})")
    add_precision(parser)
    add_device(parser)
    add_out(parser)


def run(given: Namespace) -> Result:
    from ..experiments.effects_summary import EFFECT_DOSES, can_tell, effects
    from ..stimuli.effects import CHANCE
    from ..store import check_writable, responses_folder

    doses_of(given, EFFECT_DOSES)
    check_writable(responses_folder() if given.out is None else given.out)
    found, path, computed = _made(given)
    each = effects(found)
    result = {
        "run": found.name,
        "path": str(path),
        "computed": computed,
        **{name: getattr(found, name) for name in ("model", "set", "precision", "prompts", "samples", "seconds")},
        **{name: getattr(found, name) for name in ("controls", "doses", "emotions", "layer")},
        **{name: asdict(getattr(found, name)) for name in ("recipe", "decoding")},
        "passages": found.losses.shape[1],
        "questions": found.right.shape[1],
        "chance": CHANCE,
        "can_tell": can_tell(found),
        "readers": {name: None if one.card is None else asdict(one.card) for name, one in found.off_target.items()},
        "rows": [_row(found, one) for one in each.values()],
    }
    return result, _text(found, each, path, computed), 0


def _row(found: SideEffects, one: Effect) -> dict:
    from ..experiments.effects_summary import bled, row_of

    direction, dose = one.direction, one.dose
    k = row_of(found, direction, dose)
    changes = {"loss": one.loss, "accuracy": one.accuracy}
    return {
        "emotion": direction,
        "control": one.control,
        "dose": dose,
        **{name: change.after for name, change in changes.items()},
        **{f"{name}_change": change.change for name, change in changes.items()},
        **{f"{name}_{end}": getattr(change, end) for name, change in changes.items() for end in ("low", "high")},
        "accuracy_by_kind": one.by_kind,
        "length": one.length,
        "repetition": one.repetition,
        "broken": one.broken,
        "off_target": {
            reader: dict(zip(found.emotions, of.change[k].tolist(), strict=True))
            for reader, of in found.off_target.items()
        },
        "stands_out": {
            reader: dict(zip(("raised", "lowered"), map(dict, bled(found, direction, dose, reader)), strict=True))
            for reader in found.off_target
        },
    }


def _made(given: Namespace) -> tuple[SideEffects, Path, bool]:
    from ..experiments.side_effects import side_effects
    from ..extract.work import work_folder
    from ..models.load import load_model
    from ..steer.grammar import unfit
    from ..store import responses_folder
    from ..store.choice import DEFAULT_PRECISION
    from ..store.effects import load_side_effects, save_side_effects
    from ..witness.outside import outside_for

    # A run that is stored opens without its model.
    known = set_at_hand(given)
    if known is not None:
        precision = DEFAULT_PRECISION if given.precision == "auto" else given.precision
        stored = _stored(_name(known, _asked(given, known), precision), given.out)
        if stored is not None:
            return stored
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, unfit(given.emotion or ()))
    asked = _asked(given, vectors)
    name = _name(vectors, asked, loaded.precision)
    stored = _stored(name, given.out)
    if stored is not None:
        return stored
    progress = Progress()
    with work_folder(name) as work:
        judges = {"witness": witness_at_hand(loaded), "outside": outside_for(loaded.name, loaded.revision)}
        found = side_effects(loaded, vectors, **asked, **judges, work=work, progress=progress)
        progress.close()
        path = save_side_effects(found, responses_folder() if given.out is None else given.out)
    # As it will be opened: the file keeps four digits.
    return load_side_effects(path), path, True


def _asked(given: Namespace, vectors: VectorSet) -> dict[str, Any]:
    """What is given of all that a run is named by."""
    from ..experiments.effects_summary import EFFECT_DOSES, RANDOMS
    from ..steer.grammar import control_labels

    return {
        "recipe": recipe_of(given, vectors),
        "directions": named_directions(given.emotion, vectors),
        "controls": control_labels(RANDOMS if given.controls is None else given.controls, vectors.classes),
        "doses": doses_of(given, EFFECT_DOSES),
    }


def _name(vectors: VectorSet, asked: dict[str, Any], precision: str) -> str:
    from ..experiments.plans import SAMPLES, TEMPERATURE, TOKENS
    from ..stimuli.effects import plain_passages, questions
    from ..stimuli.scenarios import dose_prompts
    from ..store.effects import effects_name
    from ..types import Decoding

    given: dict[str, Any] = {
        **asked,
        "decoding": Decoding(TOKENS, TEMPERATURE),
        "samples": SAMPLES,
        "prompts": dose_prompts(),
        "passages": plain_passages(),
        "questions": questions(),
    }
    return effects_name(vectors, **given, precision=precision)


def _stored(name: str, out: Path | None) -> tuple[SideEffects, Path, bool] | None:
    """A run that was made before, in `out` or else shipped or the user's own; None if there is none."""
    from ..store.effects import SUFFIX, load_side_effects
    from ..store.folders import shipped_folder

    path = run_file(f"{name}{SUFFIX}", out)
    return None if path is None else (load_side_effects(path, shipped=path.parent == shipped_folder()), path, False)


def _text(found: SideEffects, each: Mapping[tuple[str, float], Effect], path: Path, computed: bool) -> str:
    """What broke, a line per direction; then what else it was made to say, by each reader at the middle dose."""
    from ..experiments.effects_summary import READERS, bled, can_tell
    from ..steer.grammar import UNSTEERED
    from ..stimuli.effects import CHANCE

    plain = each[UNSTEERED, 0.0]
    names = {name: f"{name} (control)" if name in found.controls else name for name, _ in found.rows[1:]}
    lines = [
        "change in loss on plain passages, nats per token (share of right answers) at each dose",
        table(
            [
                {
                    "direction": shown,
                    **{f"{dose:g}": _broke(each[name, dose]) for dose in found.doses},
                    "length": " ".join(written(each[name, dose].length, ".0f") for dose in found.doses),
                    "repeated %": " ".join(percent(each[name, dose].repetition) for dose in found.doses),
                }
                for name, shown in names.items()
            ]
        ),
        f"* the 95 % interval leaves out 0. Unsteered: {written(plain.loss.after, '.2f')} nats per token, "
        f"{written(plain.accuracy.after, '.2f')} right (chance {CHANCE:.2f}), {written(plain.length, '.0f')} tokens, "
        f"{percent(plain.repetition)} % repeated.",
    ]
    lines += [f"{name} at {dose:g}: {one.broken}" for (name, dose), one in each.items() if one.broken]
    if not can_tell(found):
        lines.append("The unsteered model is not clearly above chance: the answers cannot tell what steering breaks.")
    dose = found.doses[len(found.doses) // 2]
    for reader in found.off_target:
        rows = []
        for name in found.directions:
            raised, lowered = (
                ", ".join(f"{one} {value:+.2f}" for one, value in changes[:_NAMED])
                for changes in bled(found, name, dose, reader)
            )
            rows.append(
                {"direction": name, "also raises": raised if raised else "-", "lowers": lowered if lowered else "-"}
            )
        lines += ["", f"at {dose:g}, by {READERS[reader]}, beyond every control direction", table(rows)]
    return "\n".join([*lines, "", f"{path} ({'made in' if computed else 'made before, in'} {found.seconds:.0f} s)"])


def _broke(one: Effect) -> str:
    loss, answers = ("*" if change.told else "" for change in (one.loss, one.accuracy))
    return f"{written(one.loss.change, '+.2f')}{loss} ({written(one.accuracy.after, '.2f')}{answers})"


def _listed(changes: Sequence[tuple[str, float]]) -> str:
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return ", ".join(f"{name} {value:+.3f}" for name, value in changes[:_NAMED]) + more if changes else "-"
