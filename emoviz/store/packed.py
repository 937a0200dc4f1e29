"""Results as gzipped JSON, one file each: what runs of all kinds and verifications have in common."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..types import Recipe, WitnessCard
from .atomic import atomically
from .folders import responses_folder, shipped_folder
from .jsonable import number

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
        return unpack(json.loads(gzip.decompress(path.read_bytes())))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as {what} ({error}). {advice}.") from error


def list_packed(folders: Sequence[tuple[Path, bool]], pattern: str, load: Callable) -> dict[str, Any]:
    """Results by name, the first of a name; `load(path, shipped=...)` reads one. What cannot be read is logged and left
    out.

    folders : each with whether what lies there is shipped.
    """
    found: dict[str, Any] = {}
    for folder, shipped in folders:
        for path in sorted(folder.glob(pattern)) if folder.is_dir() else ():
            if path.name.startswith("."):
                continue
            try:
                one = load(path, shipped=shipped)
            except InputError as error:
                log.warning("left out: %s", error)
                continue
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


def recipe_of(values: Mapping) -> Recipe:
    return Recipe(**{**values, "layers": tuple(values["layers"])})


def card_of(values: Mapping) -> WitnessCard:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return WitnessCard(**{**values, **lists, "chance": number(values["chance"])})
