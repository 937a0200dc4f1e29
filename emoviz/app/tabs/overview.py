"""Overview: which sets there are, and how good each is where it is best."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ... import plot
from ...geometry import best_layers, depth_curves
from ...geometry.dissimilarity import MIN_COMMON
from ...plots.messages import facts, messages
from ...plots.rsa import AGREEMENT
from ...plots.theme import protocol_label, short_label
from ...plots.wording import p_text
from ...reference import SOURCE, published_models
from ...stats.pairs import paired_rdms
from ...types import VectorSet
from ...words import counted
from ..cells import depth_of, highest, interval_of, number
from ..components import Cards, Figure, Messages, Table
from ..contract import Laid, Tab, tried
from ..library import library
from ..selection import BEST, Selection, pick_emotion
from ..snippet import figure, open_sets, snippet


def lay(start: Selection) -> Laid:
    # Drawn here, so that it is there at once.
    first = draw(start) if start.sets else {}
    outputs = {
        "messages": Messages(first.get("messages"), elem_id="ez-glance"),
        "map": Figure(first.get("map")),
        "cards": Cards(first.get("cards")),
        "table": Table(table()),
    }
    return Laid(outputs=outputs)


def draw(view: Selection) -> dict:
    return {
        "messages": tried(at_a_glance, view),
        "map": tried(emotion_map, view),
        "cards": tried(cards, view),
        "table": table(),
    }


def at_a_glance(view: Selection) -> dict:
    """Three to six lines of what the selected sets say, each a link to the tab that shows it."""
    sets = view.chosen()
    layers = view.layers(sets)
    compared = paired = None
    if len(sets) > 1:
        compared = library().compared(tuple(s.name for s in sets), layers, "class", intervals=False)
    if len(sets) == 2 and compared is not None and np.isfinite(compared.rho[0, 1]):
        paired = paired_rdms((sets[0], sets[1]), (layers[0], layers[1]), "class")
    found = messages([facts(s, layer) for s, layer in zip(sets, layers, strict=True)], compared, paired)
    return {"messages": [{"lead": m.lead, "text": m.text, "go": {"tab": m.tab, **m.controls}} for m in found]}


def cards(view: Selection) -> dict:
    """One card per selected set: where its geometry is best, and how good it is there."""
    found = []
    for vectors, layer in zip(sets := view.chosen(), view.layers(sets), strict=True):
        curves = depth_curves(vectors)
        best = best_layers(vectors)["decoding"]
        half = curves["split_half_rho"].values[layer]
        look = library().style[vectors.name]
        p = vectors.provenance
        rule = p.protocol.layer_rule
        chosen_by = "same depth" if view.layer_mode != BEST else "middle" if rule == "middle" else f"best by {rule}"
        found.append(
            {
                "title": p.model,
                "note": f"{protocol_label(vectors)} · {p.weights} in {p.precision} · layer {layer} of "
                f"{vectors.n_layers} ({chosen_by}) · {counted(p.n_passages, 'text')}",
                "colour": look.colour,
                "dashed": look.dash != "solid",
                "facts": [
                    {
                        "name": "decoding",
                        "value": number(curves["decoding_accuracy"].values[layer], 2),
                        "note": f"{interval_of(curves['decoding_accuracy'], layer)}chance "
                        f"{1 / len(vectors.classes):.2f}",
                    },
                    {
                        "name": "reliability",
                        "value": number(half, 2),
                        "note": f"{interval_of(curves['split_half_rho'], layer)}split-half rho",
                    },
                    {
                        "name": "peak depth",
                        "value": depth_of(vectors, best),
                        "note": "of decoding" if best is None else f"layer {best}",
                    },
                    {
                        "name": "anisotropy",
                        "value": number(vectors.anisotropy[layer], 2),
                        "note": f"{interval_of(curves['anisotropy'], layer)}of 1",
                    },
                ],
            }
        )
    return {"cards": found}


def emotion_map(view: Selection) -> go.Figure:
    """The first figure that anybody sees: the maps side by side, under what their comparison says."""
    sets, layers, left_out = view.readable(view.panels())
    title = agreement(sets, layers)
    return plot.emotion_map(sets, layers=layers, emotion=view.emotion, title=title, notes=left_out, height=470)


def agreement(sets: list[VectorSet], layers: tuple[int, ...]) -> str | None:
    """What the comparison of two sets says, as the title of their maps; None for any other number of sets."""
    if len(sets) == 2 and len(set(sets[0].classes) & set(sets[1].classes)) >= MIN_COMMON:
        found = library().compared(tuple(s.name for s in sets), layers, "class", intervals=False)
        rho, p = found.rho[0, 1], found.p[0, 1]
        verb = "arrange emotions alike" if rho >= AGREEMENT and p < 0.01 else "compared"
        what = f"Two models {verb}"
        if sets[0].provenance.model == sets[1].provenance.model:
            what = "Two protocols, one model"
        chance = f", {p_text(p, found.n_permutations)}" if np.isfinite(p) else ""
        return f"{what}: RDM Spearman rho = {rho:.2f}{chance}"
    return None


def table() -> dict:
    """Every set at hand, then the published models under their own heading."""
    rows = []
    for vectors in library().sets.values():
        best = best_layers(vectors)
        layer = best["separation"]
        curves = depth_curves(vectors)
        rows.append(
            [
                short_label(vectors),
                f"{vectors.n_layers} x {vectors.d_model}",
                number(highest(curves["decoding_accuracy"].values), 2),
                number(highest(curves["split_half_rho"].values), 2),
                *(depth_of(vectors, best[rule]) for rule in ("decoding", "reliability", "separation")),
                "–" if layer is None else number(vectors.anisotropy[layer], 3),
                "–" if layer is None else number(curves["rdm_std"].values[layer], 3),
            ]
        )
    ours = len(rows)
    for model in published_models():
        rows.append(
            [
                model.id.split("/")[1],
                f"{model.n_layers} x {model.d_model}",
                "–",
                "–",
                "–",
                "–",
                f"{model.best_depth:.2f}",
                f"{model.anisotropy_best:.3f}",
                f"{model.rdm_std:.3f}",
            ]
        )
    return {
        "columns": [
            "set",
            ["layers x width", "number of transformer blocks, and length of a state"],
            ["decoding accuracy", "highest share of passages on unseen topics that are nearest to their own class"],
            ["split-half rho", "highest Spearman rho between the RDMs of two halves of the topics"],
            ["depth of best decoding", "share of the layers passed where decoding is highest"],
            ["depth of best reliability", "share of the layers passed where split-half rho is highest"],
            [
                "depth of best separation",
                "share of the layers passed where the mean cosine is lowest, the paper's rule",
            ],
            ["anisotropy there", "mean cosine of neutral sentences at the depth of best separation"],
            ["RDM spread there", "standard deviation of the RDM at the depth of best separation"],
        ],
        "rows": rows,
        "groups": {0: "measured with emoviz", ours: f"published, not measured by us: {SOURCE}"},
    }


def python(view: Selection) -> str:
    sets, layers, _ = view.readable(view.panels())
    titled = {} if (title := agreement(sets, layers)) is None else {"title": title}
    return snippet(open_sets(sets), figure("emotion_map", "sets", layers=layers, emotion=view.emotion, **titled))


TAB = Tab(
    title="Overview",
    question="Which vector sets are there, and how good is each where it is best?",
    lay=lay,
    draw=draw,
    picks={"map": pick_emotion},
    python=python,
)
