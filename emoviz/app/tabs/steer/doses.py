"""Dose response: what every dose of an emotion does to the texts of several models, from runs that are stored."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from .... import plot
from ....errors import InputError
from ....steer.doses import RUN_DOSES
from ....stimuli.scenarios import dose_prompts
from ....store.responses import delete_dose_response
from ....types import DoseResponse
from ....words import counted
from ... import deleting
from ...components import EMPTY, Figure, Menu, Message, Texts
from ...contract import EXPORTS, QUIET, Laid, Page, Part, Tab, by_name
from ...download import downloaded_texts
from ...library import library, model_colours
from ...limits import check_asked, check_long_run, is_public, limits
from ...selection import Selection
from ...snippet import figure, snippet
from ...steer.own_runs import OwnRuns, lay_asked
from ...steer.request import check_prompt
from ...steer.stored_texts import highest_usable, sheet_at, texts_at
from .texts import send_to_read

MAX_RUNS = 4
# Prompts of a run whose texts are shown at once; each has a panel of its own.
MAX_PROMPTS = 4
_HINT = "Click a dose in a figure to read its texts, below the map. A click in the map also chooses its emotion."
_AT_FIRST = 3
_NOTHING = (EMPTY, EMPTY, *(EMPTY,) * MAX_PROMPTS)


def choices() -> list[tuple[str, str]]:
    """(label, name) of the stored runs."""
    return [(_label(r), name) for name, r in library().runs.items()]


def _label(r: DoseResponse) -> str:
    if r.shipped:
        return f"{r.model} \u00b7 shipped"
    what = ", ".join(r.directions) if len(r.directions) <= 2 else f"{len(r.directions)} emotions"
    return (
        f"{r.model} \u00b7 {what} \u00b7 {counted(len(r.doses) - 1, 'dose')} \u00b7 {r.created[:16].replace('T', ' ')}"
    )


OWN = OwnRuns(
    title="Dose response",
    tab="Dose response",
    command="doses",
    stored=lambda: library().runs,
    loses=lambda run: f"{counted(len(run.texts), 'text')} with their verdicts are removed.",
    remove=delete_dose_response,
    key="response",
    label=_label,
)


def shipped_choice() -> list[str]:
    """What is drawn before anything is chosen: as many as stand beside each other without scrolling."""
    return [name for name, r in library().runs.items() if r.shipped][:_AT_FIRST]


def show(names: list[str], direction: str, at: tuple | None) -> tuple:
    """(dose response, regime map, texts of each prompt, status). at : (run, dose) whose texts are shown; None for the
    highest usable dose of the first run.

    Whatever cannot be drawn leaves nothing of an earlier choice behind.
    """
    try:
        chosen = [library().runs[name] for name in names if name in library().runs]
        if not chosen:
            raise InputError("no run is chosen. Choose one, or make a run of your own.")
        if len(chosen) > MAX_RUNS:
            raise InputError(f"{len(chosen)} runs are chosen; up to {MAX_RUNS} fit side by side.")
        having = [r for r in chosen if direction in (*r.directions, *r.controls)]
        missing = [r.model for r in chosen if r not in having]
        colour = model_colours(r.model for r in chosen)
        figure = plot.dose_response(having, direction, colours=colour) if having else EMPTY
        said = f"No {direction} in the run of {', '.join(missing)}. {_HINT}" if missing else _HINT
        return figure, plot.regime_map(chosen), *_texts(having, direction, at), said
    except InputError as error:
        return *_NOTHING, f"**Nothing to show.** {error}"


def _texts(having: list[DoseResponse], direction: str, at: tuple | None) -> list:
    if not having:
        return [EMPTY] * MAX_PROMPTS
    response, dose = _chosen(having, direction, at)
    panels = [texts_at(response, direction, dose, k) for k in range(min(len(response.prompts), MAX_PROMPTS))]
    return panels + [EMPTY] * (MAX_PROMPTS - len(panels))


def _chosen(having: list[DoseResponse], direction: str, at: tuple | None) -> tuple[DoseResponse, float]:
    """The run and the dose whose texts are shown."""
    known = {r.name: r for r in having}
    response, dose = (known[at[0]], at[1]) if at is not None and at[0] in known else (having[0], None)
    if dose is None or dose not in response.doses:
        dose = highest_usable(response, direction)
    return response, dose


def pick(ids: list, _view: Selection) -> dict:
    """A click on a dose, [run, direction, dose], shows its texts, and chooses the emotion."""
    response = library().runs.get(ids[0]) if isinstance(ids[0], str) else None
    if response is None or len(ids) != 3 or ids[1] not in (*response.directions, *response.controls):
        return {}
    if ids[2] not in response.doses:
        return {}
    known = {"emotion": ids[1]} if ids[1] in library().classes else {}
    return {"at": (ids[0], float(ids[2])), **known}


def begin(model: str, emotions: list[str], doses: str, prompts: str, owner: str) -> tuple:
    """(status, jobs): a run of one's own is begun as a job."""
    return OWN.begun(model, owner, lambda: options(emotions, doses, prompts))


def options(emotions: list[str], doses: str, prompts: str) -> dict[str, str | list[str]]:
    """Of the command that makes a run. Raises InputError for prompts that cannot be used."""
    texts = [line.strip() for line in prompts.splitlines() if line.strip()]
    if not texts:
        raise InputError("the prompts are empty. Write texts to continue, one a line.")
    if len(texts) > MAX_PROMPTS:
        raise InputError(f"{len(texts)} prompts were given; up to {MAX_PROMPTS} fit.")
    for text in texts:
        check_prompt(text)
    n_doses = doses.count(",") + 1
    check_asked(len(emotions), n_doses)
    check_long_run(len(texts) * (1 + n_doses * (len(emotions) if emotions else len(library().classes))))
    return {"dose": doses, "prompt": texts, "emotion": emotions}


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        chosen = Menu(
            choices(), value=shipped_choice(), multiselect=True, label="Runs", scale=4, elem_id="ez-dose-runs"
        )
    with gr.Accordion("A run of your own", open=False, elem_id="ez-dose-own", visible=not is_public()):
        own, parts = _own_runs()
    outputs = {
        "status": Message(_HINT, elem_classes="ez-status", elem_id="ez-dose-status"),
        "curve": Figure(EMPTY),
        "regimes": Figure(EMPTY),
        **{f"texts {k}": Texts(EMPTY) for k in range(MAX_PROMPTS)},
        "own": own.menu,
    }
    controls = {"runs": chosen, "at": gr.State(None)}
    return Laid(controls, outputs, parts, menus=["runs", "own"], changed=[own.done])


def draw(view: Selection, runs: list[str], at: tuple | None) -> dict:
    """at : (run, dose) whose texts are shown. Runs may have come or gone since the page was built."""
    left = [name for name in runs if name in library().runs]
    left = left if left else shipped_choice()
    curve, regimes, *texts, status = show(left, view.emotion, at)
    return {
        "runs": gr.update(choices=choices(), value=left),
        "own": gr.update(choices=OWN.choices()),
        "curve": curve,
        "regimes": regimes,
        **{f"texts {k}": text for k, text in enumerate(texts)},
        "status": status,
    }


def wire(page: Page) -> None:
    laid, emotion, strip = page.laid["Dose response"], page.selection["emotion"], page.jobs
    panels = [part for name, part in laid.outputs.items() if name.startswith("texts")]
    send_to_read(page, *panels)
    given = [laid.controls["runs"], laid.controls["at"], emotion]
    for k, part in enumerate(panels):
        part.download(saving(k), given, page.saved, **EXPORTS)
    asked = {name: laid.parts[name] for name in ("emotions", "doses", "prompts")} | {"model": laid.parts["own model"]}
    begun = [laid.parts["said"], strip.lines]
    laid.parts["go"].click(*by_name(begin, **asked, owner=strip.owner), begun, **QUIET)


def saving(k: int) -> Callable[..., dict]:
    """What saves the texts after prompt k."""

    def save(runs: list[str], at: tuple | None, emotion: str, event: gr.EventData) -> dict:
        chosen = [library().runs[name] for name in runs if name in library().runs]
        having = [r for r in chosen if emotion in (*r.directions, *r.controls)]
        texts = None
        if having:
            response, dose = _chosen(having, emotion, at)
            texts = sheet_at(response, emotion, dose, k) if k < len(response.prompts) else None
        return downloaded_texts(texts, f"emoviz-dose-texts-{k + 1}", event._data)

    return save


def _own_runs() -> tuple[deleting.Deleting, dict[str, Part]]:
    """The controls that make and delete runs; returns those that delete and those that make."""
    with gr.Row(elem_classes="ez-controls"):
        asked: dict[str, Part] = lay_asked()
        asked["doses"] = gr.Textbox(
            RUN_DOSES, label="Dose list", info="length added / length of the state", scale=4, min_width=240
        )
    with gr.Row(elem_classes="ez-controls"):
        asked["prompts"] = gr.Textbox(
            "\n".join(dose_prompts()),
            label="Prompts to continue, one a line",
            info=f"up to {MAX_PROMPTS}, each up to {limits().prompt:,} letters",
            lines=2,
            max_lines=4,
            scale=8,
            min_width=280,
        )
        go = gr.Button("Run", variant="primary", elem_id="ez-dose-run", scale=1, min_width=120)
    said = Message(
        "Random and mean directions are run too, as controls. A cancelled run resumes when you start it again.",
        elem_classes="ez-status",
        elem_id="ez-dose-making",
    )
    return OWN.lay_deleting(said), {**asked, "go": go, "said": said}


def python(view: Selection, runs: list[str]) -> str:
    return snippet(
        "known = {run.name: run for run in ez.list_dose_responses()}",
        f"runs = [known[name] for name in {runs!r}]",
        figure("dose_response", "runs", repr(view.emotion)),
        figure("regime_map", "runs"),
    )


TAB = Tab(
    title="Dose response",
    question="What does every dose of an emotion do to the texts of a model?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"dose-response": pick, "regimes": pick},
    # Its runs are chosen on it.
    uses=("emotion",),
    wire=wire,
)
