"""`emoviz steer MODEL ...`: a prompt continued under several directions and doses, judged and scored by a witness."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import nan
from typing import Any

from ..steer.doses import parse_doses
from ..steer.grammar import (
    UNSTEERED,
    amount_words,
    has_amount,
    is_control,
    parse_intervention,
    rows_of,
    unfit,
    with_controls,
)
from ..steer.recipes import EMOVIZ, PRESET_DOSES
from .arguments import (
    SEVERAL,
    Result,
    add_cleaning,
    add_controls,
    add_decoding,
    add_device,
    add_precision,
    add_recipe,
    add_set,
    check_asked,
    check_file,
    check_known,
    decoding_of,
    filled,
    named_sets,
    own_set,
    recipe_of,
    set_of,
    target,
)
from .witnesses import card_of, judge_named, outside_named, witness_words, witnessed


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument(
        "--emotion",
        **SEVERAL,
        required=True,
        metavar="E",
        help="emotions, mixtures such as '0.7 calm + 0.3 grateful', or interventions such as 'ablate afraid', 'clamp "
        "calm 0.05', 'reflect angry', 'when afraid > 0.1 add calm 0.04', 'calm after 10'",
    )
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {PRESET_DOSES[EMOVIZ]})")
    parser.add_argument("--prompt", type=filled("prompt"), required=True, metavar="TEXT")
    add_decoding(parser)
    add_recipe(parser)
    add_set(parser, many=True)
    add_cleaning(parser)
    add_precision(parser)
    add_controls(parser)
    parser.add_argument(
        "--witness",
        default="auto",
        metavar="W",
        help="auto (default: the witness and the outside witness), none, or a classifier: hub id or folder",
    )
    parser.add_argument(
        "--out", type=target, metavar="FILE", help="write the texts to a .md, .csv, .png, .svg or .pdf too"
    )
    add_device(parser)


def run(given: Namespace, load: Callable[[str], Any] | None = None) -> Result:
    """load : gives the model of a name, for a caller that keeps models in memory."""
    doses = parse_doses(PRESET_DOSES[EMOVIZ] if given.dose is None else given.dose)
    from ..judge.texts import judge_batch
    from ..judge.verdict import borderline
    from ..models.load import load_model
    from ..share.texts import FORMATS, Cell, Column, Sheet, decoding_words, save_texts
    from ..steer.generate import steer_texts
    from ..steer.recipes import recipe_notes, recipe_words
    from ..store import check_writable

    if given.out is not None:
        check_file(given.out, tuple(f".{format}" for format in FORMATS))
        check_writable(given.out.parent)
    started = time.perf_counter()
    named = named_sets(given)
    check_asked(given.emotion, given.controls, named)
    if load is None:
        check_known(given, named)
    decoding, judge, taught = decoding_of(given), judge_named(given.witness), outside_named(given.witness)
    rows: list[dict[str, Any]] = []
    recipes, cards, taught_cards = {}, {}, {}
    reasons: dict[str, str] = {}
    columns: list[Column] = []
    blocks: list[str] = []
    for model in given.models:
        loaded = load_model(model, precision=given.precision, device=given.device) if load is None else load(model)
        own = own_set(loaded, named, len(given.models))
        vectors = set_of(loaded, own, unfit(given.emotion), given.cleaning)
        asked = with_controls(given.emotion, given.controls, vectors.classes)
        places = list(dict.fromkeys(place for text in asked for place in _places(text, doses, vectors.classes)))
        recipe = recipe_of(given, vectors)
        made = steer_texts(loaded, vectors, asked, doses, given.prompt, recipe, decoding)
        known = {
            (one.direction, one.dose): (one, verdict)
            for one, verdict in zip(made, judge_batch(loaded, made), strict=True)
        }
        witness, scores, why = witnessed("classifier", loaded, made, places, judge, vectors.classes)
        outside, more, missing = witnessed("outside", loaded, made, places, taught, vectors.classes)
        recipes[loaded.name], cards[loaded.name] = asdict(recipe), card_of(witness)
        taught_cards[loaded.name] = card_of(outside)
        reasons |= why | missing | recipe_notes(recipe, vectors)
        for direction, dose in places:
            one, verdict = known[(direction, dose) if dose else (UNSTEERED, 0.0)]
            rows.append(
                {
                    "model": one.model,
                    "set": one.set,
                    "emotion": direction,
                    "control": is_control(direction, vectors.classes),
                    "dose": dose,
                    "text": one.text,
                    "finished": one.finished,
                    "broken": one.broken,
                    **asdict(verdict),
                    "borderline": bool(borderline(verdict)),
                    "leak_mass": max(one.leak_mass, default=nan),
                    **scores[direction, dose],
                    **more[direction, dose],
                }
            )
            what = f"{direction} {amount_words(direction, dose, vectors.classes).removeprefix('dose ')}".rstrip()
            said = f"{verdict.regime} ({verdict.reason}){witness_words(rows[-1])}"
            blocks.append(f"{one.model}, {what}: {said}\n{one.text.strip()}")
        cells = [
            Cell(one.direction, one.dose, one.text, verdict, max(one.leak_mass, default=nan))
            for one, verdict in known.values()
        ]
        note = f"{recipe_words(recipe, vectors)}; {decoding_words(decoding)}; vectors {vectors.name}"
        columns.append(Column(loaded.name, vectors.name, note, tuple(cells), classes=vectors.classes))
    files = [] if given.out is None else save_texts(Sheet(given.prompt, tuple(columns)), given.out)
    result = {
        "prompt": given.prompt,
        "decoding": asdict(decoding),
        "recipes": recipes,
        "rows": rows,
        "seconds": round(time.perf_counter() - started, 3),
        "witness": cards,
        "outside_witness": taught_cards,
        "reasons": reasons,
        "files": [str(path) for path in files],
    }
    return result, "\n\n".join([*blocks, *result["files"]]), 0


def _places(text: str, doses: Sequence[float], classes: Sequence[str]) -> list[tuple[str, float]]:
    """(what is done, amount) of each row that is told of; with dose 0 the unsteered text."""
    if has_amount(text, classes):
        return rows_of(text, (), classes)
    return [(parse_intervention(text, classes).label, dose) for dose in doses]
