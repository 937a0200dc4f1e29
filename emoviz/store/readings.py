"""Tables of the texts that a model read: parts of a run that is under way, the table, and what stands out in it.

The table is CSV or Parquet; beside it lies `TABLE.json`, with what it was made with and its highest texts, sentences
and tokens. Nothing here holds more than one part in memory, but for the scores of whole texts.
"""

from __future__ import annotations

import csv
import json
import logging
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import DAMAGED, LARGEST_RESULT, content, parsed, printable, size_of, why
from ..stats.tops import Tops
from ..types import TextReadings, TopRow
from ..types.texts import FILE, ID, NOTE, QUANTILES, SENTENCE, TEXT, TOKENS, TOPS, score_column, z_column
from .atomic import atomically, write_bytes
from .fields import check_facts, check_fields, check_once
from .jsonable import plain
from .spreadsheet import cell

log = logging.getLogger(__name__)

TABLE_FORMATS = (".csv", ".parquet")
SCHEMA = 1
# A text of fewer tokens is not listed among the highest: a mean over two tokens spreads more than any emotion.
LISTED_TOKENS = 5
# Letters of a listed text.
_SHOWN = 500
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Part:
    """Texts that were read, one after another.

    first : number of the first. other : columns of each text. ids, sentences, tokens, texts, notes, files : of each row
    of the table; scores : (rows, C) float32. tops : class -> key -> token.
    """

    first: int
    other: list[dict[str, Any]]
    ids: np.ndarray
    sentences: np.ndarray
    tokens: np.ndarray
    scores: np.ndarray
    texts: list[str]
    notes: list[str]
    files: list[str]
    tops: dict[str, dict[str, TopRow]]


def save_part(folder: Path, part: Part) -> None:
    """Writes a part whole. Raises InputError if it cannot be written."""
    words = {name: getattr(part, name) for name in ("other", "texts", "notes", "files")}
    words["tops"] = {name: {key: asdict(row) for key, row in own.items()} for name, own in part.tops.items()}
    arrays = {name: getattr(part, name) for name in ("ids", "sentences", "tokens", "scores")}
    content = np.frombuffer(json.dumps(words, default=str).encode(), np.uint8)

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, words=content, **arrays)

    atomically(folder / _file_name(part), write)


def _file_name(part: Part) -> str:
    return f"{part.first:012d}-{part.first + len(part.other):012d}.npz"


def texts_done(folder: Path) -> int:
    """How many texts an earlier run has read; from a damaged part on, they are read again."""
    done = 0
    for path in _parts(folder):
        try:
            part = _part(path)
            whole = part.first == done and path == folder / _file_name(part)
        except (zipfile.BadZipFile, *DAMAGED):
            whole = False
        if whole:
            done += len(part.other)
        else:
            log.warning("%s of an earlier run is damaged: its texts are read again", path.name)
            path.unlink()
    return done


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-*.npz"))


def _words(path: Path) -> dict[str, Any]:
    # Such an archive has checksums.
    with np.load(path, allow_pickle=False) as file:
        return parsed(file["words"].tobytes())


def _part(path: Path) -> Part:
    words = _words(path)
    tops = {name: {key: TopRow(**row) for key, row in own.items()} for name, own in words.pop("tops").items()}
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("ids", "sentences", "tokens", "scores")}
    return Part(int(path.stem.partition("-")[0]), **words, **arrays, tops=tops)


def write_readings(
    path: Path,
    folder: Path,
    classes: tuple[str, ...],
    scale: tuple[np.ndarray, np.ndarray] | None,
    made: Mapping[str, Any],
    progress: Callable[[int], None] = lambda texts: None,
) -> TextReadings:
    """The table of all parts in a folder, and what stands out in it.

    scale : mean and standard deviation that z is against. made : other fields of `TextReadings`. progress : called with
    how many texts are written so far. Raises InputError if it cannot be written.
    """
    kinds, in_files = _others(folder)
    tops = {what: Tops(classes) for what in TOPS}
    whole: list[np.ndarray] = []
    rows = tokens = texts = 0

    def tables() -> Iterator[dict[str, Any]]:
        nonlocal rows, tokens, texts
        for at in _parts(folder):
            part = _part(at)
            z = None if scale is None else ((part.scores - scale[0]) / scale[1]).astype(np.float32)
            of_text = part.sentences == 0
            _list(tops["texts"], part, z, np.flatnonzero(of_text))
            _list(tops["sentences"], part, z, np.flatnonzero(~of_text))
            tops["tokens"].merge(part.tops)
            whole.append(part.scores[of_text])
            rows, texts = rows + len(part.ids), texts + len(part.other)
            tokens += int(part.tokens[of_text].sum())
            yield _table(part, z, classes, kinds, in_files)
            progress(texts)

    write = _write_parquet if path.suffix.lower() == ".parquet" else _write_csv
    atomically(path, lambda temporary: write(temporary, tables(), kinds))
    scores = np.concatenate(whole)
    read = scores[np.isfinite(scores).all(1)]
    quantiles = np.quantile(read, QUANTILES, axis=0) if len(read) else np.full((len(QUANTILES), len(classes)), np.nan)
    found = TextReadings(
        path=path,
        classes=classes,
        texts=texts,
        rows=rows,
        tokens=tokens,
        unread=texts - len(read),
        columns=tuple(kinds),
        scale=None if scale is None else np.stack(scale),
        quantiles=quantiles,
        tops={what: {name: tuple(own.values()) for name, own in top.kept().items()} for what, top in tops.items()},
        **made,
    )
    values = {name: getattr(found, name) for name in TextReadings.__slots__ if name != "path"}
    write_bytes(beside(path), json.dumps({"schema": SCHEMA, **plain(values)}, allow_nan=False).encode())
    return found


def _others(folder: Path) -> tuple[dict[str, set[type]], bool]:
    """The columns that came with the texts and what kinds of values each holds; whether the texts came in files."""
    kinds: dict[str, set[type]] = {}
    in_files = False
    for part in _parts(folder):
        words = _words(part)
        in_files = in_files or any(words["files"])
        for other in words["other"]:
            for name, value in other.items():
                kinds.setdefault(name, set()).update(() if value is None else (_kind(value),))
    return kinds, in_files


def _table(
    part: Part, z: np.ndarray | None, classes: tuple[str, ...], kinds: Mapping[str, set[type]], in_files: bool
) -> dict[str, Any]:
    """The columns of a part in their order."""
    own = [part.other[k] for k in part.ids - part.first]
    columns = {ID: part.ids, **({FILE: part.files} if in_files else {}), SENTENCE: part.sentences, TEXT: part.texts}
    columns |= {TOKENS: part.tokens, NOTE: part.notes}
    columns |= {name: [_plain(row.get(name), kinds[name]) for row in own] for name in kinds}
    for c, name in enumerate(classes):
        columns[score_column(name)] = part.scores[:, c]
        columns[z_column(name)] = np.full(len(part.ids), np.nan, np.float32) if z is None else z[:, c]
    return columns


def beside(path: Path) -> Path:
    """The file beside a table."""
    return path.with_name(f"{path.name}.json")


def load_readings(path: Path | str) -> TextReadings:
    """Opens a table of texts that were read before.

    path : of the table, as `read_texts` or `emoviz read --texts` has written it, its .json beside it.
    Returns : TextReadings, a row per text and sentence; `frames()` gives them in parts, `to_frame()` at once.
    Raises  : InputError if one of the two is missing or is something else.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> read = ez.read_texts(model, None, ["They won at last. She danced!"], progress=False)
    >>> ez.load_readings(read.path).to_frame()[["sentence", "text"]].values.tolist()[1:]
    [[1, 'They won at last.'], [2, 'She danced!']]
    """
    path = Path(path)
    try:
        given = parsed(content(beside(path), LARGEST_RESULT))
        size_of(path)
        if given.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        tops = {
            what: {name: tuple(TopRow(**row) for row in rows) for name, rows in own.items()}
            for what, own in given.pop("tops").items()
        }
        numbers = {
            name: None if given[name] is None else np.array(given.pop(name), np.float64)
            for name in ("scale", "quantiles")
        }
        words = {name: tuple(given.pop(name)) for name in ("classes", "columns")}
        found = TextReadings(**{**given, **words, **numbers}, path=path, tops=tops)
        check_fields(found)
        check_once(found.classes, "classes")
        n = len(found.classes)
        check_facts(
            {
                "its numbers are not of its classes": found.quantiles.shape == (len(QUANTILES), n)
                and (found.scale is None or found.scale.shape == (2, n)),
                "its highest are not of its classes": set(tops) == set(TOPS)
                and all(set(own) == set(found.classes) for own in tops.values()),
                "counts are no counts": 0 <= found.unread <= found.texts <= found.rows and found.tokens >= 0,
            }
        )
    except DAMAGED as error:
        raise InputError(
            f"{printable(path)} is no table of texts that were read, or {printable(beside(path).name)} beside it is "
            f"missing or damaged ({why(error)}). Give one that emoviz read --texts has written."
        ) from error
    return found


def _list(top: Tops, part: Part, z: np.ndarray | None, rows: np.ndarray) -> None:
    """Those of the rows that are among the highest."""

    def row(k: int, c: int) -> TopRow:
        at = rows[k]
        return TopRow(
            text=part.texts[at][:_SHOWN],
            score=float(part.scores[at, c]),
            z=None if z is None else float(z[at, c]),
            id=int(part.ids[at]),
            sentence=int(part.sentences[at]),
        )

    top.add(part.scores[rows], lambda k: part.texts[rows[k]] if part.tokens[rows[k]] >= LISTED_TOKENS else "", row)


def _kind(value: Any) -> type:
    """What a column of such values holds: bool, int, float, else str."""
    whole = type(value) is int and abs(value) < _INT64
    return type(value) if whole or isinstance(value, (bool, float)) else str


def _plain(value: Any, kinds: set[type]) -> Any:
    """A value as its column has it: numbers where all are numbers, else words."""
    if value is None or (str not in kinds and (len(kinds) == 1 or bool not in kinds)):
        return value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_csv(path: Path, parts: Iterator[dict[str, Any]], kinds: Mapping[str, set[type]]) -> None:
    import pandas as pd

    # With a byte order mark, without which Excel misreads other scripts.
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        for number, columns in enumerate(parts):
            safe = {
                cell(name): [cell(value) for value in values] if isinstance(values, list) else values
                for name, values in columns.items()
            }
            pd.DataFrame(safe).to_csv(
                file,
                header=number == 0,
                index=False,
                float_format="%.6g",
                lineterminator="\n",
                quoting=csv.QUOTE_NONNUMERIC,
            )


def _write_parquet(path: Path, parts: Iterator[dict[str, Any]], kinds: Mapping[str, set[type]]) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(needs_pyarrow(path)) from error
    types = {frozenset({bool}): pa.bool_(), frozenset({int}): pa.int64(), frozenset({float}): pa.float64()}
    types[frozenset({int, float})] = pa.float64()
    writer = None
    try:
        for columns in parts:
            schema = pa.schema(
                [
                    (name, types.get(frozenset(kinds[name]), pa.string()) if name in kinds else _own_type(pa, values))
                    for name, values in columns.items()
                ]
            )
            table = pa.Table.from_pydict(columns, schema=schema)
            writer = parquet.ParquetWriter(path, schema, compression="zstd") if writer is None else writer
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _own_type(pa: Any, values: Sequence[Any] | np.ndarray) -> Any:
    return pa.from_numpy_dtype(values.dtype) if isinstance(values, np.ndarray) else pa.string()


def needs_pyarrow(path: Path) -> str:
    return f"{path} is Parquet, which needs pyarrow: pip install 'emoviz[parquet]'."
