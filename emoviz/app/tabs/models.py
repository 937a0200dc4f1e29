"""Models: do the selected sets agree, how far can that be trusted, and where do two of them differ?"""

from __future__ import annotations

import re
from itertools import combinations

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...plots.rsa_pair import N_NAMED
from ...plots.theme import short_label
from ...plots.wording import p_text
from ...reference import SOURCE, published_models, published_rho
from ...stats import class_lines, letters, reason_lines
from ...stats.pairs import paired_rdms
from ...stats.recomputed import base_and_instruct, pair_groups, size_effects
from ..cells import number
from ..components import Figure, Refused, Table
from ..contract import Laid, Tab, tried
from ..library import library
from ..selection import Selection, pick_emotion
from ..snippet import figure, open_sets, snippet


def lay(_start: Selection) -> Laid:
    with gr.Row(elem_classes="ez-controls"):
        pair = gr.Dropdown(
            [], label="Pair", info="or click a cell of the matrix", visible=False, allow_custom_value=True
        )
    with gr.Row():
        with gr.Column(scale=1, min_width=380):
            matrix = Figure()
        with gr.Column(scale=1, min_width=380):
            dots = Figure()
    outputs = {"matrix": matrix, "dots": dots, "pairs": Table(), "differences": Table()}
    with gr.Row():
        with gr.Column(scale=1, min_width=440):
            published = Figure()
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
    return {
        "pair": gr.update(choices=choices, value=pair, visible=len(choices) > 1),
        "matrix": matrix,
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
    short, rows = letters(len(sets)), []
    for i, j in combinations(range(len(sets)), 2):
        rows.append(
            [
                f"{short[i]} and {short[j]}",
                str(found.n_classes[i, j]),
                number(found.rho[i, j], 3),
                f"{found.ci_low[i, j]:.3f} to {found.ci_high[i, j]:.3f}" if np.isfinite(found.ci_low[i, j]) else "–",
                p_text(found.p[i, j], found.n_permutations) if np.isfinite(found.p[i, j]) else "–",
                number(found.ceiling[i, j], 3),
                number(found.rho_disjoint[i, j], 3),
                number(found.rho_disattenuated[i, j], 3),
                number(found.rho_partial_lexical[i, j], 3),
                number(found.rho_partial_controls[i, j], 3),
            ]
        )
    above_one = (found.rho_disattenuated > 1).any()
    table = {
        "columns": [
            "pair",
            ["classes", "that both sets have; the pair is compared on them"],
            ["Spearman rho", "agreement of the two RDMs as observed, which noise in the passages lowers"],
            ["95 % interval", "of the observed rho over other topics, as many as these; not of a noise-free rho"],
            ["p", "share of relabellings of the classes that reach this rho (Mantel, one-sided)"],
            ["noise ceiling", "the rho that two noisy copies of one geometry would reach"],
            ["disjoint topics", "one set on half of the topics against the other set on the other half"],
            ["without noise", "the disjoint rho divided by the reliability of the halves (Spearman 1904)"],
            ["given shared words", "partial rho with the RDM of the passages as bags of words (TF-IDF) held constant"],
            [
                "given all controls",
                "the same with the words, both models' token embeddings and a sentence encoder held constant; the "
                "encoder reads meaning, so some of what is taken out is emotion",
            ],
        ],
        "rows": rows,
        "notes": [
            *left_out,
            *class_lines(sets, short),
            *reason_lines(found.missing, short),
            *(["a rho without noise above 1 is sampling error: the truth is near 1"] if above_one else []),
        ],
    }
    any_rho = np.isfinite(found.rho[np.triu_indices(len(sets), 1)]).any()
    return plot.rsa(sets, centring=view.centring, comparison=found) if any_rho else None, table


def pair_view(view: Selection, pair: str | None) -> tuple[go.Figure | None, dict | None]:
    """One pair of the selected sets, by its name ("A and C"; the first pair for any other), as dots and as a table."""
    sets, layers, _ = view.readable(view.chosen())
    if len(sets) < 2:
        return None, None
    short = letters(len(sets))
    places = {f"{short[i]} and {short[j]}": (i, j) for i, j in combinations(range(len(sets)), 2)}
    i, j = (0, 1) if pair is None else places.get(pair, (0, 1))
    two, at, names = (sets[i], sets[j]), (layers[i], layers[j]), (short[i], short[j])
    found = library().compared((two[0].name, two[1].name), at, view.centring, intervals=False)
    if np.isnan(found.rho[0, 1]):
        return None, None
    drawn = plot.pair(two, centring=view.centring, emotion=view.emotion, comparison=found, names=names)
    # As a slide of a talk it is one of several pairs.
    number = [1 + view.sets.index(s.name) for s in two]
    drawn.layout.meta = {**drawn.layout.meta, "name": f"pair_{number[0]}_{number[1]}"}
    paired = paired_rdms(two, at, view.centring)
    rows = [
        [
            " and ".join(paired.pairs[k]),
            *(f"{value:.3f}" for value in paired.values[:, k]),
            *(f"{rank:g}" for rank in paired.ranks[:, k]),
        ]
        for k in paired.most_different(N_NAMED)
    ]  # fmt: skip
    table = {
        "columns": [
            f"largest disagreements, {names[0]} vs {names[1]}",
            *([f"in {name}", "dissimilarity, 1 - cosine"] for name in names),
            *([f"rank in {name}", "1 = the most alike pair of emotions"] for name in names),
        ],
        "rows": rows,
        "notes": [f"ranks among {len(paired.pairs)} pairs; those that differ most, the largest difference first"],
    }
    return drawn, table


def published_table() -> dict:
    """What the paper says of its matrix and its models, recomputed."""
    models, rho = published_models(), published_rho()
    groups = pair_groups(models, rho)
    families = base_and_instruct(models, rho)
    effects = size_effects(models)
    rows = [
        *([g.name, f"{g.mean:.3f}", f"{g.low:.3f} to {g.high:.3f}", str(g.n)] for g in groups),
        *([name, f"{value:.3f}", "–", "1"] for name, value in families.items()),
        *([e.name, f"{e.rho:.3f}", f"p = {e.p:.2g}", str(e.n)] for e in effects),
    ]
    over = f"Over the means of the {effects[0].n_families} families: " + ", ".join(
        f"{e.name} {e.rho_families:.2f}" for e in effects
    )
    return {
        "columns": [
            "published, recomputed",
            ["rho", "Spearman's rho; the mean of a group"],
            ["range or p", "lowest to highest of a group; scipy's p of a correlation over models"],
            ["n", "pairs or models"],
        ],
        "rows": rows,
        "groups": {
            0: "between RDMs, mean of the pairs",
            len(groups): "between RDMs, base and instruct of one family",
            len(groups) + len(families): "over the twelve models",
        },
        "notes": [
            f"{SOURCE}; recomputed from the published matrix and table. The twelve models come from six families: base "
            "and instruct of a family are much alike, and pairs share models. So neither models nor pairs are "
            f"independent, and the p values, which assume that, are too small. {over}.",
        ],
    }


def python(view: Selection, pair: str | None) -> str:
    sets, layers, _ = view.readable(view.chosen())
    if len(sets) < 2:
        return snippet(figure("published_rsa"))
    places = [name for _, name in pair_choices(view)]
    i, j = list(combinations(range(len(sets)), 2))[places.index(pair) if pair in places else 0]
    two = {"layers": [layers[i], layers[j]], "centring": view.centring, "emotion": view.emotion}
    return snippet(
        open_sets(sets),
        figure("rsa", "sets", layers=layers, centring=view.centring),
        figure("pair", f"[sets[{i}], sets[{j}]]", **two),
        figure("published_rsa"),
    )


TAB = Tab(
    title="Models",
    question="Do the geometries of several sets agree, how far can that be trusted, and where do two of them differ?",
    lay=lay,
    draw=draw,
    python=python,
    picks={"rsa": pick_pair, "pair": pick_emotion},
)
