"""What one run may ask of the machine, and what is left out on a page that strangers reach: the one home of both."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InputError
from ..models.registry import REGISTRY, ModelEntry


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run; None where only the machine sets it.

    models : at once. parameters : of each, in millions. texts : rows of the batches of all models together, baselines
    among them. tokens : of each text. prompt : its letters. rows, kilobytes : of a file of texts that is read.

    Of the page as a whole, held : models in memory at once. jobs : of one visitor, that wait or run. megabytes : of one
    request. uploads : megabytes of all files that visitors have sent and that still lie here.
    """

    models: int | None
    parameters: int | None
    texts: int
    tokens: int | None
    prompt: int
    rows: int | None
    kilobytes: int | None
    held: int | None
    jobs: int
    megabytes: int
    uploads: int


# More texts can neither be read nor written in a sensible time; a page of text as a prompt takes a processor minutes.
OWN = Limits(
    models=None, parameters=None, texts=64, tokens=None, prompt=2000, rows=None, kilobytes=None,
    held=None, jobs=16, megabytes=64, uploads=2000,
)  # fmt: skip
# Of two cores and 16 GB, which everybody shares; how long a run at all limits takes: docs/deploy.md.
PUBLIC = Limits(
    models=2, parameters=600, texts=16, tokens=60, prompt=1000, rows=200, kilobytes=200,
    held=2, jobs=2, megabytes=2, uploads=100,
)  # fmt: skip
# Emotions, mixtures and interventions that one run names, and its doses; texts of a run that is made as a job.
DIRECTIONS, DOSES, RUN_TEXTS = 500, 100, 4000
# Bytes on the disk that an extraction which the page begins may take while it reads.
WORK = 10**9
# Letters of a text, and of a dialogue, that one reading takes; the command line reads longer ones.
TEXT, DIALOGUE = 6000, 12_000


def is_public() -> bool:
    """Whether strangers share the page: on a Hugging Face Space, and where EMOVIZ_PUBLIC is 1."""
    return bool(os.environ.get("SPACE_ID")) or os.environ.get("EMOVIZ_PUBLIC") == "1"


def limits() -> Limits:
    """Those of this page."""
    return PUBLIC if is_public() else OWN


def public_words() -> str:
    """What a visitor of a public page is told before any limit bites; empty elsewhere."""
    if not is_public():
        return ""
    most = limits()
    return (
        f"**A page that many share.** One run: up to {most.models} models of {most.parameters} million parameters, "
        f"{most.texts} texts of {most.tokens} tokens with the baselines, {most.prompt:,} letters of prompt. A file of "
        f"texts: {most.rows} texts, {most.kilobytes} kB. Stored results have no limit. Vector sets and long runs are "
        "made, and anything is deleted, only where emoviz runs for you alone."
    )


def check_run(models: int, texts: int, tokens: float) -> None:
    """Raises InputError, naming the limit, for a run that asks for more than this page allows."""
    most = limits()
    _check(models, "models", most.models)
    _check(texts, "texts with the baselines", most.texts)
    _check(tokens, "tokens of each text", most.tokens)


def check_file(texts: int, kilobytes: float) -> None:
    """Raises InputError, naming the limit, for a file of more texts or kilobytes than this page reads."""
    most = limits()
    _check(texts, "texts in one file", most.rows)
    _check(kilobytes, "kB in one file", most.kilobytes)


def check_asked(directions: int, doses: int = 0) -> None:
    """Raises InputError, naming the limit, for more emotions or doses than anybody reads; before they are read."""
    _check(directions, "emotions", DIRECTIONS)
    _check(doses, "doses", DOSES)


def check_long_run(texts: int) -> None:
    """Raises InputError, naming the limit, for a run of more texts than a job of the page writes."""
    _check(texts, "texts", RUN_TEXTS)


def check_text(text: str, what: str = "text", most: int = TEXT) -> None:
    """Raises InputError, naming the limit, for a text of more letters than a reading takes."""
    if len(text) > most:
        raise InputError(
            f"the {what} has {len(text)} letters; up to {most} are read here. Shorten it, or use the command line."
        )


def check_model(name: str) -> None:
    """Raises InputError for a model that this page does not run: a large one, and where many share it one that emoviz
    does not know, such as a folder that a set was made from."""
    entry = _entry(name)
    if entry is not None:
        _check(entry.parameters / 1e6, f"million parameters of {name}", limits().parameters)
    elif is_public():
        raise InputError(f"model {name!r:.60} is run where emoviz runs for you alone; here the known ones are.")


def place_of(model: str, origin: str) -> str:
    """What loads a model: where its set remembers that it is; where many share the page, the known model of its name
    and nothing else. Raises InputError as `check_model`."""
    check_model(model)
    entry = _entry(model)
    return entry.id if entry is not None and is_public() else origin if origin else model


def check_fetch(entry: ModelEntry) -> None:
    """Raises InputError for weights that this page does not fetch: where many share it, all but those it comes with."""
    check_model(entry.id)
    if entry.source != "bundled":
        refuse_in_public(f"{entry.id} is not fetched")


def _entry(name: str) -> ModelEntry | None:
    """A known model, by its name or its id on the hub."""
    return next((one for one in REGISTRY if name in (one.id, one.id.split("/")[-1])), None)


def refuse_in_public(what: str) -> None:
    """Raises InputError on a public page. what : is left out there, as the beginning of a sentence."""
    if is_public():
        raise InputError(f"{what} on a page that many share. Run emoviz on a machine of your own for that.")


def _check(n: float, what: str, most: int | None) -> None:
    if most is not None and n > most:
        raise InputError(f"{n:,.0f} {what} are asked for; a run on this page takes up to {most:,}. Choose fewer.")
