"""The Library tab: making vector sets while the page stays alive, and looking after those that were made.

An extraction runs as `emoviz extract` in a process of its own: it does not slow the page down, takes its memory with it
when it ends, can be stopped at once, and goes on where it stopped when it is asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from ...emotions import CLASSES
from ...errors import InputError
from ...extract.protocols import PROTOCOLS
from ...models import REGISTRY, available
from ...models.registry import PRECISIONS, TESTED_ARCHITECTURES
from ...plots.theme import short_label
from ...store import delete_set, files_of, load_stories
from ..components import Menu, Message, Table
from ..contract import QUIET, Laid, Tab, by_name
from ..library import library
from ..process import run_command
from ..selection import Selection
from ..snippet import snippet

SHOWN_STORIES = 60


def lay(start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        model = gr.Dropdown(
            model_choices(),
            value="SmolLM2-135M-Instruct",
            label="Model",
            info="known models, or any hub id, folder or .gguf file",
            allow_custom_value=True,
            filterable=True,
            scale=4,
        )
        protocol = gr.Dropdown(list(PROTOCOLS), label="Protocol", info="emoviz-stories: own stories", scale=2)
        precision = gr.Dropdown(["auto", *PRECISIONS], label="Precision", info="auto: fp32, on CUDA bf16", scale=2)
        with gr.Column(scale=1, min_width=120):
            go = gr.Button("Extract", variant="primary", elem_id="ez-extract")
            stop = gr.Button("Cancel", interactive=False, elem_id="ez-cancel")
    with gr.Row(elem_classes="ez-controls"):
        passages = gr.UploadButton(
            "Passages of your own (JSONL)", file_types=[".jsonl"], size="sm", scale=0, min_width=260
        )
        shipped = gr.Button("back to the shipped passages", size="sm", scale=0, min_width=220, visible=False)
    status = Message(
        "Makes a vector set on this machine. A cancelled run resumes when you start it again.", elem_id="ez-making"
    )
    table = Table(sets_table())
    with gr.Row(elem_classes="ez-controls"):
        own = Menu(own_choices(), label="Delete a set of your own", value=None, scale=4)
        delete_it = gr.Button("Delete", size="sm", scale=1, min_width=100)
    with gr.Row(elem_classes="ez-controls"):
        written = Menu(stories_choices(), value=None, label="Stories of a set by generation", scale=4)
        about = gr.Dropdown(list(CLASSES), value=start.emotion, label="written for", scale=1, filterable=True)
    stories = Table()
    free = [gr.update(interactive=True), gr.update(interactive=False)]
    started = go.click(lambda: ["starting", *reversed(free)], None, [status, go, stop], **QUIET)
    running = started.then(
        *by_name(extract, model=model, protocol=protocol, precision=precision, passages=passages),
        status,
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="extraction",
        concurrency_limit=1,
    )
    made = running.then(lambda: free, None, [go, stop], **QUIET)
    stop.click(
        lambda: ["Cancelled. Run it again to resume.", *free], None, [status, go, stop], cancels=[running], **QUIET
    )
    passages.upload(
        lambda file: [gr.update(label=f"Passages: {Path(file).name}"), gr.update(visible=True)],
        passages,
        [passages, shipped],
        **QUIET,
    )
    shipped.click(
        lambda: [gr.update(value=None, label="Passages of your own (JSONL)"), gr.update(visible=False)],
        None,
        [passages, shipped],
        **QUIET,
    )
    deleted = delete_it.click(delete, own, status, **QUIET)
    gr.on([written.input, about.input], stories_table, [written, about], stories, **QUIET)
    outputs = {"table": table, "own": own, "written": written}
    return Laid(outputs=outputs, menus=["own", "written"], changed=[made, deleted])


def draw(_view: Selection) -> dict:
    return {
        "table": sets_table(),
        "own": gr.update(choices=own_choices(), value=None),
        "written": gr.update(choices=stories_choices()),
    }


def model_choices() -> list[tuple[str, str]]:
    """(label, id) of the known models, those that are at hand first."""
    rows = sorted(REGISTRY, key=lambda entry: (not available(entry), entry.parameters))
    return [(_label(entry), entry.id) for entry in rows]


def _label(entry) -> str:
    size = f"{entry.parameters / 1e9:.1f}B" if entry.parameters >= 1e9 else f"{entry.parameters / 1e6:.0f}M"
    place = "here" if available(entry) else "hub, gated" if entry.gated else "hub"
    badge = "" if entry.architecture in TESTED_ARCHITECTURES else ", untested"
    return f"{entry.id.split('/')[-1]} ({size}, {entry.variant}, {place}{badge})"


def extract(model: str, protocol: str, precision: str, passages: str | None) -> Iterator[str]:
    """Yields what a running extraction says, last its result or its complaint.

    Closing the iterator ends the process.
    """
    if not model or not model.strip():
        yield "**Cannot extract.** No model is chosen. Give a name, a hub id or a path."
        return
    call = ["extract", "--json", "--protocol", protocol, "--precision", precision]
    if passages:
        call += ["--passages", passages]
    try:
        # After --, so that no name can be taken for an option.
        made = yield from run_command([*call, "--", model.strip()])
    except InputError as error:
        # The name of the uploaded file will do; where the server keeps it is nobody's business.
        hidden = f"{Path(passages).parent}{os.sep}" if passages else "emoviz: "
        yield f"**Cannot extract.** {str(error).replace(hidden, '')}"
        return
    missing = f"; layers {made['nonfinite_layers']} are not finite and left out" if made["nonfinite_layers"] else ""
    how = f"{made['tokens']:,} tokens in {made['seconds']:.0f} s" if made["tokens"] else "it was there already"
    yield f"**{made['set']}** is in the library: {how}, architecture {made['support']}{missing}. Tick it on the left."


def sets_table() -> dict:
    """Every set with its files' size and where it lies."""
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
                str(p.n_passages),
                ", ".join(part for part in beside if part != "safetensors"),
                f"{size:.1f} MB",
                "shipped" if vectors.shipped else "your own",
            ]
        )
    columns = ["set", "method", "classes", "texts", "stored with it", "size", "from"]
    return {"columns": columns, "rows": rows}


def own_choices() -> list[tuple[str, str]]:
    return [(short_label(s), name) for name, s in library().sets.items() if not s.shipped]


def delete(name: str | None) -> str:
    """Deletes one of the user's own sets; returns what happened."""
    try:
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
    stories = [s for s in load_stories(vectors) if s.emotion == emotion][:SHOWN_STORIES]
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
)
