"""The texts of a leak run with what leaked marked and glossed, as the `Texts` and `Table` components show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from ...plots.wording import dose_label, minus
from ...readout.gloss import DICTIONARY, NEIGHBOURS, gloss, glosses
from ...readout.scripts import LATIN, PARTIAL, own_scripts, script_shares
from ...share.texts import Cell, Column, Sheet, decoding_words
from ...steer.grammar import UNSTEERED
from ...steer.recipes import recipe_words
from ...types import Gloss, LeakRun, LeakText, TokenChange
from ...words import counted, percent
from .writing import leaks

# Pieces that a line under a text, or a hover, names; raised tokens of other scripts that are listed.
_NAMED, _LISTED = 6, 25
SOURCES = {DICTIONARY: "our dictionary", NEIGHBOURS: "next to it in the model", None: "–"}
_NOTE = (
    f"{SOURCES[DICTIONARY]}: our own translation, in brackets what is no word of its own; {SOURCES[NEIGHBOURS]}: the "
    "words of Latin script nearest to the token in the model's own embedding, of any language"
)


def chosen_texts(run: LeakRun, recipe: str, direction: str, dose: float, prompt: int) -> list[LeakText]:
    """After one prompt the unsteered text, the direction's and the controls' at the same dose."""
    found = {(t.direction, t.dose): t for t in run.texts if (t.recipe, t.prompt) == (recipe, prompt)}
    wanted = [(UNSTEERED, 0.0), *((name, dose) for name in dict.fromkeys([direction, *run.controls]))]
    return [found[key] for key in wanted if key in found]


def texts_of(run: LeakRun, recipe: str, direction: str, dose: float, prompt: int) -> dict:
    """What `Texts` shows of them."""
    own = own_scripts(run.prompts[prompt])
    first, *beside = [_cell(run, text, own) for text in chosen_texts(run, recipe, direction, dose, prompt)]
    row = {
        "title": f"{run.model}, recipe {recipe}, dose {dose_label(dose)}",
        "note": " \u00b7 ".join(
            [recipe_words(run.recipes[recipe]), decoding_words(run.decoding), f"vectors {run.set}"]
        ),
        "set": run.set,
        "baseline": first,
        "lines": [{"label": "", "control": False, "cells": beside}],
    }
    return {"prompt": run.prompts[prompt], "chat": run.decoding.chat, "rows": [row]}


def sheet_of(run: LeakRun, recipe: str, direction: str, dose: float, prompt: int) -> Sheet:
    """The same as it leaves the page."""
    cells = [
        Cell(text.direction, text.dose, text.text.strip(), None, text.peak)
        for text in chosen_texts(run, recipe, direction, dose, prompt)
    ]
    note = f"recipe {recipe}: {recipe_words(run.recipes[recipe])}, {decoding_words(run.decoding)}"
    # A run has plain directions alone, which are read as they stand.
    return Sheet(run.prompts[prompt], (Column(run.model, run.set, note, tuple(cells), classes=run.directions),))


def _cell(run: LeakRun, one: LeakText, own: frozenset[str]) -> dict:
    text = one.text.strip()
    found = glosses(one.pieces, run.neighbours)
    starts = "never a leak" if one.starts is None else f"a leak from token {one.starts} on"
    said = [f"hidden {percent(one.peak)} %, visible {percent(sum(one.visible.values()))} %, {starts}"]
    if one.broken:
        said.append(one.broken)
    if found:
        more = f" \u00b7 {counted(len(found) - _NAMED, 'more piece')}" if len(found) > _NAMED else ""
        said.append(" \u00b7 ".join(_meaning(each) for each, _ in found[:_NAMED]) + more)
    return {
        "label": one.direction,
        "state": "",
        "text": text,
        "leaks": [[start, end, script, _said(text[start:end], found)] for start, end, script in leaks(text, own)],
        "lines": said,
    }


def _meaning(one: Gloss) -> str:
    return f"{one.piece} {one.english}" if one.english.startswith("(") else f"{one.piece} = {one.english or '?'}"


def _said(stretch: str, found: Sequence[tuple[Gloss, int]]) -> str:
    """What a stretch of a text says, piece by piece."""
    inside = [one for one, _ in found if one.piece in stretch or stretch in one.piece]
    return "; ".join(_meaning(one) for one in inside[:_NAMED])


def pieces_table(run: LeakRun, recipe: str, direction: str, dose: float) -> dict:
    """Everything that leaked into the texts of the direction and of the controls at one dose, after all prompts."""
    rows = []
    for name in dict.fromkeys([direction, *run.controls]):
        texts = [t for t in run.texts if (t.recipe, t.direction, t.dose) == (recipe, name, dose)]
        for one, n in glosses([piece for text in texts for piece in text.pieces], run.neighbours):
            script = next(iter(script_shares(one.piece)), "–")
            rows.append([name, one.piece, str(n), script, one.english or "–", SOURCES[one.source]])
    if not rows:
        return {"notes": [f"No letters of another script in the texts at dose {dose_label(dose)}."]}
    return {"columns": ["steered to", "leaked piece", "times", "script", "in English", "by"], "rows": rows,
            "notes": [_NOTE]}  # fmt: skip


def scripts_table(run: LeakRun, direction: str) -> dict:
    """Script by script the share of the tokens that the direction and the control raise most, and of the vocabulary."""
    if run.lens is None:
        return {"notes": [f"The output head of {run.model} could not be read, so that no raised tokens are known."]}
    shown = _raising(run, direction)
    shares = {name: run.lens.shares(name) for name in shown}
    scripts = sorted({s for own in shares.values() for s in own}, key=lambda s: -shares[direction].get(s, 0.0))
    n = len(run.lens.raised[direction])
    return {
        "columns": ["script", *([f"raised by {name}", f"share of the {n} tokens raised most"] for name in shown),
                    ["of all", "share of the whole vocabulary; what is no more than that is chance"]],
        "rows": [
            [
                _SCRIPTS.get(script, script),
                *(f"{percent(shares[name].get(script, 0.0))} %" for name in shown),
                f"{percent(run.lens.vocabulary.get(script, 0.0))} %",
            ]
            for script in scripts
        ],
        "notes": [
            f"the vectors of layer {run.lens.layer} of {run.model} through its own final norm and output head, before "
            "any text is written (as on Vocabulary)"
        ],
    }  # fmt: skip


_SCRIPTS = {"none": "no script", PARTIAL: "part of a character"}


def tokens_table(run: LeakRun, direction: str) -> dict:
    """The raised tokens in scripts other than Latin, of the direction and of the control beside it."""
    if run.lens is None:
        return {}
    lists = [(name, _foreign(run.lens.raised[name])) for name in _raising(run, direction)]
    counts = ", ".join(f"{len(found)} by {name}" for name, found in lists)
    note = f"of the tokens raised most, in other scripts than {LATIN}: {counts}"
    lists = [(name, found[:_LISTED]) for name, found in lists if found]
    if not lists:
        return {"notes": [note]}
    columns: list = []
    for name, _ in lists:
        columns += [f"raised by {name}", "script", "in English", "by", ["change", "of its logit per unit of dose"]]
    rows = [
        [cell for one in line for cell in _raised(one, run.neighbours)]
        for line in zip_longest(*(found for _, found in lists))
    ]
    return {"columns": columns, "rows": rows, "notes": [note, _NOTE]}


def _raising(run: LeakRun, direction: str) -> list[str]:
    """The direction and the controls, those whose raised tokens are known."""
    known = {} if run.lens is None else run.lens.raised
    return [name for name in dict.fromkeys([direction, *run.controls]) if name in known]


def _foreign(tokens: Sequence[TokenChange]) -> list[TokenChange]:
    return [one for one in tokens if one.script not in (None, LATIN, PARTIAL)]


def _raised(one: TokenChange | None, neighbours: Mapping[str, Sequence[str]]) -> list[str]:
    if one is None:
        return [""] * 5
    said = gloss(one.token.strip(), neighbours)
    return [one.token.strip(), str(one.script), said.english or "–", SOURCES[said.source], minus(f"{one.change:+.1f}")]
