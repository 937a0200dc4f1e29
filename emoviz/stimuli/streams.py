"""Texts one after another, out of files of any size: nothing but a part of a file is ever in memory.

The formats are those of passages, without emotions, and plain text: a .txt file is one text. A row that cannot be used
is given with the reason, so that it stops nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ..errors import InputError, first_line
from ..types.given import file_name
from ..types.texts import OWN_COLUMNS, score_column, z_column
from .files import MARK, open_text
from .tables import FORMATS, check_once, column_of, columns_of, delimiter_of, frame_rows, parquet_parts, usual_columns

TEXT_FORMATS = (".txt", *FORMATS)
# Letters of one text: a long novel has three million. Beyond it a row is no text, and no memory would hold its tokens.
LONGEST = 10_000_000
# A JSON list cannot be read in parts.
LARGEST_LIST = 50 * 2**20
# Rows that tell which columns there are; rows of a table that are taken at once.
_FIRST, _ROWS = 1000, 1000

# A row by its columns, or why there is none.
_Fields = dict[str, Any] | str


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text as it came.

    other : its other columns; `folder` where a file lies deeper than the folder that was given. file : its name there.
    why : why there is no text.
    """

    text: str
    other: dict[str, Any]
    file: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class TextSource:
    """Texts that can be gone through again and again. name : of the file or the folder. rows : opens them."""

    name: str
    rows: Callable[[], Iterator[TextRow]]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a first look at all texts found. hash : of their content. columns : of the others. groups : how many texts
    have each value of the column that was asked for."""

    n: int
    hash: str
    columns: tuple[str, ...]
    groups: Counter[str]


def text_source(given: Any, text_column: str | None = None, name: str = "texts") -> TextSource:
    """The texts of a file, of all files in a folder, of a DataFrame or of a list.

    text_column : what it is called; None looks for the usual names. name : what texts of no file are called.
    Raises InputError for what is none of this, and later, from `rows`, for a file that cannot be opened or read as what
    its name says, or that has no such column.
    """
    if isinstance(given, (str, Path)):
        path = Path(given)
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix.lower() in TEXT_FORMATS and p.is_file())
            if not files:
                raise InputError(f"folder {path} holds no texts; files that end in {', '.join(TEXT_FORMATS)} are read.")
            name = path.resolve().name
            return TextSource(
                _as_name(name),
                lambda: chain.from_iterable(_file_rows(p, text_column, p.relative_to(path).as_posix()) for p in files),
            )
        if path.suffix.lower() not in TEXT_FORMATS:
            raise InputError(
                f"texts {path.name!r:.80} were given; a folder, or a file that ends in {', '.join(TEXT_FORMATS)}, is "
                "read."
            )
        return TextSource(_as_name(path.stem), lambda: _file_rows(path, text_column))
    file_name(name)
    if hasattr(given, "columns"):
        return TextSource(name, lambda: _picked(_frame(given, name), text_column, name, ""))
    given = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(given, Sequence):
        raise InputError(f"texts are {given!r:.40}; the path of a file, a list of texts or a DataFrame is needed.")
    return TextSource(name, lambda: (_row({"text": text}, "text", "") for text in given))


def columns_in(path: Path) -> list[str]:
    """The columns of a file of texts, as its first rows say them; none of plain text."""
    if path.suffix.lower() not in _OPENED:
        return []
    return columns_of(
        [("", row) for row in islice(_OPENED[path.suffix.lower()](path), _FIRST) if isinstance(row, dict)]
    )


def scan(source: TextSource, group_column: str | None = None) -> Scan:
    """Goes through all texts once. Raises InputError without any, and for a column that none of them has."""
    digest = hashlib.sha256()
    columns: dict[str, None] = {}
    groups: Counter[str] = Counter()
    n = 0
    for row in source.rows():
        n += 1
        content = json.dumps([row.text, row.other, row.file, row.why], default=str)
        digest.update(content.encode())
        columns |= dict.fromkeys(row.other)
        if group_column is not None and row.other.get(group_column) is not None:
            groups[str(row.other[group_column])] += 1
    if not n:
        raise InputError(f"{source.name} holds no texts. Give one or more.")
    if group_column is not None and group_column not in columns:
        raise InputError(f"{source.name} has no column {group_column!r}; it has {', '.join(columns) or 'no others'}.")
    return Scan(n, digest.hexdigest(), tuple(columns), groups)


def clean(text: str) -> str:
    """The text as UTF-8 can hold it: what stands for no letter becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _as_name(stem: str) -> str:
    """The name of a file, as a part of other names."""
    kept = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in stem).strip("-")[:40]
    return kept if kept else "texts"


def _file_rows(path: Path, text_column: str | None, shown: str = "") -> Iterator[TextRow]:
    suffix = path.suffix.lower()
    if suffix == ".txt":
        return iter([_plain_text(path, shown)])
    return _picked(_OPENED[suffix](path), text_column, str(path), shown)


def _picked(rows: Iterator[_Fields], text_column: str | None, origin: str, shown: str) -> Iterator[TextRow]:
    """Rows with their text told from their other columns. The first rows say which columns there are."""
    first = list(islice(rows, _FIRST))
    there = columns_of([("", row) for row in first if not isinstance(row, str)])
    if not there and not first:
        return
    column = column_of(there, text_column, usual_columns(there)[0], "text", origin, table=True)
    for row in chain(first, rows):
        yield TextRow("", {}, shown, row) if isinstance(row, str) else _row(row, column, shown)


def _row(fields: dict[str, Any], column: str, shown: str) -> TextRow:
    text = fields.get(column)
    other = {_free(clean(str(name))): value for name, value in fields.items() if name != column}
    if "/" in shown:
        other.setdefault("folder", shown.rpartition("/")[0])
    why = ""
    if not isinstance(text, str) or not text.strip():
        why = "not read: no text" if text is None or isinstance(text, str) else f"not read: {text!r:.40} is no text"
        text = text if isinstance(text, str) else ""
    elif len(text) > LONGEST:
        why = f"not read: {len(text):,} letters, more than {LONGEST:,}"
        text = text[:1000]
    try:
        text.encode()
    except UnicodeEncodeError:
        why, text = "not read: it is not UTF-8, or holds half of a surrogate pair", clean(text)
    return TextRow(text, other, shown, why)


def _free(column: str) -> str:
    """The name of a column beside those of a table of readings."""
    taken = column in OWN_COLUMNS or column.startswith((score_column(""), z_column("")))
    return f"given {column}" if taken else column


def _plain_text(path: Path, shown: str) -> TextRow:
    with open_text(path) as file:
        return _row({"text": file.read(LONGEST + 1)}, "text", shown)


def _jsonl(path: Path) -> Iterator[_Fields]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _object(line.removeprefix(MARK), f"line {number}")


def _object(line: str, where: str) -> _Fields:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return f"not read: {where} is not JSON"
    return row if isinstance(row, dict) else f"not read: {where} is no object of JSON"


def _json(path: Path) -> Iterator[_Fields]:
    with open_text(path) as file:
        content = file.read(LARGEST_LIST + 1)
    if len(content) > LARGEST_LIST:
        raise InputError(
            f"{path} is a JSON list of more than {LARGEST_LIST // 2**20} MB, which cannot be read in parts. Write one "
            "object a line, as .jsonl."
        )
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({first_line(error):.80}). Write a list of objects.") from error
    if not isinstance(rows, list):
        raise InputError(f"{path} is a {type(rows).__name__}, not a list. Write a list of objects.")
    for number, row in enumerate(rows):
        yield row if isinstance(row, dict) else f"not read: item {number} is no object of JSON"


def _separated(by: str) -> Callable[[Path], Iterator[_Fields]]:
    def read(path: Path) -> Iterator[_Fields]:
        with open_text(path, newline="") as file:
            mark = delimiter_of(file.readline(), by)
            file.seek(0)
            before = csv.field_size_limit(LONGEST)
            try:
                reader = csv.reader((line.removeprefix(MARK) for line in file), delimiter=mark, strict=True)
                names = next(reader, [])
                check_once(names, str(path))
                for row in reader:
                    if row:
                        wrong = f"not read: line {reader.line_num} has another number of columns than the first"
                        yield dict(zip(names, row, strict=True)) if len(row) == len(names) else wrong
            except csv.Error as error:
                raise InputError(
                    f"{path} cannot be read as a table (line {reader.line_num}: {error}). Close every quotation mark."
                ) from error
            finally:
                csv.field_size_limit(before)

    return read


def _parquet(path: Path) -> Iterator[_Fields]:
    return chain.from_iterable(parquet_parts(path, lambda batch: batch.to_pylist()))


def _frame(table: Any, name: str) -> Iterator[_Fields]:
    for start in range(0, len(table), _ROWS):
        for _, row in frame_rows(table.iloc[start : start + _ROWS], name, "the DataFrame"):
            yield row


_OPENED: dict[str, Callable[[Path], Iterator[_Fields]]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".parquet": _parquet,
}
