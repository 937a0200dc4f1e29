"""Models: do the selected sets agree, how far can that be trusted, and where do two of them part?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import plotly.graph_objects as go

from ...plots.rsa import comparison_figure, p_text, published_figure
from ...plots.rsa_pair import N_NAMED, pair_figure
from ...plots.theme import short_label
from ...reference import SOURCE, published_models, published_rho
from ...stats import class_lines, letters, reason_lines
from ...stats.pairs import paired_rdms
from ...stats.recomputed import base_and_instruct, pair_groups, size_effects
from ..library import comparison_of
from ..state import Selection
from .text import number


def draw(view: Selection, pair: str | None) -> tuple:
    """Matrix and pair view of the selected sets, their tables, the published matrix and its statistics."""
    matrix, table = pairs(view)
    one, differences = pair_view(view, pair)
    return matrix, one, table, differences, published_figure(published_models(), published_rho()), published_table()


def pair_choices(view: Selection) -> list[tuple[str, str]]:
    """(label, name) of every pair of the selected sets, as the menu shows them."""
    sets, _, _ = view.readable(view.chosen())
    return [
        (f"{x} and {y}: {short_label(a)} and {short_label(b)}", f"{x} and {y}")
        for (x, a), (y, b) in combinations(zip(letters(len(sets)), sets, strict=True), 2)
    ]


def pairs(view: Selection) -> tuple[go.Figure | None, dict | None]:
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
                "the same with the words, both models' token embeddings and a sentence encoder held constant; the encoder reads "
                "meaning, so some of what is taken out is emotion",
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
    return comparison_figure(sets, found, centring=view.centring) if any_rho else None, table


def pair_view(view: Selection, pair: str | None) -> tuple[go.Figure | None, dict | None]:
    """One pair of the selected sets, by its name ("A and C"; the first pair for any other), as dots and as a table."""
    sets, layers, _ = view.readable(view.chosen())
    if len(sets) < 2:
        return None, None
    short = letters(len(sets))
    places = {f"{short[i]} and {short[j]}": (i, j) for i, j in combinations(range(len(sets)), 2)}
    i, j = places.get(pair, (0, 1))
    rho = comparison_of(tuple(s.name for s in sets), layers, view.centring).rho[i, j]
    if np.isnan(rho):
        return None, None
    two, at, names = (sets[i], sets[j]), (layers[i], layers[j]), (short[i], short[j])
    paired = paired_rdms(two, at, view.centring)
    drawn = pair_figure(
        two,
        at,
        paired,
        names,
        rho=rho,
        centring=view.centring,
        emotion=view.emotion,
        notes=class_lines(two, names),
    )
    rows = [
        [" and ".join(paired.pairs[k]), *(f"{v:.3f}" for v in paired.values[:, k]), *(f"{r:g}" for r in paired.ranks[:, k])]
        for k in paired.most_different(N_NAMED)
    ]  # fmt: skip
    table = {
        "columns": [
            f"where {names[0]} and {names[1]} part",
            *([f"in {name}", "dissimilarity, 1 - cosine"] for name in names),
            *([f"rank in {name}", "1 = the most alike pair of emotions"] for name in names),
        ],
        "rows": rows,
        "notes": [f"ranks among {len(paired.pairs)} pairs; those that differ most, the largest difference first"],
    }
    return drawn, table


def published_table() -> dict:
    """What the paper says of its matrix and its models, computed anew from them."""
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
            f"{SOURCE}; computed anew from the published matrix and table. Twelve models of six families: base and "
            "instruct of one family are much alike, and pairs share models, so neither models nor pairs are independent, "
            f"and the p values, which take them for that, are too small. {over}.",
        ],
    }
