"""Dose-response runs on disk: one gzipped JSON file each, every text once. Opened in milliseconds, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..types import Decoding, DoseResponse, Recipe, SteeredText, VectorSet, Verdict
from ..types.given import file_part
from ..types.judging import REGIMES
from .choice import DEFAULT_PRECISION
from .fields import check_facts, check_once
from .folders import responses_folder
from .jsonable import decimals, number, plain, significant
from .packed import (
    card_of,
    check_form,
    check_run,
    check_texts,
    delete_run,
    list_runs,
    read_packed,
    recipe_of,
    run_path,
    write_packed,
)

SUFFIX = ".json.gz"
# Other results lie beside them in the shipped folder.
PATTERN = f"*_doses_*{SUFFIX}"
FORMAT = "emoviz dose response"
SCHEMA_VERSION = 1
# Digits behind the point of probabilities and projections; a tenth of what a figure can show.
_DIGITS = 4
# Of all other numbers.
_SIGNIFICANT = 4


def response_name(
    vectors: VectorSet,
    recipe: Recipe,
    decoding: Decoding,
    prompts: Sequence[str],
    directions: Sequence[str],
    controls: Sequence[str],
    doses: Sequence[float],
    precision: str = DEFAULT_PRECISION,
) -> str:
    """The name of what was asked for: the same request has the same name, another one another.

    precision : that the model computes in.
    """
    asked = [
        SCHEMA_VERSION,
        vectors.provenance.revision,
        vectors.name,
        asdict(recipe),
        asdict(decoding),
        list(prompts),
        list(directions),
        list(controls),
        [float(dose) for dose in doses],
        # Runs of the usual precision keep the names that they had before there were others.
        *([] if precision == DEFAULT_PRECISION else [precision]),
    ]
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return f"{file_part(vectors.provenance.model)}_doses_{key}"


def save_dose_response(response: DoseResponse, folder: Path | str | None = None) -> Path:
    """Writes a dose-response run atomically.

    folder : created if missing; the user's own, where `list_dose_responses` finds it, if none is named.
    Returns : the path of the run. Raises : InputError if it cannot be written.

    >>> import emoviz as ez, pathlib, tempfile
    >>> ez.save_dose_response(ez.list_dose_responses()[0], pathlib.Path(tempfile.mkdtemp())).name
    'Qwen2.5-Coder-0.5B-Instruct_doses_3292c05e.json.gz'
    """
    folder = responses_folder() if folder is None else folder
    texts, rows = _packed(response)
    header = {
        name: value
        for name, value in plain({f: getattr(response, f) for f in response.__slots__}).items()
        if name not in ("name", "texts", "shipped")
    }
    data = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **header, "texts": texts, "rows": rows}
    path = Path(folder) / f"{response.name}{SUFFIX}"
    write_packed(path, json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return path


def load_dose_response(path: Path, *, shipped: bool = False) -> DoseResponse:
    """A run from its file. Raises InputError if the file is missing, damaged, not one of ours, or of another schema."""
    return read_packed(
        path,
        lambda data: _unpacked(data, path.name.removesuffix(SUFFIX), shipped),
        "a dose-response run",
        "Run emoviz doses again, or fetch a fresh copy",
    )


def list_dose_responses() -> list[DoseResponse]:
    """Stored dose-response runs: shipped ones, then the user's own, each by model and name.

    A file that cannot be read is logged and left out.

    >>> import emoviz as ez
    >>> [(run.model, len(run.texts)) for run in ez.list_dose_responses() if run.shipped][:2]
    [('Qwen2.5-Coder-0.5B-Instruct', 354), ('Qwen2.5-Coder-1.5B-Instruct', 354)]
    """
    return list_runs(PATTERN, load_dose_response)


def response_path(response: DoseResponse) -> Path:
    """Where a run of `list_dose_responses` lies."""
    return run_path(response, SUFFIX)


def delete_dose_response(response: DoseResponse) -> None:
    """Deletes one of the user's own runs. Raises InputError for a shipped one."""
    delete_run(response, SUFFIX)


def _packed(response: DoseResponse) -> tuple[list, list]:
    """Distinct texts with what was measured on them, and a row for every place where one stands.

    A text: [prompt, text, regime, reason, ppl_ratio, repetition, leak, n_tokens, probabilities, projections, outside].
    A row: [direction, dose, index of the text, leak_mass].
    """
    texts: dict[str, int] = {}
    rows = []
    for t in response.texts:
        v = t.verdict
        ratio, repetition, leak = (significant(n, _SIGNIFICANT) for n in (v.ppl_ratio, v.repetition, v.leak))
        record = [
            t.prompt, t.text, v.regime, v.reason, ratio, repetition, leak, v.n_tokens,
            [decimals(p, _DIGITS) for p in t.probabilities], [decimals(p, _DIGITS) for p in t.projections],
            [decimals(p, _DIGITS) for p in t.outside],
        ]  # fmt: skip
        at = texts.setdefault(json.dumps(record), len(texts))
        rows.append([t.direction, t.dose, at, significant(t.leak_mass, _SIGNIFICANT)])
    return [json.loads(record) for record in texts], rows


def _unpacked(data: dict, name: str, shipped: bool) -> DoseResponse:
    check_form(data, FORMAT, SCHEMA_VERSION)
    texts = []
    for direction, dose, at, leak_mass in data["rows"]:
        check_facts({"a row has no text": at >= 0})
        prompt, text, regime, reason, ratio, repetition, leak, n_tokens, *read = data["texts"][at]
        # Runs of before there was an outside witness have no probabilities by it.
        probabilities, projections, outside = [*read, []] if len(read) == 2 else read
        verdict = Verdict(regime, reason, number(ratio), number(repetition), number(leak), n_tokens)
        numbers = (tuple(map(number, values)) for values in (probabilities, projections, outside))
        texts.append(SteeredText(direction, float(dose), prompt, text, verdict, number(leak_mass), *numbers))
    found = DoseResponse(
        name=name,
        model=data["model"],
        set=data["set"],
        precision=data["precision"],
        recipe=recipe_of(data["recipe"]),
        decoding=Decoding(**data["decoding"]),
        witness=card_of(data["witness"]),
        **{key: tuple(data[key]) for key in ("prompts", "directions", "controls", "classes")},
        doses=tuple(map(float, data["doses"])),
        layer=data["layer"],
        texts=tuple(texts),
        seconds=data["seconds"],
        created=data["created"],
        outside=None if data.get("outside") is None else card_of(data["outside"]),
        shipped=shipped,
    )
    check_run(found)
    check_texts(found)
    check_once(found.classes, "classes")
    taught = 0 if found.outside is None else len(found.outside.classes)
    sizes = (len(found.witness.classes), len(found.classes), taught)
    check_facts(
        {
            "it has no dose 0": 0 in found.doses,
            "its layer is none": found.layer >= 0,
            "a regime is unknown": {t.verdict.regime for t in found.texts} <= {*REGIMES, None},
            "a text has not one number a class": all(
                (len(t.probabilities), len(t.projections), len(t.outside)) == sizes for t in found.texts
            ),
        }
    )
    return found
