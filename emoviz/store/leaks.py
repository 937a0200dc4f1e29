"""Leak runs on disk: one gzipped JSON file each. Opened in milliseconds, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ..types import Decoding, LeakLens, LeakRun, LeakText, Recipe, Span, TokenChange, VectorSet
from ..types.given import file_part
from .fields import check_facts
from .folders import responses_folder
from .jsonable import plain, significant
from .packed import check_form, check_run, check_texts, delete_run, list_runs, read_packed, recipe_of, write_packed

SUFFIX = ".json.gz"
PATTERN = f"*_leak_*{SUFFIX}"
FORMAT = "emoviz leak run"
SCHEMA_VERSION = 2
# Digits behind the point of shares and probabilities.
_DIGITS = 5


def leak_name(
    vectors: VectorSet,
    recipes: Mapping[str, Recipe],
    decoding: Decoding,
    prompts: Sequence[str],
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
        {name: asdict(recipe) for name, recipe in recipes.items()},
        asdict(decoding),
        list(prompts),
        list(directions),
        list(controls),
        [float(dose) for dose in doses],
        precision,
    ]
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return f"{file_part(vectors.provenance.model)}_leak_{key}"


def save_leak_run(run: LeakRun, folder: Path | str | None = None) -> Path:
    """Writes a leak run atomically.

    folder : created if missing; the user's own, where `list_leak_runs` finds it, if none is named.
    Returns : the path of the run. Raises : InputError if it cannot be written.

    >>> import emoviz as ez, tempfile
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> found = ez.leak_run(model, None, ["calm"], [0.04], ["I opened the door and"], ["emoviz"], controls=())
    >>> ez.save_leak_run(found, tempfile.mkdtemp()).name.startswith("SmolLM2-135M-Instruct_leak_")
    True
    """
    texts = [
        {
            **asdict(t),
            "visible": {name: round(share, _DIGITS) for name, share in t.visible.items()},
            "hidden": {name: round(mass, _DIGITS) for name, mass in t.hidden.items()},
            "mass": [round(mass, _DIGITS) for mass in t.mass],
        }
        for t in run.texts
    ]
    fields = plain({f: getattr(run, f) for f in run.__slots__ if f not in ("name", "texts", "lens", "shipped")})
    lens = None if run.lens is None else _packed(run.lens)
    data = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **fields, "lens": lens, "texts": texts}
    path = Path(responses_folder() if folder is None else folder) / f"{run.name}{SUFFIX}"
    write_packed(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return path


def load_leak_run(path: Path, *, shipped: bool = False) -> LeakRun:
    """A run from its file. Raises InputError if the file is missing, damaged, not one of ours, or of another schema."""
    return read_packed(
        path,
        lambda data: _unpacked(data, path.name.removesuffix(SUFFIX), shipped),
        "a leak run",
        "Run emoviz leak again, or fetch a fresh copy",
    )


def list_leak_runs() -> list[LeakRun]:
    """Stored leak runs: shipped ones, then the user's own, each by model and name.

    A file that cannot be read is logged and left out.

    >>> import emoviz as ez
    >>> all(run.texts for run in ez.list_leak_runs())
    True
    """
    return list_runs(PATTERN, load_leak_run)


def delete_leak_run(run: LeakRun) -> None:
    """Deletes one of the user's own runs. Raises InputError for a shipped one."""
    delete_run(run, SUFFIX)


def text_of(row: dict) -> LeakText:
    """A text as `asdict` gives it."""
    lists = {name: tuple(row[name]) for name in ("mass", "pieces")}
    return LeakText(**{**row, **lists, "spans": tuple(Span(**span) for span in row["spans"])})


def _packed(lens: LeakLens) -> dict:
    """Tokens as lists, which a file holds 21 times 100 of."""
    raised = {
        towards: [[one.token, one.id, significant(one.change, _DIGITS), one.script] for one in tokens]
        for towards, tokens in lens.raised.items()
    }
    vocabulary = {name: round(share, _DIGITS) for name, share in lens.vocabulary.items()}
    return {"layer": lens.layer, "raised": raised, "vocabulary": vocabulary}


def _lens_of(data: dict | None) -> LeakLens | None:
    if data is None:
        return None
    raised = {towards: tuple(TokenChange(*one) for one in tokens) for towards, tokens in data["raised"].items()}
    return LeakLens(data["layer"], raised, data["vocabulary"])


def _unpacked(data: dict, name: str, shipped: bool) -> LeakRun:
    check_form(data, FORMAT, SCHEMA_VERSION)
    found = LeakRun(
        name=name,
        recipes={key: recipe_of(value) for key, value in data["recipes"].items()},
        decoding=Decoding(**data["decoding"]),
        texts=tuple(text_of(row) for row in data["texts"]),
        prompts=tuple(data["prompts"]),
        directions=tuple(data["directions"]),
        controls=tuple(data["controls"]),
        doses=tuple(data["doses"]),
        **{key: data[key] for key in ("model", "set", "precision", "seconds", "created")},
        lens=_lens_of(data["lens"]),
        neighbours={piece: tuple(words) for piece, words in data["neighbours"].items()},
        shipped=shipped,
    )
    check_run(found)
    check_texts(found)
    known = {*found.directions, *found.controls}
    check_facts(
        {
            "a text is of another recipe": {text.recipe for text in found.texts} == set(found.recipes) != set(),
            "an unsteered text is missing": {t.recipe for t in found.texts if t.dose == 0} == set(found.recipes),
            "a place in a text is none": all(
                0 <= span.start < span.end <= len(text.text) for text in found.texts for span in text.spans
            ),
            "its lens is of other directions": found.lens is None or set(found.lens.raised) <= known,
        }
    )
    return found
