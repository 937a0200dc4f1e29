"""Methods: what is left of a geometry when method, protocol or precision change. Uses every set at hand, ticked or not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go

from ...emotions import NEUTRAL
from ...geometry import preferred_layer
from ...models.registry import REGISTRY
from ...plots.contrasts import cosines_text, set_label
from ...plots.decomposition import Chain, decomposition_figure
from ...plots.rsa import p_text
from ...plots.strips import precision_figure, separation_figure
from ...plots.theme import SERIES
from ...plots.variants import variants_figure
from ...reference import (
    SOURCE,
    published_compliance,
    published_decomposition,
    published_models,
    published_pairs,
    published_rho,
    published_step_means,
)
from ...stats import contrast, difference, find_contrasts, method_pairs, pooled, separation, steps
from ...stats.contrasts import CHAINS, EXACTNESS, KINDS
from ...store import load_contrasts
from ...types import Contrast, Measured, Separation, VectorSet
from ..library import library
from ..state import Selection

# More chains than these in one figure are bars too thin to be read.
MAX_CHAINS = 4
# Base model -> its instruct twin, by the names that sets carry.
TWINS = {e.id.split("/")[-1]: e.pair.split("/")[-1] for e in REGISTRY if e.variant == "base" and e.pair is not None}


def draw(view: Selection) -> tuple[go.Figure, go.Figure | None, go.Figure | None, go.Figure, dict, dict]:
    """The same for every selection: what differs in one thing only is seldom what somebody has ticked."""
    contrasts, separations, notes = gather()
    colour = _colours(contrasts, separations)
    precision = [c for c in contrasts if c.kind == "precision"]
    precision.sort(key=lambda c: c.methods[1])
    return (
        decomposition(contrasts, colour, notes),
        tests(separations, colour, notes),
        precision_figure(precision, colour, notes=notes) if precision else None,
        variants_figure(published_pairs(), [c for c in contrasts if c.kind == "variant"], colour),
        compliance(),
        table(contrasts, notes),
    )


def gather() -> tuple[list[Contrast], list[Separation], list[str]]:
    """Every contrast and separation there is, and a note on where they come from.

    What a set of the user's takes part in is measured now. Shipped sets do not change, and those of other precisions are
    too large to ship: what they gave is shipped.
    """
    shipped = _shipped()
    before = {(c.kind, c.sets): c for c in shipped.contrasts}
    contrasts = []
    for kind, a, b in find_contrasts(list(library().sets.values()), TWINS):
        known = before.get((kind, (a.name, b.name))) if a.shipped and b.shipped else None
        contrasts.append(_contrast(kind, a.name, b.name) if known is None else known)
    at_hand = {_recipes(c) for c in contrasts}
    contrasts += [c for c in shipped.contrasts if _recipes(c) not in at_hand]
    contrasts.sort(key=lambda c: list(KINDS).index(c.kind))
    separations = _separations()
    at_hand = {(s.model, s.protocol, s.precision) for s in separations}
    separations += [s for s in shipped.separations if (s.model, s.protocol, s.precision) not in at_hand]
    separations.sort(key=lambda s: (s.model, s.method, s.protocol))
    note = "every set at hand takes part, ticked or not"
    if shipped.created:
        note += (
            f"; pairs of shipped sets, or with a set that is not at hand, were measured on {shipped.created[:10]} with emoviz "
            f"{shipped.versions['emoviz']}"
        )
    return contrasts, separations, [note]


def decomposition(contrasts: Sequence[Contrast], colour: dict[str, str], notes: Sequence[str]) -> go.Figure:
    """Ours, for every model and chain of protocols with a step at hand, beside the published one."""
    chains = []
    for model in dict.fromkeys(c.models[0] for c in contrasts if c.kind != "variant"):
        for name, protocols in CHAINS.items():
            found = steps(contrasts, model, protocols)
            if any(c is not None for c in found.values()):
                chains.append(Chain(f"{model}, {name}", colour[model], protocols, found))
    more = [f"not drawn: {chain.label}" for chain in chains[MAX_CHAINS:]]
    return decomposition_figure(
        chains[:MAX_CHAINS], published_decomposition(), published_step_means(), notes=[*notes, *more]
    )


def tests(separations: Sequence[Separation], colour: dict[str, str], notes: Sequence[str]) -> go.Figure | None:
    """Generation against comprehension as in the first paper, per model and pooled; None without sets by generation."""
    pairs = method_pairs(separations)
    if not pairs:
        return None
    found = {written.set: (read, difference(written.cosines, read.cosines)) for written, read in pairs}
    over_models = []
    for recipe in dict.fromkeys((written.protocol, read.protocol) for written, read in pairs):
        same = [(w, r) for w, r in pairs if (w.protocol, r.protocol) == recipe]
        if len(same) > 1:
            d = pooled(same)
            over_models.append(
                f"pooled over {len(same)} models, {recipe[0]} against {recipe[1]}: d = {d.cohen_d:.2f} (pooled SD "
                f"{d.pooled_sd:.3f}), rank-biserial {d.rank_biserial:.2f}, p = {d.p:.1g}, n = {d.n[0]} and {d.n[1]}"
            )
    if not over_models:
        over_models = ["one model with both methods: pooled over models is the same"]
    return separation_figure(
        separations,
        found,
        colour,
        notes=[
            "d and rank-biserial are negative where generation points further apart; pairs of one set share vectors and are "
            "not independent, so p is too small; noise: share of the vectors' mean squared length, by how far the topic halves "
            "are apart",
            "published, not ours: Mann-Whitney p = 0.007 and d = -107.5 (arXiv 2604.04064). Without its pooled SD that d "
            "cannot be read as a standardised difference, whose size is a few units at most",
            *over_models,
            *notes,
        ],
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
            f"{SOURCE}; test: arXiv 2604.02145. B rests on 10 scenarios: 0.80 has a 95 % interval (Wilson) of 0.49 to 0.94.",
        ],
    }


def table(contrasts: Sequence[Contrast], notes: Sequence[str]) -> dict:
    """Every contrast in a row, by kind; under them what is missing and why, with the rows it is missing in."""
    rows, groups, missing = [], {}, {}
    for k, c in enumerate(contrasts):
        if k == 0 or contrasts[k - 1].kind != c.kind:
            groups[k] = f"{c.kind}: {KINDS[c.kind]}"
        everything = len(c.reasons) == len(_NAMES) and len(set(c.reasons.values())) == 1
        for what in ["all"] if everything else c.reasons:
            why = next(iter(c.reasons.values())) if everything else c.reasons[what]
            missing.setdefault((_NAMES.get(what, "numbers"), why), []).append(str(k + 1))
        labels = [set_label(*recipe) for recipe in zip(c.protocols, c.precisions, strict=True)]
        if c.kind == "precision":
            labels = [f"{c.protocols[0]}: {c.precisions[0]}", c.precisions[1]]
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
            ["sets", "the two protocols, with the precision where it is not fp32; the reference first"],
            ["layers", "of the two sets: each protocol's own; between precisions the reference's"],
            ["rho", "Spearman's, between the two RDMs"],
            ["95 % interval", "of rho over other topics, as many as these"],
            ["p", "share of relabellings of the classes that reach this rho (Mantel, one-sided)"],
            ["ceiling", "the rho that two noisy copies of one geometry would reach"],
            ["cosine", "between the two sets' vectors of an emotion: mean over emotions (lowest)"],
        ],
        "rows": rows,
        "groups": groups,
        "notes": [*notes, *(f"no {what} in {', '.join(where)}: {why}" for (what, why), where in missing.items())],
    }


_NAMES = {"rho": "rho", "p": "p", "ceiling": "noise ceiling", "ci": "interval", "cosines": "cosines"}


def _recipes(c: Contrast) -> tuple:
    return c.kind, c.models, frozenset(zip(c.protocols, c.precisions, strict=True))


@lru_cache(maxsize=1)
def _shipped() -> Measured:
    return load_contrasts()


def _layer(vectors: VectorSet) -> int | None:
    return preferred_layer(vectors)


@lru_cache(maxsize=512)
def _contrast(kind: str, reference: str, other: str) -> Contrast:
    a, b = (library().sets[name] for name in (reference, other))
    return contrast(kind, a, b, (_layer(a), _layer(b)))


def _separations() -> list[Separation]:
    """Of every model with sets by both methods, those in its most exact precision with neutral and a finite layer."""
    found = []
    sets = list(library().sets.values())
    for model in dict.fromkeys(s.provenance.model for s in sets):
        own = [s for s in sets if s.provenance.model == model and s.provenance.precision in EXACTNESS]
        exact = min((s.provenance.precision for s in own), key=EXACTNESS.index, default=None)
        usable = [
            s for s in own if s.provenance.precision == exact and NEUTRAL in s.classes and _layer(s) in s.finite_layers
        ]
        if len({s.provenance.method for s in usable}) == 2:
            found += [separation(s, _layer(s)) for s in usable]
    return found


def _colours(contrasts: Sequence[Contrast], separations: Sequence[Separation]) -> dict[str, str]:
    """The colour that a model has everywhere; another where no set of it is at hand."""
    known = library()
    colour = dict.fromkeys([*(m for c in contrasts for m in c.models), *(s.model for s in separations)], SERIES[-1])
    return colour | {s.provenance.model: known.style[s.name].colour for s in known.sets.values()}
