"""`emoviz steer MODEL ...`: a prompt continued under several directions and doses, judged and scored by a witness."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..steer.doses import parse_doses
from ..steer.grammar import (
    CONTROLS,
    UNSTEERED,
    amount_words,
    control_of,
    emotions_of,
    has_amount,
    is_plain,
    parse_intervention,
    rows_of,
)
from ..steer.recipes import EMOVIZ, PRESET_DOSES
from .arguments import (
    Result,
    add_decoding,
    add_device,
    add_precision,
    add_recipe,
    add_set,
    check_file,
    checked_controls,
    decoding_of,
    recipe_of,
    set_of,
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument(
        "--emotion",
        nargs="+",
        required=True,
        metavar="E",
        help="emotions, mixtures such as '0.7 calm + 0.3 grateful', or interventions such as 'ablate afraid', 'clamp "
        "calm 0.05', 'reflect angry', 'when afraid > 0.1 add calm 0.04', 'calm after 10'",
    )
    parser.add_argument("--dose", help=f"fractions of the residual norm (default {PRESET_DOSES[EMOVIZ]})")
    parser.add_argument("--prompt", required=True, metavar="TEXT")
    add_decoding(parser)
    add_recipe(parser)
    add_set(parser, many=True)
    add_precision(parser)
    parser.add_argument(
        "--controls", nargs="*", default=[], metavar="C", help=f"control directions: {', '.join(CONTROLS)}"
    )
    parser.add_argument(
        "--witness",
        default="auto",
        metavar="W",
        help="auto (default: the witness and the outside witness), none, or a classifier: hub id or folder",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the texts to a .md, .csv, .png, .svg or .pdf too"
    )
    add_device(parser)


def run(given: Namespace, load: Callable[[str], Any] | None = None) -> Result:
    """load : gives the model of a name, for a caller that keeps models in memory."""
    doses = parse_doses(PRESET_DOSES[EMOVIZ] if given.dose is None else given.dose)
    asked = _asked(given.emotion, checked_controls(given.controls))
    from ..judge.texts import judge_batch
    from ..judge.verdict import borderline
    from ..models.load import load_model
    from ..share.texts import FORMATS, Cell, Column, Sheet, decoding_words, save_texts
    from ..steer.generate import steer_texts
    from ..steer.recipes import recipe_words
    from ..store import check_writable, find_set

    if given.out is not None:
        check_file(given.out, tuple(f".{format}" for format in FORMATS))
        check_writable(given.out.parent)
    started = time.perf_counter()
    named = [find_set(name) for name in given.set or ()]
    decoding, judge, taught = decoding_of(given), _judge(given.witness), _taught(given.witness)
    places = list(dict.fromkeys(place for text in asked for place in _places(text, doses)))
    rows: list[dict[str, Any]] = []
    recipes, cards, taught_cards = {}, {}, {}
    reasons: dict[str, str] = {}
    columns: list[Column] = []
    for model in given.models:
        loaded = load_model(model, precision=given.precision, device=given.device) if load is None else load(model)
        own = [s.name for s in named if s.provenance.revision == loaded.revision]
        if len(own) > 1 or (named and not own and len(given.models) == 1):
            raise InputError(f"--set {' '.join(given.set)} was given; one set of {loaded.name} is needed.")
        classes = [name for text in asked for name in emotions_of(text)]
        vectors = set_of(loaded, own[0] if own else None, classes)
        recipe = recipe_of(given, vectors)
        made = steer_texts(loaded, vectors, asked, doses, given.prompt, recipe, decoding)
        known = {
            (one.direction, one.dose): (one, verdict)
            for one, verdict in zip(made, judge_batch(loaded, made), strict=True)
        }
        witness, scores, why = _witnessed("classifier", loaded, made, places, judge)
        outside, more, missing = _witnessed("outside", loaded, made, places, taught)
        recipes[loaded.name], cards[loaded.name] = asdict(recipe), _card(witness)
        taught_cards[loaded.name] = _card(outside)
        reasons |= why | missing
        for direction, dose in places:
            one, verdict = known[(direction, dose) if dose else (UNSTEERED, 0.0)]
            rows.append(
                {
                    "model": one.model,
                    "set": one.set,
                    "emotion": direction,
                    "dose": dose,
                    "text": one.text,
                    "finished": one.finished,
                    **asdict(verdict),
                    "borderline": bool(borderline(verdict)),
                    "leak_mass": max(one.leak_mass),
                    **scores[direction, dose],
                    **more[direction, dose],
                }
            )
        cells = [
            Cell(one.direction, one.dose, one.text, verdict, max(one.leak_mass)) for one, verdict in known.values()
        ]
        note = f"{recipe_words(recipe)}; {decoding_words(decoding)}; vectors {vectors.name}"
        columns.append(Column(loaded.name, vectors.name, note, tuple(cells)))
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
    blocks = [f"{r['model']}, {_what(r)}: {r['regime']} ({r['reason']}){_said(r)}\n{r['text'].strip()}" for r in rows]
    return result, "\n\n".join([*blocks, *result["files"]]), 0


def _asked(emotions: Sequence[str], controls: Sequence[str]) -> list[str]:
    """What rows are made for. The control of an intervention is the same along the control's direction."""
    asked = [parse_intervention(text).written for text in emotions]
    along = [control_of(text, name) for name in controls for text in asked if not is_plain(text)]
    return list(dict.fromkeys([*asked, *(controls if any(map(is_plain, asked)) else ()), *along]))


def _places(text: str, doses: Sequence[float]) -> list[tuple[str, float]]:
    """(what is done, amount) of each row that is told of; with dose 0 the unsteered text."""
    if has_amount(text):
        return rows_of(text, ())
    return [(parse_intervention(text).label, dose) for dose in doses]


def _what(row: dict) -> str:
    """`calm 0.04`, `ablate afraid`, `clamp calm to 0.05`."""
    return f"{row['emotion']} {amount_words(row['emotion'], row['dose']).removeprefix('dose ')}".rstrip()


def _judge(name: str) -> Callable[[Any], Any]:
    """Model -> its witness: the best that is at hand, none, or the named classifier for all models."""
    if name == "none":

        def refused(_loaded: Any) -> Any:
            raise InputError("no witness was asked for")

        return refused
    if name == "auto":
        from ..witness.witness import witness_for

        return lambda loaded: witness_for(loaded.name, loaded.revision)
    from ..witness.hub import hub_witness

    given = hub_witness(name)
    return lambda _loaded: given


def _taught(name: str) -> Callable[[Any], Any]:
    """Model -> its outside witness, beside the one that is found for it; a named one judges alone."""

    def found(loaded: Any) -> Any:
        if name != "auto":
            raise InputError("no witness was asked for" if name == "none" else f"{name} alone was asked to judge")
        from ..witness.outside import outside_for

        witness = outside_for(loaded.name, loaded.revision)
        if witness is None:
            raise InputError("no outside witness is at hand. Train one: emoviz witness --train FILE.")
        return witness

    return found


def _card(witness: Any) -> dict[str, Any] | None:
    return None if witness is None else asdict(witness.card)


def _witnessed(
    key: str, loaded: Any, made: Any, rows: Iterable[tuple[str, float]], judge: Callable[[Any], Any]
) -> tuple[Any, dict[tuple[str, float], dict[str, Any]], dict[str, str]]:
    """What a witness finds in the texts: itself, the numbers of every (direction, dose), and why some are missing.

    Under `key` stands the score of the direction's own emotions, under `key_unsteered` that of the unsteered text, and
    under `key_top` the class it takes the text for.
    """
    from ..witness.targets import direction_scores

    nothing = dict.fromkeys((key, f"{key}_unsteered", f"{key}_top"))
    try:
        witness = judge(loaded)
        found = witness.probabilities([one.text for one in made])
    except InputError as error:
        return None, dict.fromkeys(rows, nothing), {key: str(error)}
    place = {(one.direction, one.dose): k for k, one in enumerate(made)}
    out, reasons = {}, {}
    for direction, dose in rows:
        k = place[(direction, dose) if dose else (UNSTEERED, 0.0)]
        top = None if np.isnan(found[k]).any() else witness.card.classes[int(found[k].argmax())]
        try:
            own, unsteered = direction_scores(witness.card.classes, found[[k, 0]], direction)
        except InputError as error:
            own = unsteered = float("nan")
            reasons[f"{key} of {direction}"] = str(error)
        out[direction, dose] = {key: own, f"{key}_unsteered": unsteered, f"{key}_top": top}
    return witness, out, reasons


def _said(row: dict) -> str:
    said = ""
    for key, who in (("classifier", "witness"), ("outside", "outside witness")):
        score = row[key]
        if score is not None and not np.isnan(score):
            said += f"; {who} {score:.2f}, unsteered {row[f'{key}_unsteered']:.2f}"
    return said
