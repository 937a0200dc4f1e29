"""What each tab shows for a selection. Plain functions from a Selection to figures and tables; no gradio."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from ..geometry import pca_map, rdm, umap_map
from ..plots.depth import depth_figure
from ..plots.emotion_map import map_figure
from ..plots.gauge import gauge_figure
from ..plots.rdm import rdm_figure
from ..plots.rsa import AGREEMENT, comparison_figure, letters, p_text, published_figure
from ..plots.theme import recipe_label, short_label
from ..reference import SOURCE, published_models, published_rho
from ..stats.rsa import MIN_COMMON
from .library import best_of, comparison_of, curves_of, library
from .state import BEST, Selection


def overview_cards(view: Selection) -> dict:
    """One card per selected set: where its geometry is best, and how good it is there."""
    cards = []
    for vectors, layer in zip(sets := view.panels(), view.layers(sets), strict=True):
        curves = curves_of(vectors.name, "class")
        best = best_of(vectors.name)["decoding"]
        half = curves["split_half_rho"].values[layer]
        look = library().style[vectors.name]
        p = vectors.provenance
        rule = p.protocol.layer_rule
        chosen_by = "same depth" if view.layer_mode != BEST else "middle" if rule == "middle" else f"best by {rule}"
        cards.append(
            {
                "title": p.model,
                "note": f"{recipe_label(vectors)} · {p.weights} in {p.precision} · layer {layer} of {vectors.n_layers} "
                f"({chosen_by})",
                "colour": look.colour,
                "dashed": look.dash != "solid",
                "facts": [
                    {
                        "name": "decoding",
                        "value": _number(curves["decoding_accuracy"].values[layer], 2),
                        "note": f"chance {1 / len(vectors.classes):.2f}",
                    },
                    {"name": "reliability", "value": _number(half, 2), "note": "split-half rho"},
                    {
                        "name": "peak depth",
                        "value": _depth(vectors, best),
                        "note": "of decoding" if best is None else f"layer {best}",
                    },
                    {"name": "anisotropy", "value": _number(vectors.anisotropy[layer], 2), "note": "of 1"},
                ],
            }
        )
    return {"cards": cards}


def overview_map(view: Selection) -> go.Figure:
    """The first figure that anybody sees: the maps side by side, under what their comparison says."""
    sets, layers, left_out = view.readable(view.panels())
    title = None
    if len(sets) == 2 and len(set(sets[0].classes) & set(sets[1].classes)) >= MIN_COMMON:
        found = comparison_of(tuple(s.name for s in sets), layers, "class", controls=False)
        rho, p = found.rho[0, 1], found.p[0, 1]
        verb = "arrange emotions alike" if rho >= AGREEMENT and p < 0.01 else "compared"
        what = f"Two models {verb}"
        if sets[0].provenance.model == sets[1].provenance.model:
            what = "Two recipes, one model"
        chance = f", {p_text(p, found.n_permutations)}" if np.isfinite(p) else ""
        title = f"{what}: RDM Spearman rho = {rho:.2f}{chance}"
    maps = [pca_map(s, k) for s, k in zip(sets, layers, strict=True)]
    return map_figure(sets, maps, emotion=view.emotion, title=title, notes=left_out, height=470)


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
                _number(_highest(curves["decoding_accuracy"].values), 2),
                _number(_highest(curves["split_half_rho"].values), 2),
                *(_depth(vectors, best[rule]) for rule in ("decoding", "reliability", "separation")),
                "–" if layer is None else _number(vectors.anisotropy[layer], 3),
                "–" if layer is None else _number(curves["rdm_std"].values[layer], 3),
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
    sets, layers, left_out = view.readable(view.panels())
    rdms = [rdm(s, layer, view.centring) for s, layer in zip(sets, layers, strict=True)]
    return rdm_figure(sets, rdms, order=order, emotion=view.emotion, notes=left_out)


def map_view(view: Selection, method: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels())
    make = umap_map if method == "UMAP" else pca_map
    maps = [make(s, layer) for s, layer in zip(sets, layers, strict=True)]
    return map_figure(sets, maps, emotion=view.emotion, notes=left_out)


def models_view(view: Selection) -> tuple[go.Figure | None, dict | None]:
    """The matrix of the selected sets and a line of statistics per pair; for one set a note that says what is missing."""
    sets, layers, left_out = view.readable(view.chosen())
    if len(sets) < 2:
        return None, {
            "notes": [
                *left_out,
                "A comparison needs two vector sets with a finite layer here. Tick another one on the left.",
            ]
        }
    found = comparison_of(tuple(s.name for s in sets), layers, view.centring)
    short, rows, pairs = letters(len(sets)), [], {}
    for i in range(len(sets)):
        for j in range(i + 1, len(sets)):
            pairs[f"{found.sets[i]} x {found.sets[j]}"] = f"{short[i]} and {short[j]}"
            rows.append(
                [
                    f"{short[i]} and {short[j]}",
                    _number(found.rho[i, j], 3),
                    f"{found.ci_low[i, j]:.3f} to {found.ci_high[i, j]:.3f}"
                    if np.isfinite(found.ci_low[i, j])
                    else "–",
                    p_text(found.p[i, j], found.n_permutations) if np.isfinite(found.p[i, j]) else "–",
                    _number(found.ceiling[i, j], 3),
                    _number(found.rho_disjoint[i, j], 3),
                    _number(found.rho_partial_lexical[i, j], 3),
                ]
            )
    table = {
        "columns": [
            "pair",
            ["Spearman rho", "agreement of the two RDMs as observed, which noise in the passages lowers"],
            ["95 % interval", "of the observed rho over other topics, as many as these; not of a noise-free rho"],
            ["p", "share of relabellings of the classes that reach this rho (Mantel, one-sided)"],
            ["noise ceiling", "the rho that two noisy copies of one geometry would reach"],
            ["disjoint topics", "one set on half of the topics against the other set on the other half"],
            ["given shared words", "partial rho with the RDM of the passages' words (TF-IDF) held constant"],
        ],
        "rows": rows,
        "notes": [*left_out, *_reasons(found.reasons, pairs)],
    }
    return comparison_figure(sets, found, centring=view.centring), table


_REASON_OF = {
    "ci": "no interval",
    "p": "no p",
    "ceiling": "no ceiling",
    "rho_disjoint": "no rho on disjoint topics",
    "rho_partial_lexical": "no rho given shared words",
}


def _reasons(reasons: Mapping[str, str], pairs: Mapping[str, str]) -> list[str]:
    """What could not be computed, and why, with the pairs that share a reason in one line.

    pairs : how `Comparison.reasons` names a pair, and how the table does.
    """
    concerned: dict[tuple[str, str], list[str]] = {}
    for key, why in reasons.items():
        what, _, pair = key.partition(" ")
        names = concerned.setdefault((_REASON_OF[what], why), [])
        if pair:
            names.append(pairs[pair])
    return [f"{what}{' for ' if names else ''}{', '.join(names)}: {why}" for (what, why), names in concerned.items()]


def published_view() -> go.Figure:
    return published_figure(published_models(), published_rho())


def anisotropy_view(view: Selection) -> tuple[go.Figure, go.Figure]:
    sets = view.panels()
    gauges = gauge_figure(sets, view.layers(sets), library().style, published=published_models())
    return gauges, depth_view(view, "anisotropy", with_published=True)


def _highest(values: np.ndarray) -> float:
    """The largest finite value, NaN if there is none."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "missing"


def _depth(vectors, layer: int | None) -> str:
    return "–" if layer is None else f"{vectors.depth(layer):.2f}"
