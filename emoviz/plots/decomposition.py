"""The layered decomposition: what is left of a geometry when one thing changes, ours beside the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, STEPS, PublishedStep
from ..types import Contrast
from .canvas import narrow
from .contrasts import contrast_text
from .theme import PUBLISHED_COLOUR, figure
from .wording import minus

_SIGNIFICANT = 0.05
_WIDTH = 0.78
# Bars of one colour are told apart by these.
_PATTERNS = ("", "/", ".", "x")
_LEGEND_LINE, _LEGEND_COLUMNS = 22, 2
# As long as the value that stands above a bar is high.
_TEXT_HEIGHT = 0.08


@dataclass(frozen=True, slots=True)
class Chain:
    """The decomposition of one model by one chain of protocols; a step whose sets are missing is None."""

    label: str
    colour: str
    protocols: tuple[str, str, str]
    steps: Mapping[str, Contrast | None]


def decomposition_figure(
    chains: Sequence[Chain],
    published: Sequence[PublishedStep],
    published_means: Mapping[str, float],
    *,
    notes: Sequence[str] = (),
    height: int = 560,
) -> go.Figure:
    """A group of bars per step: our chains in their model's colour, then the published models in grey.

    The line on a bar is its noise ceiling, the whisker its interval, a star marks p below 0.05.
    """
    models = list(dict.fromkeys(s.model for s in published))
    n_bars = len(chains) + len(models)
    place = {k: -_WIDTH / 2 + _WIDTH * (k + 0.5) / n_bars for k in range(n_bars)}
    width = 0.86 * _WIDTH / n_bars
    traces, values, ceiling_named = [], [], False
    for k, chain in enumerate(chains):
        shown = [(at, step, chain.steps[step]) for at, step in enumerate(STEPS)]
        bars = [(at + place[k], c) for at, _, c in shown if c is not None and np.isfinite(c.rho)]
        values += [c.rho for _, c in bars]
        pattern = _PATTERNS[[c.colour for c in chains[:k]].count(chain.colour) % len(_PATTERNS)]
        traces.append(_bars(chain.label, [x for x, _ in bars], [c.rho for _, c in bars], width, chain.colour, pattern))
        traces[-1] |= {
            "hovertext": [contrast_text(c) for _, c in bars],
            "error_y": _whiskers([c for _, c in bars]),
        }
        ceilings = [(x, c) for x, c in bars if np.isfinite(c.ceiling)]
        if ceilings:
            traces.append(_ceilings(ceilings, width, chain.colour, named=not ceiling_named))
            ceiling_named = True
        traces.append(_written([(x, c.rho, c.p < _SIGNIFICANT, _top(c)) for x, c in bars]))
        gaps = [at + place[k] for at, _, c in shown if c is None or not np.isfinite(c.rho)]
        traces.append(_gaps(gaps))
    for k, model in enumerate(models, start=len(chains)):
        theirs = [(list(STEPS).index(s.step) + place[k], s) for s in published if s.model == model]
        rhos = [s.rho for _, s in theirs]
        pattern = _PATTERNS[(k - len(chains)) % len(_PATTERNS)]
        traces.append(_bars(f"published: {model}", [x for x, _ in theirs], rhos, width, PUBLISHED_COLOUR, pattern))
        traces[-1]["hovertext"] = [_published_text(s) for _, s in theirs]
        traces.append(_written([(x, s.rho, s.p is not None and s.p < _SIGNIFICANT, s.rho) for x, s in theirs]))
    layout = {
        "xaxis": {
            "tickvals": list(range(len(STEPS))),
            "ticktext": [
                f"<b>{step}</b>"
                if narrow()
                else f"<b>{step}</b><br>{pair[0]} – {pair[1]}<br>published mean {published_means[step]:.2f}"
                for step, pair in STEPS.items()
            ],
            "tickangle": -40 if narrow() else 0,
            "range": [-0.5, len(STEPS) - 0.5],
            "showgrid": False,
            "ticks": "",
        },
        "yaxis": {
            "title": {"text": "Spearman rho between the RDMs"},
            "range": [min([0, *values, *(s.rho for s in published)]) - 0.16, 1],
            "dtick": 0.2,
            "zeroline": True,
            "zerolinecolor": PUBLISHED_COLOUR,
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "xanchor": "left",
            "entrywidth": None if narrow() else 290,
        },
        "uirevision": "decomposition",
        "meta": {"kind": "decomposition", "name": "decomposition"},
    }
    return figure(
        traces,
        layout,
        title=_claim(chains),
        aid="rho between two vector sets of one model; 1 = the same pairs of emotions are alike; line: noise ceiling, "
        "what two noisy copies of one geometry would reach; * p below 0.05",
        notes=[*_chain_notes(chains), *notes, _published_note(models)],
        height=height,
        above=20 + _LEGEND_LINE * -(-(n_bars + ceiling_named) // _LEGEND_COLUMNS),
        below=72,
        left=72,
        fill=True,
    )


def _claim(chains: Sequence[Chain]) -> str:
    """What our own chains say of the two steps that change one thing only."""
    parts = []
    for step, changed in (("method", "another method"), ("precision", "another precision")):
        found = [chain.steps[step] for chain in chains]
        rhos = [c.rho for c in found if c is not None and np.isfinite(c.rho)]
        if rhos:
            low, high = f"{min(rhos):.2f}", f"{max(rhos):.2f}"
            parts.append(minus(f"rho {low if low == high else f'{low} to {high}'} under {changed}"))
    return f"What is left: {', '.join(parts)}" if parts else "How much of a geometry is left when one thing changes?"


def _bars(name: str, x: list, y: list, width: float, colour: str, pattern: str) -> dict:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": y,
        "width": width,
        "marker": {
            "color": colour,
            "line": {"color": colour, "width": 1.5},
            "pattern": {"shape": pattern, "fillmode": "replace", "size": 6, "solidity": 0.35},
        },
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _whiskers(contrasts: Sequence[Contrast]) -> dict:
    known = [np.isfinite(c.ci_low) for c in contrasts]
    return {
        "type": "data",
        "symmetric": False,
        "array": [c.ci_high - c.rho if there else 0 for c, there in zip(contrasts, known, strict=True)],
        "arrayminus": [c.rho - c.ci_low if there else 0 for c, there in zip(contrasts, known, strict=True)],
        "thickness": 1.5,
        "width": 4,
        "visible": any(known),
    }


def _ceilings(bars: Sequence[tuple[float, Contrast]], width: float, colour: str, *, named: bool) -> dict:
    # Wider than the bar, so that it is seen where the bar passes it.
    x, y = [], []
    for at, c in bars:
        x += [at - 0.57 * width, at + 0.57 * width, None]
        y += [c.ceiling, c.ceiling, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "noise ceiling",
        "showlegend": named,
        "legendrank": 2000,
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 3},
        "hoverinfo": "skip",
    }


def _top(c: Contrast) -> float:
    """Where the value of a bar can stand without lying on its whisker or on its ceiling."""
    if c.rho < 0:
        return c.rho
    top = c.ci_high if np.isfinite(c.ci_high) else c.rho
    return c.ceiling if np.isfinite(c.ceiling) and -0.02 < c.ceiling - top < _TEXT_HEIGHT else top


def _written(bars: Sequence[tuple[float, float, bool, float]]) -> dict:
    """The value of each bar beyond its end, on a phone only its star.

    bars : (x, rho, whether p is small, where it stands).
    """

    def value(rho: float) -> str:
        # Adding zero turns a rounded -0.0 into 0.0.
        return "" if narrow() else minus(f"{round(rho, 2) + 0:.2f}")

    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, *_ in bars],
        "y": [y for *_, y in bars],
        "text": [f"{value(rho)}{'*' if small else ''}" for _, rho, small, _ in bars],
        "textposition": ["bottom center" if rho < 0 else "top center" for _, rho, *_ in bars],
        "textfont": {"size": 12},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _gaps(x: list) -> dict:
    return {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": [0] * len(x),
        "text": ["–"] * len(x),
        "textposition": "top center",
        "hovertext": ["not measured: a set is missing, or its layer is not finite"] * len(x),
        "hoverinfo": "text",
        "showlegend": False,
    }


def _published_text(s: PublishedStep) -> str:
    lines = ["<b>published</b>", f"{s.model}, {s.step}", f"rho = {s.rho:.4f}"]
    if s.p is not None:
        lines.append(f"p = {s.p:.2g} (plain Spearman, too small: pairs of an RDM are not independent)")
    if s.cosine_mean is not None:
        lines.append(f"mean cosine per emotion {s.cosine_mean:.3f}")
    return "<br>".join(lines)


def _chain_notes(chains: Sequence[Chain]) -> list[str]:
    """Which protocols the letters stand for, and which steps lack a set."""
    notes = [
        "A comprehension, B generation with loose settings, C generation by protocol, D as C in int8; "
        "20 emotions without neutral, each set minus its own mean"
    ]
    for chain in chains:
        a, b, c = chain.protocols
        gone = [step for step in STEPS if chain.steps[step] is None]
        lacking = f"; not at hand: {', '.join(gone)}" if gone else ""
        notes.append(f"{chain.label}: A {a}, B {b}, C {c}{lacking}")
    if any(c is not None and c.rho > c.ceiling for chain in chains for c in chain.steps.values()):
        notes.append(
            "a bar above its ceiling: the ceiling assumes independent noise, and these two sets share some of it"
        )
    return notes


def _published_note(models: Sequence[str]) -> str:
    return f"grey: published, not ours: {', '.join(models)}; {SOURCE} (A to C in fp16; p of a plain Spearman test)"
