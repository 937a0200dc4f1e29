"""Side effects on disk: one gzipped JSON file a run, without its texts. Opened in milliseconds, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..types import Decoding, OffTarget, Question, Recipe, SideEffects, VectorSet
from ..types.given import file_part
from ..types.steering import UNSTEERED
from .fields import check_facts, check_once
from .folders import responses_folder
from .jsonable import plain
from .packed import card_of, check_form, check_run, delete_run, list_runs, read_packed, recipe_of, write_packed

SUFFIX = ".json.gz"
PATTERN = f"*_effects_*{SUFFIX}"
FORMAT = "emoviz side effects"
SCHEMA_VERSION = 1
# Significant digits of all numbers; a tenth of what a figure can show.
_DIGITS = 4


def effects_name(
    vectors: VectorSet,
    recipe: Recipe,
    decoding: Decoding,
    samples: int,
    prompts: Sequence[str],
    passages: Sequence[str],
    questions: Sequence[Question],
    directions: Sequence[str],
    controls: Sequence[str],
    doses: Sequence[float],
    precision: str,
) -> str:
    """The name of what was asked for: the same request has the same name, another one another."""
    asked = [
        SCHEMA_VERSION,
        vectors.provenance.revision,
        vectors.name,
        asdict(recipe),
        asdict(decoding),
        samples,
        [list(texts) for texts in (prompts, passages, directions, controls)],
        [asdict(question) for question in questions],
        [float(dose) for dose in doses],
        precision,
    ]
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return f"{file_part(vectors.provenance.model)}_effects_{key}"


def save_side_effects(run: SideEffects, folder: Path | str | None = None) -> Path:
    """Writes a run of side effects atomically.

    folder : created if missing; the user's own, where `list_side_effects` finds it, if none is named.
    Returns : the path of the run. Raises : InputError if it cannot be written.

    >>> import emoviz as ez, pathlib, tempfile
    >>> run = ez.list_side_effects()[0]
    >>> ez.save_side_effects(run, pathlib.Path(tempfile.mkdtemp())).name == f"{run.name}.json.gz"
    True
    """
    fields = {f: getattr(run, f) for f in run.__slots__ if f not in ("name", "shipped", "right")}
    # A letter a question, which is a tenth of a list of them.
    right = ["".join("-" if np.isnan(one) else str(int(one)) for one in row) for row in run.right]
    data = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **plain(fields, _DIGITS), "right": right}
    path = Path(responses_folder() if folder is None else folder) / f"{run.name}{SUFFIX}"
    write_packed(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return path


def load_side_effects(path: Path, *, shipped: bool = False) -> SideEffects:
    """A run from its file. Raises InputError if the file is missing, damaged, not one of ours, or of another schema."""
    return read_packed(
        path,
        lambda data: _unpacked(data, path.name.removesuffix(SUFFIX), shipped),
        "a run of side effects",
        "Run emoviz effects again, or fetch a fresh copy",
    )


def list_side_effects() -> list[SideEffects]:
    """Stored runs of side effects: shipped ones, then the user's own, each by model and name.

    A file that cannot be read is logged and left out.

    >>> import emoviz as ez
    >>> all(len(run.rows) == len(run.losses) for run in ez.list_side_effects())
    True
    """
    return list_runs(PATTERN, load_side_effects)


def delete_side_effects(run: SideEffects) -> None:
    """Deletes one of the user's own runs. Raises InputError for a shipped one."""
    delete_run(run, SUFFIX)


def _unpacked(data: dict, name: str, shipped: bool) -> SideEffects:
    check_form(data, FORMAT, SCHEMA_VERSION)
    lists: dict[str, Any] = {
        key: tuple(data[key]) for key in ("prompts", "directions", "controls", "doses", "emotions", "kinds")
    }
    # NaN is null in the file.
    arrays: dict[str, Any] = {key: np.array(data[key], float) for key in ("losses", "lengths", "repetitions")}
    found = SideEffects(
        name=name,
        recipe=recipe_of(data["recipe"]),
        decoding=Decoding(**data["decoding"]),
        **lists,
        rows=tuple((direction, float(dose)) for direction, dose in data["rows"]),
        **arrays,
        right=np.array([[np.nan if one == "-" else float(one == "1") for one in row] for row in data["right"]]),
        off_target={reader: _off_target(values) for reader, values in data["off_target"].items()},
        **{key: data[key] for key in ("model", "set", "precision", "samples", "layer", "seconds", "created")},
        shipped=shipped,
    )
    check_run(found)
    n, e = len(found.rows), len(found.emotions)
    check_once(found.emotions, "emotions")
    check_once(found.rows, "rows")
    known = {*found.directions, *found.controls}
    check_facts(
        {
            "it does not begin with the unsteered row": found.rows[0] == (UNSTEERED, 0.0),
            "its rows are not all directions at all doses": set(found.rows[1:])
            == {(name, dose) for name in known for dose in found.doses},
            "its numbers are not one a row": all(
                array.ndim == 2 and len(array) == n and array.shape[1] > 0
                for array in (found.losses, found.right, found.lengths, found.repetitions)
            ),
            "its questions have no kinds": found.right.shape == (n, len(found.kinds)),
            "lengths and repetitions are of other texts": found.lengths.shape == found.repetitions.shape,
            "a change is not of an emotion": all(
                one.before.shape == (e,) and one.change.shape == one.spread.shape == (n, e)
                for one in found.off_target.values()
            ),
        }
    )
    return found


def _off_target(values: dict) -> OffTarget:
    numbers: dict[str, Any] = {key: np.array(values[key], float) for key in ("before", "change", "spread")}
    return OffTarget(**numbers, card=None if values["card"] is None else card_of(values["card"]))
