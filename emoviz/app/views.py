"""What each tab shows for a selection. Plain functions from a Selection to figures and tables; no gradio."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ..errors import InputError
from ..geometry import pca_map, rdm, umap_map
from ..plots.depth import depth_figure
from ..plots.emotion_map import map_figure
from ..plots.gauge import gauge_figure
from ..plots.rdm import rdm_figure
from ..plots.rsa import AGREEMENT, comparison_figure, letters, p_text, published_figure
from ..plots.theme import short_label
from ..reference import SOURCE, published_models, published_rho
from .library import best_of, comparison_of, curves_of, library
from .state import Selection


def overview_cards(view: Selection) -> dict:
    """One card per selected set: where its geometry is best, and how good it is there."""
    cards = []
    for vectors, layer in zip(sets := view.panels(), view.layers(sets), strict=True):
        curves = curves_of(vectors.name, "class")
        best = best_of(vectors.name)["decoding"]
        half = curves["split_half_rho"].values[layer]
        cards.append(
            {
                "title": vectors.provenance.model,
                "note": f"{vectors.provenance.protocol.name} · {vectors.provenance.weights} in {vectors.provenance.precision} · "
                f"{vectors.n_layers} layers x {vectors.d_model}",
                "colour": library().style[vectors.name].colour,
                "facts": [
                    {
                        "name": "decoding",
                        "value": _number(curves["decoding_accuracy"].values[layer], 2),
                        "note": f"chance {1 / len(vectors.classes):.2f}",
                    },
                    {"name": "reliability", "value": _number(half, 2), "note": "split-half rho"},
                    {
                        "name": "best depth",
                        "value": "-" if best is None else f"{vectors.depth(best):.2f}",
                        "note": f"layer {best}",
                    },
                    {"name": "anisotropy", "value": _number(vectors.anisotropy[layer], 2), "note": f"at layer {layer}"},
                ],
            }
        )
    return {"cards": cards}


def overview_map(view: Selection) -> go.Figure:
    """The first figure that anybody sees: the maps side by side, under what their comparison says."""
    sets = view.panels()
    layers = view.layers(sets)
    title = None
    if len(sets) == 2:
        found = comparison_of(tuple(s.name for s in sets), layers, "class", controls=False)
        rho, p = found.rho[0, 1], found.p[0, 1]
        verb = "arrange emotions alike" if rho >= AGREEMENT and p < 0.01 else "compared"
        title = f"Two models {verb}: RDM Spearman rho = {rho:.2f}, {p_text(p, found.n_permutations)}"
        if sets[0].provenance.model == sets[1].provenance.model:
            title = f"Two recipes, one model: RDM Spearman rho = {rho:.2f}, {p_text(p, found.n_permutations)}"
    return map_figure(
        sets, [pca_map(s, k) for s, k in zip(sets, layers, strict=True)], emotion=view.emotion, title=title, height=470
    )


def overview_table() -> dict:
    """Every set at hand, then the published models under their own heading."""
    rows = []
    for vectors in library().sets.values():
        best = best_of(vectors.name)
        layer = best["separation"]
        curves = curves_of(vectors.name, "class")
        rows.append(
            [
                short_label(vectors),
                f"{vectors.n_layers} x {vectors.d_model}",
                *(_depth(vectors, best[rule]) for rule in ("decoding", "reliability", "separation")),
                _number(np.nanmax(curves["decoding_accuracy"].values), 2),
                _number(np.nanmax(curves["split_half_rho"].values), 2),
                _number(vectors.anisotropy[layer], 3),
                _number(curves["rdm_std"].values[layer], 3),
            ]
        )
    ours = len(rows)
    for model in published_models():
        rows.append(
            [
                model.id.split("/")[1],
                f"{model.n_layers} x {model.d_model}",
                "",
                "",
                f"{model.best_depth:.2f}",
                "",
                "",
                f"{model.anisotropy_best:.3f}",
                f"{model.rdm_std:.3f}",
            ]
        )
    return {
        "columns": [
            "set",
            "layers x width",
            "best depth: decoding",
            "reliability",
            "separation",
            "decoding accuracy",
            "split-half rho",
            "anisotropy at separation",
            "RDM spread",
        ],
        "rows": rows,
        "groups": {0: "measured with emoviz", ours: f"published, not measured by us: {SOURCE}"},
    }


def depth_view(view: Selection, curve: str, with_published: bool) -> go.Figure:
    sets = view.chosen()
    return depth_figure(
        sets,
        [curves_of(s.name, view.centring)[curve] for s in sets],
        [best_of(s.name) for s in sets],
        library().style,
        centring=view.centring,
        shown=view.layers(sets),
        published=published_models() if with_published else (),
    )


def rdm_view(view: Selection, order: str) -> go.Figure:
    sets = view.panels()
    rdms = [rdm(s, layer, view.centring) for s, layer in zip(sets, view.layers(sets), strict=True)]
    return rdm_figure(sets, rdms, order=order, emotion=view.emotion)


def map_view(view: Selection, method: str) -> go.Figure:
    sets = view.panels()
    make = umap_map if method == "UMAP" else pca_map
    return map_figure(
        sets, [make(s, layer) for s, layer in zip(sets, view.layers(sets), strict=True)], emotion=view.emotion
    )


def models_view(view: Selection) -> tuple[go.Figure | None, dict | None]:
    """The matrix of the selected sets and a line of statistics per pair. Raises InputError for fewer than two sets."""
    sets = view.chosen()
    if len(sets) < 2:
        raise InputError("one vector set is selected; a comparison needs two or more; tick another one on the left.")
    layers = view.layers(sets)
    found = comparison_of(tuple(s.name for s in sets), layers, view.centring)
    short, rows = letters(len(sets)), []
    for i in range(len(sets)):
        for j in range(i + 1, len(sets)):
            rows.append(
                [
                    f"{short[i]} and {short[j]}",
                    _number(found.rho[i, j], 3),
                    f"{found.ci_low[i, j]:.3f} to {found.ci_high[i, j]:.3f}"
                    if np.isfinite(found.ci_low[i, j])
                    else "-",
                    p_text(found.p[i, j], found.n_permutations) if np.isfinite(found.p[i, j]) else "-",
                    _number(found.ceiling[i, j], 3),
                    _number(found.rho_disjoint[i, j], 3),
                    _number(found.rho_partial_lexical[i, j], 3),
                ]
            )
    table = {
        "columns": [
            "pair",
            "Spearman rho",
            "95 % interval over topics",
            "p (label permutation)",
            "noise ceiling",
            "rho on disjoint topics",
            "rho given shared words",
        ],
        "rows": rows,
        "notes": list(found.reasons.values()),
    }
    return comparison_figure(sets, found, centring=view.centring), table


def published_view() -> go.Figure:
    return published_figure(published_models(), published_rho())


def anisotropy_view(view: Selection) -> tuple[go.Figure, go.Figure]:
    sets = view.panels()
    gauges = gauge_figure(sets, view.layers(sets), library().style, published=published_models())
    return gauges, depth_view(view, "anisotropy", with_published=True)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "missing"


def _depth(vectors, layer: int | None) -> str:
    return "-" if layer is None else f"{vectors.depth(layer):.2f}"
