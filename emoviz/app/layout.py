"""The page: one selection on the left, one tab per question, and the wiring between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..emotions import CLASSES
from ..errors import InputError
from ..geometry import CENTRINGS
from ..plots.depth import CURVE_TEXT
from ..plots.rdm import ORDERS
from ..plots.theme import short_label
from ..steer.doses import DEFAULT_DOSES
from ..stimuli import DEFAULT_CORPUS
from . import steering, views
from .components import Cards, Figure, Table, Texts
from .library import library
from .state import BEST, SAME_DEPTH, Selection

TABS = ("Overview", "Depth", "Geometry", "Models", "Anisotropy", "Steer", "About")
_ABOUT = (Path(__file__).parent / "about.md").read_text("utf-8")
_DEFAULT_PROMPT = "She closed the door, sat down at the kitchen table and"
_THEME_SWITCH = """() => {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('emoviz-theme', dark ? 'dark' : 'light');
}"""
_ON_LOAD = """() => {
  const kept = new URLSearchParams(location.search).get('__theme') || localStorage.getItem('emoviz-theme');
  if (kept) document.body.classList.toggle('dark', kept === 'dark');
  if (window.innerWidth < 768) document.querySelector('#ez-sidebar .toggle-button')?.click();
}"""


def build() -> gr.Blocks:
    """The dashboard, not yet served. The first tab is drawn here, from the stored sets: torch is not needed for it."""
    sets = library().sets
    start = Selection(
        sets=tuple(name for name, s in sets.items() if _is_default(s)),
        layer_mode=BEST,
        depth=0.6,
        centring="class",
        emotion="afraid",
    )
    with gr.Blocks(title="emoviz", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as page:
        with gr.Sidebar(width=288, open=True, elem_id="ez-sidebar"):
            gr.HTML(
                "<h1 class='ez-wordmark'>emoviz</h1><p class='ez-tagline'>how small language models represent emotion</p>"
            )
            chosen = gr.CheckboxGroup(
                [(short_label(s), name) for name, s in sets.items()], value=list(start.sets), label="Vector sets"
            )
            layer_mode = gr.Radio([BEST, SAME_DEPTH], value=start.layer_mode, label="Layer")
            depth = gr.Slider(0.02, 1.0, value=start.depth, step=0.01, label="Depth")
            centring = gr.Radio(list(CENTRINGS), value=start.centring, label="Centring")
            emotion = gr.Dropdown(list(CLASSES), value=start.emotion, label="Emotion", filterable=True)
            theme = gr.Button("Light / dark", size="sm", elem_id="ez-theme")
        notice = gr.Markdown(visible=False, elem_id="ez-notice")
        with gr.Tabs(elem_id="ez-tabs") as tabs:
            with gr.Tab("Overview", id="Overview"):
                cards = Cards(_or_none(views.overview_cards, start))
                overview = Figure(_or_none(views.overview_map, start))
                Table(views.overview_table() if sets else None)
            with gr.Tab("Depth", id="Depth"):
                with gr.Row(elem_classes="ez-controls"):
                    curve = gr.Radio(
                        [(text[0].removesuffix(" accuracy"), name) for name, text in CURVE_TEXT.items()],
                        value="decoding_accuracy",
                        show_label=False,
                        scale=9,
                        elem_classes="ez-pills",
                    )
                    with_published = gr.Checkbox(True, label="published", scale=1, min_width=110)
                depths = Figure()
            with gr.Tab("Geometry", id="Geometry"):
                with gr.Row(elem_classes="ez-controls"):
                    order = gr.Radio(list(ORDERS), value="quadrant", label="Order", elem_classes="ez-pills")
                    method = gr.Radio(["UMAP", "PCA"], value="UMAP", label="Map", elem_classes="ez-pills")
                heat = Figure()
                maps = Figure()
            with gr.Tab("Models", id="Models"):
                with gr.Row():
                    with gr.Column(scale=5, min_width=380):
                        ours = Figure()
                    with gr.Column(scale=6, min_width=480):
                        published = Figure()
                pairs = Table()
            with gr.Tab("Anisotropy", id="Anisotropy"):
                gauges = Figure()
                aniso = Figure()
            with gr.Tab("Steer", id="Steer"):
                steer_inputs, steer_outputs = _steer_tab(emotion)
            with gr.Tab("About", id="About"):
                gr.Markdown(_ABOUT, elem_classes="ez-prose")

        active = gr.State("Overview")
        controls = [chosen, layer_mode, depth, centring, emotion, curve, with_published, order, method]
        figures = [cards, overview, depths, heat, maps, ours, published, pairs, gauges, aniso]

        def show(tab: str, *values: Any) -> list[Any]:
            """What the open tab shows for the present selection; everything else stays as it is."""
            view = Selection(tuple(values[0]), values[1], float(values[2]), values[3], values[4])
            try:
                drawn = _draw(tab, view, *values[5:])
            except InputError as error:
                return [gr.update(value=f"**Nothing to show.** {error}", visible=True), *[gr.skip()] * len(figures)]
            by_component = dict(zip(figures, [gr.skip()] * len(figures), strict=True))
            names = {
                "Overview": (cards, overview),
                "Depth": (depths,),
                "Geometry": (heat, maps),
                "Models": (ours, published, pairs),
                "Anisotropy": (gauges, aniso),
            }.get(tab, ())
            by_component.update(zip(names, drawn, strict=True))
            return [gr.update(visible=False), *by_component.values()]

        def open_tab(event: gr.SelectData, *values: Any) -> list[Any]:
            """Draws a tab when it is opened."""
            return [event.value, *show(event.value, *values)]

        def move_depth(tab: str, *values: Any) -> list[Any]:
            """Moving the slider asks for that depth in all sets."""
            return [SAME_DEPTH, *show(tab, values[0], SAME_DEPTH, *values[2:])]

        def pick(event: gr.EventData, tab: str, *values: Any) -> list[Any]:
            """A click in a figure picks its emotion, or moves all sets to the clicked depth."""
            values = list(values)
            kind, ids = _clicked(event)
            if kind == "depth":
                vectors = library().sets[ids[0]]
                values[1], values[2] = SAME_DEPTH, round(vectors.depth(ids[1]), 4)
            elif kind in ("map", "rdm"):
                values[4] = ids[0]
            return [*values[:5], *show(tab, *values)]

        plain = {"queue": False, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
        tabs.select(open_tab, controls, [active, notice, *figures], **plain)
        gr.on(
            [c.input for c in (chosen, layer_mode, centring, emotion, curve, with_published, order, method)],
            show,
            [active, *controls],
            [notice, *figures],
            **plain,
        )
        depth.input(move_depth, [active, *controls], [layer_mode, notice, *figures], **plain)
        gr.on(
            [f.select for f in (overview, depths, heat, maps, aniso)],
            pick,
            [active, *controls],
            [*controls[:5], notice, *figures],
            **plain,
        )
        theme.click(None, js=_THEME_SWITCH)
        page.load(None, js=_ON_LOAD)
    return page


def _draw(tab: str, view: Selection, curve: str, with_published: bool, order: str, method: str) -> tuple[Any, ...]:
    if tab == "Overview":
        return views.overview_cards(view), views.overview_map(view)
    if tab == "Depth":
        return (views.depth_view(view, curve, with_published),)
    if tab == "Geometry":
        return views.rdm_view(view, order), views.map_view(view, method)
    if tab == "Models":
        figure, rows = views.models_view(view)
        return figure, views.published_view(), rows
    if tab == "Anisotropy":
        return views.anisotropy_view(view)
    return ()


def _steer_tab(emotion: gr.Dropdown) -> tuple[list, list]:
    models = list(steering.steerable())
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        prompt = gr.Textbox(_DEFAULT_PROMPT, label="Prompt to continue", lines=2, scale=4, max_length=2000)
        doses = gr.Textbox(DEFAULT_DOSES, label="Doses (share of the state's length)", lines=2, scale=2)
        chosen = gr.CheckboxGroup(models, value=models, label="Models", scale=2)
    with gr.Row(elem_classes="ez-controls"):
        layers = gr.Textbox("window", label="Layers (window, all, 12, 10-20)", scale=2)
        tokens = gr.Slider(8, 120, value=40, step=1, label="New tokens", scale=2)
        temperature = gr.Slider(0, 1.5, value=0, step=0.1, label="Temperature", scale=2)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, scale=1)
        with gr.Column(scale=1, min_width=120):
            go = gr.Button("Steer", variant="primary", elem_id="ez-steer")
            stop = gr.Button("Stop", elem_id="ez-stop")
    status = gr.Markdown(
        "The emotion on the left is added to each model's states while it writes; the first column is left alone.",
        elem_id="ez-status",
    )
    texts = Texts()
    inputs = [prompt, emotion, doses, chosen, layers, tokens, temperature, seed]
    running = go.click(
        steering.run,
        inputs,
        [texts, status],
        api_name="steer",
        show_progress="hidden",
        concurrency_id="model",
        concurrency_limit=1,
    )
    stop.click(None, None, None, cancels=[running])
    return inputs, [texts, status]


def _clicked(event: gr.EventData) -> tuple[str, list]:
    """The kind of figure and the ids of a click, checked: a visitor can post any value."""
    data = event._data if isinstance(event._data, dict) else {}
    kind, ids = data.get("kind"), data.get("ids")
    if not isinstance(ids, list) or not ids:
        return "", []
    known = library().sets
    if kind == "depth" and len(ids) == 2 and ids[0] in known and isinstance(ids[1], int):
        return (kind, ids) if 0 <= ids[1] < known[ids[0]].n_layers else ("", [])
    if kind in ("map", "rdm") and ids[0] in CLASSES:
        return kind, ids
    return "", []


def _is_default(vectors) -> bool:
    p = vectors.provenance
    return vectors.shipped and p.protocol.name == "emoviz" and p.precision == "fp32" and p.corpus == DEFAULT_CORPUS


def _or_none(draw, view: Selection):
    """The first tab's content, or nothing where there is no set to draw."""
    try:
        return draw(view)
    except InputError:
        return None
