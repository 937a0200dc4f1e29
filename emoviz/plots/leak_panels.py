"""What the figures of leak runs share: a panel for every model and recipe, its rows, and how the texts were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..experiments.leak_summary import LeakPeak, leak_peak, summary
from ..judge.leak import HIDDEN_LEAK
from ..types import LeakRun
from ..words import percent
from .canvas import low, narrow
from .doses import decoding_words, model_labels
from .theme import Panel, panels
from .wording import dose_label, literal

# Between panels side by side, as a share of the width; pixels of one, and between two above each other; between two on
# a slide, as a share of the height.
_GAP, _PANEL, _ROW_GAP, _LOW_GAP = 0.07, 170, 108, 0.22
# Letters of a title that fit on the narrowest page.
MAX_TITLE = 96


@dataclass(frozen=True, slots=True)
class LeakPanel:
    """One run by one recipe. rows : of `summary`, by direction and dose. doses : of all panels, 0 first."""

    run: LeakRun
    label: str
    recipe: str
    rows: Mapping[tuple[str, float], dict]
    doses: tuple[float, ...]
    peak: LeakPeak | None
    place: Panel

    @property
    def on(self) -> dict:
        return {"xaxis": f"x{self.place.number}", "yaxis": f"y{self.place.number}"}

    def ids(self, direction: str, dose: float) -> list:
        return [self.run.name, self.recipe, direction, dose]


def leak_panels(runs: Sequence[LeakRun], direction: str) -> tuple[list[LeakPanel], list[dict], int]:
    """(panels, their heads, height of all in pixels): the recipes side by side, the models below each other; on a slide
    the other way round, on a phone all below each other."""
    recipes = list(dict.fromkeys(name for run in runs for name in run.recipes))
    doses = (0.0, *sorted({dose for run in runs for dose in run.doses}))
    rows = {run.name: summary(run) for run in runs}
    pairs = [(k, recipe) for k in range(len(runs)) for recipe in recipes]
    across = len(recipes)
    if narrow():
        across = 1
    elif low():
        pairs = [(k, recipe) for recipe in recipes for k in range(len(runs))]
        across = len(runs)
    down = -(-len(pairs) // across)
    height = down * _PANEL + (down - 1) * _ROW_GAP
    labels = model_labels(runs)
    peaks = [leak_peak(rows[runs[k].name], runs[k].controls, direction, recipe) for k, recipe in pairs]
    heads = [_head(labels[k], recipe, first=n < across) for n, (k, recipe) in enumerate(pairs)]
    said = None if low() or narrow() else [_peak_words(peak) for peak in peaks]
    places, notes = panels(heads, _GAP, _LOW_GAP if low() else _ROW_GAP / height, across=across, said=said)
    found = [
        LeakPanel(
            runs[k],
            labels[k],
            recipe,
            {(row["direction"], row["dose"]): row for row in rows[runs[k].name] if row["recipe"] == recipe},
            doses,
            peak,
            place,
        )
        for (k, recipe), peak, place in zip(pairs, peaks, places, strict=True)
    ]
    return found, notes, height


def _head(label: str, recipe: str, *, first: bool) -> str:
    """first : whether it stands in the first row, where a slide names the models."""
    if low() and not narrow() and not first:
        return recipe
    return f"{label}, {recipe}" if low() or narrow() else f"{label}, recipe {recipe}"


def _peak_words(peak: LeakPeak | None) -> list[str]:
    if peak is None:
        return ["not run by this recipe"]
    control = f"control {percent(peak.control)} %, " if peak.controlled else ""
    said = f"hidden up to {percent(peak.hidden)} % ({control}unsteered {percent(peak.unsteered)} %)"
    silent = f"{percent(peak.silent)} % hidden while no text shows any"
    return [said, silent] if peak.silent >= HIDDEN_LEAK else [said]


def axes(panel: LeakPanel, *, left: bool, top: float) -> dict[str, dict]:
    """Both axes of a panel. left : whether it is the first of its row. top : where its values end."""
    number = panel.place.number
    # On a slide only the lowest row has room for them.
    named = not low() or panel.place.y[0] < 1e-9
    return {
        f"xaxis{number}": {
            "domain": panel.place.x,
            "anchor": f"y{number}",
            "range": [-0.5, len(panel.doses) - 0.5],
            "tickvals": list(range(len(panel.doses))),
            "ticktext": [dose_label(dose) for dose in panel.doses],
            "showticklabels": named,
            "tickfont": {"size": 11},
            "showgrid": False,
            "title": {"text": _dose_title() if named else "", "standoff": 6},
        },
        f"yaxis{number}": {
            "domain": panel.place.y,
            "anchor": f"x{number}",
            "range": [-0.03 * top, top],
            "tickformat": ".0%",
            "tickvals": [0, 0.5, 1],
            "showticklabels": left,
            "ticks": "outside" if left else "",
        },
    }


def _dose_title() -> str:
    return "dose (0: unsteered)" if low() else "dose (share of the residual norm; 0: unsteered)"


def row_hover(row: dict) -> str:
    """What is known of one direction at one dose."""
    name = literal(row["direction"])
    head = name if row["dose"] == 0 else f"{name}, dose {dose_label(row['dose'])}"
    scripts = ", ".join(f"{script} {percent(mass)} %" for script, mass in list(row["scripts"].items())[:4])
    starts = "never a leak" if row["starts"] is None else f"a leak from token {row['starts']} on"
    return "<br>".join(
        [
            f"<b>{head}</b>",
            f"hidden {percent(row['hidden'])} %, visible {percent(row['visible'])} %",
            *([f"by script: {scripts}"] if scripts else []),
            starts,
        ]
    )


def leak_notes(runs: Sequence[LeakRun], notes: Sequence[str]) -> list[str]:
    from .. import __version__

    own = [
        f"{run.model} in {run.precision}, vectors {run.set}; {decoding_words(run.decoding, len(run.prompts))}"
        for run in runs
    ]
    return [*own, *notes, f"means over the prompts; emoviz {__version__}"]


def shortest(*said: str) -> str:
    """The first that fits into a title, else the last."""
    return next((one for one in said if len(one) <= MAX_TITLE), said[-1])
