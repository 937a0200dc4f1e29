"""Methods: what is left of a geometry when method, protocol, precision or passages change.

Uses every set at hand, ticked or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...errors import InputError
from ...experiments.contrasts import contrasts
from ...plots.contrasts import cosines_text, recipe_labels, set_label
from ...plots.wording import p_text
from ...reference import SOURCE, published_compliance, published_models, published_rho
from ...stats.contrasts import KINDS
from ...types import Contrast, Measured
from ..components import Figure, Messages, Table
from ..contract import Laid, Tab
from ..library import library
from ..selection import Selection
from ..snippet import figure, snippet

# The figures whose messages lead. The first stands open, the others in a fold.
LEADING = ("decomposition", "separation", "precision", "corpora")


def place(name: str) -> str:
    """The id that a message of a figure leads to."""
    return f"ez-at-{name}"


def lay(_start: Selection) -> Laid:
    said, decomposition = Messages(), Figure(elem_id=place("decomposition"))
    # What a fold holds is drawn when it is opened, and stays open while the page is.
    with gr.Accordion("Generation against comprehension", open=False, elem_id=place("separation")):
        separation = Figure()
    with gr.Accordion("Precision", open=False, elem_id=place("precision")):
        precision = Figure()
    with gr.Accordion("Corpus: the same model on other passages", open=False, elem_id=place("corpora")):
        corpora = Figure()
    with gr.Accordion("Base against instruct", open=False), gr.Row():
        with gr.Column(scale=6, min_width=480):
            variants = Figure(share=6 / 11)
        with gr.Column(scale=5, min_width=380):
            behaviour = Table()
    with gr.Accordion("Every contrast in a table", open=False):
        every = Table()
    figures = {"decomposition": decomposition, "separation": separation, "precision": precision, "corpora": corpora}
    return Laid(outputs={"messages": said, **figures, "variants": variants, "compliance": behaviour, "table": every})


def draw(_view: Selection) -> dict:
    """The same for every selection: what differs in one thing only is seldom what somebody has ticked."""
    sets, look = list(library().sets.values()), library().style
    found = contrasts(sets)
    notes = [where_from(found)]

    def drawn(figure: Callable[..., go.Figure], **options: Any) -> go.Figure | None:
        try:
            return figure(sets, style=look, **options)
        except InputError:
            # No sets of that kind: the table below says what is there.
            return None

    figures = {name: drawn(getattr(plot, name), notes=notes) for name in LEADING}
    return {
        "messages": {"messages": [message(name, shown) for name, shown in figures.items() if shown is not None]},
        **figures,
        "variants": drawn(plot.variants),
        "compliance": compliance(),
        "table": table(found.contrasts, notes),
    }


def message(name: str, figure: go.Figure) -> dict:
    """What a figure says, which is its title, and where it stands."""
    lead, _, text = figure.layout.meta["title"].partition(": ")
    return {"lead": lead, "text": text, "open": place(name)}


def where_from(found: Measured) -> str:
    """Which sets take part, and where the numbers of those come from that are not at hand."""
    note = "every set at hand is included, ticked or not"
    if not found.created:
        return note
    return (
        f"{note}; pairs of shipped sets, or with a set that is not at hand, were measured on {found.created[:10]} with "
        f"emoviz {found.versions['emoviz']}"
    )


def compliance() -> dict:
    """Published behaviour of two models beside the published agreement of their geometries."""
    place = [m.id for m in published_models()]
    models = published_compliance()
    rho = published_rho()[tuple(place.index(m.id) for m in models)]
    return {
        "columns": [
            "model",
            ["yields (B)", "share of scenarios in which it gave up its stance under pressure from the user"],
            ["follows (D)", "mean score at following constraints, over the scenarios that it is capable of"],
        ],
        "rows": [
            [m.id.split("/")[1], f"{m.yields:.2f} (n = {m.n_yields})", f"{m.follows:.2f} (n = {m.n_follows})"]
            for m in models
        ],
        "groups": {0: "MTI compliance, published, not measured by us"},
        "notes": [
            f"Their behaviour differs, their RDMs agree with rho {rho:.3f} (published).",
            f"{SOURCE}; test: arXiv 2604.02145. B rests on 10 scenarios: 0.80 has a 95 % interval (Wilson) of 0.49 to "
            "0.94.",
        ],
    }


def table(contrasts: Sequence[Contrast], notes: Sequence[str]) -> dict:
    """Every contrast in a row, by kind; under them what is missing and why, with the rows it is missing in."""
    rows: list[list[str]] = []
    groups: dict[int, str] = {}
    missing: dict[tuple[str, str], list[str]] = {}
    for k, c in enumerate(contrasts):
        if k == 0 or contrasts[k - 1].kind != c.kind:
            groups[k] = f"{c.kind}: {KINDS[c.kind]}"
        everything = len(c.reasons) == len(_NAMES) and len(set(c.reasons.values())) == 1
        for what in ["all"] if everything else c.reasons:
            why = next(iter(c.reasons.values())) if everything else c.reasons[what]
            missing.setdefault((_NAMES.get(what, "numbers"), why), []).append(str(k + 1))
        labels = list(recipe_labels(c))
        if c.kind == "precision":
            labels = [f"{c.protocols[0]}: {c.precisions[0]}", c.precisions[1]]
        if c.kind == "corpus":
            labels = [f"{set_label(c.protocols[0], c.precisions[0])}: {c.corpora[0]}", c.corpora[1]]
        rows.append(
            [
                f"{k + 1}  {' / '.join(dict.fromkeys(c.models))}",
                " × ".join(labels),
                " × ".join("–" if layer is None else str(layer) for layer in c.layers),
                f"{c.rho:.3f}" if np.isfinite(c.rho) else "missing",
                f"{c.ci_low:.2f} to {c.ci_high:.2f}" if np.isfinite(c.ci_low) else "–",
                p_text(c.p, c.n_permutations).removeprefix("p ").removeprefix("= ") if np.isfinite(c.p) else "–",
                f"{c.ceiling:.2f}" if np.isfinite(c.ceiling) else "–",
                "–" if c.cosines is None else cosines_text(c.cosines, named=False),
            ]
        )
    return {
        "columns": [
            "model",
            [
                "sets",
                "the two protocols, with precision and passages where they are not the usual; the reference first",
            ],
            ["layers", "of the two sets: each protocol's own; between precisions and corpora the reference's"],
            ["rho", "Spearman's, between the two RDMs"],
            ["95 % interval", "of rho over other topics, as many as these; of each corpus its own"],
            ["p", "share of relabellings of the classes that reach this rho (Mantel, one-sided)"],
            ["ceiling", "the rho that two noisy copies of one geometry would reach"],
            ["cosine", "between the two sets' vectors of an emotion: mean over emotions (lowest)"],
        ],
        "rows": rows,
        "groups": groups,
        "notes": [*notes, *(f"no {what} in {', '.join(where)}: {why}" for (what, why), where in missing.items())],
    }


_NAMES = {"rho": "rho", "p": "p", "ceiling": "noise ceiling", "ci": "interval", "cosines": "cosines"}


def python(_view: Selection) -> str:
    return snippet(*(figure(name) for name in ("decomposition", "separation", "precision", "corpora", "variants")))


TAB = Tab(
    title="Methods",
    question="What is left of a geometry when method, protocol, precision, passages or instruction tuning change?",
    lay=lay,
    draw=draw,
    ahead=True,
    python=python,
    uses=(),
)
