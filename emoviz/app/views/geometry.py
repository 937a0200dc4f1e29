"""Geometry: which emotions are alike, as matrices, maps and neighbours, and whether valence and arousal order them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from ...emotions import quadrant, valence
from ...errors import InputError
from ...geometry import linkage_of, map_at, nearest_neighbours, onto_first, rdm
from ...geometry.clusters import clusters
from ...geometry.maps import half_residual
from ...plots.emotion_map import map_figure
from ...plots.rdm import rdm_figure
from ...plots.rsa import p_text
from ...plots.theme import short_label
from ...plots.valence import valence_figure
from ...stats.rand_index import adjusted_rand_index, rand_index_p
from ...stats.valence import QUADRANT_SIGNS, TRAITS
from ...types import RDM, TraitFit, ValenceArousal, VectorSet
from ..library import Library, library, maps_of, valence_of
from ..state import Selection

N_CLUSTERS = 4
N_RELABELLINGS = 10_000


def draw(
    view: Selection, order: str, method: str, norms: str | None
) -> tuple[go.Figure, go.Figure, dict, go.Figure, dict]:
    """norms : path of the user's norms file, None for the quadrant signs."""
    return matrices(view, order), maps(view, method), neighbours(view), *traits(view, norms)


def matrices(view: Selection, order: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels())
    rdms = [rdm(s, layer, view.centring) for s, layer in zip(sets, layers, strict=True)]
    agreement = [_agreement(sets, rdms)] if order == "clustering" else []
    return rdm_figure(sets, rdms, order=order, emotion=view.emotion, notes=[*agreement, *left_out])


def maps(view: Selection, method: str) -> go.Figure:
    sets, layers, left_out = view.readable(view.panels())
    found = onto_first([map_at(s, maps_of(s.name, method), layer) for s, layer in zip(sets, layers, strict=True)])
    if method != "UMAP":
        found = [
            replace(m, params={**m.params, "halves": half_residual(s, m.layer, method)})
            for s, m in zip(sets, found, strict=True)
        ]
    # Maps of one scale need about as much height as width.
    height = 520 if method == "PCA" else 600
    return map_figure(
        sets, found, emotion=view.emotion, notes=[*_map_notes(method, len(sets)), *left_out], height=height
    )


def neighbours(view: Selection) -> dict:
    """The three nearest emotions of each, the selected one's first."""
    sets, layers, left_out = view.readable(view.panels())
    found = [nearest_neighbours(rdm(s, layer, view.centring)) for s, layer in zip(sets, layers, strict=True)]
    names = sorted({name for near in found for name in near}, key=lambda name: (name != view.emotion, name))
    rows = [[name, *(_near(near.get(name)) for near in found)] for name in names]
    columns = [f"{short_label(s)}, layer {layer}" for s, layer in zip(sets, layers, strict=True)]
    groups = {0: f"nearest to {view.emotion}", 1: "all others"} if names and names[0] == view.emotion else {}
    return {
        "columns": [
            ["emotion", "the three nearest others with the cosine of the class vectors, nearest first"],
            *columns,
        ],
        "rows": rows,
        "groups": groups,
        "wrap": True,
        "notes": [f"cosine under {view.centring} centring", *left_out],
    }


def traits(view: Selection, norms: str | None) -> tuple[go.Figure, dict]:
    """The correlations with valence and arousal over depth, and those at the layers shown.

    Norms that cannot be used give way to the quadrant signs, with the reason.
    """
    sets = view.panels()
    fits, problems = _fits(sets, norms)
    rows = [
        [
            short_label(s),
            f"{layer}",
            f"{len(fit.valence.words)} of {len(s.classes)}",
            *(cell for trait in TRAITS for cell in _trait_cells(getattr(fit, trait), layer, fit.n_permutations)),
        ]
        for s, fit, layer in zip(sets, fits, view.layers(sets), strict=True)
    ]
    return _drawn(library(), tuple(s.name for s in sets), norms), {
        "columns": [
            "set",
            "layer",
            ["words", "words of the set that have a value; the others take part in the components only"],
            *(
                column
                for trait in TRAITS
                for column in (
                    [f"{trait}: r of PC1, PC2, PC3", "Pearson's r of the class scores at the layer shown"],
                    [
                        "p, best of three",
                        "two-sided: relabellings whose largest |r| of the three reaches the largest here",
                    ],
                )
            ),
        ],
        "rows": rows,
        "notes": [*problems, f"correlated with {_sources(fits)}", *_reasons(sets, fits)],
    }


@lru_cache(maxsize=16)
def _drawn(known: Library, names: tuple[str, ...], norms: str | None) -> go.Figure:
    """The same for every layer, so that a moved slider does not draw it anew."""
    sets = [known.sets[name] for name in names]
    return valence_figure(sets, _fits(sets, norms)[0], known.style)


def _fits(sets: Sequence[VectorSet], norms: str | None) -> tuple[list[ValenceArousal], list[str]]:
    """One fit per set, and what is wrong with the norms."""
    fits, problems = [], []
    for vectors in sets:
        try:
            fits.append(valence_of(vectors.name, norms))
        except InputError as error:
            problems.append(f"Norms not used, quadrant signs instead: {error}")
            fits.append(valence_of(vectors.name, None))
    return fits, problems


def norms_label(norms: str | None) -> str:
    """What the upload button says."""
    return "Norms of your own (CSV or TSV: word, valence, arousal)" if norms is None else f"Norms: {Path(norms).name}"


def _agreement(sets: Sequence[VectorSet], rdms: Sequence[RDM]) -> str:
    """How well the clusters of each set agree with the quadrants, over the classes that have one."""
    parts = []
    for vectors, found in zip(sets, rdms, strict=True):
        known = np.array([valence(name) != 0 for name in found.classes])
        if known.sum() < 3:
            parts.append(f"{short_label(vectors)} none, fewer than 3 of its classes have a quadrant")
            continue
        cut = clusters(linkage_of(found), N_CLUSTERS)[known]
        theory = np.array([quadrant(name) for name in found.classes])[known]
        index, p = adjusted_rand_index(cut, theory), rand_index_p(cut, theory, N_RELABELLINGS)
        chance = "no p, fewer than 7 classes" if np.isnan(p) else p_text(p, N_RELABELLINGS)
        value = "not defined, one group" if np.isnan(index) else f"{index:.2f} ({chance})"
        parts.append(f"{short_label(vectors)} {value}")
    return (
        f"average linkage, optimal leaf order; {N_CLUSTERS} clusters against the quadrants, adjusted Rand index "
        f"(0 = chance, 1 = the same): {'; '.join(parts)}"
    )


def _map_notes(method: str, n_panels: int) -> list[str]:
    residual = "Procrustes residual: 0 = the same shape, 1 = no relation; relabelled: median over 1,000 relabellings"
    if method != "UMAP":
        return [f"{method} has no seed: the same set gives the same map. {residual}"]
    return [residual] if n_panels > 1 else []


def _near(found: list[tuple[str, float]] | None) -> str:
    return "–" if found is None else ", ".join(f"{name} {cosine:.2f}" for name, cosine in found)


def _trait_cells(fit: TraitFit, layer: int, n_permutations: int) -> list[str]:
    r = ", ".join("–" if np.isnan(value) else f"{value:+.2f}" for value in fit.r[layer])
    p = fit.best_p[layer]
    return [r, "–" if np.isnan(p) else f"{p_text(p, n_permutations)}, PC{fit.best[layer] + 1}"]


def _sources(fits: Sequence[ValenceArousal]) -> str:
    used = dict.fromkeys(fit.source for fit in fits)
    return ", ".join(f"{name} (pleasant or not, aroused or not)" if name == QUADRANT_SIGNS else name for name in used)


def _reasons(sets: Sequence[VectorSet], fits: Sequence[ValenceArousal]) -> list[str]:
    return [
        f"{short_label(s)}: {getattr(fit, trait).reason}"
        for s, fit in zip(sets, fits, strict=True)
        for trait in TRAITS
        if getattr(fit, trait).reason
    ]
