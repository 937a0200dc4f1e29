"""Layer-depth curves of several sets on relative depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedModel
from ..types import DepthCurve, VectorSet
from .theme import PUBLISHED_COLOUR, Style, figure, provenance_notes, short_label

# Curve -> (name, y axis, reading aid, what its reference line is).
CURVE_TEXT: dict[str, tuple[str, str, str, str]] = {
    "decoding_accuracy": (
        "Decoding accuracy",
        "held-out accuracy",
        "share of passages on unseen topics that are nearest to their own class",
        "chance",
    ),
    "split_half_rho": (
        "Reliability",
        "Spearman rho between halves",
        "agreement of the RDMs of two halves of the topics; 1 = the same geometry whatever the stories are about",
        "",
    ),
    "mean_cosine": (
        "Mean cosine",
        "mean cosine between classes",
        "lower = emotion vectors point further apart; the papers' separation measure",
        "floor -1/(n-1) that class centring forces",
    ),
    "rdm_std": (
        "RDM spread",
        "standard deviation of the RDM",
        "higher = some pairs near, others far; 0 = no structure",
        "",
    ),
    "anisotropy": (
        "Anisotropy",
        "mean cosine of neutral sentences",
        "1 = all states point the same way, whatever they say; 0 = isotropic",
        "",
    ),
    "participation_ratio": (
        "Participation ratio",
        "effective dimensions",
        "how many directions the class vectors spread over",
        "",
    ),
    "residual_norm": (
        "Residual norm",
        "median norm of the residual stream",
        "the unit that a steering dose is a fraction of",
        "",
    ),
}

RULE_SYMBOL = {"decoding": "circle", "reliability": "square", "separation": "diamond"}


# Curves whose published counterpart is drawn beside ours.
PUBLISHED_CURVES = ("mean_cosine", "anisotropy")
_LEGEND_COLUMNS, _LEGEND_LINE = 3, 22


def depth_figure(
    sets: Sequence[VectorSet],
    curves: Sequence[DepthCurve],
    best: Sequence[Mapping[str, int | None]],
    style: Mapping[str, Style],
    *,
    centring: str,
    shown: Sequence[int] = (),
    published: Sequence[PublishedModel] = (),
    height: int = 520,
) -> go.Figure:
    """One curve of every set over relative depth.

    curves, best : one per set, from `depth_curves` and `best_layers`; marks show the layer that each rule picks.
    shown : the layer that the other views show, one per set, ringed. published : drawn in grey where the quantity was
    published in a comparable form (mean cosine under class centring, anisotropy).
    """
    name = curves[0].name
    title, y_title, aid, reference_text = CURVE_TEXT[name]
    traces = _published_traces(name, centring, published)
    drawn = len(traces)
    for vectors, curve, picks in zip(sets, curves, best, strict=True):
        look = style[vectors.name]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": curve.depth,
                "y": curve.values,
                "name": short_label(vectors),
                "line": {"color": look.colour, "dash": look.dash, "width": 2.5},
                "customdata": [[vectors.name, layer] for layer in range(vectors.n_layers)],
                "hovertemplate": "<b>%{fullData.name}</b><br>layer %{customdata[1]}, depth %{x:.2f}<br>"
                + y_title
                + ": %{y:.4g}<extra></extra>",
                "connectgaps": False,
            }
        )
        for rule, layer in picks.items():
            if layer is not None:
                traces.append(
                    {
                        **_mark(curve, layer),
                        "marker": {"color": look.colour, "symbol": RULE_SYMBOL[rule], "size": 10},
                        "customdata": [[vectors.name, layer]],
                        "hovertemplate": f"best layer by {rule}: {layer}<br>depth %{{x:.2f}}, %{{y:.4g}}<extra></extra>",
                    }
                )
    for vectors, curve, layer in zip(sets, curves, shown, strict=False):
        ring = {"symbol": "circle-open", "size": 18, "color": style[vectors.name].colour, "line": {"width": 2}}
        traces.append({**_mark(curve, layer), "marker": ring, "hoverinfo": "skip"})
    levels = sorted({round(c.reference, 6) for c in curves if c.reference is not None})
    line = {"color": PUBLISHED_COLOUR, "width": 1.2, "dash": "dot"}
    layout = {
        "shapes": [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": line} for level in levels
        ],
        "annotations": [
            {
                "text": f"{reference_text} {level:.3g}", "xref": "paper", "x": 1, "xanchor": "right",
                "y": level, "yref": "y", "yanchor": "top",
            }
            for level in levels
        ],
        "xaxis": {"title": {"text": "depth (share of the layers passed)"}, "range": [0, 1.015], "dtick": 0.1},
        "yaxis": {"title": {"text": y_title}, **_y_axis(name, curves)},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        "uirevision": f"depth {name}",
        "meta": {"kind": "depth"},
    }  # fmt: skip
    notes = provenance_notes(sets, None, f"{centring} centring")
    if drawn:
        notes.append(f"grey: {drawn} published models, {SOURCE} (fp16, last token, other passages)")
    return figure(
        traces,
        layout,
        title=_claim(title, curves),
        aid=f"{aid}. Marks: best by decoding\u00a0●, reliability\u00a0■, separation\u00a0◆",
        notes=notes,
        height=height,
        left=72,
        above=8 + _LEGEND_LINE * -(-(len(sets) + (drawn > 0)) // _LEGEND_COLUMNS),
        below=50,
        fill=True,
    )


def _y_axis(name: str, curves: Sequence[DepthCurve]) -> dict:
    """Our own curves fill the height: published early layers would press them flat, and norms differ by powers of ten."""
    if name == "residual_norm":
        return {"type": "log", "dtick": 1}
    if name != "mean_cosine":
        return {}
    values = np.concatenate([c.values for c in curves] + [[c.reference] for c in curves if c.reference is not None])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.12 * max(high - low, 1e-4)
    return {"range": [float(low - 2 * margin), float(high + margin)]}


def _mark(curve: DepthCurve, layer: int) -> dict:
    x, y = [curve.depth[layer]], [curve.values[layer]]
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "showlegend": False}


def _claim(title: str, curves: Sequence[DepthCurve]) -> str:
    """The title says what the curves show: where each has its extreme."""
    lowest = curves[0].name in ("mean_cosine",)
    places = []
    for curve in curves:
        if np.isnan(curve.values).all():
            continue
        at = int(np.nanargmin(curve.values) if lowest else np.nanargmax(curve.values))
        places.append(curve.depth[at])
    word = "is lowest" if lowest else "peaks"
    if not places:
        return title
    where = f"{min(places):.2f}" if max(places) - min(places) < 0.005 else f"{min(places):.2f} to {max(places):.2f}"
    return f"{title} {word} at depth {where}"


def _published_traces(name: str, centring: str, published: Sequence[PublishedModel]) -> list[dict]:
    """Grey lines of the published models, where this quantity was published in a form that compares."""
    traces: list[dict] = []
    for model in published:
        if name == "mean_cosine" and centring == "class" and model.mean_cosine is not None:
            x, y = (np.arange(model.n_layers) + 1) / model.n_layers, list(model.mean_cosine)
        elif name == "anisotropy" and model.anisotropy:
            x, y = zip(*model.anisotropy, strict=True)
        else:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "lines" if name == "mean_cosine" else "lines+markers",
                "x": x,
                "y": y,
                "name": "published",
                "legendgroup": "published",
                "showlegend": not traces,
                "line": {"color": PUBLISHED_COLOUR, "width": 1},
                "marker": {"size": 4},
                "opacity": 0.55,
                "hovertemplate": f"<b>published</b> {model.id}<br>depth %{{x:.2f}}: %{{y:.4g}}<extra></extra>",
            }
        )
    return traces
