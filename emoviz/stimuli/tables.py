"""Tables of labelled texts: JSONL, JSON, CSV, TSV, Parquet and DataFrames, under the usual names of columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError, first_line
from ..files import LARGEST_TEXT
from .files import read_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

# In the order in which they are looked for; capitals do not count.
TEXT_COLUMNS = ("text", "sentence", "utterance", "passage")
LABEL_COLUMNS = ("emotion", "label", "class")
_USUAL = {"text": TEXT_COLUMNS, "label": LABEL_COLUMNS}
# What has one line of names for all rows.
TABLES = (".csv", ".tsv", ".parquet")
FORMATS = (".jsonl", ".json", *TABLES)
LINE_FORM = '{"emotion": "...", "text": "...", "topic": "..."}'
_LONGEST = 10_000_000
# No label has more.
_MOST_DIGITS = 20
# Rows of a Parquet file that are unpacked at once.
_BATCH = 100
# Times that text is smaller when it is packed well.
_MOST_PACKED = 50

Part = TypeVar("Part")
# Where a row stands, and its values by column.
Row = tuple[str, dict[str, Any]]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, by the ending of its name; one of another ending is read as JSONL.

    Raises InputError if it cannot be read.
    """
    return _READERS.get(path.suffix.lower(), _jsonl)(path)


def frame_rows(table: pd.DataFrame, where: str, origin: str, first: int = 0) -> list[Row]:
    """The rows of a DataFrame; what is missing there, as NaN, None or NA, is missing in the row.

    where : what the rows are of. origin : what the table is. first : the number of its first row. Raises InputError for
    two columns of one name.
    """
    check_once([str(column) for column in table.columns], origin)
    kept = table.astype(object).where(table.notna(), None)
    return [
        (f"{where}, row {k}", {str(column): _plain(value) for column, value in row.items() if value is not None})
        for k, row in enumerate(kept.to_dict("records"), first)
    ]


def columns_of(rows: Sequence[Row]) -> list[str]:
    """The names of the columns, in the order in which they come."""
    return list(dict.fromkeys(column for _, row in rows for column in row))


def usual_columns(columns: Sequence[str]) -> tuple[str | None, str | None]:
    """Those of text and of label, by the usual names; None where there is none."""
    lower = {column.lower(): column for column in reversed(columns)}
    text, label = (next((lower[name] for name in usual if name in lower), None) for usual in _USUAL.values())
    return text, label


def numbered(rows: Sequence[Row], column: str) -> bool:
    """Whether some label is a number, which needs a name."""
    return any(_is_number(row.get(column)) for _, row in rows)


def named(
    rows: Sequence[Row],
    origin: str,
    text_column: str | None = None,
    label_column: str | None = None,
    labels: Sequence[str] | None = None,
    *,
    table: bool,
) -> list[Row]:
    """The same rows with their text under `text` and their label under `emotion`.

    text_column, label_column : what they are called; None looks for TEXT_COLUMNS and LABEL_COLUMNS.
    labels : the names of labels that are numbers, from 0. table : whether all rows have the same columns; objects of
    JSON may each lack one, which is said of each.
    Raises : InputError for a column that is not there, and for numbers without names or beyond them.
    """
    there = columns_of(rows)
    text, label = usual_columns(there)
    text = column_of(there, text_column, text, "text", origin, table)
    label = column_of(there, label_column, label, "label", origin, table)
    found = []
    for where, row in rows:
        # An empty topic of a table is none.
        other = {column: value for column, value in row.items() if column not in (text, label) and value != ""}
        other |= {"text": row[text]} if text in row else {}
        if label in row:
            # A text in JSON is a name, whatever stands in it; in a table it may be a number.
            is_name = not table and labels is None and isinstance(row[label], str)
            other["emotion"] = row[label] if is_name else label_name(row[label], labels, where)
        found.append((where, other))
    return found


def column_of(there: Sequence[str], asked: str | None, found: str | None, what: str, origin: str, table: bool) -> str:
    """Which column is meant: the one that was asked for, else the one that was found by its usual name."""
    usual = _USUAL[what]
    if asked is not None:
        if asked not in there:
            raise InputError(f"{origin} has no column {asked!r}; it has {_listed(there)}. Give one of these as {what}.")
        return asked
    if found is None and table and there:
        raise InputError(
            f"{origin} has the columns {_listed(there)}; one of {what}s is needed ({', '.join(usual)}). Rename yours, "
            f"or name it with --{what}-column, in Python {what}_column."
        )
    return usual[0] if found is None else found


def read_labels(path: Path | str) -> tuple[str, ...]:
    """The names of numbered labels: one a line, or a JSON list. Raises InputError for an empty one, and one twice."""
    return labels_in(read_text(Path(path), "a file with one label a line is", path), str(path))


def labels_in(text: str, shown: str) -> tuple[str, ...]:
    """The same from a text. shown : how messages name it."""
    if text.lstrip().startswith("["):
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{shown} is not JSON. Write one label a line, or a JSON list of names.") from error
        names = [name if isinstance(name, str) else "" for name in given]
    else:
        names = text.rstrip("\n").split("\n")
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise InputError(f"{shown} has an empty label. Write one label a line, or a JSON list of names.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{shown} names the class {twice!r} twice. Name each class once.")
    return tuple(names)


def label_name(value: Any, labels: Sequence[str] | None, where: str) -> Any:
    """A label as a word. What is no label stays as it is, to be refused with the row."""
    if not _is_number(value):
        if labels is not None and isinstance(value, str) and value.strip() not in labels:
            raise InputError(f"{where} has the label {value!r:.60}, which is none of those that were named.")
        return value
    if labels is None:
        raise InputError(f"{where} has the number {value} as label. Name the labels, from 0, with --labels.")
    if int(value) >= len(labels) or int(value) < 0:
        raise InputError(f"{where} has the label {value}; {len(labels)} are named, from 0 to {len(labels) - 1}.")
    return labels[int(value)]


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().isdecimal() and len(value) < _MOST_DIGITS
    return isinstance(value, int) and not isinstance(value, bool)


def check_once(columns: Sequence[str], where: str) -> None:
    """Raises InputError for two columns of one name. where : what has them."""
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{where} has the column {twice!r} more than once. Keep one of these columns.")


def _jsonl(path: Path) -> list[Row]:
    lines = read_text(path, "a JSONL file of passages is", path).split("\n")
    return [(where := f"{path}, line {k}", json_row(line, where)) for k, line in enumerate(lines, 1) if line.strip()]


def json_row(line: str, where: str) -> dict[str, Any]:
    """One object of JSON. Raises InputError for anything else."""
    try:
        row = json.loads(line)
        # Half of a surrogate pair can be escaped in JSON, but is no text.
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or getattr(error, "reason", None) or "a number or nesting too long"
        raise InputError(f"{where} is not JSON ({reason}). Write it as {LINE_FORM}.") from error
    if not isinstance(row, dict):
        raise InputError(f"{where} is a {type(row).__name__}, not an object. Write it as {LINE_FORM}.")
    return row


def _json(path: Path) -> list[Row]:
    text = read_text(path, "a JSON list of passages is", path)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "a number or nesting too long"
        raise InputError(f"{path} is not JSON ({reason}). Write a list of objects.") from error
    if not isinstance(given, list):
        raise InputError(f"{path} is a {type(given).__name__}, not a list. Write a list of objects.")
    return [(where := f"{path}, item {k}", json_row(json.dumps(row), where)) for k, row in enumerate(given)]


def delimiter_of(head: str, by: str) -> str:
    """What parts the columns of a table. head : its first line. by : what its name says."""
    # Where a comma is a decimal mark, spreadsheets write semicolons.
    return ";" if by == "," and "," not in head and ";" in head else by


def _separated(by: str) -> Callable[[Path], list[Row]]:
    def read(path: Path) -> list[Row]:
        text = read_text(path, "a table of passages is", path)
        mark = delimiter_of(text.partition("\n")[0], by)
        before = csv.field_size_limit(_LONGEST)
        try:
            reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
            names = reader.fieldnames
            rows = [(f"{path}, line {reader.line_num}", row) for row in reader]
        except csv.Error as error:
            raise InputError(f"{path} cannot be read as a table ({error}). Close every quotation mark.") from error
        finally:
            csv.field_size_limit(before)
        check_once([] if names is None else list(names), str(path))
        for where, row in rows:
            if None in row or None in row.values():
                raise InputError(f"{where} has another number of columns than the first line.")
        return rows

    return read


def _parquet(path: Path) -> list[Row]:
    rows: list[Row] = []
    letters = 0

    def taken(batch: pyarrow.RecordBatch) -> list[Row]:
        return frame_rows(batch.to_pandas(), str(path), str(path), first=len(rows))

    for found in parquet_parts(path, taken):
        rows += found
        letters += sum(len(str(value)) for _, row in found for value in row.values())
        if letters > LARGEST_TEXT:
            raise InputError(f"{path} holds more than {LARGEST_TEXT >> 20} MB, unpacked. Give fewer rows.")
    return rows


def parquet_parts(path: Path, taken: Callable[[pyarrow.RecordBatch], Part]) -> Iterator[Part]:
    """What is taken of the rows of a Parquet file, a few at a time: a megabyte of it may hold gigabytes.

    Raises InputError if it cannot be read.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(f"{path} is Parquet, which needs pyarrow: pip install 'emoviz[parquet]'.") from error
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            check_once(names, str(path))
            groups = map(file.metadata.row_group, range(file.num_row_groups))
            if any(one.total_byte_size > max(LARGEST_TEXT, _MOST_PACKED * path.stat().st_size) for one in groups):
                raise InputError(f"{path} claims far more than a file of its size holds. Write it again.")
        # What is the same in many rows is kept once, as it is in the file.
        with parquet.ParquetFile(path, read_dictionary=names) as file:
            for batch in file.iter_batches(_BATCH):
                _check_lengths(batch, path)
                yield taken(batch)
    except InputError:
        raise
    # A broken file makes the reader raise anything at all.
    except Exception as error:
        raise InputError(f"{path} cannot be read as Parquet ({first_line(error):.120}).") from error


def _check_lengths(batch: pyarrow.RecordBatch, path: Path) -> None:
    from pyarrow import DictionaryArray, compute

    for column in batch.columns:
        if isinstance(column, DictionaryArray):
            longest = compute.max(compute.binary_length(column.dictionary)).as_py()
            if longest is not None and longest > _LONGEST:
                raise InputError(f"{path} holds a value of {longest:,} bytes; up to {_LONGEST:,} are read.")


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's."""
    return value.item() if hasattr(value, "item") else value


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(str, columns)) if columns else "none"


_READERS: Mapping[str, Callable[[Path], list[Row]]] = {
    ".json": _json,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".parquet": _parquet,
}
