"""Figures as files: pictures for slides and papers, stand-alone pages, and the numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..errors import InputError
from ..store.spreadsheet import csv_bytes
from .canvas import Canvas, drawn_on
from .chromium import picture
from .files import font_faces, plotly_script
from .theme import DARK, LIGHT, NOTE_SIZE
from .wording import plain

THEMES = {"light": LIGHT, "dark": DARK}
PICTURES = ("png", "svg", "pdf")
FORMATS = (*PICTURES, "html", "csv")
# Of figures that change from layer to layer (`plots.sweep`).
ANIMATIONS = ("gif", "webm", "mp4")
# The smallest text of a slide, in pixels of the slide.
SLIDE_TEXT = 18
MAX_LINK = 4000


@dataclass(frozen=True, slots=True)
class Preset:
    """Where a picture goes.

    width, height : of the picture in CSS pixels, 96 to the inch; without a height each figure has what it needs.
    magnified : how much larger than on the page text and all else are. sharpness : pixels of a PNG for each of these.
    """

    what: str
    width: float
    height: float | None
    magnified: float
    sharpness: float

    @property
    def canvas(self) -> tuple[int, int | None]:
        """The pixels that a figure is laid out for."""
        return round(self.width / self.magnified), None if self.height is None else round(self.height / self.magnified)


_LARGE = SLIDE_TEXT / NOTE_SIZE
# Millimetres of a CSS pixel, and CSS pixels of a point.
_MM, _POINT = 25.4 / 96, 96 / 72
PRESETS: Mapping[str, Preset] = {
    "slide": Preset("1280 x 720 at 2x, for a slide", 1280, 720, _LARGE, 2),
    "wide": Preset("1920 x 1080, for a full screen", 1920, 1080, _LARGE, 1),
    "square": Preset("1080 x 1080, for a post", 1080, 1080, _LARGE, 1),
    # Text of 7 points and more; 600 dots to the inch.
    "paper": Preset("85 mm wide, for a column of a paper", 85 / _MM, None, 7 * _POINT / NOTE_SIZE, 600 / 96),
}


def export(
    draw: Callable[[], go.Figure],
    format: str,
    preset: str = "slide",
    theme: str = "light",
    link: str = "",
    plotly: str | None = None,
) -> bytes:
    """A figure as the content of a file.

    draw : makes the figure; called once, on the canvas of the preset.
    format : png, svg or pdf, which need Chromium; html, a page that needs no network; csv, the numbers.
    preset : one of PRESETS. theme : light or dark. link : an http address of the view, for the last line.
    plotly : of html: plotly.js is taken from the file of that name beside the page; without a name it is inside.
    Raises : InputError for an unknown format, preset or theme, and for a picture where there is no Chromium.
    """
    check_options(format, preset, theme)
    link = checked_link(link)
    if format == "csv":
        numbers = table(draw())
        return csv_bytes(list(numbers.columns), numbers.itertuples(index=False))
    chosen = PRESETS[preset]
    width, height = chosen.canvas
    # A page has the width of the window that it is opened in.
    on = Canvas(link=link) if format == "html" else Canvas(width, height, link)
    with drawn_on(on):
        figure = draw()
    figure = go.Figure(figure)
    figure.layout.template = THEMES[theme]
    if format == "html":
        return _page(figure, theme, plotly).encode()
    return picture(figure, format, width, chosen.magnified, chosen.sharpness * chosen.width / width)


def checked_link(link: str) -> str:
    """The same, or nothing where it is no http address or a long one."""
    return link if link.startswith(("http://", "https://")) and len(link) <= MAX_LINK else ""


def check_options(format: str, preset: str, theme: str, formats: Sequence[str] = FORMATS) -> None:
    """Raises InputError for an unknown one."""
    for what, given, allowed in (("format", format, formats), ("preset", preset, PRESETS), ("theme", theme, THEMES)):
        if given not in allowed:
            raise InputError(f"{what} {given!r:.40} is unknown; {', '.join(allowed)} are allowed.")


def table(figure: go.Figure) -> pd.DataFrame:
    """The numbers of a figure, one row a point.

    Columns: series (a number; an area is the outline of an interval), name, kind (of mark), panel, id (what the point
    stands for), x, y, and z in a heat map.
    """
    rows = [row for k, trace in enumerate(figure.data) for row in _points(k, trace)]
    return pd.DataFrame(rows, columns=["series", "name", "kind", "panel", "id", "x", "y", "z"])


def _points(number: int, trace: Any) -> Iterator[list[Any]]:
    kind = "area" if getattr(trace, "fill", None) == "toself" else trace.type
    about = [number, _place(trace.name), kind, (trace.xaxis or "x").removeprefix("x") or "1"]
    ids = trace.customdata
    if trace.type == "heatmap":
        z = np.asarray(trace.z)
        for j, i in np.ndindex(z.shape):
            x, y = (i if trace.x is None else trace.x[i]), (j if trace.y is None else trace.y[j])
            yield [*about, _id(None if ids is None else ids[j][i]), x, y, z[j, i]]
    elif trace.x is not None and trace.y is not None:
        for k, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            yield [*about, _id(None if ids is None else ids[k]), _place(x), _place(y), None]


def _place(value: Any) -> Any:
    """A number, or the name of a place."""
    return plain(value) if isinstance(value, str) else value


def _id(given: Any) -> str:
    parts = [] if given is None else [given] if isinstance(given, str) else list(np.atleast_1d(given))
    return ", ".join(str(part) for part in parts)


def _page(figure: go.Figure, theme: str, plotly: str | None) -> str:
    paper = THEMES[theme].layout.paper_bgcolor
    html = figure.to_html(
        include_plotlyjs=False, full_html=True, config={"displaylogo": False, "responsive": True}, div_id="figure"
    )
    style = f"<style>{font_faces()} body {{ margin: 0; background: {paper} }}</style>"
    script = plotly_script() if plotly is None else f'<script src="{plotly}"></script>'
    return html.replace("</head>", f"{style}{script}</head>", 1)
