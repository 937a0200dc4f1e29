"""Cosines of each emotion between precisions, a row per precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import Contrast
from .canvas import canvas
from .contrasts import cosines_text, layers_text, recipe_labels
from .strips import FOOT, HEAD, ROW, margins, place, rows_high, strip_axes
from .theme import figure
from .wording import literal, minus, p_text

# Cosines are drawn by how far they are from 1, on a log scale; nearer than this is drawn here.
_NEAREST = 1e-6
_COSINE_TICKS = (0.999999, 0.99999, 0.9999, 0.999, 0.99, 0.9, 0.0)


def precision_figure(
    contrasts: Sequence[Contrast], colour: Mapping[str, str], *, notes: Sequence[str] = ()
) -> go.Figure:
    """A row per precision: the cosine of each emotion's vector to the one in the reference precision.

    contrasts : of kind precision, in the order of rows. colour : by model. A row without cosines says why.
    """
    traces, words = [], []
    for row, c in enumerate(contrasts):
        if c.cosines is None:
            words.append(literal(f"no cosines: {c.reasons['cosines']}"))
        else:
            names = list(c.cosines)
            values = np.array([c.cosines[name] for name in names])
            traces.append(
                {
                    **_points(np.clip(1 - values, _NEAREST, None), place(row), colour[c.models[0]]),
                    "hovertext": [
                        f"<b>{literal(n)}</b>, {_row_name(c)}<br>cosine {v:.6f}"
                        for n, v in zip(names, values, strict=True)
                    ],
                }
            )
            p = f", {p_text(c.p, c.n_permutations)}" if np.isfinite(c.p) else ""
            words.append(minus(f"rho {c.rho:.4f}{p}<br>cosine {literal(cosines_text(c.cosines))}"))
        gone = c.nonfinite_layers[1]
        if gone:
            words[-1] += f"<br>layers {layers_text(gone)} are not finite"
    far = max([1.0, *(1 - v for c in contrasts if c.cosines for v in c.cosines.values())])
    layout = {
        **strip_axes([f"{literal(c.models[0])}<br>{_row_name(c)}" for c in contrasts], words),
        "meta": {"kind": "precision", "name": "precision"},
        "uirevision": "precision",
    }
    # Away from the page there is room for every second label, and for few words.
    ticks = _COSINE_TICKS if canvas().width is None else _COSINE_TICKS[::2]
    words_of_axis = "cosine of each emotion's vector to the one in the reference precision (log distance from 1)"
    layout["xaxis"] = {
        "title": {"text": words_of_axis if canvas().width is None else "cosine to the reference precision"},
        "type": "log",
        "range": [float(np.log10(far * 1.4)), float(np.log10(_NEAREST * 0.6))],
        "tickvals": [1 - v for v in ticks],
        "ticktext": [f"{v:g}" for v in ticks],
        "tickangle": 0,
    }
    return figure(
        traces,
        layout,
        title=_precision_claim(contrasts),
        aid="each point is an emotion; right = the same vector in both precisions; beside it rho of the RDMs, mean "
        "cosine and the lowest",
        notes=[
            "against the most exact precision at hand, both at that set's layer; 20 emotions without neutral, "
            "class-centred; by generation each precision reads the stories that it wrote itself",
            *notes,
        ],
        height=round(HEAD + FOOT + ROW * rows_high(len(contrasts))),
        left=margins()[0],
        right=margins()[1],
        below=50,
    )


def _points(x: np.ndarray, row: float, colour: str) -> dict:
    """Points of one row, spread up and down in turn so that neighbours do not cover each other."""
    spread = 0.22 * (np.arange(len(x)) % 5 - 2) / 2
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": row + spread,
        "marker": {"size": 8, "color": colour, "opacity": 0.7},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
    }


def _row_name(c: Contrast) -> str:
    return literal(recipe_labels(c)[1])


def _precision_claim(contrasts: Sequence[Contrast]) -> str:
    """What the rows show, for texts that are given and for texts that each precision writes itself."""
    parts = []
    for method, how in (("comprehension", "reading the same texts"), ("generation", "writing its own")):
        rhos = [c.rho for c in contrasts if c.methods[1] == method and np.isfinite(c.rho)]
        if rhos:
            low, high = f"{min(rhos):.2f}", f"{max(rhos):.2f}"
            span = low if low == high else f"{low} to {high}"
            parts.append(minus(f"rho {span} {how}"))
    return f"In another precision: {', '.join(parts)}" if parts else "What does precision change?"
