"""The texts of one dose of a stored run, with their verdicts, as the `Texts` component shows them."""

from __future__ import annotations

from math import isfinite, isnan

from ...errors import InputError
from ...steer.leak import leaked_spans, own_scripts
from ...steer.mixtures import UNSTEERED, is_control, parse_mixture
from ...steer.recipes import recipe_words
from ...steer.targets import target_scores
from ...types import DoseResponse, SteeredText

MINUS = "\u2212"


def texts_at(response: DoseResponse, direction: str, dose: float, prompt: int) -> dict:
    """The unsteered text after one prompt, and beside it the direction and the controls at the same dose."""
    asked = response.prompts[prompt]
    found = {(t.direction, t.dose): t for t in response.texts if t.prompt == prompt}
    twin = found[UNSTEERED, 0.0]
    beside = [name for name in dict.fromkeys([direction, *response.controls]) if (name, dose) in found]
    terms = () if is_control(direction) else parse_mixture(direction).terms

    def cell(label: str, text: SteeredText) -> dict:
        spans = leaked_spans(text.text.strip(), own_scripts(asked))
        return {
            "label": label,
            "state": "",
            "text": text.text.strip(),
            "leaks": [[span.start, span.end, span.script] for span in spans],
            "regime": text.verdict.regime,
            "reason": text.verdict.reason,
            "numbers": _numbers(response, text, terms),
            "hidden": "",
            "mass": f"highest probability on other scripts: {100 * text.leak_mass:.2g} %",
            "witness": _witness_words(response, text, terms),
        }

    decoding = response.decoding
    how = "greedy" if decoding.temperature == 0 else f"temperature {decoding.temperature:g}, seed {decoding.seed}"
    row = {
        "title": f"{response.model}, {f'dose {dose:g}'.replace('-', MINUS)}",
        "note": f"{recipe_words(response.recipe)} \u00b7 {how} \u00b7 vectors {response.set}",
        "set": response.set,
        "witness": _who(response),
        "twin": cell(UNSTEERED, twin),
        "lines": [{"label": "", "control": False, "cells": [cell(name, found[name, dose]) for name in beside]}],
    }
    return {"prompt": asked, "chat": decoding.chat, "rows": [row]}


def _numbers(response: DoseResponse, text: SteeredText, terms) -> str:
    verdict = text.verdict
    at = [(response.classes.index(name), weight) for name, weight in terms if name in response.classes]
    onto = sum(weight * text.projections[k] for k, weight in at) if at else float("nan")
    values = (
        ("perplexity \u00d7", verdict.ppl_ratio, ".2g"),
        ("repetition", verdict.repetition, ".0%"),
        ("leak", verdict.leak, ".0%"),
        ("projection", onto, "+.3f"),
    )
    said = " \u00b7 ".join(f"{name} {value:{form}}" for name, value, form in values if isfinite(value))
    return said.replace("%", " %").replace("-", MINUS)


def _witness_words(response: DoseResponse, text: SteeredText, terms) -> str:
    """How much the witness finds of the target, and what it takes the text for."""
    classes, found = response.witness.classes, text.probabilities
    if not classes:
        return ""
    if any(isnan(p) for p in found):
        return "witness: nothing that it can read"
    top = max(range(len(classes)), key=lambda k: found[k])
    taken = f"{classes[top]} {found[top]:.2f}"
    try:
        score = sum(weight * float(target_scores(classes, [found], name)[0]) for name, weight in terms)
    except InputError:
        # An emotion of one's own, which it was not trained on.
        return f"witness: {taken}"
    if not terms or (len(terms) == 1 and terms[0][0] == classes[top]):
        return f"witness: {taken}"
    target = terms[0][0] if len(terms) == 1 else "the mixture"
    return f"witness: {target} {f'{score:.2f}'.replace('-', MINUS)}, most {taken}"


def _who(response: DoseResponse) -> str:
    card = response.witness
    if not card.classes:
        return f"no witness: {card.trained_on}"
    tested = "not tested here" if card.accuracy is None else f"{card.accuracy:.2f} right on topics held out"
    return f"witness: {card.name}, {tested} (chance {card.chance:.2f})"
