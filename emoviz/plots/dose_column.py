"""One column of the dose-response figure: one run, its four panels and the strip of regimes above them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..emotions import NEUTRAL
from ..experiments.dose_curves import OUTCOMES, broken_off, usable_window
from ..judge.regimes import COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO, REGIME_SIGN, regime_label
from ..types import DoseCurve, DoseResponse, Measure
from ..words import counted, written
from .canvas import low
from .doses import text_hover, wrapped
from .theme import DASHES, QUADRANT_COLOUR, REGIME_COLOUR, tint
from .wording import dose_label, literal, minus

# What the panels show, from the top; the witness's controls are lines of this grey.
PERPLEXITY, REPETITION, WITNESS, PROJECTION = "perplexity ×", "repetition", "witness", "projection"
GREY = QUADRANT_COLOUR[NEUTRAL]
OUTSIDE_DASH = "2px,3px"
# How strongly a regime tints the panels and the strip.
_BAND, STRIP = 0.13, 0.5
# Pixels from one name of a line to the next, and of a panel.
_NAME_HEIGHT, _PANEL_HEIGHT = 13, 88
_DECADES = {k: f"{10.0**k:g}" for k in range(-4, 4)} | {4: "10k", 5: "100k", 6: "1M", 8: "100M"}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Where one run is drawn: its share of the width, and per row its share of the height, the strip first.

    close : whether it stands close to others, so that doses are turned and levels named right of the last alone.
    """

    index: int
    response: DoseResponse
    curve: DoseCurve
    place: list[float]
    rows: list[list[float]]
    close: bool

    @property
    def number(self) -> str:
        return "" if self.index == 0 else str(self.index + 1)

    @property
    def x(self) -> str:
        return f"x{self.number}"

    @property
    def at(self) -> np.ndarray:
        return np.arange(len(self.curve.doses))

    def axis(self, row: int) -> str:
        """The number of a row's y axis; row -1 is the strip."""
        number = 5 * self.index + row + 2
        return "" if number == 1 else str(number)

    def on(self, row: int) -> dict:
        return {"xaxis": self.x, "yaxis": f"y{self.axis(row)}"}

    @property
    def ids(self) -> list[list]:
        return [[self.response.name, self.curve.direction, dose] for dose in self.curve.doses.tolist()]


def draw(
    k: Column, name: str, colour: str, ranges: Mapping[str, list[float]]
) -> tuple[list[dict], list[dict], list[dict], dict[str, dict]]:
    """Traces, shapes, annotations and axes of a column. name : its head. ranges : of the y axes, by measure."""
    traces, axes = [_strip(k)], {}
    for row, (key, measure) in enumerate(measures(k.curve).items()):
        traces += _panel(k, row, key, measure, colour)
        axes[f"yaxis{k.axis(row)}"] = _y_axis(k, row, key, ranges[key])
    above = {"domain": k.rows[0], "anchor": k.x, "range": [0, 1], "visible": False, "fixedrange": True}
    axes |= {f"yaxis{k.axis(-1)}": above, f"xaxis{k.number}": _x_axis(k)}
    return traces, [*_bands(k), *_levels(k)], [_head(k, name), *_level_names(k, ranges), *_missing(k)], axes


def measures(curve: DoseCurve) -> dict[str, Measure]:
    found = {
        PERPLEXITY: curve.ppl_ratio,
        REPETITION: curve.repetition,
        WITNESS: curve.witness,
        PROJECTION: curve.projection,
    }
    return {key: found[key] for key in (PERPLEXITY, WITNESS)} if low() else found


def _y_axis(k: Column, row: int, key: str, span: list[float]) -> dict:
    axis = {
        "domain": k.rows[row + 1],
        "anchor": k.x,
        "range": span,
        "showticklabels": k.place[0] == 0,
        "ticks": "outside" if k.place[0] == 0 else "",
        "title": {"text": key if k.place[0] == 0 else "", "standoff": 4},
        "tickfont": {"size": 11},
        "nticks": 4,
    }
    if key == PERPLEXITY:
        # The decades that the panel has room to name, 1 among them.
        shown = [n for n in _DECADES if n % (1 if span[1] - span[0] <= 4 else 2) == 0]
        axis |= {"type": "log", "tickvals": [10.0**n for n in shown], "ticktext": [_DECADES[n] for n in shown]}
    elif key != PROJECTION:
        axis |= {"tickvals": [0, 0.5, 1], "ticktext": ["0", "0.5", "1"]}
    else:
        axis |= {"zeroline": True, "zerolinewidth": 1, "zerolinecolor": GREY}
    return axis


def _x_axis(k: Column) -> dict:
    return {
        "domain": k.place,
        "anchor": f"y{k.axis(len(k.rows) - 2)}",
        "range": [-0.5, len(k.at) - 0.5],
        "tickvals": k.at,
        "ticktext": [dose_label(d) for d in k.curve.doses.tolist()],
        **({"tickangle": -60} if k.close else {}),
        "tickfont": {"size": 11},
        "ticklabeloverflow": "allow",
        "showgrid": False,
        "title": {
            "text": "dose" if k.close else "dose (share of the residual norm)",
            "standoff": 34 if k.close else 12,
        },
    }


def _strip(k: Column) -> dict:
    """Sign of the majority regime and how many texts have it, one per dose."""
    labels, hover = [], []
    for d, (regime, counts) in enumerate(zip(k.curve.majority, k.curve.counts, strict=True)):
        n = int(counts.sum())
        labels.append("" if n == 0 else f"<b>{REGIME_SIGN[regime]}</b><br>{counts[OUTCOMES.index(regime)]}/{n}")
        each = ", ".join(f"{regime_label(o)} {c}" for o, c in zip(OUTCOMES, counts, strict=True) if c)
        broken = broken_off(k.curve, d, k.response.precision)
        lines = [each if each else "nothing was run", *([broken] if broken else [])]
        hover.append("<br>".join([f"<b>dose {dose_label(float(k.curve.doses[d]))}</b>", *lines]))
    return {
        "type": "scatter", "mode": "text", "x": k.at, "y": [0.5] * len(k.at), "text": labels, "customdata": k.ids,
        "hovertext": hover, "hovertemplate": "%{hovertext}<extra></extra>", "textfont": {"size": 11},
        "showlegend": False, **k.on(-1),
    }  # fmt: skip


def _panel(k: Column, row: int, key: str, measure: Measure, colour: str) -> list[dict]:
    """Controls, every text as a point, and their mean."""
    traces = []
    if key == WITNESS:
        for n, (name, values) in enumerate(k.curve.controls.items()):
            traces.append(
                {
                    "type": "scatter", "mode": "lines", "x": k.at, "y": _numbers(values), "customdata": k.ids,
                    "line": {"color": GREY, "width": 1.4, "dash": DASHES[1 + n % (len(DASHES) - 1)]},
                    "hovertemplate": f"control {literal(name)}: %{{y:.2f}}<extra></extra>", "showlegend": False,
                    "connectgaps": False, "meta": f"{k.response.model}, {key}, control {name}", **k.on(row),
                }
            )  # fmt: skip
        traces += _outside(k, row, colour)
    n_prompts = len(k.response.prompts)
    for prompt in range(n_prompts):
        # Beside each other, so that equal ones are two points.
        shift = 0 if n_prompts == 1 else 0.3 * (prompt / (n_prompts - 1) - 0.5)
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": k.at + shift, "y": _numbers(measure.each[:, prompt]),
                "marker": {"size": 5, "color": colour, "opacity": 0.6}, "customdata": k.ids, "showlegend": False,
                "hovertext": [_point_hover(k, d, prompt) for d in range(len(k.at))],
                "hovertemplate": "%{hovertext}<extra></extra>", **k.on(row),
            }
        )  # fmt: skip
    traces.append(
        {
            "type": "scatter", "mode": "lines+markers", "x": k.at, "y": _numbers(measure.mean), "customdata": k.ids,
            "line": {"color": colour, "width": 2.4}, "marker": {"size": 4}, "connectgaps": False, "showlegend": False,
            "hovertext": [_mean_hover(k, d, key, measure) for d in range(len(k.at))],
            "meta": f"{k.response.model}, {key}",
            "hovertemplate": "%{hovertext}<extra></extra>", **k.on(row),
        }
    )  # fmt: skip
    return traces


def _outside(k: Column, row: int, colour: str) -> list[dict]:
    """The mean by the outside witness, its controls in the hover; nothing where it does not judge the direction."""
    if np.isnan(k.curve.outside.mean).all():
        return []
    hover = []
    for d, value in enumerate(k.curve.outside.mean):
        controls = [f"{literal(name)} {values[d]:.2f}" for name, values in k.curve.outside_controls.items()]
        beside = f"<br>controls by it: {', '.join(controls)}" if controls else ""
        hover.append(f"{_dose_head(k, d)}<br>outside witness {value:.2f}{beside}")
    return [
        {
            "type": "scatter", "mode": "lines", "x": k.at, "y": _numbers(k.curve.outside.mean), "customdata": k.ids,
            "line": {"color": colour, "width": 2, "dash": OUTSIDE_DASH}, "connectgaps": False, "showlegend": False,
            "hovertext": hover, "hovertemplate": "%{hovertext}<extra></extra>",
            "meta": f"{k.response.model}, outside witness", **k.on(row),
        }
    ]  # fmt: skip


def _point_hover(k: Column, dose: int, prompt: int) -> str:
    text = k.curve.texts[dose][prompt]
    if text is None:
        return ""
    numbers = [
        ("witness", k.curve.witness.each[dose, prompt], ".2f"),
        ("outside witness", k.curve.outside.each[dose, prompt], ".2f"),
        ("projection", k.curve.projection.each[dose, prompt], "+.3f"),
    ]
    return f"{_dose_head(k, dose)}, prompt {prompt + 1}<br>{text_hover(text, numbers=numbers)}"


def _mean_hover(k: Column, dose: int, key: str, measure: Measure) -> str:
    if len(k.response.prompts) == 1:
        # The mean covers the only text.
        return _point_hover(k, dose, 0)
    seen = measure.each[dose][np.isfinite(measure.each[dose])]
    spread = "" if len(seen) < 2 else f", {seen.min():.3g} to {seen.max():.3g}"
    what = "geometric mean" if key == PERPLEXITY else "mean"
    of = f"{written(measure.mean[dose], '.3g')} of {counted(len(seen), 'text')}{spread}"
    return f"{_dose_head(k, dose)}<br>{what} {key} {minus(of)}"


def _dose_head(k: Column, dose: int) -> str:
    if dose == k.curve.zero:
        return "<b>unsteered</b>"
    return f"<b>{literal(k.curve.direction)}, dose {dose_label(float(k.curve.doses[dose]))}</b>"


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(v) if math.isfinite(v) else None for v in values]


def _bands(k: Column) -> list[dict]:
    """The majority regime of the doses as a tint behind every panel, stronger behind its sign."""
    told = [regime if n else "" for regime, n in zip(k.curve.majority, k.curve.counts.sum(1), strict=True)]
    shapes, start = [], 0
    for regime, run in groupby(told):
        end = start + len(list(run))
        if regime != "":
            for row, (bottom, top) in enumerate(k.rows):
                shapes.append(
                    {
                        "type": "rect", "xref": k.x, "yref": "paper", "x0": start - 0.5, "x1": end - 0.5,
                        "y0": bottom, "y1": top,
                        "fillcolor": tint(REGIME_COLOUR[regime], _BAND if row else STRIP), "line": {"width": 0},
                        "layer": "below",
                    }
                )  # fmt: skip
        start = end
    return shapes


def _level_values(k: Column) -> list[tuple[int, float, str, str]]:
    """Horizontal lines of the rows that are shown: row, value, name, dash. Thresholds are those of `judge.regimes`."""
    levels = [
        (PERPLEXITY, EXPLOSIVE_PPL_RATIO, f"noise from {EXPLOSIVE_PPL_RATIO:g} ×", "dash"),
        (REPETITION, COLLAPSE_REPETITION, f"loop from {COLLAPSE_REPETITION:g}", "dash"),
    ]
    if "witness" not in k.curve.reasons:
        chance = k.response.witness.chance * sum(k.curve.weights.values())
        levels.append((WITNESS, chance, f"chance {chance:.2f}", "dot"))
        if k.curve.zero is not None and math.isfinite(k.curve.witness.mean[k.curve.zero]):
            baseline = float(k.curve.witness.mean[k.curve.zero])
            levels.append((WITNESS, baseline, f"unsteered {baseline:.2f}", "solid"))
    shown = list(measures(k.curve))
    return [(shown.index(key), value, name, dash) for key, value, name, dash in levels if key in shown]


def _levels(k: Column) -> list[dict]:
    return [
        {
            "type": "line", "xref": k.x, "yref": f"y{k.axis(row)}", "x0": -0.5, "x1": len(k.at) - 0.5,
                "y0": value, "y1": value,
            "line": {"color": GREY, "width": 1, "dash": dash},
        }
        for row, value, _, dash in _level_values(k)
    ]  # fmt: skip


def _level_names(k: Column, ranges: Mapping[str, list[float]]) -> list[dict]:
    """Names beside the lines, right of the column; two that would lie on each other are moved apart."""
    if k.close and k.place[1] < 1:
        return []
    notes = []
    levels = _level_values(k)
    for row, value, name, _ in levels:
        shift = 0.0
        for other_row, other, other_name, _ in levels:
            if other_row == row and other_name != name:
                span = list(ranges.values())[row]
                apart = (value - other) / (span[1] - span[0]) * _PANEL_HEIGHT
                # The one named first goes below where the values are equal.
                above = apart > 0 or (apart == 0 and name > other_name)
                shift = max(0.0, (_NAME_HEIGHT - abs(apart)) / 2) * (1 if above else -1)
        notes.append(
            {
                "text": name, "xref": "paper", "x": k.place[1], "xanchor": "left", "xshift": 5,
                "yref": f"y{k.axis(row)}",
                "y": math.log10(value) if list(ranges)[row] == PERPLEXITY else value,
                "yanchor": "middle", "yshift": shift,
                "font": {"size": 11},
            }
        )  # fmt: skip
    return notes


def _head(k: Column, name: str) -> dict:
    words = minus(usable_window(k.curve)[2])
    return {
        "text": f"<b>{literal(name)}</b><br>{words}", "xref": "paper", "yref": "paper",
        "x": sum(k.place) / 2, "y": k.rows[0][1],
        "xanchor": "center", "yanchor": "bottom", "yshift": 5, "font": {"size": 12 if k.close else 13},
    }  # fmt: skip


def _missing(k: Column) -> list[dict]:
    """Why a panel is empty, in it."""
    shown = list(measures(k.curve))
    return [
        {
            "text": "<br>".join(wrapped(why)), "xref": "paper", "yref": "paper", "x": sum(k.place) / 2,
            "y": sum(k.rows[shown.index(what) + 1]) / 2, "xanchor": "center", "yanchor": "middle",
        }
        for what, why in k.curve.reasons.items()
        if what in shown
    ]  # fmt: skip
