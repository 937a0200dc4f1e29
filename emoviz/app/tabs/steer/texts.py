"""Texts: several models, directions and doses side by side, streamed together."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ....steer.grammar import MEAN, RANDOM
from ....steer.recipes import EMOVIZ, JEONG2026A, NORMS, PRESET_DOSES, PRESETS, SCOPES
from ....words import counted
from ...components import Memory, Message, Texts
from ...contract import EXPORTS, QUIET, WITH_MODEL, Laid, Page, Part, Tab, by_name
from ...download import downloaded_texts
from ...library import library
from ...memory import free, held, in_memory
from ...selection import Selection
from ...snippet import snippet
from ...steer.request import MAX_PROMPT_LETTERS
from ...steer.writing import Job, run

_DEFAULT_PROMPT = "She closed the door, sat down at the kitchen table and"
_CONTROLS = [("random direction", RANDOM), ("mean of emotions", MEAN)]
# What each preset puts into the fields beside its doses: layers, norm.
PRESET_FIELDS = {EMOVIZ: ("window", "fixed"), JEONG2026A: ("all", "live")}


def lay(start: Selection) -> Laid:
    models = list(library().steerable)
    with gr.Row(elem_classes="ez-controls"):
        prompt = gr.Textbox(
            _DEFAULT_PROMPT,
            label="Prompt to continue",
            info=f"up to {MAX_PROMPT_LETTERS:,} letters",
            lines=2,
            max_lines=4,
            scale=5,
            min_width=260,
        )
        chosen = gr.Dropdown(
            list(library().classes),
            value=[start.emotion],
            label="Emotions and mixtures",
            info="type a mixture: 0.7 calm + 0.3 grateful",
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
        controls = gr.CheckboxGroup(_CONTROLS, label="Controls", scale=7, min_width=290)
        ticked = gr.CheckboxGroup(models, value=models, label="Models", scale=8, min_width=300)
    first = {"preset": EMOVIZ, "layers": "window", "scope": "all", "norm": "fixed"}
    decoding = {"tokens": 40, "temperature": 0, "seed": 0, "chat": False}
    with gr.Accordion(summary(**first, **decoding), open=False, elem_id="ez-recipe") as accordion:
        with gr.Row(elem_classes="ez-controls"):
            preset = gr.Radio(list(PRESETS), value=EMOVIZ, label="Recipe", scale=3, elem_classes="ez-pills")
            layers = gr.Textbox("window", label="Layers", info="window, all, 12 or 10-20", scale=2, min_width=140)
            scope = gr.Dropdown(list(SCOPES), label="Scope", info="positions that are steered", scale=2, min_width=140)
            norm = gr.Dropdown(list(NORMS), label="Norm", info="what a dose is a share of", scale=2, min_width=140)
        with gr.Row(elem_classes="ez-controls"):
            tokens = gr.Number(40, label="New tokens", precision=0, scale=2, min_width=120)
            temperature = gr.Number(0, label="Temperature (0 is greedy)", scale=2, min_width=120)
            seed = gr.Number(0, label="Seed", precision=0, scale=2, min_width=120)
            chat = gr.Checkbox(False, label="chat template", scale=3, min_width=140, elem_id="ez-chat")
    with gr.Row(elem_classes="ez-status-row"):
        status = Message(
            "A direction is added to the model's states while it writes. Dose = length added / length of the state.",
            elem_id="ez-status",
        )
        memory = Memory()
    fields = {"preset": preset, "layers": layers, "scope": scope, "norm": norm}
    fields |= {"tokens": tokens, "temperature": temperature, "seed": seed, "chat": chat}
    summarised, inputs = by_name(lambda **now: gr.update(label=summary(**now)), **fields)
    gr.on([field.change for field in inputs], summarised, inputs, accordion, **QUIET)
    preset.input(fill_preset, preset, [doses, layers, scope, norm, temperature, chat], **QUIET)
    asked = {"prompt": prompt, "chosen": chosen, "controls": controls, "doses": doses, "models": ticked, **fields}
    parts = {**asked, "go": go, "stop": stop, "status": status, "memory": memory, "texts": Texts()}
    return Laid(parts=parts, linked=asked)


def python(_view: Selection, **asked: Any) -> str:
    known = library().steerable
    decoding = {name: asked[name] for name in ("temperature", "seed", "chat")}
    how = f"{asked['preset']!r}, layers={asked['layers']!r}, scope={asked['scope']!r}, norm={asked['norm']!r}"
    lines = [
        f"directions = {[*asked['chosen'], *asked['controls']]!r}",
        f"doses = [{asked['doses']}]",
        f"decoding = ez.Decoding(max_new_tokens={asked['tokens']!r}, "
        f"{', '.join(f'{name}={value!r}' for name, value in decoding.items())})",
        f"for name, own in {[(name, known[name].name) for name in asked['models'] if name in known]!r}:",
        "    model, vectors = ez.load_model(name), ez.find_set(own)",
        f"    recipe = ez.recipe(vectors, {how})",
        f"    texts = ez.steer_texts(model, vectors, directions, doses, {asked['prompt']!r}, recipe, decoding)",
        "    print(ez.judge_texts(model, texts).to_frame()[['direction', 'dose', 'text', 'regime']])",
    ]
    return snippet(*lines)


# What `run` is asked for.
ASKED = (
    *("prompt", "chosen", "controls", "doses", "models"),
    *("preset", "layers", "scope", "norm", "tokens", "temperature", "seed", "chat"),
)


def wire(page: Page) -> None:
    part, emotion = page.laid["Texts"].parts, page.selection["emotion"]
    job, followed = gr.State(Job()), gr.State(emotion.value)
    go, stop, status, memory = part["go"], part["stop"], part["status"], part["memory"]
    emotion.change(
        *by_name(follow, emotion=emotion, chosen=part["chosen"], followed=followed), [part["chosen"], followed], **QUIET
    )
    started = go.click(
        lambda: [Job(), "waiting for the model", *_buttons(writing=True)],
        None,
        [job, status, go, stop],
        **QUIET,
    )
    running = started.then(
        *by_name(run, **{name: part[name] for name in ASKED}, job=job),
        [part["texts"], status],
        **WITH_MODEL,
    )
    running.then(lambda: [*_buttons(writing=False), models_in_memory()], None, [go, stop, memory], **QUIET)
    # The run itself says that it has stopped: an answer from here could come after its last word.
    stop.click(press_stop, job, None, **QUIET)
    memory.select(let_go, None, memory, **QUIET)
    page.blocks.load(models_in_memory, None, memory, **QUIET)
    part["texts"].download(save, job, page.saved, **EXPORTS)
    send_to_read(page, part["texts"])


def save(job: Job, event: gr.EventData) -> dict:
    """The texts of the last run as a file."""
    return downloaded_texts(job.sheet, "emoviz-texts", event._data)


def send_to_read(page: Page, *texts: Part) -> None:
    """Wires the button at each text that opens it in the Read tab."""
    read = page.laid["Read"].parts
    gr.on([part.select for part in texts], text_to_read, None, [read["text"], read["set"], page.tabs], **QUIET)


def text_to_read(event: gr.EventData) -> tuple:
    """(text, set, tab) of a text that is sent to the Read tab, checked: a visitor can post any value."""
    data = event._data if isinstance(event._data, dict) else {}
    text, name = data.get("text"), data.get("set")
    if not isinstance(text, str) or not isinstance(name, str) or name not in library().sets:
        return gr.skip(), gr.skip(), gr.skip()
    return text, name, gr.Tabs(selected="Read")


def summary(preset, layers, scope, norm, tokens, temperature, seed, chat) -> str:
    """The recipe and the decoding in one line, as far as the fields are filled."""
    sampled = f"temperature {temperature}, seed {seed}" if temperature else "greedy"
    parts = [
        preset,
        f"layers {layers}",
        f"scope {scope}",
        f"{norm} norm",
        sampled,
        counted(int(tokens), "token") if tokens else "no tokens",
    ]
    return "Recipe and decoding: " + " \u00b7 ".join([*parts, "chat template"] if chat else parts)


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
    return {"models": models, "held": f"{held() / 1e9:.1f} GB"}


def let_go(event: gr.EventData) -> dict:
    """Lets the clicked model go; a name that is not in memory changes nothing."""
    data: Any = event._data
    name = data.get("free") if isinstance(data, dict) else None
    if isinstance(name, str):
        free(name)
    return models_in_memory()


def _buttons(*, writing: bool) -> list:
    """Steer and Stop."""
    return [gr.update(interactive=not writing), gr.update(interactive=writing)]


TAB = Tab(
    title="Texts",
    question="The same prompt, pushed towards an emotion at several doses, in several models, side by side.",
    lay=lay,
    python=python,
    wire=wire,
)
