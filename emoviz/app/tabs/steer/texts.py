"""Texts: several models, directions and doses side by side, streamed together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from ....errors import InputError
from ....geometry.cleaning import NONE, parted
from ....steer.grammar import MEAN, RANDOM, control_labels
from ....steer.recipes import EMOVIZ, JEONG2026A, NORMS, PRESET_DOSES, PRESETS, SCOPES
from ....words import counted
from ... import fetching
from ...cleaning import label, menu, snippet_lines
from ...components import EMPTY, Memory, Message, Shown, Table, Texts
from ...contract import EACH, EXPORTS, LATEST, PAGE, QUIET, WITH_MODEL, Laid, Page, Part, Tab, by_name, stale
from ...download import downloaded_texts
from ...library import library
from ...limits import is_public, limits
from ...memory import free, held, in_memory
from ...selection import Selection
from ...snippet import dose_list, snippet
from ...steer.request import plain, unfit_ticked
from ...steer.stored_texts import highest_usable, texts_at
from ...steer.writing import Job, run

_RECIPE = "Recipe and decoding: "
_DEFAULT_PROMPT = "She closed the door, sat down at the kitchen table and"
CONTROLS = [("random direction", RANDOM), ("mean of emotions", MEAN)]
# Whose stored texts stand there at first, where no run has what is asked for.
_EXAMPLE = "calm"
# What can be typed, as docs/steering.md has it in full.
_GRAMMAR = {
    "columns": ["written", "what becomes of the projection p at each layer of the recipe"],
    "rows": [
        ["calm; 0.7 calm + 0.3 grateful", "p + dose, at each dose"],
        ["add calm 0.04", "p + 0.04, whatever the doses"],
        ["ablate afraid", "0: as much of it as in all emotions together"],
        ["clamp calm 0.05", "0.05; without a number each dose"],
        ["reflect angry", "-p"],
        ["when afraid > 0.1 add calm 0.04", "p + 0.04 at the states whose reading of afraid is above 0.1; also with <"],
        ["calm first 10; ablate afraid after 10; calm tokens 5-20", "the same, while these tokens are written"],
    ],
    "notes": ["Each is a row of the batch. Controls add the same along the control's direction."],
    "wrap": True,
}
# What each preset puts into the fields beside its doses: layers, norm.
PRESET_FIELDS = {EMOVIZ: ("window", "fixed"), JEONG2026A: ("all", "live")}


def lay(start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        prompt = gr.Textbox(
            _DEFAULT_PROMPT,
            label="Prompt to continue",
            info=f"up to {limits().prompt:,} letters",
            lines=2,
            max_lines=4,
            scale=5,
            min_width=260,
        )
        chosen = gr.Dropdown(
            list(library().classes),
            value=[start.emotion],
            label="Emotions, mixtures and interventions",
            info="type 0.7 calm + 0.3 grateful, or ablate afraid",
            multiselect=True,
            allow_custom_value=True,
            scale=4,
            min_width=260,
            elem_id="ez-directions",
        )
        with gr.Column(scale=1, min_width=110, elem_classes="ez-buttons"):
            go = gr.Button("Steer", variant="primary", elem_id="ez-steer")
            stop = gr.Button("Stop", elem_id="ez-stop", interactive=False)
    with gr.Row(elem_classes="ez-controls"):
        doses = gr.Textbox(PRESET_DOSES[EMOVIZ], label="Doses", scale=4, min_width=180)
        controls = gr.CheckboxGroup(CONTROLS, label="Controls", scale=7, min_width=290)
    who, fetch = Message(elem_classes="ez-status"), fetching.lay()
    first = {"preset": EMOVIZ, "layers": "window", "scope": "all", "norm": "fixed"}
    decoding = {"tokens": "40", "temperature": "0", "seed": "0", "chat": False}
    with gr.Accordion(summary(**first, **decoding), open=False, elem_id="ez-recipe") as accordion:
        with gr.Row(elem_classes="ez-controls"):
            preset = gr.Radio(list(PRESETS), value=EMOVIZ, label="Recipe", scale=3, elem_classes="ez-pills")
            layers = gr.Textbox("window", label="Layers", info="window, all, 12 or 10-20", scale=2, min_width=140)
            scope = gr.Dropdown(list(SCOPES), label="Scope", info="positions that are steered", scale=2, min_width=140)
            norm = gr.Dropdown(list(NORMS), label="Norm", info="what a dose is a share of", scale=2, min_width=140)
        with gr.Row(elem_classes="ez-controls"):
            cleaning = menu(scale=2, min_width=190, elem_id="ez-steer-cleaning")
            tokens = gr.Textbox("40", label="New tokens", scale=2, min_width=120)
            temperature = gr.Textbox("0", label="Temperature (0 is greedy)", scale=2, min_width=120)
            seed = gr.Textbox("0", label="Seed", scale=2, min_width=120)
            chat = gr.Checkbox(False, label="chat template", scale=3, min_width=140, elem_id="ez-chat")
    with gr.Accordion("What can be typed", open=False, elem_id="ez-grammar"):
        Table(_GRAMMAR, elem_classes="ez-left")
    with gr.Row(elem_classes="ez-status-row"):
        status = Message(
            "A direction is added to the model's states while it writes. Dose = length added / length of the state.",
            elem_id="ez-status",
        )
        memory = Memory()
    fields: dict[str, Part] = {"preset": preset, "layers": layers, "scope": scope, "norm": norm}
    fields |= {"tokens": tokens, "temperature": temperature, "seed": seed, "chat": chat, "cleaning": cleaning}
    summarised, inputs = by_name(lambda **now: gr.update(label=summary(**now)), **fields)
    gr.on([field.change for field in inputs], summarised, inputs, accordion, **LATEST)
    preset.input(fill_preset, preset, [doses, layers, scope, norm, temperature, chat], **LATEST)
    asked = {"prompt": prompt, "chosen": chosen, "controls": controls, "doses": doses, **fields}
    with gr.Column(elem_classes="ez-results"):
        made, texts = Message(elem_classes="ez-made"), Texts(EMPTY)
    outputs = {"who": who, "fetch": fetch, "made": made, "texts": texts, "status": status}
    own = {"written_with": gr.State(None), "own": gr.State(False)}
    return Laid({**asked, **own}, outputs, {"go": go, "stop": stop, "memory": memory}, menus=["fetch"])


def stored_example(models: Sequence[str], wanted: Sequence[str]) -> dict:
    """One prompt of the shipped dose-response runs, at the highest usable dose of each; nothing without a run.

    models : whose runs are shown; where none has one, all. wanted : the first of these directions that a run has is
    shown; where none has, another emotion.
    """
    shipped = [run for run in library().runs.values() if run.shipped]
    runs = [run for run in shipped if run.model in models] or shipped
    shown = next((one for one in wanted if any(one in run.directions for run in runs)), _EXAMPLE)
    found = [texts_at(run, shown, highest_usable(run, shown), 0) for run in runs if shown in run.directions]
    found = [one for one in found if one["prompt"] == found[0]["prompt"]]
    if not found:
        return {}
    return {
        "texts": {**found[0], "stored": True, "rows": [row for one in found for row in one["rows"]]},
        "status": f"**Stored example.** Towards {shown}, at the highest usable dose of each run of Dose response. "
        "Press Steer for your own. Dose = length added / length of the state.",
    }


def models_of(view: Selection) -> list[str]:
    """The models of the selected sets, as far as they can be steered, each once."""
    known, sets = library().steerable, view.chosen() if view.sets else []
    return list(dict.fromkeys(s.provenance.model for s in sets if s.provenance.model in known))


def draw(view: Selection, written_with: dict[str, str] | None, own: bool, **asked: Any) -> dict:
    """Who would write, and what the texts that are shown were written with.

    own : whether the visitor has steered. Before that, a stored text of each model stands there.
    """
    models = models_of(view)
    names = ", ".join(models) if models else "none, since no set of a model that can be steered is selected"
    return {
        **({} if own else stored_example(models, [*asked["chosen"], view.emotion])),
        "who": f"**Models** of the sets on the left: {names}",
        "fetch": fetching.offer(models),
        "made": stale(written_with, made_with(view, **asked), "Steer"),
    }


def made_with(view: Selection, **asked: Any) -> dict[str, str]:
    """What texts are written with."""
    directions, doses = [*asked.pop("chosen"), *asked.pop("controls")], asked.pop("doses")
    return {
        "models": ", ".join(models_of(view)),
        "prompt": asked.pop("prompt"),
        "directions": ", ".join(directions),
        "doses": doses,
        "recipe": summary(**asked).removeprefix(_RECIPE),
    }


def write(view: Selection, job: Job, **asked: Any) -> Iterator[tuple]:
    """Yields (texts, status, what they are written with)."""
    try:
        models, made = models_of(view), made_with(view, **asked)
    except InputError as error:
        yield gr.skip(), f"**Cannot steer.** {error}", gr.skip()
        return
    for written, said in run(models=models, sets=view.sets, job=job, **asked):
        yield written, said, gr.skip() if written == gr.skip() else made


def python(view: Selection, **asked: Any) -> str:
    pairs, directions = in_python(view, asked["chosen"], asked["controls"])
    decoding = ", ".join(f"{name}={plain(asked[name])}" for name in ("temperature", "seed"))
    how = f"{asked['preset']!r}, layers={asked['layers']!r}, scope={asked['scope']!r}, norm={asked['norm']!r}"
    lines = [
        f"directions = {directions!r}",
        f"doses = {dose_list(asked['doses'])}",
        f"decoding = ez.Decoding(max_new_tokens={plain(asked['tokens'])}, {decoding}, chat={asked['chat']!r})",
        f"for name, own in {pairs!r}:",
        "    model, vectors = ez.load_model(name), ez.find_set(own)",
        *(f"    {line}" for line in snippet_lines(asked["cleaning"])),
        f"    recipe = ez.recipe(vectors, {how})",
        f"    texts = ez.steer_texts(model, vectors, directions, doses, {asked['prompt']!r}, recipe, decoding)",
        "    print(ez.judge_texts(model, texts).to_frame()[['direction', 'dose', 'text', 'regime']])",
    ]
    return snippet(*lines)


def in_python(view: Selection, chosen: list[str], controls: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """(model, set) of all that write, and the directions, as the library is given them."""
    used = library().sets_of(models_of(view), unfit_ticked(chosen, view.sets))
    classes = {name for vectors in used for name in vectors.classes}
    return [(vectors.provenance.model, vectors.name) for vectors in used], [*chosen, *control_labels(controls, classes)]


def wire(page: Page) -> list:
    laid, emotion = page.laid["Texts"], page.selection["emotion"]
    part, control = laid.parts, laid.controls
    texts, status = laid.outputs["texts"], laid.outputs["status"]
    job, followed = gr.State(Job()), gr.State(emotion.value)
    go, stop, memory = part["go"], part["stop"], part["memory"]
    emotion.change(
        *by_name(follow, emotion=emotion, chosen=control["chosen"], followed=followed),
        [control["chosen"], followed],
        **LATEST,
    )
    emptied = {texts: EMPTY, laid.outputs["made"]: "", status: "waiting for the model"}
    started = go.click(
        lambda: [Job(), True, Shown.of(emptied), *_buttons(writing=True)],
        None,
        [job, control["own"], page.shown, go, stop],
        **QUIET,
    )
    running = started.then(
        *by_name(write, page.selection, job=job, **laid.in_link),
        [texts, status, control["written_with"]],
        **WITH_MODEL,
    )
    ended = running.then(lambda: [*_buttons(writing=False), models_in_memory()], None, [go, stop, memory], **QUIET)
    # The run itself says that it has stopped: an answer from here could come after its last word.
    stop.click(press_stop, job, None, **QUIET)
    laid.outputs["fetch"].click(
        *by_name(fetch, page.selection, owner=page.jobs.owner), [status, page.jobs.lines], **QUIET
    )
    memory.select(let_go, None, memory, **EACH)
    page.blocks.load(models_in_memory, None, memory, **QUIET)
    texts.download(save, job, page.saved, **EXPORTS)
    send_to_read(page, texts)
    return [ended]


def fetch(view: Selection, owner: str) -> tuple[str, Any]:
    """(status, jobs) where missing weights are asked for."""
    return fetching.begin(models_of(view), owner)


def save(job: Job, event: gr.EventData) -> dict:
    """The texts of the last run as a file."""
    return downloaded_texts(job.sheet, "emoviz-texts", event._data)


def send_to_read(page: Page, *texts: Part) -> None:
    """Wires the button at each text that opens it in the Read tab, with the set of its model first."""
    bars = [page.groups[PAGE], page.groups["Read"]]
    outputs = [page.laid["One text"].controls["text"], page.selection["sets"], page.selection["pin"], *bars]
    gr.on([part.select for part in texts], *by_name(text_to_read, page.selection), outputs, **QUIET)


def text_to_read(event: gr.EventData, view: Selection) -> tuple:
    """(text, sets, pin, tab, its part) of a text that is sent to Read, checked: a visitor can post any value."""
    data = event._data if isinstance(event._data, dict) else {}
    text, name = data.get("text"), data.get("set")
    stored = parted(name)[0] if isinstance(name, str) else ""
    if not isinstance(text, str) or stored not in library().sets:
        return (gr.skip(),) * 5
    first = view.with_first(stored)
    return text, first["sets"], first["pin"], gr.Tabs(selected="Read"), gr.Tabs(selected="One text")


def summary(preset, layers, scope, norm, tokens, temperature, seed, chat, cleaning=NONE) -> str:
    """The recipe and the decoding in one line, as far as the fields are filled."""
    tokens, temperature = plain(tokens), plain(temperature)
    sampled = "greedy" if temperature == "0" else f"temperature {temperature}, seed {plain(seed)}"
    parts = [
        preset,
        f"layers {layers}",
        f"scope {scope}",
        f"{norm} norm{label(cleaning)}",
        sampled,
        counted(int(tokens), "token") if tokens.isdecimal() else "no tokens",
    ]
    return _RECIPE + " \u00b7 ".join([*parts, "chat template"] if chat else parts)


def fill_preset(preset: str) -> tuple:
    """Doses, layers, scope, norm, temperature and chat of a preset."""
    layers, norm = PRESET_FIELDS[preset]
    return PRESET_DOSES[preset], layers, "all", norm, 0, False


def follow(emotion: str, chosen: list[str], followed: str) -> tuple:
    """(directions, the emotion they follow): the left selection's, until the visitor has chosen others."""
    # An answer that changes nothing must not be sent: it could undo what is typed meanwhile.
    follows = chosen == [followed] and emotion != followed
    return ([emotion], emotion) if follows else (gr.skip(), gr.skip())


def press_stop(job: Job) -> None:
    job.stopped = True


def models_in_memory() -> dict:
    """The models, and what the whole server holds, which is more than their weights."""
    models = [{"name": name, "size": f"{size / 1e9:.1f} GB"} for name, size in in_memory()]
    return {"models": models, "held": f"{held() / 1e9:.1f} GB", "shared": is_public()}


def let_go(event: gr.EventData) -> dict:
    """Lets the clicked model go, unless others share the page; a name that is not in memory changes nothing."""
    data: Any = event._data
    name = data.get("free") if isinstance(data, dict) else None
    if isinstance(name, str) and not is_public():
        free(name)
    return models_in_memory()


def _buttons(*, writing: bool) -> list:
    """Steer and Stop."""
    return [gr.update(interactive=not writing), gr.update(interactive=writing)]


TAB = Tab(
    title="Texts",
    question="The same prompt, pushed towards an emotion at several doses, in several models, side by side.",
    lay=lay,
    draw=draw,
    python=python,
    uses=("sets", "pin", "emotion"),
    wire=wire,
)
