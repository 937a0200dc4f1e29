"""A labelled matrix with its values written into the cells."""

from __future__ import annotations

import numpy as np

from .canvas import narrow
from .theme import CORRELATION_SCALE

# Up to this share of the colour scale white text stands out more than black.
_DARK_UNTIL = 0.45
# Labels that still leave room for a number of full size where it is narrow, and the size of others.
_MOST_NARROW, _SMALL = 6, 9


def matrix(
    rho: np.ndarray, labels: list[str], hover: list[list[list[str]]], *, text: list[list[str]], text_size: float
) -> tuple[list[dict], dict]:
    """Traces and layout of a labelled matrix with its values written into the cells.

    hover : per cell what a click picks, if anything, and what is told.
    """
    shown = rho.copy()
    np.fill_diagonal(shown, np.nan)
    at = list(range(len(labels)))
    low = min(0.0, float(np.nanmin(shown)))
    trace = {
        "type": "heatmap",
        "z": shown,
        "x": at,
        "y": at,
        "customdata": hover,
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "hoverongaps": False,
        "xgap": 2,
        "ygap": 2,
        "coloraxis": "coloraxis",
    }
    axis = {
        "tickvals": at,
        "ticktext": labels,
        "showgrid": False,
        "ticks": "",
        "tickfont": {"size": 11},
        "constrain": "domain",
    }
    # Written by a trace of its own: a heat map's own text takes a grey that the middle of the scale swallows.
    rows, columns = np.nonzero(np.isfinite(shown))
    if narrow() and len(labels) > _MOST_NARROW:
        # No room for a nought that says nothing.
        text, text_size = [[word.replace("0.", ".") for word in row] for row in text], _SMALL
    written = {
        "type": "scatter",
        "mode": "text",
        "x": columns,
        "y": rows,
        "text": [text[i][j] for i, j in zip(rows, columns, strict=True)],
        "textfont": {
            "size": text_size,
            "color": [
                "#000000" if shown[i, j] > low + _DARK_UNTIL * (1 - low) else "#ffffff"
                for i, j in zip(rows, columns, strict=True)
            ],
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }
    layout = {
        "xaxis": {**axis, "tickangle": -50},
        "yaxis": {**axis, "autorange": "reversed", "scaleanchor": "x"},
        "coloraxis": {"colorscale": CORRELATION_SCALE, "cmin": low, "cmax": 1, "showscale": False},
        "uirevision": "rsa",
        "meta": {"kind": "rsa"},
    }
    return [trace, written], layout
