"""What the stimuli alone explain of an RDM: bags of words, token embeddings, a sentence encoder, over depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..geometry.curves import CONTROL_RDMS as CONTROLS
from ..stats.reliability import stepped_up
from ..types import DepthCurve, VectorSet
from .canvas import fitted, rows
from .depth import band
from .theme import PUBLISHED_COLOUR, Style, figure, panels, provenance_notes, short_label

_DASH = dict(zip(CONTROLS, ("dot", "dash", "solid"), strict=True))
_GAP, _ROW_GAP, _BELOW = 0.09, 84, 78
_CEILING = "noise ceiling"


def controls_figure(
    sets: Sequence[VectorSet],
    layers: Sequence[int],
    curves: Sequence[Mapping[str, DepthCurve]],
    style: Mapping[str, Style],
    *,
    height: int = 400,
) -> go.Figure:
    """One panel per set: Spearman rho of its class-centred RDM with that of each control, by depth.

    layers : the layer shown elsewhere, one per set, marked by a thin line. curves : one mapping per set, from
    `depth_curves` under class centring.
    """
    down = rows(len(sets))
    height = fitted(height + (down - 1) * (height - _BELOW))
    places, heads = panels([short_label(s) for s in sets], _GAP, _ROW_GAP / (height - 180))
    traces, axes, shapes = [], {}, []
    for panel, vectors, layer, found in zip(places, sets, layers, curves, strict=True):
        on = {"xaxis": f"x{panel.number}", "yaxis": f"y{panel.number}"}
        colour = style[vectors.name].colour
        half = found["split_half_rho"]
        ceiling = np.sqrt(stepped_up(half.values))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": half.depth, "y": ceiling, "name": _CEILING, **on,
                "legendgroup": _CEILING, "showlegend": panel.number == "",
                "line": {"color": PUBLISHED_COLOUR, "width": 1.5, "dash": "longdash"},
                "hovertemplate": "noise leaves at most %{y:.2f}<extra></extra>",
            }
        )  # fmt: skip
        for name in vectors.control_rdms:
            curve = found[f"control {name}"]
            traces += [{**piece, **on, "opacity": 0.1} for piece in band(curve, colour)]
            traces.append(
                {
                    "type": "scatter", "mode": "lines", "x": curve.depth, "y": curve.values, "name": name, **on,
                    "line": {"color": colour, "width": 2, "dash": _DASH[name]}, "showlegend": False,
                    "customdata": [[vectors.name, k] for k in range(vectors.n_layers)],
                    "hovertemplate": f"<b>{name}</b><br>layer %{{customdata[1]}}, depth %{{x:.2f}}<br>rho "
                    "%{y:.3f}<extra></extra>",
                }
            )  # fmt: skip
        shapes.append(
            {
                "type": "line", "x0": vectors.depth(layer), "x1": vectors.depth(layer), "y0": 0, "y1": 1,
                "xref": f"x{panel.number}", "yref": f"y{panel.number} domain",
                "line": {"color": PUBLISHED_COLOUR, "width": 1, "dash": "dot"},
            }
        )  # fmt: skip
        axes[f"xaxis{panel.number}"] = {
            "range": [0, 1.015], "domain": panel.x, "anchor": f"y{panel.number}", "dtick": 0.2,
            "title": {"text": "depth"},
        }  # fmt: skip
        axes[f"yaxis{panel.number}"] = {
            "domain": panel.y, "anchor": f"x{panel.number}", "range": [-0.1, 1.02], "dtick": 0.2,
            "title": {"text": "Spearman rho"} if panel.x[0] == 0 else None,
        }  # fmt: skip
    # The lines' names once, in a neutral colour: dash means the control, colour the model.
    for name in CONTROLS:
        line = {"color": PUBLISHED_COLOUR, "width": 2, "dash": _DASH[name]}
        traces.append({"type": "scatter", "mode": "lines", "x": [None], "y": [None], "name": name, "line": line})
    layout = {
        **axes,
        "shapes": shapes,
        "annotations": heads,
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "center"},
        "uirevision": "controls",
        "meta": {"kind": "depth", "name": "controls"},
    }
    resampled = next((s.resampled for s in sets if s.resampled is not None), None)
    bands = [] if resampled is None else [f"bands: 95 % interval over topics ({resampled.n:,} resamples)"]
    return figure(
        traces,
        layout,
        title="How much of the geometry is already in the words?",
        aid="agreement of each RDM with control RDMs of the same passages, which no block has touched; what is left "
        "below the noise ceiling is what the model adds; thin line: the layer shown",
        notes=provenance_notes(sets, layers, "class centring", *bands),
        height=height,
        left=64,
        above=26,
        below=_BELOW,
        legend_below=True,
    )
