"""Measured contrasts in one JSON file, for pairs whose vector sets are too large to ship."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import DAMAGED, LARGEST_RESULT, content, parsed, printable, why
from ..types import Contrast, Measured, Separation
from .atomic import atomically
from .fields import check_facts, check_fields
from .folders import shipped_folder
from .jsonable import number, plain

FILE = "contrasts.json"
SCHEMA_VERSION = 1
_NUMBERS = "rho", "p", "ceiling", "ci_low", "ci_high"
_PAIRS = "models", "sets", "methods", "protocols", "precisions", "corpora", "layers", "differs"


def save_contrasts(measured: Measured, path: Path) -> None:
    """Writes the file atomically, a contrast a line. Raises InputError if it cannot be written."""
    # Seven digits tell fp16 from fp32; four are enough to draw a distribution.
    contrasts = [json.dumps(plain(c, 7)) for c in measured.contrasts]
    separations = [json.dumps(plain(s, 4)) for s in measured.separations]
    text = (
        f'{{"schema_version": {SCHEMA_VERSION}, "created": {json.dumps(measured.created)},\n'
        f'"versions": {json.dumps(measured.versions)},\n'
        '"contrasts": [\n' + ",\n".join(contrasts) + "\n],\n"
        '"separations": [\n' + ",\n".join(separations) + "\n]}\n"
    )
    atomically(path, lambda temporary: temporary.write_text(text, "utf-8"))


def load_contrasts(path: Path | None = None) -> Measured:
    """The file's content; the shipped file if no other is named, and nothing at all where that one is not there.

    Raises InputError if the file is damaged or of another schema.
    """
    if path is None:
        path = shipped_folder() / FILE
        if not path.exists():
            return Measured((), (), "", {})
    try:
        data = parsed(content(path, LARGEST_RESULT))
        if data["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {data['schema_version']} instead of {SCHEMA_VERSION}")
        found = Measured(
            tuple(_contrast(row) for row in data["contrasts"]),
            tuple(_separation(row) for row in data["separations"]),
            data["created"],
            dict(data["versions"]),
        )
        check_fields(found)
        check_facts(
            {"cosines are missing": all(one.cosines.ndim == 1 and one.cosines.size for one in found.separations)}
        )
    except DAMAGED as error:
        raise InputError(
            f"{printable(path)} cannot be read as measured contrasts ({why(error)}). Fetch a fresh copy."
        ) from error
    return found


def _contrast(row: Mapping) -> Contrast:
    numbers = {name: number(row[name]) for name in _NUMBERS}
    pairs = {name: tuple(row[name]) for name in _PAIRS}
    missing = tuple(tuple(layers) for layers in row["nonfinite_layers"])
    return Contrast(**{**row, **numbers, **pairs, "nonfinite_layers": missing})


def _separation(row: Mapping) -> Separation:
    numbers = {name: number(row[name]) for name in ("reliability", "noise_share", "noise_cosine")}
    return Separation(**{**row, **numbers, "cosines": np.array(row["cosines"])})
