"""Verifications on disk: one gzip JSON file each, shipped ones beside the shipped sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..types import (
    Calibrated,
    Decoding,
    Scenario,
    ScenarioText,
    Verification,
    VerificationPlan,
)
from ..types.judging import REGIMES
from .fields import check_facts, check_fields, check_once
from .folders import shipped_folder, verifications_folder
from .jsonable import number, plain
from .packed import card_of, list_packed, read_packed, recipe_of, write_packed

SUFFIX = ".verification.json.gz"
SCHEMA_VERSION = 1
# Baselines are called twins in files.
_FILED = {"baselines": "twins", "baseline": "twin"}
_READ = {name: field for field, name in _FILED.items()}


def save_verification(found: Verification, folder: Path | str | None = None) -> Path:
    """Writes a verification atomically.

    folder : created if missing; the user's own, where `list_verifications` finds it, if none is named.
    Returns : the path of the file. Raises : InputError if it cannot be written.

    >>> import emoviz as ez, pathlib, tempfile
    >>> ez.save_verification(ez.list_verifications()[0], pathlib.Path(tempfile.mkdtemp())).suffix
    '.gz'
    """
    path = (verifications_folder() if folder is None else Path(folder)) / f"{found.name}{SUFFIX}"
    values = {key: value for key, value in filed(found).items() if key != "shipped"}
    text = json.dumps({"schema_version": SCHEMA_VERSION, **plain(values, 5)}, ensure_ascii=False, allow_nan=False)
    write_packed(path, text)
    return path


def filed(found: Verification) -> dict[str, Any]:
    """A verification as an object, under the names that files and JSON have had since the first schema."""
    values = _renamed(asdict(found), _FILED)
    for rows in ("rows", "controls"):
        for row in values[rows]:
            row["texts"] = tuple(_renamed(text, _FILED) for text in row["texts"])
    return values


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def load_verification(path: Path, *, shipped: bool = False) -> Verification:
    """Raises InputError if the file is missing, damaged or of another schema."""
    return read_packed(
        path,
        lambda data: _checked(replace(_verification(data), shipped=shipped), path.name.removesuffix(SUFFIX)),
        "a verification",
        "Run emoviz verify again",
    )


def list_verifications() -> list[Verification]:
    """Stored verifications, by model; your own in place of a shipped one of the same name. A damaged file is logged and
    left out.

    >>> import emoviz as ez
    >>> [(found.model, found.k, found.outside_k, found.outside_n) for found in ez.list_verifications()]
    [('Qwen2.5-Coder-0.5B-Instruct', 29, 16, 32), ('SmolLM2-135M-Instruct', 39, 16, 32), ('gemma-3-270m', 39, 19, 32)]
    """
    folders = [(verifications_folder(), False), (shipped_folder(), True)]
    found = list_packed(folders, f"*{SUFFIX}", load_verification)
    return sorted(found.values(), key=lambda one: (one.model, one.name))


def _verification(data: dict) -> Verification:
    if data.pop("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"another schema version than {SCHEMA_VERSION}")
    data = _renamed(data, _READ)
    plan = data["plan"]
    return Verification(
        **{
            **data,
            "plan": VerificationPlan(
                **{
                    **plan,
                    "recipe": recipe_of(plan["recipe"]),
                    "doses": tuple(plan["doses"]),
                    "decoding": Decoding(**plan["decoding"]),
                }
            ),
            "witness": card_of(data["witness"]),
            "check": card_of(data["check"]),
            # Verifications of before there was one have none.
            "outside": None if data.get("outside") is None else card_of(data["outside"]),
            "prompts": tuple(data["prompts"]),
            "calibration_prompts": tuple(data["calibration_prompts"]),
            "calibrated": tuple(Calibrated(**{**row, "scores": tuple(row["scores"])}) for row in data["calibrated"]),
            "baselines": tuple(tuple(texts) for texts in data["baselines"]),
            "rows": tuple(_scenario(row) for row in data["rows"]),
            "controls": tuple(_scenario(row) for row in data["controls"]),
        }
    )


def _checked(found: Verification, name: str) -> Verification:
    check_fields(found)
    check_once(found.prompts, "prompts")
    check_once(found.plan.doses, "doses")
    rows = (*found.rows, *found.controls)
    samples = found.plan.samples
    check_facts(
        {
            "it is another than its name says": found.name == name,
            "it has no scenarios": samples > 0 and len(found.rows) == len(found.controls) == found.n > 0,
            "a scenario is of another opening": all(0 <= row.prompt < len(found.prompts) for row in rows),
            "a scenario has other samples": all(
                len(texts) == samples for texts in (*found.baselines, *(row.texts for row in rows))
            ),
            "an opening has no unsteered texts": len(found.baselines) == len(found.prompts),
            "scores are not one a dose": all(len(one.scores) == len(found.plan.doses) for one in found.calibrated),
            "a regime is unknown": {text.regime for row in rows for text in row.texts} <= {*REGIMES, None},
            "counts are no counts": all(
                0 <= k <= of
                for k, of in (
                    *((k, found.n) for k in (found.k, found.control_k, found.check_k, found.check_control_k)),
                    *((k, found.outside_n) for k in (found.outside_k, found.outside_control_k)),
                    (found.outside_n, found.n),
                )
            ),
        }
    )
    return found


def _scenario(row: Mapping) -> Scenario:
    texts = tuple(ScenarioText(**_with_numbers(_renamed(text, _READ), _TEXT_NUMBERS)) for text in row["texts"])
    return Scenario(**{**_with_numbers(row, _SCENARIO_NUMBERS), "texts": texts})


def _with_numbers(values: Mapping, names: Sequence[str]) -> dict[str, Any]:
    """The same with what JSON has no number for as NaN."""
    return {name: number(value) if name in names else value for name, value in values.items()}


_SCENARIO_NUMBERS = ("before", "after", "check_before", "check_after", "outside_before", "outside_after")
_TEXT_NUMBERS = ("ppl_ratio", "target", "baseline", "check", "outside")
