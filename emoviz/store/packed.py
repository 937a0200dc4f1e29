"""Results as gzipped JSON, one file each: what runs of all kinds and verifications have in common."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import DAMAGED, parsed, printable, unpacked, why
from ..types import Recipe, WitnessCard
from ..types.steering import UNSTEERED
from .atomic import atomically
from .fields import check_facts, check_fields, check_once
from .folders import responses_folder, shipped_folder
from .jsonable import number
from .unreadable import readable, stored

log = logging.getLogger(__name__)


def write_packed(path: Path, text: str) -> None:
    """Writes JSON atomically. Raises InputError if it cannot."""
    # Without a time in its header, so that the same result is the same file.
    packed = gzip.compress(text.encode(), mtime=0)
    atomically(path, lambda temporary: temporary.write_bytes(packed))


def read_packed(path: Path, unpack: Callable[[dict], Any], what: str, advice: str) -> Any:
    """What `unpack` makes of the file's JSON.

    Raises InputError, with the advice, if the file is missing, damaged or not `what`.
    """
    try:
        return unpack(parsed(unpacked(path)))
    except DAMAGED as error:
        raise InputError(f"{printable(path)} cannot be read as {what} ({why(error)}). {advice}.") from error


def list_packed(folders: Sequence[tuple[Path, bool]], pattern: str, load: Callable) -> dict[str, Any]:
    """Results by name, the first of a name; `load(path, shipped=...)` reads one. What cannot be read is logged and left
    out.

    folders : each with whether what lies there is shipped.
    """
    found: dict[str, Any] = {}
    for folder, shipped in folders:
        for one in readable(stored(folder, pattern), partial(load, shipped=shipped)):
            found.setdefault(one.name, one)
    return found


def list_runs(pattern: str, load: Callable) -> list[Any]:
    """Runs: shipped ones, then the user's own, each by model and name; as `list_packed`."""
    found = list_packed([(shipped_folder(), True), (responses_folder(), False)], pattern, load)
    return sorted(found.values(), key=lambda run: (not run.shipped, run.model, run.name))


def run_path(run: Any, suffix: str) -> Path:
    """Where a run of `list_runs` lies."""
    return (shipped_folder() if run.shipped else responses_folder()) / f"{run.name}{suffix}"


def delete_run(run: Any, suffix: str) -> None:
    """Deletes one of the user's own runs. Raises InputError for a shipped one."""
    if run.shipped:
        raise InputError(f"{run.name} is shipped with emoviz; only runs of your own can be deleted.")
    path = run_path(run, suffix)
    try:
        path.unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be deleted ({error.strerror}). Check who owns it.") from error


def check_form(data: Mapping, form: str, version: int) -> None:
    """Raises ValueError for what is another kind of file, or of another schema."""
    if data["format"] != form:
        raise ValueError("it holds something else")
    if data["schema_version"] != version:
        raise ValueError(f"schema version {data['schema_version']} instead of {version}")


def check_run(run: Any) -> None:
    """Raises ValueError for a run of any kind with a value of another kind in it, or whose parts do not fit."""
    check_fields(run)
    check_once(run.prompts, "prompts")
    check_once((*run.directions, *run.controls), "directions")
    check_once(run.doses, "doses")
    check_facts(
        {
            "its directions are missing": bool(run.directions),
            "its doses do not rise": all(one < other for one, other in pairwise(run.doses)),
            "nothing was to be written": run.decoding.max_new_tokens > 0,
        }
    )


def check_texts(run: Any) -> None:
    """Raises ValueError for texts of prompts, directions or doses that the run does not have, and without the text of
    a prompt that nothing was added to."""
    known = {UNSTEERED, *run.directions, *run.controls}
    plain = {text.prompt for text in run.texts if text.direction == UNSTEERED and text.dose == 0}
    check_facts(
        {
            "an unsteered text is missing": plain == set(range(len(run.prompts))),
            "a text is of another prompt": all(0 <= text.prompt < len(run.prompts) for text in run.texts),
            "a text is of another direction": {text.direction for text in run.texts} <= known,
            "a text is of another dose": {text.dose for text in run.texts} <= {0.0, *run.doses},
        }
    )


def recipe_of(values: Mapping) -> Recipe:
    return Recipe(**{**values, "layers": tuple(values["layers"])})


def card_of(values: Mapping) -> WitnessCard:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return WitnessCard(**{**values, **lists, "chance": number(values["chance"])})
