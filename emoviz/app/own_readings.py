"""Texts of the visitor's own: uploaded, looked at, and the tables of those that were read, for one browser alone."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ..errors import InputError
from ..stimuli.streams import columns_in, scan, text_source
from ..stimuli.tables import usual_columns
from ..store.folders import readings_folder
from ..store.readings import beside, load_readings
from ..types import TextReadings, VectorSet
from ..words import counted
from .limits import check_file, is_public
from .uploading import hidden

# Of one browser: a folder that only its secret leads to, and a table in it.
_NAME = re.compile(r"[0-9a-f]{32}/[\w.+-]{1,120}")
_SUFFIX = ".csv"
# Tables of all visitors together, where strangers share the page.
_MOST_SHARED = 100


@dataclass(frozen=True, slots=True)
class Texts:
    """A file of texts as it was uploaded. columns : those that it has. column : the one that is read. said : what it
    holds. problem : why it cannot be read, empty if it can. hash : of its content."""

    path: str
    columns: tuple[str, ...] = ()
    column: str | None = None
    said: str = ""
    problem: str = ""
    hash: str = ""


def looked_at(path: str, column: str | None = None) -> Texts:
    """A file, read by this column, or by the usual one where none is chosen."""
    name, file = Path(path).name, Texts(path)
    try:
        columns = tuple(columns_in(Path(path)))
        column = usual_columns(columns)[0] if column is None else column
        file = replace(file, columns=columns, column=column)
        if columns and column is None:
            return replace(file, problem=f"**{name} has the columns {', '.join(columns)}.** Choose that of the texts.")
        check_file(0, Path(path).stat().st_size / 1000)
        found = scan(text_source(path, column))
        check_file(found.n, 0)
    except InputError as error:
        said = f"**{name} cannot be read.** {hidden(str(error), path)} Choose another file, or remove it."
        return replace(file, problem=said)
    return replace(file, said=f"**{name}** holds {counted(found.n, 'text')}.", hash=found.hash)


def table_for(owner: str, file: Texts, vectors: VectorSet, layer: int) -> Path:
    """Where the table of a file goes."""
    stem = re.sub(r"[^\w.+-]+", "-", Path(file.path).stem)[:40]
    return _folder(owner) / f"{stem}_{vectors.provenance.model.split('/')[-1]}_{layer}_{file.hash[:8]}{_SUFFIX}"


def make_room() -> None:
    """On a page that many share only the latest tables are kept, whoever had them made."""
    tables = sorted(readings_folder().glob(f"*/*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for path in tables[:-_MOST_SHARED] if is_public() else []:
        for one in (path, beside(path)):
            one.unlink(missing_ok=True)


def own_readings(owner: str) -> list[tuple[str, str]]:
    """(label, name) of the tables of one browser, the newest first."""
    if not owner:
        return []
    folder = _folder(owner)
    there = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    names = [f"{folder.name}/{path.stem}" for path in there]
    return [(label, name) for label, name in ((label_of(name), name) for name in names) if label]


def readings_named(name: str | None) -> TextReadings | None:
    """The table of that name; None if there is none. A visitor can post any value."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return None
    path = readings_folder() / f"{name}{_SUFFIX}"
    try:
        return _opened(path, beside(path).stat().st_mtime_ns)
    except (OSError, InputError):
        return None


def label_of(name: str) -> str:
    """How a table is called; empty where there is none of that name."""
    found = readings_named(name)
    if found is None:
        return ""
    stem = name.partition("/")[2].rpartition(f"_{found.model.split('/')[-1]}_")[0]
    return f"{stem} · {found.model}, layer {found.layer} · {counted(found.texts, 'text')}"


def delete_readings(name: str | None) -> str:
    """Deletes a table; returns how it was called. Raises InputError where there is none of that name."""
    found = readings_named(name)
    if found is None or name is None:
        raise InputError("nothing that was read is chosen. Choose it in the menu.")
    label = label_of(name)
    for path in (found.path, beside(found.path)):
        path.unlink(missing_ok=True)
    return label


def _folder(owner: str) -> Path:
    return readings_folder() / hashlib.sha256(owner.encode()).hexdigest()[:32]


@lru_cache(maxsize=64)
def _opened(path: Path, _changed: int) -> TextReadings:
    return load_readings(path)
