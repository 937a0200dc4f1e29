"""The stored example of Read and of Vocabulary: what the program itself made of one text and one emotion.

`examples.json.gz`, beside the shipped sets, made by `make examples`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Reading, TokenChange, VocabularyLens
from .folders import shipped_folder
from .jsonable import plain
from .packed import log, read_packed, write_packed

FILE = "examples.json.gz"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """made : when and with which version, in words."""

    reading: Reading
    lens: VocabularyLens
    made: str


def save_examples(examples: Examples, folder: Path) -> Path:
    """Writes the examples atomically, numbers to four digits. Raises InputError if they cannot be written."""
    path = folder / FILE
    text = json.dumps({"schema_version": SCHEMA_VERSION, **plain(asdict(examples), 4)}, ensure_ascii=False)
    write_packed(path, text)
    return path


def load_examples(folder: Path | None = None) -> Examples:
    """folder : where the shipped sets are, if none is named. Raises InputError if they are missing or damaged."""
    folder = shipped_folder() if folder is None else folder
    return read_packed(folder / FILE, _examples, "stored examples", "Run make examples")


@lru_cache(maxsize=1)
def shipped_examples() -> Examples | None:
    """The shipped ones, read once; None, with a line in the log, where they cannot be read."""
    try:
        return load_examples()
    except InputError as error:
        log.warning("left out: %s", error)
        return None


def _examples(data: dict[str, Any]) -> Examples:
    if data["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"another schema version than {SCHEMA_VERSION}")
    reading, lens = data["reading"], data["lens"]
    return Examples(
        Reading(
            **{
                **reading,
                "tokens": tuple(reading["tokens"]),
                "offsets": tuple((start, end) for start, end in reading["offsets"]),
                "classes": tuple(reading["classes"]),
                # null stands for a token that is not read.
                "scores": np.array(reading["scores"], np.float32),
                "unread_layers": _numbered(reading["unread_layers"]),
                "unread_tokens": _numbered(reading["unread_tokens"]),
            }
        ),
        VocabularyLens(**{**lens, **{kind: _changes(lens[kind]) for kind in ("raised", "lowered")}}),
        data["made"],
    )


def _numbered(values: dict[str, str]) -> dict[int, str]:
    return {int(key): value for key, value in values.items()}


def _changes(values: dict[str, list[dict[str, Any]]]) -> dict[int, tuple[TokenChange, ...]]:
    return {int(layer): tuple(TokenChange(**row) for row in rows) for layer, rows in values.items()}
