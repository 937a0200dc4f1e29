"""One model on other passages, a row per pair of corpora, beside what the halves of one corpus do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..types import CorpusPair, HalfCorpora
from .canvas import low
from .contrasts import contrast_text, set_label
from .strips import FOOT, HEAD, margins, place, rows_high, strip_axes
from .theme import figure
from .wording import literal, minus

_ROW = 66
# Whole corpora above the middle of a row, halves below.
_WHOLE, _HALF = -0.13, 0.15
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Rows of three lines that fit, on the page and on a slide.
_MOST, _MOST_LOW = 12, 6
ADD = "emoviz extract MODEL --passages FILE"


def corpora_figure(
    pairs: Sequence[CorpusPair],
    alone: Sequence[HalfCorpora],
    colour: Mapping[str, str],
    *,
    notes: Sequence[str] = (),
) -> go.Figure:
    """A row per pair of corpora, then one per set whose model has read no other corpus, as many as fit.

    colour : by model.
    """
    most, n = (_MOST_LOW if low() else _MOST), len(pairs) + len(alone)
    pairs = pairs[:most]
    alone = alone[: most - len(pairs)]
    rows = [place(row) for row in range(len(pairs) + len(alone))]
    halves = [
        *((row, half) for row, pair in zip(rows, pairs, strict=False) for half in pair.halves),
        *zip(rows[len(pairs) :], alone, strict=True),
    ]
    ceilings = [
        *((row, pair.contrast.models[0], pair.contrast.ceiling) for row, pair in zip(rows, pairs, strict=False)),
        *((row, half.model, half.whole) for row, half in zip(rows[len(pairs) :], alone, strict=True)),
    ]
    whole = [(row, pair) for row, pair in zip(rows, pairs, strict=False) if np.isfinite(pair.contrast.rho)]
    across = [(row, pair) for row, pair in zip(rows, pairs, strict=False) if np.isfinite(pair.across)]
    contrasts = [pair.contrast for _, pair in whole]
    lowest = [c.ci_low if np.isfinite(c.ci_low) else c.rho for c in contrasts]
    highest = [c.ci_high if np.isfinite(c.ci_high) else c.rho for c in contrasts]
    rhos = [c.rho for c in contrasts]
    traces = [
        {
            **_marks("two whole corpora", "circle", 12, rhos, [row + _WHOLE for row, _ in whole]),
            "error_x": {
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
                "array": np.subtract(highest, rhos).tolist(), "arrayminus": np.subtract(rhos, lowest).tolist(),
                "color": "#8a92a1",
            },
            "hovertext": [contrast_text(c) for c in contrasts],
        },
        {
            **_marks(
                "noise ceiling: two such corpora from one source",
                "line-ns-open",
                22,
                [rho for _, _, rho in ceilings if np.isfinite(rho)],
                [row + _WHOLE for row, _, rho in ceilings if np.isfinite(rho)],
            ),
            "hovertext": [
                f"<b>noise ceiling</b>, {literal(model)}<br>{rho:.3f}" for _, model, rho in ceilings if np.isfinite(rho)
            ],
        },
        {
            **_marks(
                "halves, across the corpora",
                "diamond",
                10,
                [pair.across for _, pair in across],
                [row + _HALF for row, _ in across],
            ),
            "hovertext": [
                f"<b>halves across the corpora</b>, {literal(pair.contrast.models[0])}<br>rho {pair.across:.3f}, "
                "mean of four pairs"
                for _, pair in across
            ],
        },
        {
            **_marks(
                "halves of one corpus",
                "diamond-open",
                10,
                [half.rho for _, half in halves if np.isfinite(half.rho)],
                [row + _HALF for row, half in halves if np.isfinite(half.rho)],
            ),
            "hovertext": [_half_text(half) for _, half in halves if np.isfinite(half.rho)],
        },
    ]  # fmt: skip
    colours = (
        [c.models[0] for c in contrasts],
        [model for _, model, rho in ceilings if np.isfinite(rho)],
        [pair.contrast.models[0] for _, pair in across],
        [half.model for _, half in halves if np.isfinite(half.rho)],
    )
    for trace, models in zip(traces, colours, strict=True):
        trace["marker"]["color"] = [colour[model] for model in models]
    traces = [trace for trace in traces if trace["x"]]
    names = [*(_pair_name(pair) for pair in pairs), *(_half_name(half) for half in alone)]
    drawn = [x for trace in traces for x in trace["x"]] + lowest
    layout = {
        **strip_axes(names, [*map(_pair_words, pairs), *map(_half_words, alone)]),
        "meta": {"kind": "corpora", "name": "corpora"},
        "uirevision": "corpora",
    }
    layout["xaxis"] = {
        "title": {"text": "Spearman rho between the RDMs"},
        "range": [min([-0.04, *(x - 0.06 for x in drawn)]), 1.06],
        "tickvals": _TICKS,
    }
    own = [] if pairs else [f"No model here has read other passages. Add a corpus: {ADD}"]
    return figure(
        traces,
        layout,
        title=_claim(pairs, alone),
        aid="◆ half of one corpus against half of the other; ◇ the yardstick of that size: the two halves of one "
        "corpus. As far as ◆ lies left of ◇, the passages matter; ● and | say the same of whole corpora",
        notes=[
            *own,
            "one protocol and precision, both sets at the layer of the first; emotions that both have, without "
            "neutral, class-centred; intervals: topics of each corpus resampled on their own; halves: of one source, "
            "split by topic; without noise: across / sqrt of the product of the two within",
            *notes,
            *([f"{n - most} more rows are not drawn"] if n > most else []),
        ],
        height=round(HEAD + FOOT + _ROW * rows_high(len(names))),
        left=margins()[0],
        right=margins()[1],
        below=50,
    )


def _marks(name: str, symbol: str, size: int, x: list[float], y: list[float]) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "marker": {"symbol": symbol, "size": size, "line": {"width": 2 if "open" in symbol else 0}},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "showlegend": False,
    }


def _claim(pairs: Sequence[CorpusPair], alone: Sequence[HalfCorpora]) -> str:
    """How much is left on other passages, or what there is to hold it against."""
    clean = [pair.without_noise for pair in pairs if np.isfinite(pair.without_noise)]
    rhos = [pair.contrast.rho for pair in pairs if np.isfinite(pair.contrast.rho)]
    if rhos:
        noise = f", {_span(clean)} without noise" if clean else ""
        return f"On other passages: rho {_span(rhos)}{noise}"
    halves = [half.rho for half in alone if np.isfinite(half.rho)]
    if halves and not pairs:
        return f"On other passages: not measured; halves of one corpus agree with rho {_span(halves)}"
    return "How much of a geometry is the passages'?"


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return minus(low if low == high else f"{low} to {high}")


def _pair_name(pair: CorpusPair) -> str:
    c = pair.contrast
    recipe = literal(set_label(c.protocols[0], c.precisions[0]))
    corpora = f"<b>{_short(c.corpora[0])} × {_short(c.corpora[1])}</b>"
    return f"{literal(c.models[0])}<br>{corpora}<br>{recipe}, layer {c.layers[0]}"


def _half_name(half: HalfCorpora) -> str:
    recipe = literal(set_label(half.protocol, half.precision))
    return f"{literal(half.model)}<br><b>{_short(half.corpus)}</b><br>{recipe}, layer {half.layer}"


def _short(corpus: str) -> str:
    return literal(corpus if len(corpus) <= 14 else f"{corpus[:13]}…")


def _pair_words(pair: CorpusPair) -> str:
    c = pair.contrast
    if not np.isfinite(c.rho):
        return literal(f"no rho: {c.reasons['rho']}")
    between = f" ({c.ci_low:.2f} to {c.ci_high:.2f})" if np.isfinite(c.ci_low) else ", no interval"
    ceiling = f", | ceiling {c.ceiling:.2f}" if np.isfinite(c.ceiling) else ", no ceiling"
    within = " and ".join(f"{half.rho:.2f}" if np.isfinite(half.rho) else "none" for half in pair.halves)
    clean = f", without noise {pair.without_noise:.2f}" if np.isfinite(pair.without_noise) else ""
    return minus(
        f"● rho {c.rho:.2f}{between}{ceiling}<br>◆ halves {pair.across:.2f} across, ◇ {within} within<br>"
        f"{c.n_classes} emotions{clean}"
    )


def _half_words(half: HalfCorpora) -> str:
    if not np.isfinite(half.rho):
        return literal(f"no halves: {half.missing}")
    whole = f", | two such corpora would reach {half.whole:.2f}" if np.isfinite(half.whole) else ""
    return minus(f"◇ halves {half.rho:.2f}{whole}<br>{half.n_passages} passages, {half.n_classes} emotions")


def _half_text(half: HalfCorpora) -> str:
    lines = [
        f"<b>halves of {literal(half.corpus)}</b>, {literal(half.model)}",
        f"rho {half.rho:.3f} over {half.n_classes} emotions, layer {half.layer}",
        f"{half.n_passages} passages in all, split by topic",
    ]
    return "<br>".join(lines)
