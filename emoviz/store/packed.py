"""Results as gzipped JSON, one file each: what dose-response runs and verifications have in common."""

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


def recipe_of(values: Mapping) -> Recipe:
    return Recipe(**{**values, "layers": tuple(values["layers"])})


def card_of(values: Mapping) -> WitnessCard:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return WitnessCard(**{**values, **lists, "chance": number(values["chance"])})
