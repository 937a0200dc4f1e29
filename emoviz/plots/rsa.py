"""Model by model: do their RDMs agree?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..stats import class_lines, letters
from ..types import Comparison, VectorSet
from .matrix import matrix
from .theme import MANY, figure, protocol_label, provenance_notes
from .wording import literal, p_text, plain

# Below this rho a title only says that sets were compared.
AGREEMENT = 0.5
# Pixels left of the matrix at least, and those of a letter there.
_LEFT, _LETTER = 168, 5.9


def comparison_figure(
    sets: Sequence[VectorSet], comparison: Comparison, *, centring: str, height: int = 520
) -> go.Figure:
    """Our sets: Spearman's rho between RDMs; p too where there is one pair. At least one rho must be finite."""
    short = [f"<b>{letter}</b>" for letter in letters(len(sets))]
    labels = [
        f"{letter}  {literal(s.provenance.model)}<br>{literal(protocol_label(s))}, layer {layer}"
        for letter, s, layer in zip(short, sets, comparison.layers, strict=True)
    ]
    names = letters(len(sets))
    hover = [
        [[_pair_name(names, i, j), _pair_text(comparison, i, j)] for j in range(len(sets))] for i in range(len(sets))
    ]
    off = comparison.rho[np.triu_indices(len(sets), 1)]
    off = off[np.isfinite(off)]
    values = f"{off[0]:.2f}" if len(off) == 1 else f"{off.min():.2f} to {off.max():.2f}"
    n_classes = sorted(set(comparison.n_classes[np.triu_indices(len(sets), 1)].tolist()))
    many = len(sets) > MANY
    labels = short if many else labels
    traces, layout = matrix(comparison.rho, labels, hover, text=_cells(comparison), text_size=13)
    # A number needs more room than a cell has; the pointer tells it.
    traces = traces[:1] if many else traces
    layout["xaxis"] |= {"ticktext": short, "tickangle": 0}
    layout["meta"] |= {"name": "rsa"}
    return figure(
        traces,
        layout,
        title=f"Geometries {'agree' if off.min() >= AGREEMENT else 'compared'}: rho = {values}",
        aid="1 = the same pairs of emotions are alike in both; bright = higher",
        notes=provenance_notes(
            sets,
            comparison.layers,
            f"Spearman between RDMs of {' or '.join(map(str, n_classes))} classes, {centring} centring",
            f"p by {comparison.n_permutations:,} label permutations (Mantel, one-sided, seed {comparison.seed})",
        )
        + class_lines(sets, names),
        height=height,
        fill=True,
        left=40 if many else max(_LEFT, _room(labels)),
        below=30,
        wide=60,
    )


def _room(labels: Sequence[str]) -> int:
    """Pixels of the longest line of the labels."""
    lines = [plain(line) for label in labels for line in label.split("<br>")]
    return 14 + math.ceil(_LETTER * max(map(len, lines)))


def _cells(c: Comparison) -> list[list[str]]:
    def cell(i: int, j: int) -> str:
        if i == j or np.isnan(c.rho[i, j]):
            return ""
        # With more sets the cells are too narrow for it; the table beside has it.
        p = "" if len(c.sets) > 2 or np.isnan(c.p[i, j]) else f"<br>{p_text(c.p[i, j], c.n_permutations)}"
        return f"{c.rho[i, j]:.3f}{p}"

    return [[cell(i, j) for j in range(len(c.sets))] for i in range(len(c.sets))]


def _pair_name(names: Sequence[str], i: int, j: int) -> str:
    """The pair as the menu names it; nothing for a set with itself."""
    return "" if i == j else f"{names[min(i, j)]} and {names[max(i, j)]}"


def _pair_text(c: Comparison, i: int, j: int) -> str:
    if i == j:
        return literal(c.sets[i])
    lines = [f"{literal(c.sets[k])}, layer {c.layers[k]}" for k in (i, j)] + [f"rho = {c.rho[i, j]:.3f}"]
    lines.append(f"on {c.n_classes[i, j]} classes")
    if np.isfinite(c.ci_low[i, j]):
        lines.append(f"95 % interval over topics {c.ci_low[i, j]:.3f} to {c.ci_high[i, j]:.3f}")
    if np.isfinite(c.p[i, j]):
        lines.append(p_text(c.p[i, j], c.n_permutations))
    for value, what in (
        (c.ceiling[i, j], "noise ceiling"),
        (c.rho_disjoint[i, j], "on disjoint topics"),
        (c.rho_disattenuated[i, j], "disattenuated"),
        (c.rho_partial_controls[i, j], "given all controls"),
        (c.rho_partial_lexical[i, j], "shared words held constant"),
    ):
        if np.isfinite(value):
            lines.append(f"{what}: {value:.3f}")
    return "<br>".join(lines)
