"""Verification: k of 40 scenarios beside their random control, from stored results, and the texts behind every one."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import isfinite
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from ...emotions import EMOTIONS
from ...experiments.plans import rise_words
from ...plots.theme import SERIES
from ...plots.verification import verification_figure
from ...store import list_verifications
from ...types import Scenario, Verification
from ..components import EMPTY, Cards, Figure, Texts

_OPENINGS = ("first opening", "second opening")
_NONE = "No verification is stored. `emoviz verify MODEL` makes one: 40 scenarios, judged by a witness, beside a random control."


@lru_cache(maxsize=1)
def stored() -> dict[str, Verification]:
    """By name; read once, as long as the page is served."""
    return {one.name: one for one in list_verifications()}


def choices() -> list[tuple[str, str]]:
    """(label, name); who judged is said only where it tells two apart."""
    labels = Counter((one.model, one.precision) for one in stored().values())
    return [
        (
            f"{one.model}, {one.precision}" + (f", {one.witness.name}" if labels[one.model, one.precision] > 1 else ""),
            name,
        )
        for name, one in stored().items()
    ]


def cards() -> dict:
    """One card per verification: k beside the control's and the second witness's."""
    return {"cards": [_card(one, SERIES[k % len(SERIES)]) for k, one in enumerate(stored().values())]}


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
        ],
    }


def _second(one: Verification) -> str:
    name = one.check.name.split(",")[0]
    return f"{name}, part of the first" if one.check.name in one.witness.name else name


def _fact(name: str, k: int, n: int, note: str) -> dict:
    return {"name": name, "value": f"{k} of {n}", "note": note}


def draw(name: str | None, emotion: str, opening: str) -> tuple[str, go.Figure | str, str, dict | str]:
    """(criterion, figure, heading of the scenario, its texts)."""
    if name not in stored() or emotion not in EMOTIONS or opening not in _OPENINGS:
        return _NONE, EMPTY, "", EMPTY
    found, prompt = stored()[name], _OPENINGS.index(opening)
    own, control = (
        next(row for row in rows if (row.emotion, row.prompt) == (emotion, prompt))
        for rows in (found.rows, found.controls)
    )
    heading = (
        f"**{emotion}** after “{found.prompts[prompt]}”: probability {own.before:.2f} → {own.after:.2f}, "
        f"{'confirmed' if own.confirmed else 'not confirmed'}; {control.direction}: {control.before:.2f} → "
        f"{control.after:.2f}, {'confirmed' if control.confirmed else 'not confirmed'}. Above each text the witness's "
        f"probability of {emotion}."
    )
    return (
        f"{found.criterion} The random control chooses its dose in the same way. {rise_words(found)} Run it again: "
        f"`emoviz verify {found.model} --precision {found.precision}`.",
        verification_figure(found, emotion=emotion, prompt=prompt, notes=[rise_words(found)]),
        heading,
        _texts(found, own, control),
    )


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


def _cell(label: str, text) -> dict:
    return {
        "label": label,
        "state": _read(text.target),
        "text": text.text.strip(),
        "leaks": [],
        "regime": text.regime,
        "reason": text.reason,
        "numbers": "",
    }


def _read(probability: float) -> str:
    return f"witness {probability:.2f}" if isfinite(probability) else "blank"


def tab() -> Texts:
    """Lays the part out and wires it; returns its texts. Stored results are drawn at once; torch is not needed."""
    names = choices()
    first = names[0][1] if names else None
    shown = draw(first, EMOTIONS[0], _OPENINGS[0])
    Cards(cards())
    with gr.Row(elem_classes="ez-controls"):
        name = gr.Radio(names, value=first, label="Model", scale=3)
        emotion = gr.Dropdown(list(EMOTIONS), value=EMOTIONS[0], label="Scenario", scale=1, filterable=True)
        opening = gr.Radio(list(_OPENINGS), value=_OPENINGS[0], label="Opening", scale=2)
    words = gr.Markdown(shown[0], elem_classes="ez-prose")
    figure = Figure(shown[1])
    heading = gr.Markdown(shown[2])
    texts = Texts(shown[3])
    quick = {"queue": False, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    parts = [words, figure, heading, texts]
    gr.on([name.input, emotion.input, opening.input], draw, [name, emotion, opening], parts, **quick)

    def pick(event: gr.EventData, name: str, emotion: str, opening: str) -> tuple:
        emotion, opening = clicked(event._data, emotion, opening)
        return emotion, opening, *draw(name, emotion, opening)

    figure.select(pick, [name, emotion, opening], [emotion, opening, *parts], **quick)
    return texts


def clicked(data: Any, emotion: str, opening: str) -> tuple[str, str]:
    """The scenario of a click, checked: a visitor can post any value. What is not one leaves the choice as it was."""
    ids = data.get("ids") if isinstance(data, dict) and data.get("kind") == "verification" else None
    if isinstance(ids, list) and len(ids) == 2 and ids[0] in EMOTIONS and ids[1] in (0, 1):
        return ids[0], _OPENINGS[ids[1]]
    return emotion, opening
