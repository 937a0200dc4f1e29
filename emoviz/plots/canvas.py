"""What figures are laid out for: the page, a phone, a slide, a column of a paper.

Pixels are those of a figure's own text, which is 11 to 17 pixels high. A slide with larger text is a smaller canvas
that is magnified (`plots.export`), so that one layout serves all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

# Pixels a panel needs at least, and those of a letter and of what stands before a name in a legend.
_PANEL, _LETTER, _SIGN = 320, 6.6, 44
_MARGINS = 88
_SLIM, _BROAD = " fijlrt.,:;'|!()[]", "mwMW∅"
_LOW = 600


@dataclass(frozen=True, slots=True)
class Canvas:
    """width : pixels; None for a place of the page, which is wide and grows. height : pixels; None for as much as each
    figure needs. link : an address that stands under the notes of every figure. title : instead of the figure's own.
    """

    width: int | None = None
    height: int | None = None
    link: str = ""
    title: str = ""


_PAGE = Canvas()
_CURRENT: ContextVar[Canvas] = ContextVar("canvas", default=_PAGE)


@contextmanager
def drawn_on(canvas: Canvas) -> Iterator[None]:
    """Figures that are made inside are laid out for the canvas."""
    before = _CURRENT.set(canvas)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def canvas() -> Canvas:
    """What figures are laid out for now."""
    return _CURRENT.get()


def narrow() -> bool:
    """Whether there is room for one panel alone, as on a phone or in a column of a paper."""
    width = canvas().width
    return width is not None and width < 2 * _PANEL


def low() -> bool:
    """Whether there is room for few lines of text and few panels above each other, as on a slide."""
    height = canvas().height
    return height is not None and height < _LOW


def columns(n: int) -> int:
    """Panels side by side: two can still be read on a page of 1280 pixels, three cannot; one where it is narrow."""
    return 1 if narrow() else min(n, 2)


def rows(n: int) -> int:
    return -(-n // columns(n))


def fitted(height: int) -> int:
    """The height of a figure that needs this much: the canvas's own, where it has one."""
    own = canvas().height
    return height if own is None else own


def legend_letters(width: int) -> int:
    """Letters of a name that fit into a legend."""
    return max(8, int((width - _SIGN) / _LETTER))


def _pixels(text: str) -> float:
    """The width of a line of a legend, of usual words within a tenth."""
    return sum(
        4 if letter in _SLIM else 10.5 if letter in _BROAD else 8.5 if letter.isupper() else 7 for letter in text
    )


def legend_rows(traces: Sequence[dict], width: int, margins: int = _MARGINS) -> int:
    """Rows of a horizontal legend as plotly lays it: every entry as wide as the widest, unless all fit in a row.

    margins : pixels of the width left and right of the plot, and so of the legend.
    """
    names = [trace["name"] for trace in traces if trace.get("name") and trace.get("showlegend") is not False]
    entries = [max(map(_pixels, name.split("\n"))) + _SIGN for name in names]
    room, more_lines = width - margins, sum(name.count("\n") for name in names)
    if sum(entries) <= room:
        return min(1, len(entries)) + more_lines
    return -(-len(entries) // max(1, int(room / max(entries)))) + more_lines
