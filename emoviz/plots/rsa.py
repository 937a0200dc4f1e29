"""Model by model: do their RDMs agree?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedModel
from ..types import Comparison, VectorSet
from .theme import CORRELATION_SCALE, finish, provenance_notes, recipe_label

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def comparison_figure(
    sets: Sequence[VectorSet], comparison: Comparison, *, centring: str, height: int = 520
) -> go.Figure:
    """Our sets: Spearman's rho between RDMs, with p in every cell."""
    labels = [
        f"<b>{letter}</b>  {s.provenance.model}<br>{recipe_label(s)}, layer {layer}"
        for letter, s, layer in zip(LETTERS, sets, comparison.layers, strict=False)
    ]
    hover = [[_pair_text(comparison, i, j) for j in range(len(sets))] for i in range(len(sets))]
    fig = _matrix(comparison.rho, labels, hover, height, text=_cells(comparison))
    fig.update_xaxes(ticktext=[f"<b>{letter}</b>" for letter in LETTERS[: len(sets)]], tickangle=0)
    n = len(comparison.classes)
    off = comparison.rho[np.triu_indices(len(sets), 1)]
    title = (
        f"Emotion geometry agrees across sets: rho {off.min():.2f} to {off.max():.2f}"
        if len(off) > 1
        else f"Emotion geometry agrees: rho = {off[0]:.2f}"
    )
    if (off < 0.3).any():
        title = f"Emotion geometry across sets: rho {off.min():.2f} to {off.max():.2f}"
    notes = provenance_notes(
        sets,
        comparison.layers,
        f"Spearman between RDMs of {n} classes, {centring} centring",
        f"p by {comparison.n_permutations:,} label permutations (Mantel, one-sided, seed {comparison.seed})",
    )
    return finish(
        fig,
        title=title,
        aid="1 = the same pairs of emotions are alike in both; bright = higher",
        notes=notes,
        height=height,
        left=168,
        below=30,
        wide=62,
    )


def published_figure(models: Sequence[PublishedModel], rho: np.ndarray, *, height: int = 520) -> go.Figure:
    """The published matrix, marked as such."""
    labels = [m.label for m in models]
    hover = [
        [f"<b>published</b><br>{a.id}<br>{b.id}<br>rho = {rho[i, j]:.3f}" for j, b in enumerate(models)]
        for i, a in enumerate(models)
    ]
    cells = [[f"{v:.2f}" if i != j else "" for j, v in enumerate(row)] for i, row in enumerate(rho)]
    fig = _matrix(rho, labels, hover, height, text=cells, text_size=9.5)
    return finish(
        fig,
        title="Published: twelve models, 1B to 8B",
        aid="Spearman rho between RDMs, each model at its own best layer; -I instruct, -B base, -IT and -PT Gemma",
        notes=[
            f"published numbers, not ours: {SOURCE}; 63 passages, fp16, last token, class centring; no p values published for most pairs"
        ],
        height=height,
        left=108,
        below=80,
        wide=78,
    )


def _matrix(
    rho: np.ndarray,
    labels: list[str],
    hover: list[list[str]],
    height: int,
    text: list[list[str]],
    text_size: float = 13,
) -> go.Figure:
    shown = rho.copy()
    np.fill_diagonal(shown, np.nan)
    at = list(range(len(labels)))
    fig = go.Figure(
        go.Heatmap(
            z=shown,
            x=at,
            y=at,
            text=text,
            texttemplate="%{text}",
            textfont={"size": text_size},
            customdata=hover,
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            coloraxis="coloraxis",
        )
    )
    axis = {
        "tickvals": at,
        "ticktext": labels,
        "showgrid": False,
        "ticks": "",
        "tickfont": {"size": 11},
        "constrain": "domain",
    }
    fig.update_xaxes(**axis, tickangle=-50)
    fig.update_yaxes(**axis, autorange="reversed", scaleanchor="x")
    low = min(0.0, float(np.nanmin(shown)))
    fig.update_layout(
        coloraxis={
            "colorscale": CORRELATION_SCALE,
            "cmin": low,
            "cmax": 1,
            "showscale": False,
        },
        uirevision="rsa",
        meta={"kind": "rsa"},
    )
    return fig


def _cells(c: Comparison) -> list[list[str]]:
    def cell(i: int, j: int) -> str:
        if i == j:
            return ""
        p = "" if np.isnan(c.p[i, j]) else f"<br>{p_text(c.p[i, j], c.n_permutations)}"
        return f"{c.rho[i, j]:.3f}{p}"

    return [[cell(i, j) for j in range(len(c.sets))] for i in range(len(c.sets))]


def p_text(p: float, n_permutations: int) -> str:
    """`p = 0.013`, or `p < 0.0002` where no permutation reached the observed value."""
    smallest = 1 / (1 + n_permutations)
    return f"p ≤ {smallest:.1g}" if p <= smallest * 1.0000001 else f"p = {p:.2g}"


def _pair_text(c: Comparison, i: int, j: int) -> str:
    if i == j:
        return c.sets[i]
    lines = [f"{c.sets[i]}, layer {c.layers[i]}", f"{c.sets[j]}, layer {c.layers[j]}", f"rho = {c.rho[i, j]:.3f}"]
    if np.isfinite(c.ci_low[i, j]):
        lines.append(f"95 % interval over topics {c.ci_low[i, j]:.3f} to {c.ci_high[i, j]:.3f}")
    if np.isfinite(c.p[i, j]):
        lines.append(p_text(c.p[i, j], c.n_permutations))
    for value, what in (
        (c.ceiling[i, j], "noise ceiling"),
        (c.rho_disjoint[i, j], "on disjoint topics"),
        (c.rho_partial_lexical[i, j], "shared words held constant"),
    ):
        if np.isfinite(value):
            lines.append(f"{what}: {value:.3f}")
    return "<br>".join(lines)
