"""The Library tab: making vector sets while the page stays alive, and looking after those that were made.

An extraction is a job: it runs as `emoviz extract` in a process of its own, goes on when the page is closed, can be
cancelled, and then goes on where it stopped when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import gradio as gr

from ...emotions import CLASSES
from ...errors import InputError
from ...extract.protocols import PROTOCOLS
from ...extract.work import MOST_WORK
from ...models import REGISTRY, available, resolve
from ...models.registry import PRECISIONS, TESTED_ARCHITECTURES
from ...plots.theme import short_label
from ...process import run_command, words_of
from ...stimuli import load_corpus
from ...store import delete_set, files_of, load_stories
from ...store.choice import DEFAULT_PRECISION
from ...store.making import scratch_folder
from ...types import VectorSet
from ...words import counted
from .. import deleting, exporting, fetching, importing, sweeps, uploading
from ..components import Menu, Message, Table
from ..contract import LATEST, QUIET, Laid, Page, Tab, by_name
from ..job_strip import BEGUN, lines, model_label
from ..jobs import JOBS
from ..library import library
from ..limits import WORK, is_public, refuse_in_public
from ..selection import Selection
from ..snippet import snippet
from ..uploading import Upload

SHOWN_STORIES = 60
SHOWN_FILES = 8
_AWAY = (
    "Vector sets are made where emoviz runs for you alone: emoviz extract MODEL, or this tab there. Here are those "
    "that come with it."
)


def lay(start: Selection) -> Laid:
    own_machine, models = not is_public(), model_choices()
    with gr.Row(elem_classes="ez-controls", equal_height=True, visible=own_machine):
        model = gr.Dropdown(
            models,
            value="SmolLM2-135M-Instruct",
            label="Model",
            info="a name, owner/name@revision, folder or .gguf file",
            allow_custom_value=True,
            filterable=True,
            scale=4,
            min_width=280,
        )
        protocol = gr.Dropdown(list(PROTOCOLS), label="Protocol", info="emoviz-stories: own stories", scale=2)
        precision = gr.Dropdown(["auto", *PRECISIONS], label="Precision", info="auto: fp32, on CUDA bf16", scale=2)
        go = gr.Button("Extract", variant="primary", elem_id="ez-extract", scale=1, min_width=120)
    fetch = fetching.lay()
    with gr.Column(visible=own_machine):
        upload = uploading.lay()
    status = Message("Makes a vector set on this machine." if own_machine else _AWAY, elem_id="ez-making")
    with gr.Row(visible=False, elem_classes="ez-ask") as there:
        choose = gr.Button("Show that set", size="sm", scale=0, min_width=140, elem_id="ez-show-set")
        anyway = gr.Button("Extract anyway", size="sm", scale=0, min_width=140, elem_id="ez-anyway")
    with gr.Column(visible=own_machine):
        imported = importing.wire(importing.lay(models), status)
    table = Table(sets_table())
    export = exporting.lay(next(iter(start.sets), None))
    own = deleting.lay(own_choices(), "Delete a set of your own", what_goes, delete, status, visible=own_machine)
    with gr.Row(elem_classes="ez-controls"):
        written = Menu(stories_choices(), value=None, label="Stories of a set by generation", scale=4)
        about = gr.Dropdown(list(CLASSES), value=start.emotion, label="written for", scale=1, filterable=True)
    stories = Table()
    gr.on([written.input, about.input], stories_table, [written, about], stories, **LATEST)
    swept = sweeps.lay()
    outputs = {"fetch": fetch, "table": table, "exported": export["exported"], "own": own.menu, "written": written}
    outputs |= {name: part for name, part in swept.items() if name != "sweep"}
    parts = {"model": model, "protocol": protocol, "precision": precision, "go": go, "status": status}
    parts |= {"there": there, "choose": choose, "anyway": anyway, **upload, **export}
    menus = ["model", "fetch", "exported", "own", "written", "sweep", "swept_again"]
    controls, changed = {"model": model, "sweep": swept["sweep"]}, [own.done, imported]
    return Laid(controls, outputs, parts, menus, linked={}, changed=changed)


def wire(page: Page) -> list:
    part, strip, sets = page.laid["Library"].parts, page.jobs, page.selection["sets"]
    found = gr.State(None)
    uploaded = uploading.wire(part, part["go"])
    asked = {name: part[name] for name in ("model", "protocol", "precision")} | {"owner": strip.owner, **uploaded}
    said = [part["status"], strip.lines, part["there"], found]
    part["go"].click(*by_name(press, **asked), said, **QUIET)
    page.laid["Library"].outputs["fetch"].click(
        *by_name(fetch, model=part["model"], owner=strip.owner), [part["status"], strip.lines], **QUIET
    )
    part["anyway"].click(*by_name(begin, **asked), said, **QUIET)
    exporting.wire(part, page)
    return [part["choose"].click(show_set, [found, sets], [sets, part["there"]], **QUIET)]


def draw(_view: Selection, model: str, sweep: str | None) -> dict:
    return {
        "model": gr.update(choices=model_choices()),
        "fetch": fetching.offer([model]),
        "table": sets_table(),
        "exported": gr.update(choices=library().choices()),
        "own": gr.update(choices=own_choices()),
        "written": gr.update(choices=stories_choices()),
        **sweeps.draw(sweep),
    }


def model_choices() -> list[tuple[str, str]]:
    """(label, id) of the known models, those that are at hand first."""
    rows = sorted(REGISTRY, key=lambda entry: (not available(entry), entry.parameters))
    return [(_label(entry), entry.id) for entry in rows]


def _label(entry) -> str:
    size = f"{entry.parameters / 1e9:.1f}B" if entry.parameters >= 1e9 else f"{entry.parameters / 1e6:.0f}M"
    away = "emoviz fetch" if entry.fetched is not None else "hub, gated" if entry.gated else "hub"
    place = "here" if available(entry) else away
    badge = "" if entry.architecture in TESTED_ARCHITECTURES else ", untested"
    return f"{entry.id.split('/')[-1]} ({size}, {entry.variant}, {place}{badge})"


def press(
    model: str,
    protocol: str,
    precision: str,
    file: Upload | None,
    owner: str,
    text: str | None = None,
    label: str | None = None,
    names: str = "",
) -> tuple:
    """(status, jobs, whether to ask, set that is there) where *Extract* is pressed: begins, unless it was made."""
    try:
        refuse_in_public("No vector set is made")
        file = uploading.as_asked(file, text, label, names)
        found = stored(_source(model), protocol, precision, file)
    except InputError as error:
        return f"**Cannot extract.** {error}", gr.skip(), gr.update(visible=False), None
    if found is None:
        return begin(model, protocol, precision, file, owner, text, label, names)
    origin = "shipped with emoviz" if found.shipped else "your own"
    said = (
        f"**{found.name} is there already**, {origin}: the same model, protocol, precision and passages. Extracting it "
        "again makes another set only if the model has changed since."
    )
    return said, gr.skip(), gr.update(visible=True), found.name


def fetch(model: str, owner: str) -> tuple[str, Any]:
    """(status, jobs) where the missing weights of a model are asked for."""
    return fetching.begin([model], owner)


def begin(
    model: str,
    protocol: str,
    precision: str,
    file: Upload | None,
    owner: str,
    text: str | None = None,
    label: str | None = None,
    names: str = "",
) -> tuple:
    """As `press`; the extraction is begun in any case."""
    done = gr.update(visible=False), None
    try:
        refuse_in_public("No vector set is made")
        file = uploading.as_asked(file, text, label, names)
        source = _source(model)
        if protocol not in PROTOCOLS or precision not in ("auto", *PRECISIONS):
            raise InputError(f"protocol {protocol!r:.40} or precision {precision!r:.40} is unknown.")
        if file is not None and file.problem:
            raise InputError("the file of passages cannot be used. Remove it, or choose another.")
        what = f"Extraction of {model_label(source.name)}, {protocol}"
        JOBS.start("extraction", what, owner, lambda: extract(model, protocol, precision, file))
    except InputError as error:
        return f"**Cannot extract.** {error}", gr.skip(), *done
    return BEGUN, lines(owner), *done


def _source(model: str):
    if not isinstance(model, str) or not model.strip():
        raise InputError("No model is chosen. Give a name, a hub id or a path.")
    return resolve(model.strip())


def stored(source, protocol: str, precision: str, file: Upload | None) -> VectorSet | None:
    """The set that would be made again. A folder or a file may hold other weights than before, so that only loading it
    can tell."""
    if source.kind not in ("bundled", "hub"):
        return None
    # What `auto` is without a GPU. With one it is another: then the set is found only when the model is loaded.
    precision = DEFAULT_PRECISION if precision == "auto" else precision
    corpus = file.corpus_hash if file is not None else load_corpus().hash
    for vectors in library().sets.values():
        p = vectors.provenance
        same = (p.model, p.protocol.name, p.precision) == (source.name, protocol, precision)
        if same and (p.method == "generation" or p.corpus_hash == corpus):
            return vectors
    return None


def extract(model: str, protocol: str, precision: str, file: Upload | None) -> Generator[str, None, str]:
    """Yields what a running extraction says; returns its result. Closing it ends the process.

    Raises InputError with its complaint.
    """
    with scratch_folder() as folder:
        read_as = {} if file is None else uploading.options(file, folder)
        try:
            made = yield from run_command(
                words_of("extract", model.strip(), protocol=protocol, precision=precision, **read_as),
                variables={MOST_WORK: f"{WORK}"},
            )
        except InputError as error:
            raise InputError(str(error) if file is None else uploading.hidden(str(error), file.path)) from error
    missing = f"; layers {made['nonfinite_layers']} are not finite and left out" if made["nonfinite_layers"] else ""
    how = f"{made['tokens']:,} tokens in {made['seconds']:.0f} s" if made["tokens"] else "it was there already"
    return f"{made['set']} is in the library: {how}, architecture {made['support']}{missing}. Tick it on the left."


def show_set(name: str | None, selected: list[str]) -> tuple:
    """(selected sets, whether to ask) with the set among them."""
    known = library().set_named(name) is not None
    ticked = [*selected, name] if known and name not in selected else gr.skip()
    return ticked, gr.update(visible=False)


def sets_table() -> dict:
    """Every set with its files' size and where it lies, and below what was imported from where."""
    rows = []
    for vectors in library().sets.values():
        p = vectors.provenance
        size = sum(path.stat().st_size for path in files_of(vectors)) / 1e6
        beside = [path.name.removeprefix(vectors.name).split(".")[1] for path in files_of(vectors)]
        rows.append(
            [
                vectors.name,
                p.method,
                str(len(vectors.classes)),
                str(p.n_passages) if p.n_passages else "–",
                ", ".join(part for part in beside if part != "safetensors"),
                f"{size:.1f} MB",
                "shipped" if vectors.shipped else "your own",
            ]
        )
    columns = ["set", "method", "classes", "texts", "stored with it", "size", "from"]
    made = ((s.name, s.provenance.imported) for s in library().sets.values())
    notes = [f"{name}: {by}" for name, by in made if by is not None]
    return {"columns": columns, "rows": rows, "notes": notes + left_out_notes()}


def left_out_notes() -> list[str]:
    """How many files cannot be read, and why; nothing on a public page, whose visitors have none."""
    found = [] if is_public() else library().left_out
    if not found:
        return []
    more = [f"and {len(found) - SHOWN_FILES} more; emoviz doctor names all"] if len(found) > SHOWN_FILES else []
    return [f"{counted(len(found), 'file')} left out:", *(one.why for one in found[:SHOWN_FILES]), *more]


def own_choices() -> list[tuple[str, str]]:
    return [(short_label(s), name) for name, s in library().sets.items() if not s.shipped]


def what_goes(name: str | None) -> str:
    """What is deleted with a set. Raises InputError where it is none of the user's own."""
    vectors = library().set_named(name)
    if vectors is None:
        raise InputError("no set is chosen. Choose one of your own.")
    if vectors.shipped:
        raise InputError(f"{vectors.name} is shipped with emoviz; only sets of your own can be deleted.")
    files = files_of(vectors)
    size = sum(path.stat().st_size for path in files) / 1e6
    return f"{counted(len(files), 'file')}, {size:.1f} MB, with the states and stories stored beside it, are removed."


def delete(name: str | None) -> str:
    """Deletes one of the user's own sets; returns what happened."""
    try:
        refuse_in_public("Nothing is deleted")
        vectors = library().set_named(name)
        if vectors is None:
            raise InputError("no set is chosen. Choose one of your own.")
        delete_set(vectors)
    except InputError as error:
        return f"**Cannot delete.** {error}"
    return f"{name} is deleted."


def stories_choices() -> list[tuple[str, str]]:
    return [(short_label(s), name) for name, s in library().sets.items() if s.provenance.method == "generation"]


def stories_table(name: str | None, emotion: str) -> dict | None:
    """The stories that a model wrote for one emotion, None if there is no such set."""
    vectors = library().set_named(name)
    if vectors is None:
        return None
    try:
        stories = [s for s in load_stories(vectors) if s.emotion == emotion][:SHOWN_STORIES]
    except InputError as error:
        return {"columns": [], "rows": [], "notes": [f"left out: {error}"]}
    rows = [[story.topic, str(story.n_tokens), story.prompt, story.text] for story in stories]
    note = [] if rows else [f"{vectors.name} has no stories for {emotion}."]
    return {"columns": ["topic", "tokens", "asked", "written"], "rows": rows, "notes": note, "wrap": True}


def python(_view: Selection) -> str:
    return snippet("for vectors in ez.list_sets():", "    print(vectors)")


TAB = Tab(
    title="Library",
    question="Which vector sets are at hand, and how do I make one of my own?",
    lay=lay,
    draw=draw,
    python=python,
    uses=(),
    wire=wire,
)
