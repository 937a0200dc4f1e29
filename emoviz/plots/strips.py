"""Rows of points with a name on the left and words on the right: cosines by precision, cosines by method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import Contrast, Difference, Separation
from .contrasts import cosines_text, layers_text, set_label
from .rsa import p_text
from .theme import PUBLISHED_COLOUR, figure

_ROW = 46
_HEAD, _FOOT = 130, 110
_LEFT, _RIGHT = 190, 350
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
            words.append(f"no cosines: {c.reasons['cosines']}")
        else:
            names = list(c.cosines)
            values = np.array([c.cosines[name] for name in names])
            traces.append(
                {
                    **_points(np.clip(1 - values, _NEAREST, None), row, colour[c.models[0]]),
                    "hovertext": [
                        f"<b>{n}</b>, {_row_name(c)}<br>cosine {v:.6f}" for n, v in zip(names, values, strict=True)
                    ],
                }
            )
            p = f", {p_text(c.p, c.n_permutations)}" if np.isfinite(c.p) else ""
            words.append(f"rho {c.rho:.4f}{p}<br>cosine {cosines_text(c.cosines)}".replace("rho -", "rho −"))
        gone = c.nonfinite_layers[1]
        if gone:
            words[-1] += f"<br>layers {layers_text(gone)} are not finite"
    far = max([1.0, *(1 - v for c in contrasts if c.cosines for v in c.cosines.values())])
    layout = {
        **_axes([f"{c.models[0]}<br>{_row_name(c)}" for c in contrasts], words),
        "meta": {"kind": "precision"},
        "uirevision": "precision",
    }
    layout["xaxis"] = {
        "title": {
            "text": "cosine of each emotion's vector to the one in the reference precision (log distance from 1)"
        },
        "type": "log",
        "range": [float(np.log10(far * 1.4)), float(np.log10(_NEAREST * 0.6))],
        "tickvals": [1 - v for v in _COSINE_TICKS],
        "ticktext": [f"{v:g}" for v in _COSINE_TICKS],
    }
    return figure(
        traces,
        layout,
        title=_precision_claim(contrasts),
        aid="each point is an emotion; right = the same vector in both precisions; beside it rho of the RDMs, mean cosine and the lowest",
        notes=[
            "against the most exact precision at hand, both at that set's layer; 20 emotions without neutral, class-centred; "
            "by generation each precision reads the stories that it wrote itself",
            *notes,
        ],
        height=_HEAD + _FOOT + _ROW * len(contrasts),
        left=_LEFT,
        right=_RIGHT,
        below=50,
    )


def separation_figure(
    separations: Sequence[Separation],
    tests: Mapping[str, tuple[Separation, Difference]],
    colour: Mapping[str, str],
    *,
    notes: Sequence[str] = (),
) -> go.Figure:
    """A row per set: the cosines of all pairs of its emotion vectors; beside a set by generation its test.

    tests : by name of the set by generation, the set that it is tested against and the result. colour : by model.
    """
    traces, words = [], []
    for row, s in enumerate(separations):
        pairs = f"{set_label(s.protocol, s.precision)}, layer {s.layer}"
        traces.append(
            {
                "type": "violin",
                "orientation": "h",
                "x": s.cosines,
                "y0": row,
                "width": 0.82,
                "points": "all",
                "pointpos": 0,
                "jitter": 0.6,
                "scalemode": "width",
                "marker": {"size": 3, "color": colour[s.model], "opacity": 0.5},
                "line": {"color": colour[s.model], "width": 1.5},
                "fillcolor": "rgba(138,146,161,0.14)",
                "meanline": {"visible": True},
                "spanmode": "hard",
                "hoveron": "violins",
                "hoverinfo": "text",
                "text": f"<b>{s.model}</b><br>{s.method}: {pairs}",
                "showlegend": False,
            }
        )
        traces.append(_noise_mark(s, row, named=row == 0))
        noise = "≥ 100 %" if s.noise_share >= 1 else f"{100 * s.noise_share:.0f} %"
        said = f"mean {s.cosines.mean():.3f} of {len(s.cosines)} pairs, split-half rho {s.reliability:.2f}, noise {noise}".replace(
            "rho -", "rho −"
        )
        if s.set in tests:
            other, d = tests[s.set]
            said += (
                (
                    f"<br>against {other.protocol}: d = {d.cohen_d:.2f} (pooled SD {d.pooled_sd:.3f})"
                    f"<br>rank-biserial {d.rank_biserial:.2f}, Mann-Whitney p = {d.p:.1g}"
                )
                .replace("= -", "= −")
                .replace("biserial -", "biserial −")
            )
        words.append(said)
    rows = [f"{s.model}<br><b>{s.method}</b><br>{set_label(s.protocol, s.precision)}" for s in separations]
    layout = {
        **_axes(rows, words),
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        "meta": {"kind": "separation"},
        "uirevision": "separation",
    }  # fmt: skip
    layout["xaxis"] = {"title": {"text": "cosine between two emotions' vectors, neutral-centred"}}
    return figure(
        traces,
        layout,
        title=_separation_claim(separations, tests),
        aid="every pair of emotions; left = further apart, the first paper's measure. Noise also moves the mean, to the dotted "
        "mark if there were nothing else",
        notes=notes,
        height=_HEAD + _FOOT + 20 + 76 * len(separations),
        left=_LEFT,
        right=_RIGHT,
        above=30,
        below=50,
    )


def _separation_claim(separations: Sequence[Separation], tests: Mapping[str, tuple[Separation, Difference]]) -> str:
    """In how many tests generation does better, and how much of its vectors is noise there."""
    better = [s for s in separations if s.set in tests and tests[s.set][1].cohen_d < 0 and tests[s.set][1].p < 0.05]
    claim = f"Generation points further apart in {len(better)} of {len(tests)} comparisons"
    if not better:
        return claim
    least = min(1.0, min(s.noise_share for s in better))
    return f"{claim}, with vectors that are {100 * least:.0f} % noise or more"


def _noise_mark(s: Separation, row: int, *, named: bool) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "mean that noise alone would give",
        "showlegend": named,
        "x": [s.noise_cosine, s.noise_cosine],
        "y": [row - 0.42, row + 0.42],
        "line": {"color": PUBLISHED_COLOUR, "width": 2, "dash": "dot"},
        "hovertemplate": f"noise alone would give {s.noise_cosine:.3f}<extra></extra>",
    }


def _points(x: np.ndarray, row: int, colour: str) -> dict:
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


def _axes(names: Sequence[str], words: Sequence[str]) -> dict:
    """Rows from the top down, their names on the left and what is said of them on the right."""
    return {
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": list(names),
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "ticks": "",
            "tickfont": {"size": 11},
        },
        "annotations": [
            {
                "text": text, "x": 1, "xref": "paper", "xanchor": "left", "xshift": 14, "y": row, "yanchor": "middle",
                "align": "left", "font": {"size": 11},
            }
            for row, text in enumerate(words)
        ],
    }  # fmt: skip


def _row_name(c: Contrast) -> str:
    return f"{c.protocols[1]}, {c.precisions[1]}"


def _precision_claim(contrasts: Sequence[Contrast]) -> str:
    """What the rows show, for texts that are given and for texts that each precision writes itself."""
    parts = []
    for method, how in (("comprehension", "reading the same texts"), ("generation", "writing its own")):
        rhos = [c.rho for c in contrasts if c.methods[1] == method and np.isfinite(c.rho)]
        if rhos:
            low, high = f"{min(rhos):.2f}", f"{max(rhos):.2f}"
            span = low if low == high else f"{low} to {high}"
            parts.append(f"rho {span} {how}".replace("-", "−"))
    return f"In another precision: {', '.join(parts)}" if parts else "What does precision change?"
