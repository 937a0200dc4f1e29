"""Cosines of all pairs of emotions, a row per set: do the two methods set them apart alike?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from ..types import Difference, Separation
from .contrasts import set_label
from .strips import FOOT, HEAD, margins, place, rows_high, strip_axes
from .theme import PUBLISHED_COLOUR, figure
from .wording import literal, minus


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
        pairs = f"{literal(set_label(s.protocol, s.precision))}, layer {s.layer}"
        traces.append(
            {
                "type": "violin",
                "orientation": "h",
                "x": s.cosines,
                "y0": place(row),
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
                "text": f"<b>{literal(s.model)}</b><br>{s.method}: {pairs}",
                "showlegend": False,
            }
        )
        traces.append(_noise_mark(s, place(row), named=row == 0))
        noise = "≥ 100 %" if s.noise_share >= 1 else f"{100 * s.noise_share:.0f} %"
        said = (
            f"mean {s.cosines.mean():.3f} of {len(s.cosines)} pairs, split-half rho {s.reliability:.2f}, noise {noise}"
        )
        if s.set in tests:
            other, d = tests[s.set]
            said += (
                f"<br>against {literal(other.protocol)}: d = {d.cohen_d:.2f} (pooled SD {d.pooled_sd:.3f})"
                f"<br>rank-biserial {d.rank_biserial:.2f}, Mann-Whitney p = {d.p:.1g}"
            )
        words.append(minus(said))
    rows = [
        f"{literal(s.model)}<br><b>{s.method}</b><br>{literal(set_label(s.protocol, s.precision))}" for s in separations
    ]
    layout = {
        **strip_axes(rows, words),
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        "meta": {"kind": "separation", "name": "separation"},
        "uirevision": "separation",
    }  # fmt: skip
    layout["xaxis"] = {"title": {"text": "cosine between two emotions' vectors, neutral-centred"}}
    return figure(
        traces,
        layout,
        title=_separation_claim(separations, tests),
        aid="every pair of emotions; left = further apart, the first paper's measure. Noise also moves the mean, to "
        "the dotted mark if there were nothing else",
        notes=notes,
        height=round(HEAD + FOOT + 20 + 76 * rows_high(len(separations))),
        left=margins()[0],
        right=margins()[1],
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


def _noise_mark(s: Separation, row: float, *, named: bool) -> dict:
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
