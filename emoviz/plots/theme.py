"""One look for every figure: colours, type, and a template for each theme.

Figures name no text or background colour themselves, so that swapping the template is all that a theme change takes;
series and class colours reach 3:1 contrast on both backgrounds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.colors import get_colorscale

from ..emotions import NEUTRAL, QUADRANTS, quadrant
from ..judge.regimes import COLLAPSE, EMPTY, EXPLOSIVE, SURGICAL, UNCHANGED
from ..models.registry import place_of
from ..stimuli import DEFAULT_CORPUS
from ..types import VectorSet
from .canvas import canvas, columns, fitted, legend_letters, legend_rows, low
from .description import described
from .wording import literal

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

# Other hues than the quadrants, so that a colour means a model or a quadrant, never both. Any two are at least 16 apart
# (CIE76) for normal, deuteranope, protanope and tritanope eyes.
SERIES = ("#0d8f9c", "#d6336c", "#a8760b", "#8d6bd0", "#a24c2f", "#ab29fa")
# Of a pair of emotions: do the two share a valence? Other hues again.
PAIR_COLOUR = {"same valence": "#2f8fc4", "opposite valence": "#c94f5d", "neutral or unplaced": "#7a8291"}
PAIR_SYMBOL = {"same valence": "circle", "opposite valence": "diamond-open", "neutral or unplaced": "x-thin-open"}
# What became of a steered text; None: it could not be told. Blue, ochre and red stay apart without red or green; the
# rest is grey, and told by its sign.
REGIME_COLOUR: dict[str | None, str] = {
    SURGICAL: "#1e88c8", COLLAPSE: "#b98a00", EXPLOSIVE: "#c92a2a",
    UNCHANGED: "#7a8291", EMPTY: "#7a8291", None: "#7a8291",
}  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "2px,6px", "12px,3px,3px,3px")
PUBLISHED_COLOUR = "#8a92a1"

# The strongest tint of a regime behind ink.
MAX_TINT = 0.65

# Dark is alike: read downwards from 0. One range for all panels of a figure.
DISSIMILARITY_SCALE = [list(stop) for stop in get_colorscale("Viridis")]
CORRELATION_SCALE = DISSIMILARITY_SCALE
# Around zero: against, paper, towards; (light, dark), each with at least 4.5:1 to the ink that stands on it. Brown and
# teal are told apart without red or green, and are no quadrant. static/app.css has the same. The scale ends where this
# share of the values does.
DIVERGING = (("#4fb3ad", "#ffffff", "#e0a43a"), ("#13706b", "#15181f", "#8f5d12"))
DIVERGING_LIMIT = 0.98

TITLE_SIZE, AID_SIZE, TEXT_SIZE, NOTE_SIZE = 17, 13, 12, 11
# Pixels: title and aid together, one line more of aid, one line of notes, distance from the edge, a legend and one more
# row of it.
_HEAD, _AID_LINE, _NOTE_LINE, _EDGE, _LEGEND_HEIGHT, _LEGEND_ROW = 64, 17, 14, 16, 30, 20
_PIXELS_PER_LETTER, _PIXELS_PER_TITLE_LETTER, _TITLE_LINE = 5.6, 9.2, 22
# Where a line must not be longer than the canvas.
_WIDEST_LETTER = 6.0
# What the page puts into the upper right corner.
_TOOLS = 112
# Where figures are laid out for no canvas.
_USUAL_WIDTH = 960
# Left and right of panels, and a letter of their titles.
_PANEL_MARGINS, _PIXELS_PER_HEAD_LETTER = 72, 6.8
_HEAD_NAME = "panel"
# Lines of notes and of the aid on a low canvas: where a figure comes from stands first.
_LOW_NOTES, _LOW_AID = 3, 2
_USUAL_NOTES = 4


@dataclass(frozen=True, slots=True)
class Style:
    """How a set is drawn everywhere: colour by model, and a dash that no other set has."""

    colour: str
    dash: str


# More sets than these have no legend and no labels of their own: the figure would be nothing else.
MANY = 10


def styles(sets: Sequence[VectorSet]) -> dict[str, Style]:
    """A style per set name; pass all known sets, so that a set looks the same whatever is selected.

    Colour is never the only difference: sets made in one way differ in dash by model, and the first of all is solid.
    Known models come first, as they are listed: what is added to them changes the look of none.
    """
    models = sorted(dict.fromkeys(s.provenance.model for s in sets), key=place_of)
    ways = [(s.provenance.protocol.name, s.provenance.precision, s.provenance.corpus) for s in sets]
    drawn = list(dict.fromkeys(ways))
    pairs = {(s.provenance.model, way) for s, way in zip(sets, ways, strict=True)}
    dashes = sorted(pairs, key=lambda pair: (drawn.index(pair[1]), models.index(pair[0])))
    return {
        s.name: Style(
            SERIES[models.index(s.provenance.model) % len(SERIES)],
            DASHES[dashes.index((s.provenance.model, way)) % len(DASHES)],
        )
        for s, way in zip(sets, ways, strict=True)
    }


def short_label(vectors: VectorSet) -> str:
    """`model · protocol`, the name of a set in figures."""
    return f"{vectors.provenance.model} · {protocol_label(vectors)}"


def protocol_label(vectors: VectorSet) -> str:
    """The protocol, with precision, passages and cleaning only where they are not the usual ones."""
    p = vectors.provenance
    parts = [p.protocol.name]
    if p.precision not in ("", "fp32"):
        parts.append(p.precision)
    if p.method != "generation" and p.corpus != DEFAULT_CORPUS:
        parts.append(p.corpus)
    if vectors.cleaned is not None:
        parts.append(vectors.cleaned.name)
    return ", ".join(parts)


def class_colour(name: str) -> str:
    return QUADRANT_COLOUR[quadrant(name)]


def class_symbol(name: str) -> str:
    return QUADRANT_SYMBOL[quadrant(name)]


def tint(colour: str, share: float) -> str:
    """A colour that lets the paper of either theme through; up to `MAX_TINT` the ink on it stays readable."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:.3g})"


def provenance_notes(sets: Sequence[VectorSet], layers: Sequence[int] | None, *extra: str) -> list[str]:
    """Lines that say what a figure was made from: one per set, and one for what they share and how it was drawn."""
    from .. import __version__

    notes, shared = [], []
    for k, vectors in enumerate(sets):
        p = vectors.provenance
        where = (
            "all layers"
            if layers is None
            else f"layer {layers[k]} of {vectors.n_layers} (depth {vectors.depth(layers[k]):.2f})"
        )
        notes.append(", ".join(part for part in (p.checkpoint, p.computed, where) if part))
        shared.append(p.made + (f", directions {vectors.cleaned.name}" if vectors.cleaned is not None else ""))
    if len(set(shared)) > 1:
        notes = [f"{note}, {own}" for note, own in zip(notes, shared, strict=True)]
        shared = []
    if len(notes) > MANY:
        notes = [*notes[:MANY], f"and {len(notes) - MANY} sets more"]
    return [*notes, ", ".join([*shared[:1], *extra, f"emoviz {__version__}"])]


def figure(
    traces: list[dict],
    layout: dict,
    *,
    title: str,
    aid: str,
    notes: Sequence[str],
    height: int,
    left: int = 64,
    right: int = 24,
    above: int = 0,
    below: int = 44,
    wide: int = 160,
    fill: bool = False,
    legend_below: bool = False,
    legend_rows_below: int = 1,
) -> go.Figure:
    """A figure from plain dictionaries, with title, reading aid and provenance notes where every figure has them.

    title, aid, notes, and the names of traces are plain text. All else that plotly shows may have markup of our own: in
    it names go through `wording.literal`.

    The notes stand inside the figure, so that a picture of it carries them wherever it goes. Built in one go, and
    not checked by plotly, which took most of the time: the tests check what is drawn. Later changes are checked.

    above, below : pixels that the figure needs between aid and plot (legend, panel titles) and between plot and notes
    (axis labels). wide : characters that fit on a line of notes. height : with up to four lines of notes. fill :
    whether the page may draw it higher, to fill a large screen. legend_below : the legend, of `legend_rows_below` rows,
    stands right above the notes instead of where plotly puts it.
    """
    on = canvas()
    title = on.title if on.title else title
    title_lines, more_rows, named = [title], 0, traces
    if on.width is not None:
        inside = on.width - 2 * _EDGE
        wide = int(inside / _WIDEST_LETTER)
        beside = _TOOLS if on.height is None else 0
        title_lines = _title_lines(title, int((inside - beside) / _PIXELS_PER_TITLE_LETTER))
        if layout.get("legend"):
            letters, usual = legend_letters(on.width - left - right), legend_rows(traces, _USUAL_WIDTH)
            named = [
                {**t, "name": "\n".join(textwrap.wrap(t["name"], letters))} if t.get("name") else t for t in traces
            ]
            more_rows = max(0, legend_rows(named, on.width, left + right) - usual)
    # On a low canvas the notes are one paragraph.
    paragraphs = ["; ".join(notes)] if low() else notes
    lines = [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, wide)]
    # Letters of the aid are a fifth wider than those of the notes.
    aid_lines = textwrap.wrap(aid, int(wide / 1.2))
    if low():
        lines, aid_lines = _cut(lines, _LOW_NOTES), _cut(aid_lines, _LOW_AID)
    anchor = _anchor(on.link, wide) if on.link else ""
    n_lines = len(lines) + bool(anchor)
    if legend_below:
        legend_rows_below, below = legend_rows_below + more_rows, below + _LEGEND_ROW * more_rows
    else:
        above += _LEGEND_ROW * more_rows
    marks = layout.get("annotations", ())
    heads = [str(note["text"]).count("<br>") for note in marks if note.get("name") == _HEAD_NAME]
    above += _AID_LINE * max(heads, default=0)
    head = _AID_LINE * (len(aid_lines) - 1) + _TITLE_LINE * (len(title_lines) - 1)
    # More notes, legend or title make the figure taller, not the plot in it smaller.
    height += _NOTE_LINE * max(0, n_lines - _USUAL_NOTES) + _LEGEND_ROW * more_rows
    height = fitted(height + (head if on.width is not None else 0))
    top = _HEAD + head + above
    bottom = below + _NOTE_LINE * n_lines + 8
    corner = {"x": 0, "xref": "paper", "yref": "paper", "xanchor": "left", "align": "left", "xshift": _EDGE - left}
    framing = [
        {
            "text": _lines(aid_lines),
            "y": 1,
            "yanchor": "top",
            "yshift": top - 36 - _TITLE_LINE * (len(title_lines) - 1),
            "font": {"size": AID_SIZE},
            **corner,
        },
        {
            "text": "<br>".join(filter(None, [_lines(lines), anchor])),
            "y": 0,
            "yanchor": "bottom",
            "yshift": 6 - bottom,
            "font": {"size": NOTE_SIZE},
            **corner,
        },
    ]
    if legend_below:
        lower = (bottom - below + _LEGEND_HEIGHT + _LEGEND_ROW * (legend_rows_below - 1)) / height
        layout = {**layout, "legend": {**layout["legend"], "yref": "container", "y": lower, "yanchor": "top"}}
    made = go.Figure(
        {
            "data": [{**t, "name": _lines(t["name"].split("\n"))} if t.get("name") else t for t in named],
            "layout": {
                **layout,
                "template": LIGHT,
                "height": height,
                "margin": {"l": left, "r": right, "t": top, "b": bottom, "autoexpand": on.width is None},
                "title": {
                    "text": _lines(title_lines),
                    "x": 0,
                    "xref": "container",
                    "xanchor": "left",
                    # Plotly hangs one line from its top, several from the first baseline.
                    "y": 1 - (12 if len(title_lines) == 1 else 26) / height,
                    "yref": "container",
                    "yanchor": "top",
                    "pad": {"l": _EDGE},
                    "font": {"size": TITLE_SIZE, "weight": 600},
                },
                "hoverlabel": {"align": "left"},
                "annotations": [{"showarrow": False, **note} for note in (*marks, *framing)],
                "meta": {
                    **layout["meta"],
                    "title": title,
                    "description": " ".join(
                        filter(None, [_sentence(title), described(traces, layout), _sentence(aid)])
                    ),
                    "aid": aid,
                    "min_width": round(_PIXELS_PER_LETTER * wide) if on.width is None else on.width,
                    "fill": fill,
                },
            },
        },
        _validate=False,
    )
    made._validate = True
    return made


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def _lines(lines: Iterable[str]) -> str:
    return "<br>".join(map(literal, lines))


def _anchor(link: str, letters: int) -> str:
    """A link as far as there is room for it; a click opens the whole."""
    seen = link.split("://", 1)[-1]
    seen = seen if len(seen) <= letters else f"{seen[: letters - 1]}…"
    return f'<a href="{escape(link)}">{literal(seen)}</a>'


def _cut(lines: list[str], most: int) -> list[str]:
    """The first lines, with a sign where some are left out."""
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} …"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot of several in a figure: its axis number ("", "2", "3", ...) and its place, as shares of the whole."""

    number: str
    x: list[float]
    y: list[float]


def _title_lines(title: str, letters: int) -> list[str]:
    """The title in lines; a name that is longer than a line is parted at its hyphens, not after its first letter."""
    words = [word.replace("-", "-\x1f ") if len(word) > letters else word for word in title.split(" ")]
    return [line.replace("\x1f ", "").replace("\x1f", "") for line in textwrap.wrap(" ".join(words), letters)]


def panels(
    titles: Sequence[str],
    gap: float,
    row_gap: float,
    margins: int = _PANEL_MARGINS,
    across: int | None = None,
    said: Sequence[Sequence[str]] | None = None,
) -> tuple[list[Panel], list[dict]]:
    """Panels with their titles, row by row.

    gap, row_gap : between them, as shares of the whole width and height. margins : pixels left and right of them all.
    across : panels of a row; None for as many as the canvas has room for. titles, said : plain text; what is said of
    each panel stands below its title, in lines.
    """
    n = len(titles)
    across = columns(n) if across is None else across
    down = -(-n // across)
    # On a low canvas the gap would leave nothing for the panels.
    row_gap = min(row_gap, 0.5 / down)
    width, height = (1 - gap * (across - 1)) / across, (1 - row_gap * (down - 1)) / down
    found = []
    for k in range(n):
        left, top = (k % across) * (width + gap), 1 - (k // across) * (height + row_gap)
        # Rounded sums may pass the edge by an ulp, which plotly refuses.
        found.append(
            Panel("" if k == 0 else str(k + 1), [left, min(1.0, left + width)], [max(0.0, top - height), min(1.0, top)])
        )
    wide = canvas().width
    letters = None if wide is None else int(width * (wide - margins) / _PIXELS_PER_HEAD_LETTER)
    wrapped = [[title] if letters is None else textwrap.wrap(title, letters) for title in titles]
    heads = [
        {
            "name": _HEAD_NAME,
            "text": "<br>".join([f"<b>{_lines(title)}</b>", *map(literal, more)]),
            "x": sum(panel.x) / 2,
            "y": panel.y[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "center",
            "yanchor": "bottom",
            "yshift": 6,
            "font": {"size": 13},
        }
        for title, more, panel in zip(wrapped, said or [()] * n, found, strict=True)
    ]
    return found, heads


def _template(ink: str, subdued: str, paper: str, line: str, grid: str, diverging: Sequence[str]) -> go.layout.Template:
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
        # To look for labels that reach beyond the figure takes plotly a third of the time of drawing it.
        "ticklabeloverflow": "allow",
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": TEXT_SIZE, "color": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "colorway": list(SERIES),
            "colorscale": {"diverging": [[0, diverging[0]], [0.5, diverging[1]], [1, diverging[2]]]},
            "title": {"font": {"color": ink}},
            "legend": {"font": {"size": TEXT_SIZE, "color": ink}, "bgcolor": "rgba(0,0,0,0)"},
            "xaxis": axis,
            "yaxis": axis,
            "annotationdefaults": {"font": {"color": subdued}},
            # What a callout takes by `templateitemname`: paper behind its words, so that dots do not strike them out.
            "annotations": [
                {"name": "callout", "visible": False, "bgcolor": paper, "arrowcolor": subdued, "opacity": 0.9}
            ],
            "hoverlabel": {
                "bgcolor": paper,
                "bordercolor": line,
                "font": {"family": FONT, "size": TEXT_SIZE, "color": ink},
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": subdued, "activecolor": ink},
            "coloraxis": {
                "colorbar": {"outlinewidth": 0, "tickfont": {"color": subdued}, "title": {"font": {"color": subdued}}}
            },
        },
    )


LIGHT = _template(
    ink="#16181d", subdued="#565d6b", paper="#ffffff", line="#c9cdd6", grid="#eceef2", diverging=DIVERGING[0]
)
DARK = _template(
    ink="#eceef3", subdued="#a3abba", paper="#15181f", line="#3a4150", grid="#232833", diverging=DIVERGING[1]
)
