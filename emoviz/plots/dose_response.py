"""One direction over its doses, a column per model: perplexity, repetition, witness, projection, and the regimes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..experiments.dose_curves import OUTCOMES, UNJUDGED, curves, gain, span_words, usable_window
from ..judge.regimes import EXPLOSIVE_PPL_RATIO, regime_label
from ..types import DoseCurve, DoseResponse
from .canvas import legend_rows, low, narrow
from .dose_column import GREY, OUTSIDE_DASH, PERPLEXITY, PROJECTION, STRIP, Column, draw, measures
from .doses import MAX_TITLE, model_labels, run_notes
from .theme import DASHES, REGIME_COLOUR, figure, tint
from .wording import minus

# Rows of a column from the top, as shares of its height: the strip of regimes, then the four panels.
_STRIP_SHARE, _ROW_GAP, _COLUMN_GAP = 0.1, 0.03, 0.13
_STACK_GAP = 0.14
# Beside each other stand up to two columns at ease, up to three close together on the same width.
_CLOSE_GAP, _AT_EASE = 0.05, 2
# Pixels of the legend on a page, and of a row of it.
_LEGEND_WIDTH, _LEGEND_LINE = 890, 20
_HEIGHT, _CLOSE_COLUMNS, _CLOSE_CHARACTERS = 724, 3, 53


def dose_response_figure(
    responses: Sequence[DoseResponse],
    direction: str,
    colour: Mapping[str, str],
    *,
    notes: Sequence[str] = (),
) -> go.Figure:
    """A column per run, the same direction in all of them; all have it. colour : by model.

    notes : more lines under the figure. Clicked ids are [run, direction, dose].
    """
    found = [curves(r, direction) for r in responses]
    ranges = _ranges(found)
    traces: list[dict] = []
    shapes: list[dict] = []
    texts: list[dict] = []
    axes: dict[str, dict] = {}
    for column, name in zip(_columns(responses, found), model_labels(responses), strict=True):
        drawn = draw(column, name, colour[column.response.model], ranges)
        traces += drawn[0]
        shapes += drawn[1]
        texts += drawn[2]
        axes |= drawn[3]
    legend = _legend(responses[0], found, colour)
    lines = max(2, legend_rows(legend, _LEGEND_WIDTH))
    traces += legend
    layout = {
        **axes,
        "shapes": shapes,
        "annotations": texts,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "itemsizing": "constant", "itemclick": False,
                   "itemdoubleclick": False},
        "hovermode": "closest",
        "uirevision": f"dose-response {direction}",
        "meta": {"kind": "dose-response", "name": "dose_response"},
    }  # fmt: skip
    return figure(
        traces,
        layout,
        title=_claim(found, responses, direction),
        aid="perplexity is the ratio to the unsteered text, under the unsteered model; witness, the probability that "
        f"it gives {direction}; projection, of the text on the vector, as a share of the residual norm; "
        "doses are evenly spaced, not to scale",
        notes=[*run_notes(responses), *notes],
        height=_HEIGHT + (len(responses) - 1) * (_HEIGHT - 250 if narrow() else 0),
        left=76,
        right=92,
        above=44,
        below=(112 if narrow() else 88 + 20 * (len(responses) > _AT_EASE)) + _LEGEND_LINE * (lines - 2),
        wide=_CLOSE_CHARACTERS * max(_CLOSE_COLUMNS, len(responses)),
        legend_below=True,
        legend_rows_below=lines,
    )


def _columns(responses: Sequence[DoseResponse], found: Sequence[DoseCurve]) -> list[Column]:
    n, m = len(responses), len(measures(found[0]))
    strip = _STRIP_SHARE * (2 if low() else 1)
    height = (1 - strip - m * _ROW_GAP) / m
    tops = [1.0, *(1 - strip - _ROW_GAP - row * (height + _ROW_GAP) for row in range(m))]
    # Rounded sums may pass the edge by an ulp, which plotly refuses.
    rows = [[max(0.0, top - h), top] for top, h in zip(tops, [strip, *[height] * m], strict=True)]
    close = n > _AT_EASE and not narrow()
    if narrow():
        share = (1 - _STACK_GAP * (n - 1)) / n
        places = [[0.0, 1.0]] * n
        blocks = [
            [[max(0.0, 1 - k * (share + _STACK_GAP) - share * (1 - y)) for y in row] for row in rows] for k in range(n)
        ]
    else:
        gap = _CLOSE_GAP if close else _COLUMN_GAP
        width = (1 - gap * (n - 1)) / n
        lefts = [k * (width + gap) for k in range(n)]
        places, blocks = [[left, min(1.0, left + width)] for left in lefts], [rows] * n
    return [
        Column(k, r, curve, place, block, close)
        for k, (r, curve, place, block) in enumerate(zip(responses, found, places, blocks, strict=True))
    ]


def _ranges(found: Sequence[DoseCurve]) -> dict[str, list[float]]:
    """One range per quantity for all columns; decades for perplexity."""
    ranges = {}
    for key in measures(found[0]):
        values = np.concatenate([measures(c)[key].each.ravel() for c in found])
        values = values[np.isfinite(values)]
        if key == PERPLEXITY:
            ends = np.log10([*values, 0.5, 2 * EXPLOSIVE_PPL_RATIO])
            ranges[key] = [float(ends.min()) - 0.15, float(ends.max()) + 0.15]
        elif key == PROJECTION:
            low, high = float(min([*values, 0.0])), float(max([*values, 0.0]))
            margin = 0.12 * (high - low) if high > low else 0.05
            ranges[key] = [low - margin, high + margin]
        else:
            ranges[key] = [min([0.0, *values]) - 0.06, max([1.0, *values]) + 0.06]
    return ranges


def _legend(first: DoseResponse, found: Sequence[DoseCurve], colour: Mapping[str, str]) -> list[dict]:
    """What lines and tints mean; nothing of it is drawn."""
    line = {"color": colour[first.model], "width": 2.4}
    marks = [("mean of the prompts", {"mode": "lines+markers", "line": line, "marker": {"size": 4}})]
    if len(first.prompts) > 1:
        marks.append(
            ("one text", {"mode": "markers", "marker": {"size": 5, "color": colour[first.model], "opacity": 0.6}})
        )
    for n, name in enumerate(found[0].controls):
        dash = DASHES[1 + n % (len(DASHES) - 1)]
        marks.append((f"control: {name}", {"mode": "lines", "line": {"color": GREY, "width": 1.4, "dash": dash}}))
    if any(np.isfinite(c.outside.mean).any() for c in found):
        dotted = {"color": colour[first.model], "width": 2, "dash": OUTSIDE_DASH}
        marks.append(("outside witness", {"mode": "lines", "line": dotted}))
    present = {regime for c in found for regime, counts in zip(c.majority, c.counts, strict=True) if counts.sum()}
    for regime in (o for o in OUTCOMES if o in present):
        square = {"symbol": "square", "size": 12, "color": tint(REGIME_COLOUR[regime], STRIP)}
        marks.append((regime_label(regime), {"mode": "markers", "marker": square}))
    return [
        {"type": "scatter", "x": [None], "y": [None], "name": name, "hoverinfo": "skip", **look} for name, look in marks
    ]


def _claim(found: Sequence[DoseCurve], responses: Sequence[DoseResponse], direction: str) -> str:
    """Where the texts stay readable and the emotion rises above the unsteered texts and the controls."""
    name = direction
    steered: list[str] = []
    readable: list[str] = []
    broken: list[str] = []
    rise: list[str] = []
    for curve, response, model in zip(found, responses, model_labels(responses), strict=True):
        low, high, _ = usable_window(curve)
        if math.isnan(low):
            broken.append(model)
        elif gain(curve, low, high) > 0:
            cleanly = "" if steered else " cleanly"
            steered.append(f"{model}{cleanly} {span_words(low, high)}")
        else:
            readable.append(f"{model}{'' if readable else ' readable'} {span_words(low, high)}")
            unknown = "the witness does not know it" if response.witness.classes else UNJUDGED
            rise.append(unknown if "witness" in curve.reasons else "no rise over the controls")
    said = []
    if steered:
        said.append(f"steers {', '.join(steered)}")
    if readable:
        said.append(f"leaves {', '.join(readable)} ({' or '.join(dict.fromkeys(rise))})")
    if broken:
        said.append(f"has no clean dose on {', '.join(broken)}")
    claim = minus(f"{name} {'; '.join(said)}")
    # What does not fit stands in the heads of the columns.
    return (
        claim
        if len(claim) <= MAX_TITLE
        else f"{name} steers {len(steered)} of {len(found)} models cleanly at some dose"
    )
