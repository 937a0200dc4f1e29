"""Vectors of other tools: dropped on the page, said in words, asked what they do not say, and imported by one click."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from ..errors import InputError
from ..extract.foreign import files_of, numbers_in, own_set, read_vectors
from ..extract.imported import Asked, load_vectors, set_of, stored
from ..numerals import whole
from ..store.formats.checks import MAX_LAYERS
from ..types import Foreign, VectorSet
from ..words import counted, names_in, ranges
from .components import MAX_UPLOAD, Message, UploadLimit
from .contract import QUIET, by_name
from .limits import refuse_in_public

FORMAT = (
    "Vectors that another tool made: GGUF control vectors, steerkit probes, .npz, .npy, .safetensors or .pt, one "
    f"emotion a file or several, up to {MAX_UPLOAD // 2**20} MB each. What the files do not say is asked for."
)
# What the command line calls the fields, the longer first.
_FIELDS = {
    "--classes a,b,c": "classes",
    "--classes": "classes",
    "--n-layers": "n_layers",
    "--layers": "layers",
    "--model": "model",
    "--layer-offset": "offset",
}
LABELS = {
    "classes": "Classes",
    "layers": "Layers of the rows",
    "n_layers": "Number of layers",
    "model": "Model of the vectors",
    "offset": "Layer offset",
}
# As its answer may take: a model that is used for the first time is converted.
_SLOW: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}


def lay(models: list[tuple[str, str]]) -> dict[str, Any]:
    """The parts by name: the place for files, the fields, what is said of the files, and the button."""
    files = gr.File(file_count="multiple", label="Import vectors of another tool", height=140, elem_id="ez-import")
    with gr.Row(visible=False, elem_classes="ez-controls", elem_id="ez-import-asked") as asked:
        model = gr.Dropdown(
            models,
            value=None,
            label=LABELS["model"],
            info="known models, or any hub id, folder or .gguf file",
            allow_custom_value=True,
            filterable=True,
            visible=False,
            scale=3,
            min_width=240,
        )
        fields = {
            name: gr.Textbox(label=LABELS[name], info=info, max_lines=1, visible=False, scale=2, min_width=180)
            for name, info in {
                "classes": "happy, sad, in the files' order",
                "layers": "such as 3, 10-20; from 0",
                "n_layers": "of the whole model",
                "offset": "added to the files' layers",
            }.items()
        }
    said = Message(FORMAT, elem_id="ez-import-said", elem_classes="ez-status")
    go = gr.Button("Import", variant="primary", visible=False, scale=0, min_width=120, elem_id="ez-import-go")
    limit = UploadLimit({"within": "#ez-import", "bytes": MAX_UPLOAD}, elem_classes="ez-hidden")
    return {"files": files, "model": model, **fields, "asked": asked, "said": said, "go": go, "limit": limit}


def wire(part: Mapping[str, Any], status: Message) -> gr.events.Dependency:
    """status : says what was imported. Returns the event after which there may be another set."""
    given = {name: part[name] for name in ("files", *LABELS)}
    shown = [part["said"], part["go"], part["asked"], *(part[name] for name in LABELS)]
    part["files"].change(*by_name(look, **given), shown, **_SLOW)
    part["limit"].select(too_large, None, shown, **QUIET)
    part["model"].change(*by_name(look, **given), shown, **_SLOW)
    for name in ("classes", "layers", "n_layers", "offset"):
        gr.on([part[name].blur, part[name].submit], *by_name(look, **given), shown, **_SLOW)
    return part["go"].click(*by_name(press, **given), [status, part["files"]], **_SLOW)


def look(files: list[str] | None, **given: Any) -> Iterator[tuple]:
    """(what is said, Import, the row of fields, each field) of the files as the fields say that they are."""
    if not files:
        # What was said of these files is not true of the next.
        emptied = (gr.update(visible=False, value=None) for _ in LABELS)
        yield (*_shown(FORMAT, set(), ready=False)[:3], *emptied)
        return
    yield ("Reading the files ...", *(gr.skip() for _ in range(2 + len(LABELS))))
    filled = {name for name, value in given.items() if value}
    said = ""
    try:
        refuse_in_public("No vectors are imported")
        paths = files_of(files)
        vectors = own_set(paths)
        if vectors is None:
            found = read_vectors(paths)
            said = _words(found)
            filled |= {name for name, known in (("classes", found.classes), ("model", found.model)) if not known}
            vectors = set_of(found, Asked(**_asked(**given)))
    except InputError as error:
        text = str(error)
        yield _shown(f"**Not imported yet.** {said}{_in_words(text)}", filled | _named_in(text), ready=False)
        return
    text = _set_words(vectors)
    yield _shown(said + _in_words(text), filled | _named_in(text), ready=True)


def press(files: list[str] | None, **given: Any) -> tuple[str, Any]:
    """(what happened, the files that are left) where *Import* is pressed."""
    try:
        refuse_in_public("No vectors are imported")
        vectors = stored(load_vectors(files or [], **_asked(**given)))
    except InputError as error:
        return f"**Cannot import.** {_in_words(str(error))}", gr.skip()
    return f"**{vectors.name}** is in the library. Tick it on the left.", None


def too_large(event: gr.EventData) -> tuple:
    """As `look`, of a file that the browser did not send; a visitor can post anything."""
    data = event._data if isinstance(event._data, dict) else {}
    why = f"is larger than {MAX_UPLOAD // 2**20} MB. On the command line, emoviz import takes any size."
    return _shown(f"**{data.get('name')!s:.80}** {why}", set(), ready=False)


def _words(found: Foreign) -> str:
    """What some files hold."""
    made, n_classes = found.imported, found.vectors.shape[1]
    names = "without names" if found.classes is None else f"({', '.join(found.classes[:6])}{', ...' * (n_classes > 6)})"
    rows = counted(len(found.vectors), "row") if found.layers is None else f"layers {ranges(found.layers)}"
    tool = f", made by {made.tool}" if made.tool else ""
    return f"{made.format}{tool}: {counted(n_classes, 'class')} {names}, {rows}, width {found.vectors.shape[2]}. "


def _set_words(vectors: VectorSet) -> str:
    """The set that is made of them, with what must be known of it."""
    made, model = vectors.provenance.imported, vectors.provenance.model
    if made is None:
        return f"A vector set of emoviz, {vectors.name} of {model}, which is taken as it is."
    notes = "".join(f" Note: {note}." for note in made.notes)
    where = f"layers {ranges(vectors.finite_layers)} of {vectors.n_layers}"
    return f"Import makes the set {vectors.name}, {where} of {model}.{notes}"


def _asked(model: Any, classes: Any, layers: Any, n_layers: Any, offset: Any) -> dict[str, Any]:
    """The fields as `load_vectors` takes them; a visitor can post anything."""
    texts = {"classes": classes, "layers": layers, "number of layers": n_layers, "layer offset": offset}
    read = {name: text.strip() if isinstance(text, str) else "" for name, text in texts.items()}
    return {
        "model": model if model else None,
        "classes": names_in(read["classes"]) if read["classes"] else None,
        "layers": numbers_in(read["layers"]) if read["layers"] else None,
        "n_layers": _whole("number of layers", read, 1),
        "layer_offset": _whole("layer offset", read, -MAX_LAYERS),
    }


def _whole(name: str, read: Mapping[str, str], low: int) -> int | None:
    try:
        return whole(read[name], low, MAX_LAYERS) if read[name] else None
    except InputError as error:
        raise InputError(f"{name} {error}.") from None


def _named_in(text: str) -> set[str]:
    """The fields that a message is about."""
    return {field for option, field in _FIELDS.items() if option in text}


def _in_words(text: str) -> str:
    """A message of the command line in the words of the page."""
    for option, field in _FIELDS.items():
        text = text.replace(option, f"“{LABELS[field]}”")
    return text[:1].upper() + text[1:] if text.startswith("the ") else text


def _shown(said: str, fields: set[str], ready: bool) -> tuple:
    return (
        said,
        gr.update(visible=ready),
        gr.update(visible=bool(fields)),
        *(gr.update(visible=name in fields) for name in LABELS),
    )
