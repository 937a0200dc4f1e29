"""What a figure shows, in words, from the numbers that it is drawn from: extremes, and where curves rise and fall."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .wording import minus, plain

# Longer descriptions are not listened to; what is left out stands in the figure's table.
MAX_LETTERS = 700
# A part of a curve that is shorter than this share of its range is no rise or fall of its own.
_LEG = 0.1
_FEWEST = 3
# Kind of figure -> the axis along which its points are compared; other figures: y.
_ALONG = dict.fromkeys(("side-effects", "cosines", "verification", "precision", "variants", "corpora", "texts"), "x")
# Kinds whose points are pairs, named by their first two ids.
_PAIRS = ("rdm", "cosines", "pair")
# Only distances mean something in a map; the cells of regimes have no height; the points of doses are single texts.
_MAP, _CELLS, _DOSES = "map", "regimes", "dose-response"
# Kinds whose ids name no point; what is said of each does.
_SAID = ("leak-scripts",)
_ALIKE = {"rdm": ("most alike", "least alike")}


def described(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> str:
    """Sentences about the traces of a figure, in their order, up to MAX_LETTERS; the rest is counted.

    traces, layout : as `theme.figure` gets them. Empty where there is nothing to compare.
    """
    kind = layout["meta"]["kind"]
    found = [f"{text}." for text in dict.fromkeys(_map(traces, layout) if kind == _MAP else _each(traces, layout))]
    said: list[str] = []
    for k, text in enumerate(found):
        if len(" ".join([*said, text])) > MAX_LETTERS:
            return " ".join([*said, f"{len(found) - k} more in the table."])
        said.append(text)
    return " ".join(said)


def trend(y: np.ndarray, place: Callable[[int], str]) -> str:
    """Where a curve rises and falls: `rises from 0.21 at depth 0.03 to 0.81 at depth 0.63, then falls to 0.74 at ...`.

    y : (n,) finite. place : where a point lies, from left to right, such as `depth 0.03`.
    """
    low, high = int(np.argmin(y)), int(np.argmax(y))
    if np.isclose(y[low], y[high]):
        return f"stays at {_number(y[0])}"
    turns = sorted({0, low, high, len(y) - 1})
    least = _LEG * (y[high] - y[low])
    # The extremes stay; a first or last point that is nearly one of them does not.
    if turns[0] not in (low, high) and abs(y[turns[0]] - y[turns[1]]) < least:
        turns = turns[1:]
    if turns[-1] not in (low, high) and abs(y[turns[-1]] - y[turns[-2]]) < least:
        turns = turns[:-1]
    verbs = ["rises" if y[b] > y[a] else "falls" for a, b in zip(turns, turns[1:], strict=False)]
    at = [f"{_number(y[k])} at {place(k)}" for k in turns]
    return ", then ".join(
        [
            f"{verbs[0]} from {at[0]} to {at[1]}",
            *(f"{verb} to {end}" for verb, end in zip(verbs[1:], at[2:], strict=True)),
        ]
    )


def _each(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> Iterator[str]:
    kind = layout["meta"]["kind"]
    matrices = [trace for trace in traces if trace["type"] == "heatmap"]
    # Beside a matrix there are only its labels.
    for trace in matrices if matrices else traces:
        text = trace.get("text")
        if trace.get("hoverinfo") == "text" and isinstance(text, str) and trace.get("fill"):
            # A mark that says its own number, as on a gauge.
            yield plain(text)
            continue
        if trace.get("hoverinfo") == "skip" or trace.get("fill") or kind == _CELLS:
            continue
        what = _of(trace, layout)
        if trace["type"] == "heatmap":
            yield f"{what}{_cells(trace, layout)}"
        elif trace["type"] == "violin":
            yield f"{what}{_spread(_numbers(trace['x']))}"
        elif trace.get("x") is not None and trace.get("y") is not None:
            x, y = _numbers(trace["x"]), _numbers(trace["y"])
            there = np.isfinite(x) & np.isfinite(y)
            if there.sum() < _FEWEST:
                continue
            if "lines" in trace.get("mode", ""):
                # Lines with gaps and outlines are no curves.
                if (np.diff(x) > 0).all():
                    yield f"{what}{trend(y[there], _place(x[there], trace, layout))}"
            elif kind != _DOSES and (trace["type"] == "bar" or trace.get("mode") == "markers"):
                names = _names(trace, kind)
                if not names:
                    continue
                yield f"{what}{_extremes(x if _ALONG.get(kind) == 'x' else y, names)}"


def _extremes(values: np.ndarray, names: Sequence[str], words: tuple[str, str] = ("lowest", "highest")) -> str:
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    if names[low] == names[high]:
        return f"{names[low]} ({_number(values[low])})"
    return f"{words[0]}: {names[low]} ({_number(values[low])}); {words[1]}: {names[high]} ({_number(values[high])})"


def _spread(values: np.ndarray) -> str:
    low, middle, high = np.nanquantile(values, (0, 0.5, 1))
    return f"median {_number(middle)}, from {_number(low)} to {_number(high)}"


def _cells(trace: Mapping[str, Any], layout: Mapping[str, Any]) -> str:
    z = _numbers(trace["z"])
    if not np.isfinite(z).any():
        return "nothing to compare"
    kind = layout["meta"]["kind"]
    across, down = (_ticks(trace, layout, axis) for axis in "xy")

    def name(cell: int) -> str:
        j, i = np.unravel_index(cell, z.shape)
        if kind in _PAIRS:
            return _pair(trace["customdata"][j][i])
        return " and ".join([down.get(int(j), f"row {j}"), across.get(int(i), f"column {i}")])

    flat = z.ravel()
    chosen = [int(np.nanargmin(flat)), int(np.nanargmax(flat))]
    return _extremes(flat[chosen], [name(cell) for cell in chosen], _ALIKE.get(kind, ("lowest", "highest")))


def _map(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> Iterator[str]:
    """The closest and the farthest two points of each panel; a point is named by its first id."""
    panels: dict[str, tuple[list[str], list[tuple[float, float]]]] = {}
    for trace in traces:
        if trace.get("customdata") is None or "markers" not in trace.get("mode", ""):
            continue
        names, points = panels.setdefault(_of(trace, layout, named=False), ([], []))
        names += [str(np.atleast_1d(ids)[0]) for ids in trace["customdata"]]
        points += list(zip(_numbers(trace["x"]), _numbers(trace["y"]), strict=True))
    for what, (names, points) in panels.items():
        first, second = np.triu_indices(len(names), 1)
        at = np.array(points)
        if len(names) < _FEWEST:
            continue
        apart = np.linalg.norm(at[first] - at[second], axis=1)
        ends = [f"{names[first[k]]} and {names[second[k]]}" for k in (int(np.argmin(apart)), int(np.argmax(apart)))]
        yield f"{what}closest together: {ends[0]}; farthest apart: {ends[1]}"


def _of(trace: Mapping[str, Any], layout: Mapping[str, Any], named: bool = True) -> str:
    """Panel and name of a trace before what is said of it."""
    # What a head says below its name is said of the traces.
    heads = [
        plain(note["text"].split("</b><br>")[0])
        for note in layout.get("annotations", ())
        if note.get("name") == "panel"
    ]
    number = int(str(trace.get("xaxis", "x"))[1:].strip() or 1)
    parts = heads[number - 1 : number] if len(heads) > 1 else []
    if named:
        name = plain(_first(trace["text"])) if trace["type"] == "violin" else trace.get("name")
        # `meta` tells traces of one name apart.
        parts += [one for one in (name, trace.get("meta")) if one]
    return f"{', '.join(parts)}: " if parts else ""


def _names(trace: Mapping[str, Any], kind: str) -> list[str]:
    ids, hover = trace.get("customdata"), trace.get("hovertext")
    if ids is not None and kind not in _SAID:
        return [_pair(one) if kind in _PAIRS else str(np.atleast_1d(one)[0]) for one in ids]
    if hover is None or isinstance(hover, str):
        return []
    lines = [[plain(line) for line in str(text).split("<br>")] for text in hover]
    # The first line of what is said of a point is its name, unless all have the same.
    first = {line[0] for line in lines}
    return [line[1] if len(first) == 1 and len(line) > 1 else line[0] for line in lines]


def _pair(ids: Any) -> str:
    return f"{ids[0]} and {ids[1]}"


def _ticks(trace: Mapping[str, Any], layout: Mapping[str, Any], axis: str) -> dict[int, str]:
    on = layout.get(f"{axis}axis{str(trace.get(f'{axis}axis', axis))[1:]}", {})
    pairs = zip(on.get("tickvals", ()), on.get("ticktext", ()), strict=False)
    return {k: plain(str(text)) for k, text in pairs}


def _place(x: np.ndarray, trace: Mapping[str, Any], layout: Mapping[str, Any]) -> Callable[[int], str]:
    """Where on the axis: `depth 0.5` under the title `depth (share of the layers passed)`; by the names of ticks."""
    title = layout.get(f"xaxis{str(trace.get('xaxis', 'x'))[1:]}", {}).get("title", {})
    text = title if isinstance(title, str) else title.get("text", "")
    what = re.split(r"[(,<]", text)[0].strip() if text else "x"
    ticks = _ticks(trace, layout, "x")

    def place(k: int) -> str:
        return f"{what} {ticks[x[k]] if x[k] in ticks else minus(f'{x[k]:.2f}'.rstrip('0').rstrip('.'))}"

    return place


def _first(text: Any) -> str:
    """The first two lines of a text, or of the first of several."""
    return ", ".join((text if isinstance(text, str) else str(text[0])).split("<br>")[:2])


def _numbers(values: Any) -> np.ndarray:
    """Whatever a figure is drawn from as numbers; what is none is NaN."""
    given = np.asarray(values)
    if given.dtype.kind in "fiu":
        return given.astype(float)
    flat = [float(v) if isinstance(v, (int, float, np.number)) else np.nan for v in given.astype(object).ravel()]
    return np.array(flat).reshape(given.shape)


def _number(value: float) -> str:
    return minus(f"{value:.2f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.2g}")
