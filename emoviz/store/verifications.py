"""Verifications on disk: one gzip JSON file each, shipped ones beside the shipped sets."""

from __future__ import annotations

import gzip
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import InputError
from ..types import (
    Calibrated,
    Decoding,
    Recipe,
    Scenario,
    ScenarioText,
    Verification,
    VerificationPlan,
    WitnessCard,
)
from .contrasts import _plain
from .files import _atomically
from .folders import shipped_folder, verifications_folder

SUFFIX = ".verification.json.gz"
SCHEMA_VERSION = 1

log = logging.getLogger(__name__)


def save_verification(found: Verification, folder: Path | None = None) -> Path:
    """Writes the file atomically, into the user's folder if no other is named. Raises InputError if it cannot be written."""
    path = (verifications_folder() if folder is None else folder) / f"{found.name}{SUFFIX}"
    values = {key: value for key, value in asdict(found).items() if key != "shipped"}
    text = json.dumps({"schema_version": SCHEMA_VERSION, **_plain(values, 5)}, ensure_ascii=False, allow_nan=False)
    # Without a time stamp: the same result gives the same file.
    packed = gzip.compress(text.encode(), mtime=0)
    _atomically(path, lambda temporary: temporary.write_bytes(packed))
    return path


def load_verification(path: Path, *, shipped: bool = False) -> Verification:
    """Raises InputError if the file is missing, damaged or of another schema."""
    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
        if data.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"another schema version than {SCHEMA_VERSION}")
        return replace(_verification(data), shipped=shipped)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read as a verification ({error}); a file written by emoviz verify is needed; run it again."
        ) from error


def list_verifications() -> list[Verification]:
    """Your own first where a model has both, else the shipped ones; by model. A damaged file is logged and left out."""
    found: dict[str, Verification] = {}
    for folder, shipped in ((verifications_folder(), False), (shipped_folder(), True)):
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                one = load_verification(path, shipped=shipped)
            except InputError as error:
                log.warning("left out: %s", error)
                continue
            found.setdefault(one.name, one)
    return sorted(found.values(), key=lambda one: (one.model, one.name))


def _verification(data: Mapping) -> Verification:
    plan = data["plan"]
    return Verification(
        **{
            **data,
            "plan": VerificationPlan(
                **{
                    **plan,
                    "recipe": Recipe(**{**plan["recipe"], "layers": tuple(plan["recipe"]["layers"])}),
                    "doses": tuple(plan["doses"]),
                    "decoding": Decoding(**plan["decoding"]),
                }
            ),
            "witness": _card(data["witness"]),
            "check": _card(data["check"]),
            "prompts": tuple(data["prompts"]),
            "calibration_prompts": tuple(data["calibration_prompts"]),
            "calibrated": tuple(Calibrated(**{**row, "scores": tuple(row["scores"])}) for row in data["calibrated"]),
            "twins": tuple(tuple(texts) for texts in data["twins"]),
            "rows": tuple(_scenario(row) for row in data["rows"]),
            "controls": tuple(_scenario(row) for row in data["controls"]),
        }
    )


def _card(values: Mapping) -> WitnessCard:
    return WitnessCard(**{**values, "classes": tuple(values["classes"]), "notes": tuple(values["notes"])})


def _scenario(row: Mapping) -> Scenario:
    numbers = {name: _number(row[name]) for name in ("before", "after", "check_before", "check_after")}
    texts = tuple(
        ScenarioText(**{**text, **{name: _number(text[name]) for name in ("ppl_ratio", "target", "twin", "check")}})
        for text in row["texts"]
    )
    return Scenario(**{**row, **numbers, "texts": texts})


def _number(value: float | None) -> float:
    return math.nan if value is None else value
