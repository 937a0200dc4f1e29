"""Verification: k of 40 scenarios beside their random control, from stored results, and the texts behind every one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from math import isfinite, nan
from typing import Any

import gradio as gr

from .... import plot
from ....emotions import EMOTIONS
from ....errors import InputError
from ....experiments.plans import outside_words, rise_words
from ....models.registry import PRECISIONS
from ....plots.theme import SERIES
from ....process import run_command, words_of
from ....types import Scenario, ScenarioText, Verification
from ...components import Cards, Choice, Figure, Message, Texts
from ...contract import QUIET, Laid, Page, Tab, by_name
from ...job_strip import BEGUN, lines, model_label
from ...jobs import JOBS
from ...library import library
from ...limits import is_public, refuse_in_public
from ...selection import Selection
from ...snippet import figure, snippet
from ...steer.writing import regime_marks
from .texts import send_to_read

_PRECISIONS = ("auto", *PRECISIONS)
_AUTO = "auto: fp32, on CUDA bf16"
_OPENINGS = ("first opening", "second opening")
_NONE = (
    "No verification is stored. Make one above, or with emoviz verify MODEL: 40 scenarios, judged by a witness, beside "
    "random directions."
)


def choices() -> list[tuple[str, str]]:
    """(label, name); who judged is said only where it tells two apart."""
    labels = Counter((one.model, one.precision) for one in library().verifications.values())
    return [
        (
            f"{one.model}, {one.precision}" + (f", {one.witness.name}" if labels[one.model, one.precision] > 1 else ""),
            name,
        )
        for name, one in library().verifications.items()
    ]


def cards() -> dict:
    """One card per verification: k beside the control's and the second witness's."""
    return {"cards": [_card(one, SERIES[k % len(SERIES)]) for k, one in enumerate(library().verifications.values())]}


def _card(one: Verification, colour: str) -> dict:
    accuracy = "not tested here" if one.witness.accuracy is None else f"held-out accuracy {one.witness.accuracy:.2f}"
    return {
        "title": one.model,
        "note": f"witness: {one.witness.name}, {accuracy} (chance {one.witness.chance:.2f})",
        "colour": colour,
        "dashed": False,
        "facts": [
            _fact("confirmed", one.k, one.n, f"[{one.wilson_low:.2f}, {one.wilson_high:.2f}]"),
            _fact("random control", one.control_k, one.n, f"[{one.control_low:.2f}, {one.control_high:.2f}]"),
            _fact("second witness", one.check_k, one.n, _second(one)),
            _fact("its control", one.check_control_k, one.n, "not tuned on"),
            *_outside(one),
        ],
    }


def _second(one: Verification) -> str:
    name = one.check.name.split(",")[0]
    return f"{name}, part of the first" if one.check.name in one.witness.name else name


def _outside(one: Verification) -> list[dict]:
    if one.outside is None:
        return []
    taught = one.outside.name.partition(" by ")[0]
    left = one.n - one.outside_n
    return [
        _fact("outside witness", one.outside_k, one.outside_n, f"{taught}; {left} not judged"),
        _fact("its control", one.outside_control_k, one.outside_n, "taught by people"),
    ]


def _fact(name: str, k: int, n: int, note: str) -> dict:
    return {"name": name, "value": f"{k} of {n}", "note": note}


def begin(model: str, precision: str, owner: str) -> tuple:
    """(status, jobs): a verification of one's own is begun as a job."""
    try:
        refuse_in_public("No verification is made")
        known = library().steerable
        if model not in known or precision not in _PRECISIONS:
            raise InputError(f"no model or no precision is chosen. {', '.join(known)} can be verified.")
        origin = known[model].provenance.origin
        words = words_of("verify", origin if origin else model, precision=precision)
        JOBS.start("verification", f"Verification of {model_label(model)}", owner, lambda: make(words, model))
    except InputError as error:
        return f"**Cannot verify.** {error}", gr.skip()
    return BEGUN, lines(owner)


def make(words: list[str], model: str) -> Generator[str, None, str]:
    """Yields what the verification says, returns its result. Closing it ends the process. Raises InputError with its
    complaint."""
    made = yield from run_command(words)
    return (
        f"{made['k']} of {made['n']} confirmed for {model}, random control {made['control_k']}. Choose it in Steer, "
        "Verification."
    )


def lay(_start: Selection) -> Laid:
    names, models = choices(), list(library().steerable)
    with gr.Accordion("A verification of your own", open=False, elem_id="ez-verify-own", visible=not is_public()):
        with gr.Row(elem_classes="ez-controls", equal_height=True):
            model = gr.Dropdown(models, value=models[0] if models else None, label="Model", scale=4, min_width=200)
            precision = gr.Dropdown(list(_PRECISIONS), label="Precision", info=_AUTO, scale=3, min_width=200)
            go = gr.Button("Verify", variant="primary", elem_id="ez-verify", scale=1, min_width=120)
        said = Message(
            "40 scenarios, judged by a witness, beside random directions. The shipped ones took 5 and 6 minutes on two "
            "cores, and 10 and 17 more to find their doses.",
            elem_classes="ez-status",
            elem_id="ez-verifying",
        )
    summary = Cards()
    with gr.Row(elem_classes="ez-controls"):
        name = Choice(names, value=names[0][1] if names else None, label="Model", scale=3)
        opening = gr.Radio(list(_OPENINGS), value=_OPENINGS[0], label="Opening", scale=2)
    outputs = {
        "cards": summary,
        "criterion": Message(elem_classes="ez-prose"),
        "figure": Figure(),
        "heading": Message(elem_classes="ez-prose"),
        "texts": Texts(),
    }
    parts = {"own model": model, "precision": precision, "go": go, "said": said}
    return Laid({"name": name, "opening": opening}, outputs, parts, menus=["name"])


def draw(view: Selection, name: str | None, opening: str) -> dict:
    """Of the verification, and of the selected emotion after one opening."""
    scenario, known = view.emotion, library().verifications
    name = name if name in known else next(iter(known), None)
    opening = opening if opening in _OPENINGS else _OPENINGS[0]
    drawn: dict[str, Any] = {"name": gr.update(choices=choices(), value=name), "cards": cards()}
    if name is None:
        return {**drawn, "criterion": _NONE, "figure": None, "heading": "", "texts": None}
    found, prompt = known[name], _OPENINGS.index(opening)
    notes = [rise_words(found), outside_words(found)]
    drawn |= {
        "criterion": f"{found.criterion} The dose of the random direction is chosen in the same way. "
        f"{' '.join(notes)} Run it again: emoviz verify {found.model} --precision {found.precision}.",
        "figure": plot.verification(found, emotion=scenario, prompt=prompt, notes=notes),
    }
    if scenario not in EMOTIONS:
        heading = f"**No scenario for {scenario}.** Click one in the figure, or choose another emotion on the left."
        return {**drawn, "heading": heading, "texts": None}
    own, control = (
        next(row for row in rows if (row.emotion, row.prompt) == (scenario, prompt))
        for rows in (found.rows, found.controls)
    )
    heading = (
        f"**{scenario}** after “{found.prompts[prompt]}”: probability {own.before:.2f} → {own.after:.2f}, "
        f"{'confirmed' if own.confirmed else 'not confirmed'}; {control.direction}: {control.before:.2f} → "
        f"{control.after:.2f}, {'confirmed' if control.confirmed else 'not confirmed'}. {_by_outside(found, own)}Above "
        f"each text the witness's probability of {scenario}."
    )
    return {**drawn, "heading": heading, "texts": _texts(found, own, control)}


def _by_outside(found: Verification, own: Scenario) -> str:
    if found.outside is None:
        return ""
    if own.outside_confirmed is None:
        return f"The outside witness does not judge {own.emotion}. "
    said = "confirmed" if own.outside_confirmed else "not confirmed"
    return f"Outside witness: {own.outside_before:.2f} → {own.outside_after:.2f}, {said}. "


def pick(ids: list, _view: Selection) -> dict:
    """A click on a scenario, [emotion, opening], chooses both."""
    known = len(ids) == 2 and ids[0] in EMOTIONS and type(ids[1]) is int and ids[1] in (0, 1)
    return {"emotion": ids[0], "opening": _OPENINGS[ids[1]]} if known else {}


def wire(page: Page) -> None:
    laid, strip = page.laid["Verification"], page.jobs
    send_to_read(page, laid.outputs["texts"])
    asked = {"model": laid.parts["own model"], "precision": laid.parts["precision"], "owner": strip.owner}
    laid.parts["go"].click(*by_name(begin, **asked), [laid.parts["said"], strip.lines], **QUIET)


def _texts(found: Verification, own: Scenario, control: Scenario) -> dict:
    baselines = found.baselines[own.prompt]
    rows = []
    for k, (baseline, steered, random) in enumerate(zip(baselines, own.texts, control.texts, strict=True)):
        cells = [
            _cell(f"{own.emotion} {own.dose:g}", steered),
            _cell(f"{control.direction} at {control.dose:g}", random),
        ]
        rows.append(
            {
                "title": f"sample {k + 1} of {len(baselines)}",
                "note": "",
                "set": found.set,
                "baseline": {
                    "label": "unsteered",
                    "state": _read(steered.baseline),
                    "text": baseline.strip(),
                    "leaks": [],
                },
                "lines": [{"label": "", "control": False, "cells": cells}],
            }
        )
    return {"prompt": found.prompts[own.prompt], "chat": False, "rows": rows}


def _cell(label: str, text: ScenarioText) -> dict:
    return {
        "label": label,
        "state": _read(text.target, text.outside),
        "text": text.text.strip(),
        "leaks": [],
        **regime_marks(text.regime),
        "reason": text.reason,
        "numbers": "",
    }


def _read(probability: float, outside: float = nan) -> str:
    said = f"witness {probability:.2f}" if isfinite(probability) else "blank"
    return f"{said}, outside {outside:.2f}" if isfinite(outside) else said


def python(view: Selection, name: str | None, opening: str) -> str:
    marked = {"emotion": view.emotion, "prompt": _OPENINGS.index(opening)}
    return snippet(
        f"found = next(one for one in ez.list_verifications() if one.name == {name!r})",
        figure("verification", "found", **marked),
    )


TAB = Tab(
    title="Verification",
    question="Does steering move a model to the emotion that it is named for, judged by a witness, beside a random "
    "direction?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"verification": pick},
    # Which verification is shown is chosen on it.
    uses=("emotion",),
    wire=wire,
)
