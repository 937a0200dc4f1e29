"""Models: do the selected sets agree, and how far can that be trusted?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from ...plots.rsa import comparison_figure, letters, p_text, published_figure
from ...reference import published_models, published_rho
from ..library import comparison_of
from ..state import Selection
from .text import number


def draw(view: Selection) -> tuple[go.Figure | None, go.Figure, dict]:
    matrix, table = pairs(view)
    return matrix, published_figure(published_models(), published_rho()), table


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
    short, rows, names = letters(len(sets)), [], {}
    for i in range(len(sets)):
        for j in range(i + 1, len(sets)):
            names[f"{found.sets[i]} x {found.sets[j]}"] = f"{short[i]} and {short[j]}"
            rows.append(
                [
                    f"{short[i]} and {short[j]}",
                    number(found.rho[i, j], 3),
                    f"{found.ci_low[i, j]:.3f} to {found.ci_high[i, j]:.3f}"
                    if np.isfinite(found.ci_low[i, j])
                    else "–",
                    p_text(found.p[i, j], found.n_permutations) if np.isfinite(found.p[i, j]) else "–",
                    number(found.ceiling[i, j], 3),
                    number(found.rho_disjoint[i, j], 3),
                    number(found.rho_partial_lexical[i, j], 3),
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
        "notes": [*left_out, *_reasons(found.reasons, names)],
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
