"""Many texts: a file is read as a job; then the highest texts, sentences and tokens, their spread, and two groups."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

import gradio as gr
import numpy as np

from .... import plot
from ....errors import InputError
from ....plots.wording import minus
from ....process import run_command, words_of
from ....stats.groups import OTHERS, chosen_groups, difference_of, group_scores
from ....store.making import scratch_folder
from ....types import GroupDifference, TextReadings, TopRow
from ....types.texts import TOPS
from ....words import counted
from ... import deleting, fetching
from ...components import EMPTY, MAX_UPLOAD, Figure, Menu, Message, Table, UploadLimit
from ...contract import EACH, EXPORTS, LATEST, QUIET, Laid, Page, Tab, by_name, tried
from ...job_strip import BEGUN, lines, model_label, told_owner
from ...jobs import JOBS
from ...leaving import when_ready
from ...library import library
from ...limits import place_of
from ...own_readings import (
    Texts,
    delete_readings,
    label_of,
    looked_at,
    make_room,
    own_readings,
    readings_named,
    table_for,
)
from ...selection import Selection, pick_emotion
from ...snippet import figure, with_model
from ...uploading import hidden
from .text import fetch

# Of the highest of an emotion, as many as are shown.
_SHOWN = 10
# Values of a column that a menu has room for.
_VALUES = 60
_FORMAT = (
    "Texts of your own: a table (CSV, TSV, Parquet), JSONL, a JSON list, or plain text, up to "
    f"{MAX_UPLOAD // 2**20} MB. Other columns travel along. Larger files and folders: emoviz read MODEL --texts FILE."
)
NONE = "Nothing was read yet. Choose a file above; what is read stays here, for this browser alone."
_CHOOSE_FILE = "Choose a file of texts"


def take(path: str) -> tuple:
    """(file, what is said of it, Read, remove, column) of an uploaded file."""
    return _taken(looked_at(path))


def take_as(file: Texts | None, column: str | None) -> tuple:
    """As `take`, of the file that is there, read by another column."""
    return (gr.skip(),) * 5 if file is None else _taken(looked_at(file.path, column))


def take_none() -> tuple:
    """As `take`, without a file."""
    return _taken(None)


def take_too_large(event: gr.EventData) -> tuple:
    """As `take`, of a file that the browser did not send; a visitor can post anything."""
    data = event._data if isinstance(event._data, dict) else {}
    said = f"up to {MAX_UPLOAD // 2**20} MB are allowed on the page. Use emoviz read --texts."
    return _taken(Texts("", problem=f"**{data.get('name')!s:.80} is too large;** {said}"))


def _taken(file: Texts | None) -> tuple:
    columns = [] if file is None else list(file.columns)
    return (
        file,
        _FORMAT if file is None else file.problem if file.problem else file.said,
        gr.update(interactive=file is not None and not file.problem),
        gr.update(visible=file is not None),
        gr.update(choices=columns, value=None if file is None else file.column, visible=bool(columns)),
    )


def begin(file: Texts | None, column: str | None, view: Selection, owner: str) -> tuple:
    """(status, jobs): the file is read as a job, by the first selected set at its layer."""
    try:
        if file is not None and column != file.column:
            file = looked_at(file.path, column)
        if file is None or file.problem:
            raise InputError("no file of texts is chosen. Choose one above.")
        vectors = view.chosen()[0]
        layer, model = view.layers([vectors])[0], vectors.provenance.model
        out = table_for(owner, file, vectors, layer)
        place, how = place_of(model, vectors.provenance.origin), {"texts": file.path, "text_column": file.column}
        words = words_of("read", place, out=str(out), set=vectors.name, layer=f"{layer}", **how)
        make_room()
        JOBS.start("reading", f"Texts read by {model_label(model)}", owner, lambda: make(words, file.path))
    except InputError as error:
        return f"**Cannot read.** {error}", gr.skip()
    return BEGUN, lines(owner)


def make(words: list[str], path: str) -> Generator[str, None, str]:
    """Yields what the reading says, returns its result. Closing it ends the process. Raises InputError with its
    complaint."""
    try:
        made = yield from run_command(words)
    except InputError as error:
        raise InputError(hidden(str(error), path)) from error
    unread = f", {made['unread']:,} of them not" if made["unread"] else ""
    return f"{counted(made['texts'], 'text')} read{unread}, in {made['seconds']:.0f} s. See Read, Many texts."


def lay(_start: Selection) -> Laid:
    owner, file = gr.State(""), gr.State(None)
    with gr.Row(elem_classes="ez-controls", elem_id="ez-many"):
        upload = gr.UploadButton(_CHOOSE_FILE, size="sm", scale=0, min_width=220)
        remove = gr.Button("Remove the file", size="sm", scale=0, min_width=160, visible=False)
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        column = Menu([], label="Column of the texts", visible=False, scale=3, min_width=200)
        go = gr.Button("Read the texts", variant="primary", interactive=False, elem_id="ez-many-read", scale=0)
    said = Message(_FORMAT, elem_classes="ez-status", elem_id="ez-many-said")
    limit = UploadLimit({"within": "#ez-many", "bytes": MAX_UPLOAD}, elem_classes="ez-hidden")
    outputs: dict[str, Any] = {"fetch": fetching.lay()}
    with gr.Row(elem_classes="ez-controls", visible=False) as read:
        table = Menu([], value=None, label="What was read", scale=6, elem_id="ez-many-table")
        keep = gr.Button("Save the table", size="sm", scale=0, min_width=150)
        download = gr.DownloadButton("", elem_id="ez-many-file", elem_classes="ez-hidden")
    outputs |= {"read": read, "heading": Message(elem_classes="ez-prose"), "distribution": Figure(EMPTY)}
    for what in TOPS:
        outputs[what] = Table(EMPTY, elem_classes="ez-left")
    with gr.Row(elem_classes="ez-controls", visible=False) as compare:
        group = Menu([], label="Compare two groups, by column", scale=3, min_width=160)
        first = Menu([], label="First group", scale=3, min_width=160, visible=False)
        second = Menu([], label="Second group", scale=3, min_width=160, visible=False)
    outputs |= {"compare": compare, "difference": Figure(EMPTY)}
    with gr.Column(visible=False) as managed:
        gone = deleting.lay([], "Delete what was read", what_goes, delete, said, label_of)
    outputs |= {"managed": managed, "delete": gone.menu}
    controls = {"owner": owner, "table": table, "group": group, "first": first, "second": second}
    parts: dict[str, Any] = {
        "upload": upload,
        "remove": remove,
        "column": column,
        "go": go,
        "said": said,
        "limit": limit,
    }
    parts |= {"file": file, "save": keep, "download": download}
    menus = [*list(controls)[1:], "fetch", "read", "compare", "managed", "delete"]
    return Laid(controls, outputs, parts, menus, linked={}, changed=[gone.done])


def wire(page: Page) -> None:
    laid, strip = page.laid["Many texts"], page.jobs
    part, control = laid.parts, laid.controls
    shown = [part["file"], part["said"], part["go"], part["remove"], part["column"]]
    part["upload"].upload(take, part["upload"], shown, **LATEST)
    part["limit"].select(take_too_large, None, shown, **QUIET)
    part["remove"].click(take_none, None, shown, **LATEST)
    part["column"].input(take_as, [part["file"], part["column"]], shown, **LATEST)
    asked = {"file": part["file"], "column": part["column"], "owner": strip.owner}
    part["go"].click(*by_name(begin, page.selection, **asked), [part["said"], strip.lines], **QUIET)
    laid.outputs["fetch"].click(
        *by_name(fetch, page.selection, owner=strip.owner), [part["said"], strip.lines], **QUIET
    )
    saved = part["save"].click(save, control["table"], [part["said"], part["download"]], **EXPORTS)
    saved.then(None, js=when_ready("ez-many-file", ".csv"))
    # The state of the jobs is no control of this tab.
    strip.lines.select(visitor, None, control["owner"], **EACH)


def visitor(event: gr.EventData) -> Any:
    """Whose page it is, once the browser has told."""
    told = told_owner(event._data)
    return gr.skip() if told is None else told


def save(table: Any) -> Iterator[tuple]:
    """Yields (status, the file) of the table that is shown."""
    found = readings_named(table)
    if found is None:
        yield "**Cannot save.** Nothing was read yet.", gr.skip()
        return
    with scratch_folder() as folder:
        path = shutil.copy(found.path, folder)
        # Gradio keeps a copy for the browser to fetch, of what lies in a temporary folder.
        said = f"{found.path.name}, {found.path.stat().st_size / 1e6:.1f} MB"
        yield said, gr.update(value=path, label=found.path.name)


def what_goes(name: str | None) -> str:
    """What is deleted with a table. Raises InputError where it is none of this browser's."""
    found = readings_named(name)
    if found is None:
        raise InputError("nothing that was read is chosen. Choose it in the menu.")
    return (
        f"The table of {counted(found.texts, 'text')} and what stands out in it are removed; the file of texts stays."
    )


def delete(name: str | None) -> str:
    """Deletes a table; returns what happened."""
    try:
        return f"{delete_readings(name)} is deleted."
    except InputError as error:
        return f"**Cannot delete.** {error}"


def draw(view: Selection, owner: str, table: Any, group: Any, first: Any, second: Any) -> dict:
    """Of the table that is chosen, for the selected emotion; the model is not run again."""
    own = own_readings(owner)
    names = [name for _, name in own]
    table = table if table in names else next(iter(names), None)
    found = readings_named(table)
    shown: dict[str, Any] = {
        "table": gr.update(choices=own, value=table),
        "delete": gr.update(choices=own),
        "fetch": fetching.offer([view.chosen()[0].provenance.model]),
    }
    shown |= {name: gr.update(visible=found is not None) for name in ("read", "managed")}
    if found is None:
        nothing = dict.fromkeys(("distribution", *TOPS, "difference"))
        away = dict.fromkeys(("compare", "group", "first", "second"), gr.update(visible=False))
        return {**shown, **nothing, **away, "heading": NONE}
    emotion = view.emotion if view.emotion in found.classes else found.classes[0]
    shown |= {
        "heading": _heading(found),
        "distribution": tried(plot.text_distribution, found, emotion),
        **{what: _table(found, emotion, what) for what in TOPS},
    }
    return shown | _groups(found, emotion, group, first, second)


def _heading(found: TextReadings) -> str:
    unread = f", {found.unread:,} of them not read (the column note says why)" if found.unread else ""
    z = f"No z: {found.no_z}." if found.no_z else "z is against the passages of the set; a sentence spreads more."
    return (
        f"**{counted(found.texts, 'text')} in {counted(found.rows, 'row')}**{unread}; set {found.set}, layer "
        f"{found.layer}. {z}"
    )


def _table(found: TextReadings, emotion: str, what: str) -> dict:
    """The highest texts, sentences or tokens of an emotion."""
    rows = found.tops[what][emotion][:_SHOWN]
    highest = max((abs(row.score) for row in rows), default=1.0)
    columns, cells = ["score", "z", "text"], [[_signed(row.score), _z(row.z), row.text.strip()] for row in rows]
    if what == "tokens":
        columns, cells = ["score", "token", "in its text"], [_in_text(row) for row in rows]
    return {
        "columns": columns,
        "rows": cells,
        "groups": {0: f"Highest {what} of {emotion}"},
        "shares": [row.score / highest for row in rows],
        "notes": [] if rows else [f"no {what} of five tokens or more were read"],
        "wrap": True,
    }


def _in_text(row: TopRow) -> list[str]:
    token = row.text.strip()
    around = row.text.replace(token, f"\u27e6{token}\u27e7", 1)
    return [_signed(row.score), token, " ".join(f"{row.before}{around}{row.after}".split())]


def _signed(score: float) -> str:
    return minus(f"{score:+.3f}")


def _z(z: float | None) -> str:
    return "\u2013" if z is None else minus(f"{z:+.1f}")


def _groups(found: TextReadings, emotion: str, group: Any, first: Any, second: Any) -> dict[str, Any]:
    """The menus of groups, and what the chosen ones differ in."""
    columns = list(found.columns)
    group = group if group in columns else None
    menus: dict[str, Any] = {
        "compare": gr.update(visible=bool(columns)),
        "group": gr.update(choices=columns, value=group, visible=True),
        **dict.fromkeys(("first", "second"), gr.update(visible=False)),
    }
    if group is None:
        return {**menus, "difference": None}
    key = f"{found.path} {found.path.stat().st_mtime_ns} {group}"
    values, scores = library().kept(f"groups {key}", lambda: group_scores(found, group))
    counts = Counter(values.tolist())
    common = [value for value, _ in counts.most_common(_VALUES)]
    first = first if first in counts else next(iter(common), None)
    others = [value for value in common if value != first]
    second = second if second in (*others, OTHERS) else others[0] if len(counts) == 2 else OTHERS

    def drawn() -> Any:
        names = chosen_groups(counts, group, first, None if second == OTHERS else second)
        made = library().kept(f"difference {key} {names!r}", lambda: _difference(found, group, names, values, scores))
        return plot.group_difference(made, emotion)

    return {
        **menus,
        "first": gr.update(choices=common, value=first, visible=True),
        "second": gr.update(choices=[OTHERS, *others], value=second, visible=True),
        "difference": tried(drawn),
    }


def _difference(
    found: TextReadings, group: str, names: tuple[str, str], values: np.ndarray, scores: np.ndarray
) -> GroupDifference:
    own = values == names[0]
    other = ~own if names[1] == OTHERS else values == names[1]
    return difference_of(scores[own], scores[other], found.classes, group, names)


def python(view: Selection) -> str:
    vectors = view.chosen()[0]
    texts = ["She could not stop crying after the funeral.", "The children ran into the sea, laughing."]
    return with_model(
        vectors,
        f"texts = {texts!r}  # or the path of a file or a folder",
        f"found = ez.read_texts(model, vectors, texts, layer={view.layers([vectors])[0]})",
        figure("text_distribution", "found", emotion=view.emotion),
    )


TAB = Tab(
    title="Many texts",
    question="Which of many texts light up an emotion most, how are they spread, and what do two groups differ in?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"texts": pick_emotion},
    uses=("sets", "pin", "layer_mode", "depth", "emotion"),
    wire=wire,
)
