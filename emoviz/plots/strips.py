"""Rows of points with a name on the left and words on the right: what figures of this kind share."""

from __future__ import annotations

from collections.abc import Sequence

ROW, HEAD, FOOT = 46, 130, 110
LEFT, RIGHT = 190, 350


def strip_axes(names: Sequence[str], words: Sequence[str]) -> dict:
    """Rows from the top down, their names on the left and what is said of them on the right."""
    return {
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": list(names),
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "ticks": "",
            "tickfont": {"size": 11},
        },
        "annotations": [
            {
                "text": text, "x": 1, "xref": "paper", "xanchor": "left", "xshift": 14, "y": row, "yanchor": "middle",
                "align": "left", "font": {"size": 11},
            }
            for row, text in enumerate(words)
        ],
    }  # fmt: skip
