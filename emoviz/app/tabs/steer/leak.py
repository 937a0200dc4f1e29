"""Leak: other scripts that steering brings out, hidden and visible, from runs that are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from .... import plot
from ....experiments.leak_summary import leak_peak, summary
from ....plots.wording import dose_label
from ....store.leaks import delete_leak_run
from ....types import LeakRun
from ....words import counted
from ...components import EMPTY, Choice, Figure, Message, Table, Texts
from ...contract import EXPORTS, Laid, Page, Tab, by_name, tried
from ...download import downloaded_texts
from ...library import library, model_colours
from ...limits import is_public
from ...selection import Selection
from ...snippet import figure, snippet
from ...steer.leaked_texts import pieces_table, scripts_table, sheet_of, texts_of, tokens_table
from ...steer.own_runs import OwnRuns
from .texts import send_to_read

MAX_RUNS = 4
# Prompts of a run whose texts are shown; each has a panel of its own.
MAX_PROMPTS = 4
_HINT = "Click a point in a figure to read its texts below; on a thin line, this also chooses its emotion."
_MAKING = (
    "Both recipes at four doses after two openings, with a random direction. The shipped runs took 2 to 5 minutes on "
    "two cores. A cancelled run resumes when you start it again."
)
OWN = OwnRuns(
    title="Leak run",
    tab="Leak",
    command="leak",
    stored=lambda: library().leaks,
    loses=lambda run: f"{counted(len(run.texts), 'text')} with what leaks of them are removed.",
    remove=delete_leak_run,
)
_NOTHING = {
    "figure": EMPTY, "scripts": EMPTY, "heading": "", "leaked": "", "pieces": EMPTY, "before": "",
    "raised": EMPTY, "tokens": EMPTY,
    **{f"texts {k}": EMPTY for k in range(MAX_PROMPTS)},
}  # fmt: skip


def run_of(model: str, emotion: str) -> LeakRun | None:
    """The newest run of a model that has the emotion, else the newest; None where there is none."""
    own = [run for run in library().leaks.values() if run.model == model]
    having = [run for run in own if emotion in (*run.directions, *run.controls)]
    return max(having or own, key=lambda run: run.created, default=None)


def shown_runs(view: Selection, contrast: bool) -> tuple[list[LeakRun], list[str]]:
    """(runs of the models of the selected sets, and for contrast of other models; models that have none)."""
    models = list(dict.fromkeys(s.provenance.model for s in view.chosen()))
    found = {model: run_of(model, view.emotion) for model in models}
    if contrast:
        found |= {run.model: run for run in library().leaks.values() if run.shipped and run.model not in found}
    runs = [run for run in found.values() if run is not None]
    return runs[:MAX_RUNS], [model for model in models if found[model] is None]


def chosen(
    runs: list[LeakRun], emotion: str, model: str | None, recipe: str | None, dose: str | None
) -> tuple[LeakRun, str, float]:
    """The run, recipe and dose whose texts are shown; by default where the emotion leaks most, beyond the
    controls if it does so anywhere."""
    known = {run.model: run for run in runs}
    peaks = [
        ((peak.beyond, peak.hidden), peak.dose, run, name)
        for run in ([known[model]] if model in known else runs)
        for name in ([recipe] if recipe in run.recipes else run.recipes)
        if (peak := leak_peak(summary(run), run.controls, emotion, str(name))) is not None
    ]
    _, top, run, name = max(peaks, key=lambda one: one[0])
    asked = {dose_label(value): value for value in run.doses}
    return run, str(name), asked.get(dose, top) if dose is not None else top


def draw(view: Selection, contrast: bool, model: str | None, recipe: str | None, dose: str | None) -> dict[str, Any]:
    runs, without = shown_runs(view, contrast)
    having = [run for run in runs if view.emotion in (*run.directions, *run.controls)]
    said = [f"No leak run of {one}: emoviz leak {one} makes one, or Run below." for one in without]
    said += [f"No {view.emotion} in the run of {run.model}." for run in runs if run not in having]
    if not having:
        menus = {name: gr.update(choices=[], value=None) for name in ("model", "recipe", "dose")}
        menus["own"] = gr.update(choices=OWN.choices())
        return {
            **_NOTHING,
            **menus,
            "status": f"**Nothing to show.** {' '.join(said)}",
        }
    run, by, at = chosen(having, view.emotion, model, recipe, dose)
    panels: list[Any] = [texts_of(run, by, view.emotion, at, k) for k in range(min(len(run.prompts), MAX_PROMPTS))]
    panels += [EMPTY] * (MAX_PROMPTS - len(panels))
    return {
        "own": gr.update(choices=OWN.choices()),
        "model": gr.update(choices=[one.model for one in having], value=run.model),
        "recipe": gr.update(choices=list(run.recipes), value=by),
        "dose": gr.update(choices=[dose_label(value) for value in run.doses], value=dose_label(at)),
        "status": " ".join([*said, _HINT]),
        "figure": tried(lambda: plot.leak(having, view.emotion, colours=model_colours(run.model for run in having))),
        "scripts": tried(lambda: plot.leak_scripts(having, view.emotion)),
        "heading": f"**{view.emotion} in {run.model},** recipe {by}, dose {dose_label(at)}, beside a control direction",
        **{f"texts {k}": texts for k, texts in enumerate(panels)},
        "leaked": "**What leaked,** in English, after all openings",
        "pieces": pieces_table(run, by, view.emotion, at),
        "before": "**What the direction raises,** before any text is written: the scripts of the tokens, and those in "
        "other scripts",
        "raised": scripts_table(run, view.emotion),
        "tokens": tokens_table(run, view.emotion),
    }


def pick(ids: list, _view: Selection) -> dict:
    """A click on a point, [run, recipe, direction, dose], shows its texts, and chooses the emotion."""
    if len(ids) != 4 or not all(isinstance(one, str) for one in ids[:3]):
        return {}
    run = library().leaks.get(ids[0])
    if run is None or ids[1] not in run.recipes:
        return {}
    found = {"model": run.model, "recipe": ids[1]}
    if ids[3] in run.doses:
        found["dose"] = dose_label(float(ids[3]))
    known = ids[2] in run.directions and ids[2] in library().classes
    return {**found, **({"emotion": ids[2]} if known else {})}


def _all(names: Callable[[LeakRun], Any]) -> list:
    """What any run has, each once."""
    return list(dict.fromkeys(name for run in library().leaks.values() for name in names(run)))


def _first(start: Selection) -> tuple[str | None, str | None, str | None]:
    """The model, recipe and dose that are shown at first; None where there is no run."""
    runs = [run for run in shown_runs(start, contrast=True)[0] if start.emotion in run.directions] if start.sets else []
    if not runs:
        return None, None, None
    run, recipe, dose = chosen(runs, start.emotion, None, None, None)
    return run.model, recipe, dose_label(dose)


def lay(start: Selection) -> Laid:
    status = Message(_HINT, elem_classes="ez-status", elem_id="ez-leak-status")
    with gr.Row(elem_classes="ez-controls"):
        contrast = gr.Checkbox(
            True, label="shipped runs of other models, as a contrast", scale=4, elem_id="ez-leak-contrast"
        )
    with gr.Accordion("A run of your own", open=False, elem_id="ez-leak-own", visible=not is_public()):
        own, parts = OWN.lay(_MAKING, "ez-leak")
    shown = {"status": status, "figure": Figure(EMPTY), "scripts": Figure(EMPTY)}
    with gr.Row(elem_classes="ez-controls"):
        # What a link may ask for; what is shown decides, once it is drawn.
        at = _first(start)
        model = Choice(_all(lambda run: [run.model]), value=at[0], label="Model", scale=5, elem_id="ez-leak-model")
        recipe = Choice(_all(lambda run: run.recipes), value=at[1], label="Recipe", scale=3, elem_id="ez-leak-recipe")
        doses = [dose_label(dose) for dose in sorted(_all(lambda run: run.doses))]
        dose = Choice(doses, value=at[2], label="Dose", scale=4, elem_id="ez-leak-dose")
    outputs: dict[str, Any] = {
        **shown,
        "heading": Message(elem_classes="ez-prose"),
        **{f"texts {k}": Texts(EMPTY) for k in range(MAX_PROMPTS)},
        "leaked": Message(elem_classes="ez-prose"),
        "pieces": Table(EMPTY, elem_classes="ez-compact", elem_id="ez-leak-pieces"),
        "before": Message(elem_classes="ez-prose"),
        "raised": Table(EMPTY, elem_classes="ez-compact", elem_id="ez-leak-raised"),
        "tokens": Table(EMPTY, elem_classes="ez-compact", elem_id="ez-leak-tokens"),
    }
    controls = {"contrast": contrast, "model": model, "recipe": recipe, "dose": dose}
    outputs["own"] = own.menu
    return Laid(controls, outputs, parts, menus=["model", "recipe", "dose", "own"], changed=[own.done])


def wire(page: Page) -> None:
    laid = page.laid["Leak"]
    panels = [part for name, part in laid.outputs.items() if name.startswith("texts")]
    send_to_read(page, *panels)
    for k, part in enumerate(panels):
        part.download(*by_name(saving(k), page.selection, **laid.controls), page.saved, **EXPORTS)
    OWN.wire(page)


def saving(k: int) -> Callable[..., dict]:
    """What saves the texts after prompt k."""

    def save(view: Selection, contrast: bool, model: str, recipe: str, dose: str, event: gr.EventData) -> dict:
        runs, _ = shown_runs(view, contrast)
        having = [run for run in runs if view.emotion in (*run.directions, *run.controls)]
        texts = None
        if having:
            run, by, at = chosen(having, view.emotion, model, recipe, dose)
            texts = sheet_of(run, by, view.emotion, at, k) if k < len(run.prompts) else None
        return downloaded_texts(texts, f"emoviz-leak-texts-{k + 1}", event._data)

    return save


def python(view: Selection, contrast: bool, **_chosen: Any) -> str:
    names = [run.name for run in shown_runs(view, contrast)[0]]
    return snippet(
        f"runs = {names!r}",
        figure("leak", "runs", repr(view.emotion)),
        figure("leak_scripts", "runs", repr(view.emotion)),
    )


TAB = Tab(
    title="Leak",
    question="Which other scripts does steering bring out, in the text and in the probabilities behind it?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"leak": pick, "leak-scripts": pick},
    uses=("sets", "pin", "emotion"),
    wire=wire,
)
