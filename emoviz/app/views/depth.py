"""Depth: one quantity of every selected set over its layers, and what its stimuli alone would give."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ...geometry.curves import CONTROL_RDMS as CONTROLS
from ...plots.controls import controls_figure
from ...plots.depth import depth_figure
from ...plots.theme import short_label
from ...reference import published_models
from ...stats import mean_cosine_shape, pooled_shape, shape_words
from ...stats.controls import explained_by_controls
from ...stats.reliability import stepped_up
from ..library import best_of, curves_of, library
from ..state import Selection


def draw(view: Selection, curve: str, with_published: bool) -> tuple[go.Figure, go.Figure | None, dict]:
    return curves(view, curve, with_published), *controls(view)


def curves(view: Selection, curve: str, with_published: bool) -> go.Figure:
    sets = view.chosen()
    found = [curves_of(s.name, view.centring)[curve] for s in sets]
    shapes, notes = [], []
    if curve == "mean_cosine":
        shapes = [mean_cosine_shape(s, c, view.centring) for s, c in zip(sets, found, strict=True)]
        notes = [f"{short_label(s)}: {shape_words(shape)}" for s, shape in zip(sets, shapes, strict=True)]
        if len(sets) > 1:
            notes.append(f"all sets pooled: {shape_words(pooled_shape(sets, found, view.centring))}")
    second = [curves_of(s.name, view.centring)["anisotropy_centred"] for s in sets] if curve == "anisotropy" else ()
    return depth_figure(
        sets,
        found,
        [best_of(s.name) for s in sets],
        library().style,
        centring=view.centring,
        shown=view.layers(sets),
        shapes=shapes,
        second=second,
        published=published_models() if with_published else (),
        notes=notes,
    )


def controls(view: Selection) -> tuple[go.Figure | None, dict]:
    """What words, token embeddings and an encoder explain of each RDM: over depth, and at the layer that is shown."""
    sets, layers, left_out = view.readable(view.panels())
    have = [(s, layer) for s, layer in zip(sets, layers, strict=True) if s.control_rdms]
    missing = [
        f"{short_label(s)}: {name}: {why}" for s in sets for name, why in s.notes.items() if name in CONTROLS
    ] + [
        f"no controls for {short_label(s)}: the set was made by an earlier version; extract it again"
        for s in sets
        if not s.control_rdms
    ]
    if not have:
        return None, {"notes": [*left_out, *missing]}
    sets, layers = zip(*have, strict=True)
    figure = controls_figure(sets, layers, [curves_of(s.name, "class") for s in sets], library().style)
    rows = []
    for vectors, layer in have:
        shares = explained_by_controls(vectors, layer)
        half = curves_of(vectors.name, "class")["split_half_rho"].values[layer]
        rows.append(
            [
                f"{short_label(vectors)}, layer {layer}",
                *(_share(shares.get(name)) for name in CONTROLS),
                _share(shares["all"]),
                *(_share(shares.get(f"only {name}")) for name in CONTROLS),
                _share(float(stepped_up(half))),
            ]
        )
    return figure, {
        "columns": [
            "share of the RDM's ranks explained (R²)",
            *(
                [name, f"squared Spearman rho of the set's RDM with the RDM of the same passages as {name}"]
                for name in CONTROLS
            ),
            ["all together", "R² of a regression of ranks on the ranks of all controls"],
            *([f"only {name}", f"what R² loses without {name}"] for name in CONTROLS),
            ["could be", "reliability of the RDM: noise in the passages leaves no more than this to explain"],
        ],
        "rows": rows,
        "notes": [*left_out, *missing],
    }


def _share(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.2f}"
