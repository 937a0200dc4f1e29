"""What became of the texts, for every direction at every dose: a map per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ..emotions import by_quadrant
from ..experiments.dose_curves import OUTCOMES, regime_table
from ..judge.regimes import REGIME_SIGN, regime_label
from ..types import DoseResponse, RegimeTable
from .canvas import columns, narrow, rows
from .doses import MAX_TITLE, model_labels, run_notes
from .theme import MAX_TINT, REGIME_COLOUR, Panel, class_colour, class_symbol, figure, panels, tint
from .wording import dose_label, literal, minus

LEAK_SIGN = "Ж"
_ROW, _GAP, _CONTROL_GAP, _FAINTEST, _MARKS = 21, 0.12, 0.5, 0.2, 0.03
# Pixels left of the names of the rows, and of a letter of them.
_MARGIN, _LETTER = 26, 6.3
# Pixels above and below the cells, with a usual number of notes, and between two rows of panels.
_HEAD, _FOOT, _ROW_GAP = 105, 140, 90


def regime_map_figure(responses: Sequence[DoseResponse], *, notes: Sequence[str] = ()) -> go.Figure:
    """A panel per run: emotions in quadrant order, then controls, by doses; colour and sign are the majority regime.

    A cell is fainter where fewer of its texts agree. Dose 0 is left out, where nothing happens. notes : more lines
    under the figure. Clicked ids are [run, direction, dose].
    """
    tables = [regime_table(r) for r in responses]
    at = _rows(responses)
    n_rows = math.ceil(max(at.values()) + 1)
    down = rows(len(responses))
    cells = down * _ROW * n_rows + (down - 1) * _ROW_GAP
    places, heads = panels(model_labels(responses), _GAP, _ROW_GAP / cells)
    traces, axes = [], {}
    for k, (panel, response, table) in enumerate(zip(places, responses, tables, strict=True)):
        p = _Panel(response, table, at, np.flatnonzero(table.doses != 0), panel)
        traces += [_cells(p), _signs(p), _row_marks(p), _windows(p)]
        axes[f"xaxis{panel.number}"] = {
            "domain": panel.x,
            "anchor": f"y{panel.number}",
            "range": [p.left, len(p.shown) - 0.5],
            "tickvals": list(range(len(p.shown))),
            "ticktext": [dose_label(float(d)) for d in table.doses[p.shown]],
            "tickfont": {"size": 11},
            "ticks": "",
            "ticklabeloverflow": "allow",
            "showgrid": False,
            "title": {"text": "dose (share of the residual norm), evenly spaced"},
        }
        axes[f"yaxis{panel.number}"] = {
            "domain": panel.y,
            "anchor": f"x{panel.number}",
            "range": [n_rows - 0.5, -0.5],
            "tickvals": list(at.values()),
            "ticktext": [literal(name) for name in at],
            "tickfont": {"size": 11},
            "ticks": "",
            "ticklabeloverflow": "allow",
            "showgrid": False,
            "showticklabels": k % columns(len(responses)) == 0,
        }
        heads.append(
            {
                "text": "usable", "xref": "paper", "yref": "paper", "x": panel.x[1], "y": panel.y[1], "xanchor": "left",
                "yanchor": "bottom", "xshift": 6, "yshift": 6, "font": {"size": 11},
            }
        )  # fmt: skip
    layout = {
        **axes,
        "annotations": heads,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "itemsizing": "constant", "itemclick": False,
                   "itemdoubleclick": False},
        "barmode": "overlay",
        "hovermode": "closest",
        "uirevision": "regimes",
        "meta": {"kind": "regimes", "name": "regimes"},
    }  # fmt: skip
    leaked = any(table.leaked.any() for table in tables)
    return figure(
        [*traces, *_legend(tables)],
        layout,
        title=_claim(responses, tables),
        aid="each cell is what became of most of its texts, fainter where they disagree"
        + (f"; {LEAK_SIGN} a text has letters of another script" if leaked else "")
        + "; controls carry no emotion; ▲\u00a0pleasant,\u00a0aroused ●\u00a0pleasant,\u00a0quiet "
        "■\u00a0unpleasant,\u00a0quiet ◆\u00a0unpleasant,\u00a0aroused",
        notes=[*run_notes(responses), *notes],
        height=cells + _HEAD + _FOOT,
        left=round(_MARGIN + _LETTER * max(len(name) for name in at)),
        right=104,
        above=24,
        below=96 if narrow() else 76,
        legend_below=True,
    )


@dataclass(frozen=True, slots=True)
class _Panel:
    """One run in the map. at : direction -> row. shown : which doses are columns."""

    response: DoseResponse
    table: RegimeTable
    at: dict[str, float]
    shown: np.ndarray
    place: Panel

    @property
    def on(self) -> dict:
        return {"xaxis": f"x{self.place.number}", "yaxis": f"y{self.place.number}", "showlegend": False}

    @property
    def left(self) -> float:
        """Where the axis begins, so that the marks of the rows have the same room whatever the columns' width."""
        return -0.5 - _MARKS * len(self.shown) / (self.place.x[1] - self.place.x[0])


def _rows(responses: Sequence[DoseResponse]) -> dict[str, float]:
    """Where each direction of any run stands: quadrant order, mixtures last, the controls set apart."""
    emotions = by_quadrant(tuple(dict.fromkeys(d for r in responses for d in r.directions)))
    controls = dict.fromkeys(c for r in responses for c in r.controls)
    at = {name: float(k) for k, name in enumerate(emotions)}
    return at | {name: len(emotions) + _CONTROL_GAP + k for k, name in enumerate(controls)}


def _filled(p: _Panel) -> list[tuple[int, int, int]]:
    """The cells with texts: index of the direction, of the dose, and column."""
    n_directions = len(p.table.directions)
    return [(r, d, x) for r in range(n_directions) for x, d in enumerate(p.shown) if p.table.counts[r, d].sum()]


def _agreeing(p: _Panel, r: int, d: int) -> int:
    """How many texts of a cell have its regime."""
    return int(p.table.counts[r, d, OUTCOMES.index(p.table.majority[r][d])])


def _cells(p: _Panel) -> dict:
    """Bars, not a heat map: each has a hue and a share of its own, and rows need not be evenly spaced."""
    colours, hover, ids = [], [], []
    for r, d, _ in _filled(p):
        share = _agreeing(p, r, d) / p.table.counts[r, d].sum()
        colours.append(tint(REGIME_COLOUR[p.table.majority[r][d]], _FAINTEST + (MAX_TINT - _FAINTEST) * share))
        hover.append(_hover(p, r, d))
        ids.append([p.response.name, p.table.directions[r], float(p.table.doses[d])])
    return {
        "type": "bar",
        "x": [x for _, _, x in _filled(p)],
        "y": [0.9] * len(colours),
        "base": [p.at[p.table.directions[r]] - 0.45 for r, _, _ in _filled(p)],
        "width": 0.95,
        "marker": {"color": colours, "line": {"width": 0}},
        "customdata": ids,
        "hovertext": hover,
        "textposition": "none",
        "hovertemplate": "%{hovertext}<extra></extra>",
        **p.on,
    }


def _hover(p: _Panel, r: int, d: int) -> str:
    n = p.table.counts[r, d]
    each = "<br>".join(f"{regime_label(o)}: {c} of {n.sum()}" for o, c in zip(OUTCOMES, n, strict=True) if c)
    leaked = int(p.table.leaked[r, d])
    leak = f"<br>{LEAK_SIGN} letters of another script: {leaked} of {n.sum()}" if leaked else ""
    head = f"<b>{literal(p.table.directions[r])}, dose {dose_label(float(p.table.doses[d]))}</b>"
    return f"{head}<br>{each}{leak}<br>{literal(minus(p.table.windows[r][2]))}"


def _signs(p: _Panel) -> dict:
    """The sign of the regime, with the leak's beside it."""
    words = [
        REGIME_SIGN[p.table.majority[r][d]] + (f" <sup>{LEAK_SIGN}</sup>" if p.table.leaked[r, d] else "")
        for r, d, _ in _filled(p)
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for _, _, x in _filled(p)],
        "y": [p.at[p.table.directions[r]] for r, _, _ in _filled(p)],
        "text": words,
        "textfont": {"size": 12},
        "hoverinfo": "skip",
        **p.on,
    }


def _row_marks(p: _Panel) -> dict:
    """The quadrant of each emotion by colour and shape; controls have none."""
    names = [name for name in p.table.directions if name not in p.response.controls]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [(p.left - 0.5) / 2] * len(names),
        "y": [p.at[name] for name in names],
        "marker": {
            "color": [class_colour(name) for name in names],
            "symbol": [class_symbol(name) for name in names],
            "size": 7,
        },
        "hoverinfo": "skip",
        **p.on,
    }


def _windows(p: _Panel) -> dict:
    """The usable doses of each row, right of its cells; negative ones only in the hover."""
    spans = []
    for low, high, _ in p.table.windows:
        none = math.isnan(low)
        spans.append("\u2002none" if none else f"\u2002{low:g}" if low == high else f"\u2002{low:g} to {high:g}")
    return {
        "type": "scatter",
        "mode": "text",
        "x": [len(p.shown) - 0.5] * len(spans),
        "y": [p.at[name] for name in p.table.directions],
        "text": spans,
        "textposition": "middle right",
        "textfont": {"size": 11},
        "cliponaxis": False,
        "hovertext": [literal(minus(words)) for _, _, words in p.table.windows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **p.on,
    }


def _legend(tables: Sequence[RegimeTable]) -> list[dict]:
    """What the tints mean; nothing of it is drawn."""
    present = {
        regime
        for t in tables
        for of_row, counts in zip(t.majority, t.counts, strict=True)
        for regime, c, dose in zip(of_row, counts, t.doses, strict=True)
        if c.sum() and dose != 0
    }
    return [
        {
            "type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": regime_label(regime),
            "hoverinfo": "skip",
            "marker": {"symbol": "square", "size": 12, "color": tint(REGIME_COLOUR[regime], MAX_TINT)},
        }
        for regime in OUTCOMES
        if regime in present
    ]  # fmt: skip


def _claim(responses: Sequence[DoseResponse], tables: Sequence[RegimeTable]) -> str:
    """For how many directions each model has a usable dose."""
    parts = []
    for r, model, table in zip(responses, model_labels(responses), tables, strict=True):
        windows = dict(zip(table.directions, table.windows, strict=True))
        usable = sum(not math.isnan(windows[name][0]) for name in r.directions)
        parts.append((f"{usable} of {len(r.directions)}", model))
    claim = f"Directions with a usable dose: {', '.join(f'{share} on {model}' for share, model in parts)}"
    return (
        claim if len(claim) <= MAX_TITLE else f"Directions with a usable dose: {', '.join(share for share, _ in parts)}"
    )
