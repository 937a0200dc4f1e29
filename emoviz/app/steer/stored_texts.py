"""The texts of one dose of a stored run, with their verdicts, as the `Texts` component shows them."""

from __future__ import annotations

import math

import numpy as np

from ...experiments.dose_curves import UNJUDGED, curves, usable_window
from ...plots.wording import dose_label, minus
from ...readout.scripts import own_scripts
from ...share.texts import Cell, Column, Sheet, decoding_words, verdict_numbers
from ...steer.grammar import UNSTEERED, weights_of
from ...steer.recipes import recipe_words
from ...types import DoseResponse, SteeredText
from ...words import percent
from .witnessing import outside_line, outside_words, witness_line, witness_words
from .writing import leaks, verdict_words


def highest_usable(response: DoseResponse, direction: str) -> float:
    """The highest usable dose of a direction, where there is none the highest dose."""
    _, high, _ = usable_window(curves(response, direction))
    return max(response.doses) if math.isnan(high) else high


def texts_at(response: DoseResponse, direction: str, dose: float, prompt: int) -> dict:
    """The unsteered text after one prompt, and below it the direction and the controls at the same dose."""
    asked, card, outside = response.prompts[prompt], response.witness, response.outside
    own = own_scripts(asked)
    found = {(t.direction, t.dose): t for t in response.texts if t.prompt == prompt}
    beside = [name for name in dict.fromkeys([direction, *response.controls]) if (name, dose) in found]
    texts = [found[UNSTEERED, 0.0], *(found[name, dose] for name in beside)]
    probabilities, by_outside = (
        np.array([getattr(text, name) for text in texts]) for name in ("probabilities", "outside")
    )
    terms = (weights_of(direction, response.classes) or {}).items()

    def cell(k: int, label: str) -> dict:
        text = texts[k].text.strip()
        return {
            "label": label,
            "state": "",
            "text": text,
            "leaks": leaks(text, own),
            **verdict_words(texts[k].verdict),
            "numbers": " \u00b7 ".join([verdict_numbers(texts[k].verdict), *_projection(response, texts[k], terms)]),
            "hidden": "",
            "mass": f"highest probability on other scripts: {percent(texts[k].leak_mass)} %",
            "witness": witness_line(card.classes, probabilities, k, label, response.classes) if card.classes else "",
            "outside": "" if outside is None else outside_line(outside.classes, by_outside, k, label, response.classes),
        }

    row = {
        "title": f"{response.model}, dose {dose_label(dose)}",
        "note": " \u00b7 ".join(
            [recipe_words(response.recipe), decoding_words(response.decoding), f"vectors {response.set}"]
        ),
        "set": response.set,
        "witness": witness_words(card) if card.classes else UNJUDGED,
        "outside": "" if outside is None else outside_words(outside),
        "baseline": cell(0, UNSTEERED),
        "lines": [{"label": "", "control": False, "cells": [cell(k, name) for k, name in enumerate(beside, 1)]}],
    }
    return {"prompt": asked, "chat": response.decoding.chat, "rows": [row]}


def sheet_at(response: DoseResponse, direction: str, dose: float, prompt: int) -> Sheet:
    """The same as it leaves the page."""
    row = texts_at(response, direction, dose, prompt)["rows"][0]
    shown = [(UNSTEERED, 0.0, row["baseline"])]
    shown += [(cell["label"], dose, cell) for line in row["lines"] for cell in line["cells"]]
    found = {(t.direction, t.dose): t for t in response.texts if t.prompt == prompt}
    cells = [
        Cell(
            *(name, at, cell["text"], found[name, at].verdict, found[name, at].leak_mass),
            *(cell["witness"], cell["outside"]),
        )
        for name, at, cell in shown
    ]
    column = Column(
        response.model, response.set, row["note"], tuple(cells), row["witness"], row["outside"], response.classes
    )
    return Sheet(response.prompts[prompt], (column,))


def _projection(response: DoseResponse, text: SteeredText, terms) -> list[str]:
    """Where the text lies on the target, empty where that is not known."""
    if not terms or any(name not in response.classes for name, _ in terms):
        return []
    onto = sum(weight * text.projections[response.classes.index(name)] for name, weight in terms)
    return [minus(f"projection {onto:+.3f}")] if np.isfinite(onto) else []
