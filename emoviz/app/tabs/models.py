"""Models: do the selected sets agree, how far can that be trusted, and where do two of them differ?"""

from __future__ import annotations

import re
from itertools import combinations

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...plots.theme import short_label
from ...plots.wording import p_text
from ...share.cells import number
from ...share.tables import disagreements, pairs_table, published_table
from ...stats import letters
from ...stats.pairs import paired_rdms
from ...types import Comparison, VectorSet
from ..components import Cards, Figure, Refused, Table
from ..contract import Laid, Part, Tab, tried
from ..library import library
from ..selection import Selection, pick_emotion, pick_emotions
from ..snippet import figure, open_sets, snippet


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        pair = gr.Dropdown(
            [], label="Pair", info="or click a cell of the matrix", visible=False, allow_custom_value=True
        )
    agreement = Cards(elem_classes="ez-headline")
    outputs: dict[str, Part] = {"agreement": agreement}
    # Two by two; two sets have no matrix worth a figure, and then the table is as wide as the page.
    with gr.Row(elem_classes="ez-two"):
        for name, part in (("matrix", Figure), ("dots", Figure), ("difference", Figure), ("differences", Table)):
            with gr.Column(min_width=0):
                outputs[name] = part(share=1 / 2) if part is Figure else part()
    outputs["pairs"] = Table()
    with gr.Row():
        with gr.Column(scale=1, min_width=440):
            published = Figure(share=1 / 2)
        with gr.Column(scale=1, min_width=380):
            recomputed = Table()
    return Laid({"pair": pair}, {**outputs, "published": published, "recomputed": recomputed}, menus=["pair"])


def draw(view: Selection, pair: str | None) -> dict:
    """Matrix and pair view of the selected sets, their tables, the published matrix and its statistics."""
    found = tried(pair_choices, view)
    choices = [] if isinstance(found, Refused) else found
    known = [name for _, name in choices]
    pair = pair if pair in known else next(iter(known), None)
    matrix, table = tried(pairs, view, n=2)
    dots, differences = (None, None) if isinstance(found, Refused) else pair_view(view, pair)
    one_pair = len(choices) == 1 and dots is not None
    return {
        "agreement": agreement(view) if one_pair else None,
        "pair": gr.update(choices=choices, value=pair, visible=len(choices) > 1),
        "matrix": None if one_pair else matrix,
        "difference": None if dots is None else difference(view, pair),
        "dots": dots,
        "pairs": table,
        "differences": differences,
        "published": plot.published_rsa(),
        "recomputed": published_table(),
    }


def pick_pair(ids: list, _view: Selection) -> dict:
    """A click on a cell of our matrix, [pair, ...]."""
    named = isinstance(ids[0], str) and re.fullmatch("[A-Z]{1,9} and [A-Z]{1,9}", ids[0])
    return {"pair": ids[0]} if named else {}


def pair_choices(view: Selection) -> list[tuple[str, str]]:
    """(label, name) of every pair of the selected sets, as the menu shows them."""
    sets, _, _ = view.readable(view.chosen())
    return [
        (f"{x} and {y}: {short_label(a)} and {short_label(b)}", f"{x} and {y}")
        for (x, a), (y, b) in combinations(zip(letters(len(sets)), sets, strict=True), 2)
    ]


def pairs(view: Selection) -> tuple[go.Figure | None, dict | None]:
    """The matrix of the selected sets and a line of statistics per pair; for one set a note of what is missing."""
    sets, layers, left_out = view.readable(view.chosen())
    if len(sets) < 2:
        return None, {
            "notes": [
                *left_out,
                "A comparison needs two vector sets with a finite layer here. Tick another one on the left.",
            ]
        }
    found = library().compared(tuple(s.name for s in sets), layers, view.centring)
    table = pairs_table(sets, found, left_out, reference=sets[0].name == view.pin)
    any_rho = np.isfinite(found.rho[np.triu_indices(len(sets), 1)]).any()
    return plot.rsa(sets, centring=view.centring, comparison=found) if any_rho else None, table


def agreement(view: Selection) -> dict:
    """What there is to say of two sets, as numbers: a matrix would have one."""
    two, at, names, _ = _pair(view, None)
    found = library().compared((two[0].name, two[1].name), at, view.centring)
    paired = paired_rdms(two, at, view.centring)
    top = paired.most_different(1)
    interval = (
        f"95 % interval {found.ci_low[0, 1]:.2f} to {found.ci_high[0, 1]:.2f}"
        if np.isfinite(found.ci_low[0, 1])
        else "no interval; why stands below"
    )
    p = p_text(found.p[0, 1], found.n_permutations) if np.isfinite(found.p[0, 1]) else "no p; why stands below"
    facts = [
        {"name": "Spearman rho", "value": number(found.rho[0, 1], 2), "note": f"{interval}; {p}"},
        {"name": "noise ceiling", "value": number(found.ceiling[0, 1], 2), "note": "what two noisy copies would reach"},
        {"name": "disjoint topics", "value": number(found.rho_disjoint[0, 1], 2), "note": "without shared passages"},
    ]
    if top:
        first, second = paired.shares[:, top[0]]
        facts.append(
            {
                "name": "they differ most on",
                "value": " and ".join(paired.pairs[top[0]]),
                "note": f"rank {first:.2f} in {names[0]}, {second:.2f} in {names[1]}; 1 = the least alike pair",
            }
        )
    sides = [f"{name}: {short_label(s)}, layer {k}" for name, s, k in zip(names, two, at, strict=True)]
    note = f"RDMs of {found.n_classes[0, 1]} classes, {view.centring} centring"
    return {"cards": [{"title": " and ".join(sides), "note": note, "colour": "var(--ez-ink)", "facts": facts}]}


def difference(view: Selection, pair: str | None) -> go.Figure:
    two, _, names, found = _pair(view, pair)
    drawn = plot.difference(two, centring=view.centring, emotion=view.marked, comparison=found, names=names)
    return _named(drawn, "difference", view, two)


def _named(drawn: go.Figure, kind: str, view: Selection, two: tuple[VectorSet, VectorSet]) -> go.Figure:
    """The same with its name as a slide of a talk, where it is one of several pairs."""
    places = [s.name for s in view.chosen()]
    i, j = (1 + places.index(s.name) for s in two)
    drawn.layout.meta = {**drawn.layout.meta, "name": f"{kind}_{i}_{j}"}
    return drawn


def _pair(
    view: Selection, pair: str | None
) -> tuple[tuple[VectorSet, VectorSet], tuple[int, int], tuple[str, str], Comparison]:
    """The two sets of a pair, at which layers, what they are called, and their comparison without intervals."""
    sets, layers, _ = view.readable(view.chosen())
    short = letters(len(sets))
    places = {f"{short[i]} and {short[j]}": (i, j) for i, j in combinations(range(len(sets)), 2)}
    i, j = (0, 1) if pair is None else places.get(pair, (0, 1))
    two, at, names = (sets[i], sets[j]), (layers[i], layers[j]), (short[i], short[j])
    found = library().compared((two[0].name, two[1].name), at, view.centring, intervals=False)
    return two, at, names, found


def pair_view(view: Selection, pair: str | None) -> tuple[go.Figure | None, dict | None]:
    """One pair of the selected sets, by its name ("A and C"; the first pair for any other), as dots and as a table."""
    sets, _, _ = view.readable(view.chosen())
    if len(sets) < 2:
        return None, None
    two, at, names, found = _pair(view, pair)
    if np.isnan(found.rho[0, 1]):
        return None, None
    drawn = plot.pair(two, centring=view.centring, emotion=view.marked, comparison=found, names=names)
    return _named(drawn, "pair", view, two), disagreements(two, at, view.centring, names, view.marked)


def python(view: Selection, pair: str | None) -> str:
    sets, layers, _ = view.readable(view.chosen())
    if len(sets) < 2:
        return snippet(figure("published_rsa"))
    places = [name for _, name in pair_choices(view)]
    i, j = list(combinations(range(len(sets)), 2))[places.index(pair) if pair in places else 0]
    two = {"layers": [layers[i], layers[j]], "centring": view.centring, "emotion": view.marked}
    # Two sets are said in a number.
    matrix = [figure("rsa", "sets", layers=layers, centring=view.centring)] if len(sets) > 2 else []
    return snippet(
        open_sets(sets),
        *matrix,
        figure("difference", f"[sets[{i}], sets[{j}]]", **two),
        figure("pair", f"[sets[{i}], sets[{j}]]", **two),
        figure("published_rsa"),
    )


TAB = Tab(
    title="Models",
    question="Do the geometries of several sets agree, how far can that be trusted, and where do two of them differ?",
    lay=lay,
    draw=draw,
    ahead=True,
    python=python,
    picks={"rsa": pick_pair, "difference": pick_emotions, "pair": pick_emotion, "differences": pick_emotions},
)
