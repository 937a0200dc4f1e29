"""How strongly the leading components follow valence and arousal, over depth, against relabelled words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..stats.valence import TRAITS
from ..types import TraitFit, ValenceArousal, VectorSet
from .canvas import fitted, rows
from .depth import line_mode
from .theme import PUBLISHED_COLOUR, Style, figure, panels, provenance_notes, short_label

# The component that the literature expects to carry the trait.
EXPECTED = {"valence": 0, "arousal": 1}
_GAP, _ROW_GAP = 0.07, 96

_BAND = "rgba(138,146,161,0.13)"
_LEGEND_COLUMNS, _LEGEND_LINE = 3, 20


def valence_figure(
    sets: Sequence[VectorSet],
    fits: Sequence[ValenceArousal],
    style: Mapping[str, Style],
    *,
    notes: Sequence[str] = (),
    height: int = 430,
) -> go.Figure:
    """|r| over relative depth, valence on the left, arousal on the right; one fit per set.

    Thick: the best of PC1 to PC3. Thin: PC1 for valence, PC2 for arousal. Grey: below the level that the best of three
    stays under in 95 % of relabellings, one area per set; a set without a test has none.
    """
    down = rows(len(TRAITS))
    height = fitted(height + (down - 1) * (height - 150))
    places, heads = panels(
        [f"{trait}: best of PC1 to PC3, thin PC{EXPECTED[trait] + 1}" for trait in TRAITS], _GAP, _ROW_GAP / height
    )
    traces: list[dict] = []
    axes: dict[str, dict] = {}
    for panel, trait in zip(places, TRAITS, strict=True):
        on = {"xaxis": f"x{panel.number}", "yaxis": f"y{panel.number}"}
        found = [getattr(fit, trait) for fit in fits]
        lines = []
        for vectors, fit in zip(sets, found, strict=True):
            depth = (np.arange(vectors.n_layers) + 1) / vectors.n_layers
            if np.isfinite(fit.best_null_level).any():
                traces.append({**_band(depth, fit, named=panel.number == "" and not traces), **on})
            lines += [{**line, **on} for line in _lines(vectors, depth, fit, style[vectors.name], panel.number == "")]
        traces += lines
        axes[f"xaxis{panel.number}"] = {
            "title": {"text": "depth (share of the layers passed)"}, "range": [0, 1.015], "dtick": 0.2,
            "domain": panel.x, "anchor": f"y{panel.number}",
        }  # fmt: skip
        axes[f"yaxis{panel.number}"] = {
            "title": {"text": "absolute r" if panel.number == "" else ""}, "range": [0, 1.02], "dtick": 0.2,
            "domain": panel.y, "anchor": f"x{panel.number}",
        }  # fmt: skip
    n_entries = len(sets) + 1
    legend_rows = -(-n_entries // _LEGEND_COLUMNS)
    layout = {
        **axes,
        "annotations": heads,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left"},
        "uirevision": "valence",
        "meta": {"kind": "valence", "name": "valence"},
    }
    used = "; ".join(dict.fromkeys(f"{f.source}, {len(f.valence.words)} words" for f in fits))
    return figure(
        traces,
        layout,
        title="Where in depth do the leading components follow valence and arousal?",
        aid="correlation of class scores with valence and arousal, sign left out; a thick line above the grey is more "
        "than 95 % of relabelled words give",
        notes=[
            *provenance_notes(sets, None, "class centring"),
            f"Pearson's r with {used}; {fits[0].n_permutations:,} relabellings, seed {fits[0].seed}, of the best of "
            "three; a thin line is one component fixed beforehand, whose level is lower (about 0.44 for 20 words)",
            *notes,
        ],
        height=height + _LEGEND_LINE * (legend_rows - 1),
        left=56,
        above=26,
        below=62 + _LEGEND_LINE * legend_rows,
        legend_below=True,
        legend_rows_below=legend_rows,
    )


def _band(depth: np.ndarray, fit: TraitFit, named: bool) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": depth,
        "y": fit.best_null_level,
        "fill": "tozeroy",
        "fillcolor": _BAND,
        "line": {"color": PUBLISHED_COLOUR, "width": 0.8, "dash": "dot"},
        "name": "95 % of relabelled words",
        "showlegend": named,
        "hoverinfo": "skip",
    }


def _lines(vectors: VectorSet, depth: np.ndarray, fit: TraitFit, look: Style, named: bool) -> list[dict]:
    expected = EXPECTED[fit.trait]
    fixed = np.full(len(depth), expected)
    return [
        _line(vectors, depth, fit, fixed, fit.r[:, expected], fit.p[:, expected], "p of this component")
        | {
            "line": {"color": look.colour, "dash": look.dash, "width": 1.1},
            "opacity": 0.75,
            "showlegend": False,
            "meta": f"PC{expected + 1}",
        },
        _line(vectors, depth, fit, fit.best, fit.best_r, fit.best_p, "p of the best of three")
        | {
            "line": {"color": look.colour, "dash": look.dash, "width": 2.8},
            "showlegend": named,
            "meta": "best of three",
        },
    ]


def _line(
    vectors: VectorSet, depth: np.ndarray, fit: TraitFit, which: np.ndarray, r: np.ndarray, p: np.ndarray, p_name: str
) -> dict:
    rows = zip(which, r, p, strict=True)
    return {
        "type": "scatter",
        "mode": line_mode(r),
        "x": depth,
        "y": np.abs(r),
        "name": short_label(vectors),
        "connectgaps": False,
        "customdata": [[vectors.name, layer] for layer in range(vectors.n_layers)],
        "text": [
            f"PC{k + 1}, r with {fit.trait} {value:+.2f}" + ("" if np.isnan(chance) else f"<br>{p_name}: {chance:.2g}")
            for k, value, chance in rows
        ],
        "hovertemplate": "<b>%{fullData.name}</b><br>layer %{customdata[1]}, depth %{x:.2f}<br>%{text}<extra></extra>",
    }
