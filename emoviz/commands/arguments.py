"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .. import numerals
from ..errors import InputError
from ..store.choice import Unfit, anything
from ..types import Corpus, VectorSet

# Of a file, on most disks.
_LONGEST_NAME = 255

# A command's result as a JSON-able object (None for none), the same as text, and the exit code.
Result = tuple[dict[str, Any] | None, str, int]
T = TypeVar("T")

CENTRING = "class (default), neutral or none"


def whole(low: int, high: int, units: Mapping[str, float] | None = None) -> Callable[[str], int]:
    """An argument that is a whole number from low to high. units : what may stand behind it."""
    return _argument(lambda text: numerals.whole(text, low, high, units))


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """An argument that is a number, at most `high`."""
    return _argument(lambda text: numerals.number(text, low, high, numerals.SHARES))


def _argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader whose errors are those of an argument."""

    def argument(text: str) -> T:
        try:
            return read(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None

    return argument


# Of an option that takes texts, which may also be given one by one: `--prompt=a --prompt=b`.
SEVERAL: dict[str, Any] = {"nargs": "+", "action": "extend"}


def target(text: str) -> Path:
    """An argument that is a file or a folder to write."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111
    if not text.strip() or any(ord(letter) < 32 for letter in text):
        raise argparse.ArgumentTypeError(f"{text!r:.60} was given; the path of a file or a folder is needed")
    if str(path)[0] == "~":
        raise argparse.ArgumentTypeError(f"{text!r:.60} was given; this machine knows no such home. Write out the path")
    long = next((part for part in path.parts if len(os.fsencode(part)) > _LONGEST_NAME), None)
    if long is not None:
        raise argparse.ArgumentTypeError(
            f"{long[:20]!r}... has {len(os.fsencode(long))} bytes; names of up to {_LONGEST_NAME} are allowed"
        )
    return path


SEED = whole(0, 2**32 - 1)


def listed(choices: Mapping[str, str]) -> str:
    """The first of the choices is the default."""
    return "; ".join(f"{name}: {text}" for name, text in choices.items())


def depth_of(text: str) -> float | str:
    """Where several sets are compared: `best`, or a relative depth. Raises InputError for anything else."""
    if text == "best":
        return text
    depth = numerals.value_of(text, numerals.SHARES)
    if math.isnan(depth):
        raise InputError(f"layer {text!r} was asked for; best or a relative depth above 0 and up to 1 is allowed.")
    return depth


def check_file(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raises InputError for a folder, and for a file of another kind."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; a file is needed, such as {path / 'emoviz'}{suffixes[0]}.")
    if path.suffix.lower() not in suffixes:
        raise InputError(f"file {path.name!r:.80} was given; a name that ends in {' or '.join(suffixes)} is allowed.")


def add_out(parser: argparse.ArgumentParser) -> None:
    help = "folder to write to (default: the user's cache folder)"
    parser.add_argument("--out", type=target, metavar="DIR", help=help)


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")


def add_passage_columns(parser: argparse.ArgumentParser) -> None:
    """How the columns of a passage file are called."""
    parser.add_argument("--text-column", metavar="NAME", help="default: text, sentence, utterance or passage")
    parser.add_argument("--label-column", metavar="NAME", help="default: emotion, label or class")
    parser.add_argument("--labels", metavar="FILE", help="the names of labels that are numbers: one a line, from 0")


def passages_of(given: argparse.Namespace, path: str | None) -> Corpus:
    """The corpus in a file, by the options of `add_passage_columns`."""
    from ..stimuli import load_corpus
    from ..stimuli.tables import read_labels

    columns = (given.text_column, given.label_column, given.labels)
    if path is None and any(one is not None for one in columns):
        raise InputError("columns or labels were given without a file of passages. Name the file too.")
    labels = None if given.labels is None else read_labels(given.labels)
    return load_corpus(path, text_column=given.text_column, label_column=given.label_column, labels=labels)


def add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision", default="auto", help="fp32, bf16, fp16 or int8 (default: bf16 on CUDA, else fp32)"
    )


def add_set(parser: argparse.ArgumentParser, many: bool = False) -> None:
    """many : whether sets of several models may be named."""
    from ..store.choice import RULE

    what = "vector sets, at most one of each model" if many else "vector set of this model"
    parser.add_argument("--set", metavar="SET", nargs="+" if many else None, help=f"{what} (default: {RULE})")


def add_cleaning(parser: argparse.ArgumentParser) -> None:
    from ..geometry.cleaning import CHOICES, NONE

    help = f"of the directions; {listed(CHOICES)}"
    parser.add_argument("--cleaning", type=_argument(_cleaning), default=NONE, metavar="C", help=help)


def _cleaning(text: str) -> str:
    from ..geometry.cleaning import parse_cleaning

    return parse_cleaning(text).name


def set_of(loaded: Any, asked: str | VectorSet | None, unfit: Unfit = anything, cleaning: str = "none") -> VectorSet:
    """The set that was asked for, else the model's own by the rule of `store.choice`, which is then said; cleaned as it
    was asked for."""
    from ..extract.cleaning import cleaned
    from ..extract.progress import Progress
    from ..store.choice import RULE, asked_set, set_for

    if asked is not None:
        vectors = asked_set(loaded, asked)
    else:
        vectors = set_for(loaded, unfit)
        logging.info("vectors: %s, the set %s (--set takes another)", vectors.name, RULE)
    progress = Progress()
    try:
        return cleaned(loaded, vectors, cleaning, progress=progress)
    finally:
        progress.close()


def add_recipe(parser: argparse.ArgumentParser) -> None:
    from ..steer.recipes import EMOVIZ, NORMS, PRESETS, SCOPES

    parser.add_argument("--recipe", default=EMOVIZ, help=listed(PRESETS))
    parser.add_argument("--layers", help="window (the middle third), all, a layer, or 10-20, instead of the recipe's")
    parser.add_argument("--scope", help=listed(SCOPES))
    parser.add_argument("--norm", help=listed(NORMS))


def add_sampling(parser: argparse.ArgumentParser, tokens: int) -> None:
    """tokens : how many are written where nothing is said."""
    count = whole(1, 400, numerals.TOKENS)
    parser.add_argument("--max-new-tokens", type=count, default=tokens, metavar="N", help=f"default {tokens}")
    parser.add_argument("--temperature", type=number(0), default=0.0, help="0 (default) is greedy")
    parser.add_argument("--seed", type=SEED, default=0, help="of the sampling, with --temperature")


def add_decoding(parser: argparse.ArgumentParser) -> None:
    add_sampling(parser, 40)
    parser.add_argument("--chat", action="store_true", help="put the prompt into the chat template")


def recipe_of(given: argparse.Namespace, vectors: VectorSet):
    """The recipe that was asked for, for this set."""
    from ..steer.recipes import recipe

    return recipe(vectors, given.recipe, layers=given.layers, scope=given.scope, norm=given.norm)


def decoding_of(given: argparse.Namespace):
    from ..types import Decoding

    return Decoding(given.max_new_tokens, given.temperature, given.seed, given.chat)


def check_asked(emotions: Sequence[str] | None, controls: Sequence[str] | None, sets: Sequence[VectorSet] = ()) -> None:
    """Raises InputError, before any model is loaded, for what can be read with the classes of no set at hand, and for
    what is no control. sets : those that were named."""
    from ..steer.grammar import control_labels, parse_intervention
    from ..store import list_sets

    control_labels(() if controls is None else controls, ())
    for text in () if emotions is None else emotions:
        try:
            parse_intervention(text)
        except InputError:
            parse_intervention(text, {name for own in (*sets, *list_sets()) for name in own.classes})


def named_directions(words: Sequence[str] | None, vectors: VectorSet) -> tuple[str, ...]:
    """Directions of a set as they are written everywhere, each once; None for all its emotions."""
    from ..steer.grammar import plain_labels

    return tuple(dict.fromkeys(plain_labels(vectors.emotions if words is None else words, vectors.classes)))


def set_at_hand(given: argparse.Namespace) -> VectorSet | None:
    """The set of a run before its model is loaded: the one that was named, else what the rule will choose; None where
    only loading can tell. Raises InputError as `check_asked`."""
    from ..models.registry import resolve
    from ..steer.grammar import unfit
    from ..store import find_set
    from ..store.choice import set_before_loading

    named = None if given.set is None else find_set(given.set)
    check_asked(given.emotion, given.controls, [] if named is None else [named])
    source = resolve(given.model, away=True)
    return set_before_loading(source, unfit(given.emotion or ())) if named is None else named


def prompts_of(given: argparse.Namespace) -> tuple[str, ...]:
    """The prompts, each once; the shipped openings where none were given."""
    from ..stimuli.scenarios import dose_prompts

    return dose_prompts() if given.prompt is None else tuple(dict.fromkeys(given.prompt))


def run_file(name: str, out: Path | None) -> Path | None:
    """A run that was made before, in `out` or else shipped or the user's own; None if there is none."""
    from ..extract.work import drop_work
    from ..store import responses_folder, shipped_folder

    folders = (shipped_folder(), responses_folder()) if out is None else (out,)
    found = next((folder / name for folder in folders if (folder / name).exists()), None)
    if found is not None:
        drop_work(name.partition(".json")[0])
    return found


def add_controls(parser: argparse.ArgumentParser) -> None:
    from ..steer.grammar import CONTROLS

    parser.add_argument(
        "--controls", nargs="*", default=[], metavar="C", help=f"control directions: {', '.join(CONTROLS)}"
    )


def witness_at_hand(loaded: Any):
    """The best witness for texts of a model; None, and why, where there is none."""
    from ..witness.witness import witness_for

    try:
        return witness_for(loaded.name, loaded.revision)
    except InputError as error:
        logging.warning("%s", error)
        return None


def own_set(loaded: Any, named: Sequence[VectorSet], models: int) -> VectorSet | None:
    """Which of the sets that were named is the model's; None for none. Raises InputError for several, and where one of
    another model was named for a single one."""
    from ..store.choice import made_from

    own = [vectors for vectors in named if made_from(vectors, loaded)]
    if len(own) > 1 or (named and not own and models == 1):
        given = " ".join(vectors.name for vectors in named)
        raise InputError(f"--set {given} was given; one set of {loaded.name} is needed.")
    return own[0] if own else None


def layer_of(text: str, vectors: VectorSet) -> int:
    """`best` or a layer's number. Raises InputError for anything else."""
    from ..geometry import preferred_layer

    if text == "best":
        return preferred_layer(vectors)
    layer = numerals.value_of(text)
    if not layer >= 0 or layer != int(layer):
        raise InputError(
            f"layer {text[:24]!r} was asked for; best or a number from 0 to {vectors.n_layers - 1} is allowed."
        )
    return int(layer)
