"""The page: one selection on the left, one tab per question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ..emotions import CLASSES
from ..extract import PROTOCOLS
from ..geometry import CENTRINGS
from ..geometry.maps import METHODS
from ..models.registry import PRECISIONS
from ..plots.depth import CURVE_TEXT
from ..plots.rdm import ORDERS
from . import extraction, reading
from .components import Cards, Figure, Table
from .library import library
from .state import BEST, SAME_DEPTH, Selection, first_selection
from .steer import doses, verification, vocabulary
from .steer import texts as steer_texts
from .views import overview as overview_view
from .views.geometry import norms_label
from .wiring import wire

TABS = ("Overview", "Depth", "Geometry", "Models", "Anisotropy", "Methods", "Steer", "Read", "Library", "About")

_ABOUT = (Path(__file__).parent / "about.md").read_text("utf-8")
_HEADING = "<h1 class='ez-wordmark'>emoviz</h1><p class='ez-tagline'>how small language models represent emotion</p>"


@dataclass(frozen=True, slots=True)
class Page:
    """The parts that events are wired to.

    selection : sets, layer mode, depth, centring, emotion; options : the controls of each tab that has some.
    outputs : the components that each tab draws into, in the order in which its view returns them.
    loaded : events after which an option that is no control (the norms) has another value.
    """

    blocks: gr.Blocks
    tabs: gr.Tabs
    notice: gr.Markdown
    theme: gr.Button
    selection: list[Component]
    options: dict[str, list[Component]]
    outputs: dict[str, list[Component]]
    loaded: list[gr.events.Dependency]
    shelf: Shelf


@dataclass(frozen=True, slots=True)
class Shelf:
    """The parts of the Library tab that change when sets come and go."""

    made: list[gr.events.Dependency]
    table: Table
    own: gr.Dropdown
    written: gr.Dropdown


def build() -> gr.Blocks:
    """The dashboard, not yet served. The first tab is drawn here, from the stored sets: torch is not needed for it."""
    start = first_selection()
    with gr.Blocks(title="emoviz", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as blocks:
        selection, theme = _sidebar(start)
        notice = gr.Markdown(visible=False, elem_id="ez-notice")
        with gr.Tabs(elem_id="ez-tabs") as tabs:
            options, outputs, loaded = _result_tabs(start)
            with gr.Tab("Steer", id="Steer"), gr.Tabs(elem_classes="ez-parts"):
                with gr.Tab("Texts"):
                    texts = [steer_texts.tab(blocks, emotion=selection[-1])]
                with gr.Tab("Dose response") as doses_tab:
                    texts += doses.tab(blocks, doses_tab, emotion=selection[-1])
                with gr.Tab("Verification"):
                    texts.append(verification.tab())
                with gr.Tab("Vocabulary"):
                    vocabulary.tab(blocks, emotion=selection[-1])
            with gr.Tab("Read", id="Read"):
                steer_texts.send_to_read(texts, tabs, *reading.tab(blocks, emotion=selection[-1]))
            with gr.Tab("Library", id="Library"):
                shelf = _library_tab(start.emotion)
            with gr.Tab("About", id="About"):
                gr.Markdown(_ABOUT, elem_classes="ez-prose")
        wire(Page(blocks, tabs, notice, theme, selection, options, outputs, loaded, shelf))
    return blocks


def _sidebar(start: Selection) -> tuple[list[Component], gr.Button]:
    with gr.Sidebar(width=288, open=True, elem_id="ez-sidebar"):
        gr.HTML(_HEADING)
        sets = gr.CheckboxGroup(library().choices(), value=list(start.sets), label="Vector sets")
        layer_mode = gr.Radio(
            [BEST, SAME_DEPTH],
            value=start.layer_mode,
            label="Layer",
            info="Best: each set by its protocol's own rule (emoviz: decoding).",
        )
        depth = gr.Slider(0.02, 1.0, value=start.depth, step=0.01, label="Depth")
        centring = gr.Radio(
            list(CENTRINGS),
            value=start.centring,
            label="Centring",
            info="What is taken off the class means; maps and cards always take off the mean over classes.",
        )
        emotion = gr.Dropdown(list(library().classes), value=start.emotion, label="Emotion", filterable=True)
        theme = gr.Button("Light / dark", size="sm", elem_id="ez-theme")
    return [sets, layer_mode, depth, centring, emotion], theme


def _result_tabs(
    start: Selection,
) -> tuple[dict[str, list[Component]], dict[str, list[Component]], list[gr.events.Dependency]]:
    with gr.Tab("Overview", id="Overview"):
        any_set = bool(start.sets)
        overview = [
            Cards(overview_view.cards(start) if any_set else None),
            Figure(overview_view.emotion_map(start) if any_set else None),
        ]
        Table(overview_view.table())
    with gr.Tab("Depth", id="Depth"):
        with gr.Row(elem_classes="ez-controls"):
            curve = gr.Radio(
                [(text[0].removesuffix(" accuracy"), name) for name, text in CURVE_TEXT.items()],
                value="decoding_accuracy",
                show_label=False,
                scale=9,
                elem_classes="ez-pills",
            )
            published = gr.Checkbox(True, label="published", scale=1, min_width=110, visible=False)
        depths = [Figure(), Figure(), Table()]
    with gr.Tab("Geometry", id="Geometry"):
        with gr.Row(elem_classes="ez-controls"):
            order = gr.Radio(list(ORDERS), value="quadrant", label="Order", elem_classes="ez-pills")
            method = gr.Radio(list(METHODS), value="UMAP", label="Map", elem_classes="ez-pills")
        geometry = [Figure(), Figure(), Table(elem_classes="ez-compact")]
        norms, loaded = _norms_row()
        geometry += [Figure(), Table()]
    with gr.Tab("Models", id="Models"):
        with gr.Row(elem_classes="ez-controls"):
            pair = gr.Dropdown(
                [], label="Pair", info="or click a cell of the matrix", visible=False, allow_custom_value=True
            )
        with gr.Row():
            with gr.Column(scale=1, min_width=380):
                ours = Figure()
            with gr.Column(scale=1, min_width=380):
                one_pair = Figure()
        pairs = Table()
        differences = Table()
        with gr.Row():
            with gr.Column(scale=1, min_width=440):
                theirs = Figure()
            with gr.Column(scale=1, min_width=380):
                recomputed = Table()
    with gr.Tab("Anisotropy", id="Anisotropy"):
        anisotropy = [Figure(), Figure(), Figure()]
    with gr.Tab("Methods", id="Methods"):
        methods = [Figure(), Figure(), Figure()]
        with gr.Row():
            with gr.Column(scale=6, min_width=480):
                variants = Figure()
            with gr.Column(scale=5, min_width=380):
                compliance = Table()
        methods += [variants, compliance, Table()]
    outputs = {
        "Overview": overview,
        "Depth": depths,
        "Geometry": geometry,
        "Models": [ours, one_pair, pairs, differences, theirs, recomputed],
        "Anisotropy": anisotropy,
        "Methods": methods,
    }
    return {"Depth": [curve, published], "Geometry": [order, method, norms], "Models": [pair]}, outputs, loaded


def _norms_row() -> tuple[gr.State, list[gr.events.Dependency]]:
    """Buttons that load the user's norms and leave them again: the path of the file, None without one, and the events.

    The path is kept on the server: a path that a visitor could name would be any file's.
    """
    norms = gr.State(None)
    with gr.Row(elem_classes="ez-controls"):
        upload = gr.UploadButton(
            norms_label(None), file_types=[".csv", ".tsv", ".txt"], size="sm", scale=0, min_width=420
        )
        leave = gr.Button("back to the quadrant signs", size="sm", scale=0, min_width=220, visible=False)

    def use(path: str | None) -> list:
        return [path, gr.update(value=None, label=norms_label(path)), gr.update(visible=path is not None)]

    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    parts = [norms, upload, leave]
    return norms, [upload.upload(use, upload, parts, **quick), leave.click(lambda: use(None), None, parts, **quick)]


def _library_tab(emotion: str) -> Shelf:
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        model = gr.Dropdown(
            extraction.model_choices(),
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
    status = gr.Markdown(
        "Makes a vector set on this machine. A run that was cancelled goes on where it stopped.", elem_id="ez-making"
    )
    table = Table(extraction.sets_table())
    with gr.Row(elem_classes="ez-controls"):
        own = gr.Dropdown(extraction.own_choices(), label="Delete a set of your own", value=None, scale=4)
        delete = gr.Button("Delete", size="sm", scale=1, min_width=100)
    with gr.Row(elem_classes="ez-controls"):
        written = gr.Dropdown(extraction.stories_choices(), value=None, label="Stories of a set by generation", scale=4)
        about = gr.Dropdown(list(CLASSES), value=emotion, label="written for", scale=1, filterable=True)
    stories = Table()
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    free = [gr.update(interactive=True), gr.update(interactive=False)]
    started = go.click(lambda: ["starting", *reversed(free)], None, [status, go, stop], **quick)
    running = started.then(
        extraction.extract,
        [model, protocol, precision, passages],
        status,
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="extraction",
        concurrency_limit=1,
    )
    made = running.then(lambda: free, None, [go, stop], **quick)
    stop.click(
        lambda: ["cancelled; asked for again, it goes on where it stopped", *free],
        None,
        [status, go, stop],
        cancels=[running],
        **quick,
    )
    passages.upload(
        lambda file: [gr.update(label=f"Passages: {Path(file).name}"), gr.update(visible=True)],
        passages,
        [passages, shipped],
        **quick,
    )
    shipped.click(
        lambda: [gr.update(value=None, label="Passages of your own (JSONL)"), gr.update(visible=False)],
        None,
        [passages, shipped],
        **quick,
    )
    deleted = delete.click(extraction.delete, own, status, **quick)
    gr.on([written.input, about.input], extraction.stories_table, [written, about], stories, **quick)
    return Shelf([made, deleted], table, own, written)
