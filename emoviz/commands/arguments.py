"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .. import numerals
from ..errors import InputError
from ..store.choice import Unfit, anything
from ..types import Corpus, VectorSet

# Of a file, on most disks.
_LONGEST_NAME = 255
# Of any model.
_MOST_LAYERS = 1000

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


def one_of(what: str, allowed: Iterable[str]) -> Callable[[str], str]:
    """An argument that is one of some words."""

    def known(text: str) -> str:
        if text not in allowed:
            raise InputError(f"{what} {text!r:.40} is unknown; {', '.join(allowed)} are allowed.")
        return text

    return _argument(known)


def filled(what: str) -> Callable[[str], str]:
    """An argument that is a text, and more than blanks."""

    def written(text: str) -> str:
        if not text.strip():
            raise InputError(f"the {what} is empty. Write some words.")
        return text

    return _argument(written)


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

    parser.add_argument("--recipe", type=one_of("recipe", PRESETS), default=EMOVIZ, help=listed(PRESETS))
    help = "window (the middle third), all, a layer, or 10-20, instead of the recipe's"
    parser.add_argument("--layers", type=_argument(_layers), help=help)
    parser.add_argument("--scope", type=one_of("scope", SCOPES), help=listed(SCOPES))
    parser.add_argument("--norm", type=one_of("norm", NORMS), help=listed(NORMS))


def _layers(text: str) -> str:
    """Layers of a model that is not known yet."""
    from ..steer.recipes import parse_layers

    parse_layers(text, _MOST_LAYERS)
    return text


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
    """Raises InputError, before any model is loaded, for what can be read with the classes of no set at hand, or is in
    none, and for what is no control. sets : those that were named."""
    from ..steer.grammar import control_labels, emotions_of
    from ..store import list_sets

    control_labels(() if controls is None else controls, ())
    known = {name for own in (*sets, *list_sets()) for name in own.classes} if emotions else set()
    for text in emotions or ():
        try:
            lacking = set(emotions_of(text)) - known
        except InputError:
            lacking = {text}
        unknown = lacking and sorted(set(emotions_of(text, known)) - known)
        if unknown:
            raise InputError(f"emotion {unknown[0]!r:.60} is not in any vector set at hand; emoviz list names them.")


def named_directions(words: Sequence[str] | None, vectors: VectorSet) -> tuple[str, ...]:
    """Directions of a set as they are written everywhere, each once; None for all its emotions."""
    from ..steer.grammar import plain_labels

    return tuple(dict.fromkeys(plain_labels(vectors.emotions if words is None else words, vectors.classes)))


def set_at_hand(given: argparse.Namespace) -> VectorSet | None:
    """The set of a run before its model is loaded, see `known_sets`. Raises InputError as `check_asked`, too."""
    from ..steer.grammar import unfit

    named = named_sets(given)
    check_asked(given.emotion, given.controls, named)
    found = known_sets([given.model], named, unfit(given.emotion or ()))
    check_directions(found, given.emotion)
    return next(iter(found), None)


def named_sets(given: argparse.Namespace) -> list[VectorSet]:
    """Those of --set. Raises InputError for one that is unknown."""
    from ..store import find_set

    return [find_set(name) for name in ([given.set] if isinstance(given.set, str) else given.set or ())]


def known_sets(models: Sequence[str], named: Sequence[VectorSet], unfit: Unfit = anything) -> list[VectorSet]:
    """The sets of models before they are loaded: those that were named, else what the rule will choose; without the
    models of which only loading can tell. Raises InputError for an unknown model, and for a single one that none of the
    named can be of."""
    from ..models.registry import resolve
    from ..store.choice import named_before_loading, set_before_loading

    sources = [resolve(model, away=True) for model in models]
    alone = len(models) == 1
    found = [named_before_loading(one, named, alone) if named else set_before_loading(one, unfit) for one in sources]
    return [vectors for vectors in found if vectors is not None]


def check_known(given: argparse.Namespace, named: Sequence[VectorSet]) -> None:
    """Raises InputError, before any model is loaded, for emotions and a recipe that the sets of the models do not
    allow, as far as these are known."""
    from ..steer.grammar import unfit

    found = known_sets(given.models, named, unfit(given.emotion))
    check_directions(found, given.emotion)
    for vectors in found:
        recipe_of(given, vectors)


def check_directions(sets: Iterable[VectorSet], emotions: Sequence[str] | None) -> None:
    """Raises InputError for an emotion that a set lacks, mixtures and interventions too."""
    from ..geometry.directions import check_emotions
    from ..steer.grammar import emotions_of

    for vectors in sets:
        for text in emotions or ():
            check_emotions(vectors, emotions_of(text, vectors.classes))


def add_prompts(parser: argparse.ArgumentParser) -> None:
    help = "texts to continue (default: two shipped openings)"
    parser.add_argument("--prompt", type=filled("prompt"), **SEVERAL, metavar="TEXT", help=help)


def prompts_of(given: argparse.Namespace) -> tuple[str, ...]:
    """The prompts, each once; the shipped openings where none were given."""
    from ..stimuli.scenarios import dose_prompts

    return dose_prompts() if given.prompt is None else tuple(dict.fromkeys(given.prompt))


def doses_of(given: argparse.Namespace, usual: str) -> tuple[float, ...]:
    """The doses of a run but 0, increasing, each once. Raises InputError for none."""
    from ..steer.doses import parse_doses

    found = set(parse_doses(usual if given.dose is None else given.dose)) - {0.0}
    if not found:
        raise InputError("no dose but 0 was given. Give one or more.")
    return tuple(sorted(found))


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


def add_layer(parser: argparse.ArgumentParser, help: str = "a layer or best (default)") -> None:
    parser.add_argument("--layer", type=_argument(_layer), default="best", help=help)


def _layer(text: str) -> str:
    """A layer of a model that is not known yet."""
    if text != "best":
        _number_of(text, "the number of a layer")
    return text


def layer_of(text: str, vectors: VectorSet) -> int:
    """`best` or a layer's number. Raises InputError for anything else."""
    from ..geometry import preferred_layer

    if text == "best":
        return preferred_layer(vectors)
    return _number_of(text, f"a number from 0 to {vectors.n_layers - 1}")


def _number_of(text: str, allowed: str) -> int:
    layer = numerals.value_of(text)
    if not layer >= 0 or layer != int(layer):
        raise InputError(f"layer {text[:24]!r} was asked for; best or {allowed} is allowed.")
    return int(layer)
