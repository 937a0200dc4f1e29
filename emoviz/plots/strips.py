"""Rows of points with a name on the left and words on the right: what figures of this kind share.

Where it is narrow, name and words stand above the points, and rows are further apart.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .canvas import canvas, narrow

ROW, HEAD, FOOT = 46, 130, 110
_LEFT, _RIGHT, _NARROW = 190, 350, 24
# Heights of a row between two rows where it is narrow, and pixels of a letter of the words.
_APART, _LETTER = 2.0, 6.0


def place(row: int) -> float:
    """Where a row lies on its axis."""
    return row * _APART if narrow() else row


def rows_high(n: int) -> float:
    """The height of n rows, in rows of the page."""
    return n * _APART if narrow() else n


def margins() -> tuple[int, int]:
    """Pixels left and right of the points."""
    return (_NARROW, _NARROW) if narrow() else (_LEFT, _RIGHT)


def strip_axes(names: Sequence[str], words: Sequence[str]) -> dict:
    """Rows from the top down, with their names and what is said of them."""
    n = len(names)
    first = place(0) - (_APART - 0.5 if narrow() else 0.5)
    return {
        "yaxis": {
            "tickvals": [place(row) for row in range(n)],
            "ticktext": list(names),
            "range": [place(n - 1) + 0.5, first],
            "showgrid": False,
            "showticklabels": not narrow(),
            "ticks": "",
            "tickfont": {"size": 11},
        },
        "annotations": [
            _above(name, text, row) if narrow() else _beside(text, row)
            for row, (name, text) in enumerate(zip(names, words, strict=True))
        ],
    }


def _beside(text: str, row: int) -> dict:
    return {
        "text": text, "x": 1, "xref": "paper", "xanchor": "left", "xshift": 14, "y": row, "yanchor": "middle",
        "align": "left", "font": {"size": 11},
    }  # fmt: skip


def _above(name: str, text: str, row: int) -> dict:
    width = canvas().width or 0
    lines = [
        part
        for line in (name.replace("<br>", " "), *text.split("<br>"))
        for part in textwrap.wrap(line, int((width - 2 * _NARROW) / _LETTER))
    ]
    return {
        "text": "<br>".join(lines), "x": 0, "xref": "paper", "xanchor": "left", "y": place(row) - 0.45,
        "yanchor": "bottom", "align": "left", "font": {"size": 11},
    }  # fmt: skip
