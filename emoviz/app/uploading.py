"""Passages of the user's own: uploaded, looked at, and read by columns and names that can be chosen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import InputError
from ..stimuli import load_corpus
from ..stimuli.corpus import MAX_CLASSES, MIN_CLASSES
from ..stimuli.tables import columns_of, labels_in, numbered, read_rows, usual_columns
from ..words import counted
from .components import MAX_UPLOAD, STATIC_URL, Menu, Message, UploadLimit
from .contract import LATEST, QUIET, by_name

_CHOOSE_FILE = "Passages of your own"
_FORMAT = (
    "Without a file the shipped passages are read. Yours is a table (CSV, TSV, Parquet) with columns emotion, text and "
    'perhaps topic, or JSONL, a line as {"emotion": "...", "text": "...", "topic": "..."}; of other names of columns '
    f"you choose. {MIN_CLASSES} to {MAX_CLASSES} emotions, two passages or more of each, up to {MAX_UPLOAD // 2**20} "
    "MB."
)
_EXAMPLE = f"<a href='{STATIC_URL}/passages-example.jsonl' download>Example file</a>"
# Columns that are named in a line.
_SHOWN = 12
_UNTIL = "until then nothing is extracted."


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of passages as it was uploaded, and how it is read.

    said : what it holds. problem : why it cannot be used, empty if it can. columns : those of the file, empty where it
    cannot be read at all. text, label : which of them are read. numbers : whether its labels are numbers. names : the
    names of these, as they were typed.
    """

    path: str
    corpus_hash: str = ""
    said: str = ""
    problem: str = ""
    columns: tuple[str, ...] = ()
    text: str | None = None
    label: str | None = None
    numbers: bool = False
    names: str = ""


def lay() -> dict[str, Any]:
    """The parts by name: the button, the menus that a file fills, and what is said of it."""
    with gr.Row(elem_classes="ez-controls", elem_id="ez-passages"):
        # Any file is taken here, so that what is wrong with it is said below, where it stays.
        passages = gr.UploadButton(_CHOOSE_FILE, size="sm", scale=0, min_width=260)
        remove = gr.Button("Remove the file", size="sm", scale=0, min_width=160, visible=False, elem_id="ez-no-file")
        gr.HTML(_EXAMPLE, elem_classes="ez-example")
    with gr.Row(visible=False, elem_classes="ez-controls", elem_id="ez-columns") as columns:
        text = Menu([], label="Column of the texts", scale=1, min_width=200)
        label = Menu([], label="Column of the emotions", scale=1, min_width=200)
        names = gr.Textbox(
            label="Names of its numbers",
            info="from 0, one a line, or a JSON list",
            lines=3,
            max_lines=8,
            visible=False,
            scale=2,
            min_width=240,
        )
    checked = Message(_FORMAT, elem_id="ez-passages-said", elem_classes="ez-status")
    limit = UploadLimit({"within": "#ez-passages", "bytes": MAX_UPLOAD}, elem_classes="ez-hidden")
    menus = {"columns": columns, "text": text, "label": label, "names": names}
    return {"passages": passages, "remove": remove, **menus, "checked": checked, "limit": limit}


def wire(part: Mapping[str, Any], go: gr.Button) -> dict[str, Any]:
    """What an extraction asks for, by name: the file, and how the menus say that it is read. go : what it begins by."""
    file = gr.State(None)
    read_as = {name: part[name] for name in ("text", "label", "names")}
    shown = [file, part["checked"], go, part["passages"], part["remove"], part["columns"], *read_as.values()]
    part["passages"].upload(take, part["passages"], shown, **LATEST)
    part["limit"].select(take_too_large, None, shown, **QUIET)
    part["remove"].click(take_none, None, shown, **LATEST)
    for changed in (part["text"].input, part["label"].input, part["names"].blur):
        changed(*by_name(take_as, file=file, **read_as), shown, **LATEST)
    return {"file": file, **read_as}


def take(path: str) -> tuple:
    """(file, what is said of it, Extract, upload, remove, columns, text, label, names) of an uploaded file."""
    return _taken(_read(path))


def take_as(file: Upload | None, text: str | None, label: str | None, names: str) -> tuple:
    """As `take`, of the file that is there, read by other columns or with other names of its numbers."""
    if file is None or not file.columns:
        return (gr.skip(),) * 9
    return _taken(_read(file.path, text, label, names))


def take_too_large(event: gr.EventData) -> tuple:
    """As `take`, of a file that the browser did not send; a visitor can post anything."""
    data = event._data if isinstance(event._data, dict) else {}
    size = data.get("bytes")
    large = f"It has {size / 2**20:.1f} MB" if type(size) is int else "It is too large"
    problem = _wrong(f"{data.get('name')!s:.80}", f"{large}; up to {MAX_UPLOAD // 2**20} MB are allowed.")
    return _taken(Upload("", problem=problem))


def take_none() -> tuple:
    """As `take`, of the shipped passages."""
    return None, _FORMAT, gr.update(interactive=True), _label_of(None), gr.update(visible=False), *_menus(None)


def as_asked(file: Upload | None, text: str | None, label: str | None, names: str) -> Upload | None:
    """The file as the menus say that it is read, which may have been changed since it was last looked at."""
    if file is None or not file.columns or (text, label, names) == (file.text, file.label, file.names):
        return file
    return _read(file.path, text, label, names)


def options(file: Upload, folder: Path) -> dict[str, str | None]:
    """What the command line is given to read it so. folder : for a file of the names of its numbers."""
    names = folder / "names.txt"
    if file.numbers:
        names.write_text(file.names.strip(), "utf-8")
    columns = {"text_column": file.text, "label_column": file.label}
    return {"passages": file.path, **columns, "labels": str(names) if file.numbers else None}


def hidden(text: str, path: str) -> str:
    """The name of an uploaded file will do; where the server keeps it is nobody's business."""
    return text.replace(f"{Path(path).parent}{os.sep}", "")


def _read(path: str, text: str | None = None, label: str | None = None, names: str = "") -> Upload:
    """A file, read by these columns, or by those with the usual names where none is chosen."""
    name, file = Path(path).name, Upload(path, names=names)
    try:
        rows = read_rows(Path(path))
        columns = columns_of(rows)
        usual = usual_columns(columns)
        text, label = usual[0] if text is None else text, usual[1] if label is None else label
        file = replace(file, columns=tuple(columns), text=text, label=label)
        missing = [what for what, column in (("text", text), ("emotion", label)) if column is None]
        if columns and missing:
            some = ", ".join(columns[:_SHOWN]) + (", ..." if len(columns) > _SHOWN else "")
            ask = f"**{name} has the columns {some}.** Choose above which holds the {missing[0]}; {_UNTIL}"
            return replace(file, problem=ask)
        file = replace(file, numbers=label is not None and numbered(rows, label))
        if file.numbers and not names.strip():
            return replace(file, problem=f"**Column {label} of {name} holds numbers.** Name them above; {_UNTIL}")
        labels = labels_in(names.strip(), "the list of names") if file.numbers else None
        corpus = load_corpus(path, text_column=text, label_column=label, labels=labels)
    except InputError as error:
        return replace(file, problem=_wrong(name, hidden(str(error), path)))
    n = f"{counted(len(corpus.passages), 'passage')} of {counted(len(corpus.classes), 'emotion')}"
    some = ", ".join(corpus.classes[:6]) + (", ..." if len(corpus.classes) > 6 else "")
    said = f"**{name}** is read instead of the shipped passages: {n} ({some})."
    return replace(file, corpus_hash=corpus.hash, said=said)


def _taken(file: Upload) -> tuple:
    button = gr.update(interactive=not file.problem)
    said = file.problem if file.problem else file.said
    return file, said, button, _label_of(file), gr.update(visible=True), *_menus(file)


def _menus(file: Upload | None) -> tuple:
    """(columns, text, label, names) as they stand for a file."""
    if file is None or not file.columns:
        empty = gr.update(choices=[], value=None)
        return gr.update(visible=False), empty, empty, gr.update(value="", visible=False)
    choices = list(file.columns)
    return (
        gr.update(visible=True),
        gr.update(choices=choices, value=file.text),
        gr.update(choices=choices, value=file.label),
        gr.update(value=file.names, visible=file.numbers),
    )


def _label_of(file: Upload | None) -> dict:
    return gr.update(value=None, label=_CHOOSE_FILE if file is None else "Choose another file")


def _wrong(name: str, why: str) -> str:
    return f"**{name} cannot be used.** {why} Choose another file, or remove it; {_UNTIL}"
