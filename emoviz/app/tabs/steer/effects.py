"""Side effects: what steering broke, and what else it made the model say, from runs that are stored."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .... import plot
from ....experiments.effects_summary import READERS, effect_words
from ....plots.wording import dose_label, minus
from ....share.tables import effects_table
from ....store.effects import delete_side_effects
from ....types import SideEffects
from ....words import counted
from ...components import EMPTY, Choice, Figure, Message, Table
from ...contract import Laid, Tab, tried
from ...library import library, model_colours
from ...limits import is_public
from ...selection import Selection
from ...snippet import figure, snippet
from ...steer.own_runs import OwnRuns

_HINT = "Click a row in a figure to choose its emotion; a point in the first also chooses its dose."
_MAKING = (
    "At three doses, beside three random directions. The shipped runs took 6 and 13 minutes on two cores. A "
    "cancelled run resumes when you start it again."
)
OWN = OwnRuns(
    title="Side effects",
    tab="Side effects",
    command="effects",
    stored=lambda: library().effects,
    loses=lambda run: f"What {counted(len(run.rows) - 1, 'row')} of directions and doses did is removed.",
    remove=delete_side_effects,
)
_NOTHING = {"broken": "", "felt": "", "losses": EMPTY, "matrix": EMPTY, "numbers": EMPTY}


def shown_run(view: Selection, model: str | None) -> SideEffects | None:
    """The newest run of the model that is asked for, else of the first selected model that has one, else the first that
    is stored; one that has the emotion goes before."""
    runs = list(library().effects.values())
    models = [model, *(s.provenance.model for s in view.chosen())]
    for name in dict.fromkeys([*models, *(run.model for run in runs)]):
        own = [run for run in runs if run.model == name]
        having = [run for run in own if view.emotion in run.directions]
        if own:
            return max(having if having else own, key=lambda run: run.created)
    return None


def chosen(run: SideEffects, dose: str | None, reader: str | None) -> tuple[float, str]:
    """The dose and the reader that are shown: the middle dose and the first reader where none of the run's is asked
    for."""
    doses = {dose_label(one): one for one in run.doses}
    usual = run.doses[len(run.doses) // 2]
    by = reader if reader in run.off_target else next(iter(run.off_target))
    return (usual if dose is None else doses.get(dose, usual)), str(by)


def draw(view: Selection, model: str | None, dose: str | None, reader: str | None) -> dict[str, Any]:
    models = list(dict.fromkeys(run.model for run in library().effects.values()))
    run = shown_run(view, model)
    if run is None:
        menus = {name: gr.update(choices=[], value=None) for name in ("model", "dose", "reader")}
        none = "**Nothing to show.** No run of side effects is stored: emoviz effects MODEL makes one, or Run below."
        return {**_NOTHING, **menus, "own": gr.update(choices=OWN.choices()), "status": none}
    at, by = chosen(run, dose, reader)
    without = [one for one in dict.fromkeys(s.provenance.model for s in view.chosen()) if one not in models]
    said = [f"No run of {one}: emoviz effects {one} makes one, or Run below." for one in without]
    known = view.emotion in (*run.directions, *run.controls)
    broken, felt = f"**No {view.emotion}** in the run of {run.model}.", ""
    if known:
        first, second = map(minus, effect_words(run, view.emotion, at, by))
        broken, felt = f"**What broke in {run.model}:** {first}", f"**What else it brings:** {second}"
    return {
        "own": gr.update(choices=OWN.choices()),
        "model": gr.update(choices=models, value=run.model),
        "dose": gr.update(choices=[dose_label(one) for one in run.doses], value=dose_label(at)),
        "reader": gr.update(choices=list(run.off_target), value=by),
        "status": " ".join([*said, _HINT]),
        "broken": broken,
        "felt": felt,
        "numbers": effects_table(run, view.emotion) if known else EMPTY,
        "losses": tried(lambda: plot.side_effects(run, view.emotion, colour=model_colours([run.model])[run.model])),
        "matrix": tried(lambda: plot.off_target(run, at, by, emotion=view.emotion)),
    }


def pick(ids: list, _view: Selection) -> dict:
    """A click on a row, [direction, dose, run], chooses the emotion and the dose."""
    run = library().effects.get(ids[2]) if len(ids) == 3 and isinstance(ids[2], str) else None
    if run is None or ids[0] not in (*run.directions, *run.controls) or ids[1] not in run.doses:
        return {}
    known = {"emotion": ids[0]} if ids[0] in library().classes else {}
    return {"model": run.model, "dose": dose_label(float(ids[1])), **known}


def lay(start: Selection) -> Laid:
    status = Message(_HINT, elem_classes="ez-status", elem_id="ez-effects-status")
    with gr.Accordion("A run of your own", open=False, elem_id="ez-effects-own", visible=not is_public()):
        own, parts = OWN.lay(_MAKING, "ez-effects")
    runs = list(library().effects.values())
    # What a link may ask for; what is shown decides, once it is drawn.
    run = shown_run(start, None) if start.sets else None
    at = (None, None) if run is None else chosen(run, None, None)
    doses = [dose_label(dose) for dose in sorted({dose for one in runs for dose in one.doses})]
    with gr.Row(elem_classes="ez-controls"):
        model = Choice(
            list(dict.fromkeys(one.model for one in runs)),
            value=None if run is None else run.model,
            label="Model",
            scale=6,
            elem_id="ez-effects-model",
        )
        dose = Choice(
            doses, value=None if at[0] is None else dose_label(at[0]), label="Dose", scale=3, elem_id="ez-effects-dose"
        )
        reader = Choice(list(READERS), value=at[1], label="Read by", scale=4, elem_id="ez-effects-reader")
    outputs = {
        "status": status,
        "broken": Message(elem_classes="ez-prose", elem_id="ez-effects-broken"),
        "felt": Message(elem_classes="ez-prose", elem_id="ez-effects-felt"),
        "losses": Figure(EMPTY),
        "matrix": Figure(EMPTY),
        "numbers": Table(EMPTY, elem_classes="ez-compact", elem_id="ez-effects-numbers"),
        "own": own.menu,
    }
    controls = {"model": model, "dose": dose, "reader": reader}
    return Laid(controls, outputs, parts, menus=["model", "dose", "reader", "own"], changed=[own.done])


def python(view: Selection, model: str | None, dose: str | None, reader: str | None) -> str:
    run = shown_run(view, model)
    if run is None:
        return snippet("runs = ez.list_side_effects()")
    at, by = chosen(run, dose, reader)
    return snippet(
        f"run = {run.name!r}",
        figure("side_effects", "run", repr(view.emotion)),
        figure("off_target", "run", repr(at), repr(by), emotion=view.emotion),
    )


TAB = Tab(
    title="Side effects",
    question="What did steering break, and what else did it make the model feel?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"side-effects": pick, "off-target": pick},
    uses=("sets", "pin", "emotion"),
    wire=OWN.wire,
)
