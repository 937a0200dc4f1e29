"""One look for every figure: colours, type, and a template for each theme.

Figures name no text or background colour themselves, so that swapping the template is all that a theme change takes;
series and class colours reach 3:1 contrast on both backgrounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ..emotions import NEUTRAL, QUADRANTS, quadrant
from ..types import VectorSet

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', sans-serif"

QUADRANT_COLOUR: dict[str, str] = {
    **dict(zip(QUADRANTS, ("#e8590c", "#2b8a3e", "#4c7df0", "#ae3ec9"), strict=True)),
    NEUTRAL: "#7a8291",
    "other": "#7a8291",
}
QUADRANT_SYMBOL: dict[str, str] = {
    **dict(zip(QUADRANTS, ("triangle-up", "circle", "square", "diamond"), strict=True)),
    NEUTRAL: "x",
    "other": "circle",
}

SERIES = ("#4c7df0", "#e8590c", "#2b8a3e", "#ae3ec9", "#d6336c", "#7a8291")
DASHES = ("solid", "dash", "dot", "dashdot")
PUBLISHED_COLOUR = "#8a92a1"

# Dark is alike: read downwards from 0. One range for all panels of a figure.
DISSIMILARITY_SCALE = "Viridis"
CORRELATION_SCALE = "Viridis"

TITLE_SIZE, AID_SIZE, TEXT_SIZE, NOTE_SIZE = 17, 13, 12, 10.5
_TOP, _BOTTOM_PER_NOTE = 76, 14


@dataclass(frozen=True, slots=True)
class Style:
    """How a set is drawn everywhere: colour by model, dash by protocol."""

    colour: str
    dash: str


def styles(sets: Sequence[VectorSet]) -> dict[str, Style]:
    """A style per set name; pass all known sets, so that a set looks the same whatever is selected."""
    models = list(dict.fromkeys(s.provenance.model for s in sets))
    recipes = list(dict.fromkeys((s.provenance.protocol.name, s.provenance.precision, s.provenance.corpus) for s in sets))
    return {
        s.name: Style(
            SERIES[models.index(s.provenance.model) % len(SERIES)],
            DASHES[
                recipes.index((s.provenance.protocol.name, s.provenance.precision, s.provenance.corpus)) % len(DASHES)
            ],
        )
        for s in sets
    }


def short_label(vectors: VectorSet) -> str:
    """`model · protocol`, with precision and corpus only where they are not the usual ones."""
    p = vectors.provenance
    parts = [p.model, p.protocol.name]
    if p.precision != "fp32":
        parts.append(p.precision)
    if p.corpus != "emoviz-420":
        parts.append(p.corpus)
    return " · ".join(parts)


def class_colour(name: str) -> str:
    return QUADRANT_COLOUR[quadrant(name)]


def class_symbol(name: str) -> str:
    return QUADRANT_SYMBOL[quadrant(name)]


def provenance_line(vectors: VectorSet, layer: int | None = None) -> str:
    """One line that says what a figure was made from."""
    from .. import __version__

    p = vectors.provenance
    where = "all layers" if layer is None else f"layer {layer} of 0-{vectors.n_layers - 1} (depth {vectors.depth(layer):.2f})"
    return (
        f"{p.model} @{p.revision[:8]}, {p.weights} in {p.precision} · {p.method}, protocol {p.protocol.name} · "
        f"{p.n_passages} passages on {len(p.topics)} topics ({p.corpus} {p.corpus_hash[:8]}) · {where} · emoviz {__version__}"
    )


def finish(fig: go.Figure, *, title: str, aid: str, notes: Sequence[str], height: int, left: int = 64, right: int = 24) -> go.Figure:
    """Title, reading aid and provenance notes in the places they have in every figure.

    The notes stand inside the figure, so that a picture of it carries them wherever it goes.
    """
    bottom = 56 + _BOTTOM_PER_NOTE * len(notes)
    fig.update_layout(
        template=LIGHT,
        height=height,
        margin={"l": left, "r": right, "t": _TOP, "b": bottom},
        title={
            "text": title,
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 1 - 14 / height,
            "yref": "container",
            "yanchor": "top",
            "pad": {"l": 0},
            "font": {"size": TITLE_SIZE, "weight": 600},
            "subtitle": {"text": aid, "font": {"size": AID_SIZE}},
        },
        hoverlabel={"align": "left"},
    )
    for k, note in enumerate(reversed(notes)):
        fig.add_annotation(
            text=note,
            name="provenance",
            x=0,
            xref="paper",
            xanchor="left",
            xshift=-left + 8,
            y=0,
            yref="paper",
            yanchor="bottom",
            yshift=-bottom + 4 + _BOTTOM_PER_NOTE * k,
            showarrow=False,
            align="left",
            font={"size": NOTE_SIZE},
            opacity=0.75,
        )
    return fig


def _template(ink: str, subdued: str, paper: str, line: str, grid: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid,
        "linecolor": line,
        "tickcolor": line,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "title": {"font": {"size": TEXT_SIZE, "color": subdued}, "standoff": 8},
        "tickfont": {"size": TEXT_SIZE, "color": subdued},
        "automargin": False,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": TEXT_SIZE, "color": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "colorway": list(SERIES),
            "title": {"font": {"color": ink}, "subtitle": {"font": {"color": subdued}}},
            "legend": {"font": {"size": TEXT_SIZE, "color": ink}, "bgcolor": "rgba(0,0,0,0)"},
            "xaxis": axis,
            "yaxis": axis,
            "annotationdefaults": {"font": {"color": subdued}},
            "hoverlabel": {
                "bgcolor": paper,
                "bordercolor": line,
                "font": {"family": FONT, "size": 12.5, "color": ink},
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": subdued, "activecolor": ink},
            "coloraxis": {"colorbar": {"outlinewidth": 0, "tickfont": {"color": subdued}, "title": {"font": {"color": subdued}}}},
        },
    )


LIGHT = _template(ink="#16181d", subdued="#565d6b", paper="#ffffff", line="#c9cdd6", grid="#eceef2")
DARK = _template(ink="#eceef3", subdued="#a3abba", paper="#15181f", line="#3a4150", grid="#232833")
