"""`emoviz chat MODEL ...`: the same messages to several models, doses and interventions, side by side."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..steer.doses import parse_doses
from ..steer.grammar import unfit, with_controls
from ..types import Decoding, Reply, VectorSet
from ..words import visible
from .arguments import (
    SEVERAL,
    Result,
    add_cleaning,
    add_controls,
    add_device,
    add_precision,
    add_recipe,
    add_sampling,
    add_set,
    check_asked,
    check_file,
    check_known,
    filled,
    named_sets,
    own_set,
    recipe_of,
    set_of,
    target,
)
from .witnesses import card_of, judge_named, outside_named, witness_words, witnessed

if TYPE_CHECKING:
    from ..steer.conversation import Conversation

DOSES = "0.04"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument(
        "--emotion", **SEVERAL, required=True, metavar="E", help="emotions, mixtures or interventions, as for steer"
    )
    parser.add_argument("--dose", default=DOSES, help=f"fractions of the residual norm (default {DOSES})")
    help = "messages, one a turn (default: lines of the input)"
    parser.add_argument("--say", type=filled("message"), nargs="+", metavar="TEXT", help=help)
    parser.add_argument("--system", metavar="TEXT", help="system prompt, instead of what the chat template adds itself")
    add_sampling(parser, 60)
    add_recipe(parser)
    add_set(parser, many=True)
    add_cleaning(parser)
    add_precision(parser)
    add_controls(parser)
    parser.add_argument("--witness", default="auto", metavar="W", help="as for steer; none is quicker")
    parser.add_argument("--tokens", action="store_true", help="show the exact tokens that each model is given")
    parser.add_argument("--out", type=target, metavar="FILE", help="write the transcript to a .jsonl or .md too")
    add_device(parser)


def run(given: Namespace) -> Result:
    doses = parse_doses(given.dose)
    from ..models.dialogue import form_of
    from ..share.transcript import FORMATS, save_transcript
    from ..steer.recipes import recipe_words
    from ..store import check_writable

    if given.out is not None:
        check_file(given.out, tuple(f".{format}" for format in FORMATS))
        check_writable(given.out.parent)
    started = time.perf_counter()
    named = named_sets(given)
    check_asked(given.emotion, given.controls, named)
    check_known(given, named)
    judges = {"classifier": judge_named(given.witness), "outside": outside_named(given.witness)}
    made = _conversations(given, doses, named)
    turns: list[list[Reply]] = []
    told_turns: list[dict[str, Any]] = []
    cards: dict[str, dict[str, Any]] = {one.model.name: {} for one in made}
    blocks: list[str] = []
    for user in _messages(given.say):
        told = [f"user: {user}"]
        turns.append([])
        told_turns.append({"user": user, "rows": []})
        for one in made:
            replies, found, known = _answered(one, user, judges, given.tokens)
            turns[-1] += replies
            told_turns[-1]["rows"] += found
            cards[one.model.name] |= known
            told += [_told(reply, row) for reply, row in zip(replies, found, strict=True)]
        blocks.append("\n\n".join(told))
        if given.say is None and not given.json:
            print(visible(blocks.pop()), flush=True)
    if not turns:
        raise InputError("nothing was said. Give messages with --say, or as lines of the input.")
    forms = {one.model.name: form_of(one.model) for one in made}
    notes = [
        f"{one.model.name}: vectors {one.vectors.name}; {recipe_words(one.recipe, one.vectors)}; system prompt "
        f"{(one.system or forms[one.model.name].system)!r}; {one.dropped} of the oldest turns no longer fitted"
        for one in made
    ]
    files = [] if given.out is None else [str(save_transcript(turns, given.out, notes))]
    result = {
        "decoding": asdict(made[0].decoding),
        "recipes": {one.model.name: asdict(one.recipe) for one in made},
        "forms": {one.model.name: {**asdict(forms[one.model.name]), "given": one.system} for one in made},
        "dropped_turns": {one.model.name: one.dropped for one in made},
        "turns": told_turns,
        "witnesses": cards,
        "seconds": round(time.perf_counter() - started, 3),
        "files": files,
    }
    return result, "\n\n".join([*blocks, *files]), 0


def _conversations(given: Namespace, doses: Sequence[float], named: Sequence[VectorSet]) -> list[Conversation]:
    """One for each model, in which nothing has been said yet."""
    from ..models.load import load_model
    from ..steer.conversation import conversation

    decoding = Decoding(given.max_new_tokens, given.temperature, given.seed)
    out = []
    for name in given.models:
        loaded = load_model(name, precision=given.precision, device=given.device)
        own = own_set(loaded, named, len(given.models))
        vectors = set_of(loaded, own, unfit(given.emotion), given.cleaning)
        asked = with_controls(given.emotion, given.controls, vectors.classes)
        recipe = recipe_of(given, vectors)
        out.append(conversation(loaded, vectors, asked, doses, recipe, decoding, system=given.system))
    return out


def _answered(
    made: Conversation, user: str, judges: Mapping[str, Callable[[Any], Any]], tokens: bool
) -> tuple[tuple[Reply, ...], list[dict[str, Any]], dict[str, Any]]:
    """One turn of one model: its answers, each as a JSON object with what the witnesses say, and who they are."""
    from ..judge.replies import judged_replies, read_replies
    from ..models.dialogue import exact_tokens
    from ..share.transcript import reply_row

    for _ in made.say(user):
        pass
    turn = len(made.turns) - 1
    replies = read_replies(made, turn, judged_replies(made, turn))
    rows = [reply_row(one) for one in replies]
    places = [(one.direction, one.dose) for one in replies]
    cards = {}
    for key, judge in judges.items():
        witness, scores, _reasons = witnessed(key, made.model, replies, places, judge, made.vectors.classes)
        cards[key] = card_of(witness)
        rows = [row | scores[place] for row, place in zip(rows, places, strict=True)]
    if tokens:
        for k, row in enumerate(rows):
            row["tokens"] = exact_tokens(made.model, made.context(turn, k))
    return replies, rows, cards


def _told(one: Reply, row: Mapping[str, Any]) -> str:
    from ..plots.conversation import what_steers
    from ..share.transcript import highest

    told, read = what_steers(one.direction, one.dose, one.classes), highest(one)
    said = f"{row['regime']} ({row['reason']}){witness_words(row)}{f'; over the answer {read}' if read else ''}"
    lines = [f"{one.model}, {told}: {said}", one.text]
    if "tokens" in row:
        lines.append("given: " + "".join(f"[{text}]" if control else text for text, control in row["tokens"]))
    return "\n".join(lines)


def _messages(said: list[str] | None) -> Iterator[str]:
    """What the user says, a line of the input at a time where nothing was given."""
    if said is not None:
        yield from said
        return
    for line in sys.stdin:
        if line.strip():
            yield line.rstrip("\n")
