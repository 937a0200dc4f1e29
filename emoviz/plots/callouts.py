"""Names beside some of many dots, kept apart from each other and off the dots where there is room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .canvas import canvas
from .wording import literal

# Plot areas in pixels that the labels must fit: a figure is drawn as wide as the page lets it be.
_AREAS = ((330, 270), (420, 240), (560, 330), (760, 420), (900, 500), (1050, 540), (1200, 600), (1400, 800))
_LETTER, _LINE, _DOT, _ROUNDS, _MAX_DOTS = 5.6, 17, 5, 8, 300
# A label may stand this far over the right edge, into the margin.
_SLACK = 16
# What a canvas of a given size leaves: pixels left and right of the plot, and its usual height.
_BESIDE, _HEIGHT = 100, 270
# Where a label may start, seen from its dot: distance in pixels and direction.
_REACH = [
    (r * np.cos(angle), r * np.sin(angle))
    for r in (14, 24, 38, 56, 80)
    for angle in np.arange(16) * np.pi / 8
]  # fmt: skip


def callouts(
    points: np.ndarray, names: Sequence[str], dots: np.ndarray, x_range: Sequence[float], y_range: Sequence[float]
) -> list[dict]:
    """Annotations that name the points, each with a line to its dot.

    points : (n, 2). names : plain text. dots : (m, 2), what labels should not cover. Ranges are those of the axes.
    """
    low, span = np.array([x_range[0], y_range[0]]), np.array([np.ptp(x_range), np.ptp(y_range)])
    at, around = (points - low) / span, ((dots - low) / span)[:: max(1, len(dots) // _MAX_DOTS)]
    chosen: dict[int, int] = {}
    areas = _areas()
    costs = [[_fixed_costs(at[k] * area, name, around * area, area) for area in areas] for k, name in enumerate(names)]
    boxes = [[_boxes(at[k] * area, name) for area in areas] for k, name in enumerate(names)]
    for _ in range(_ROUNDS):
        for k in range(len(names)):
            total = sum(costs[k], np.zeros(len(_REACH)))
            for other, place in chosen.items():
                if other != k:
                    # A label on a label cannot be read at all.
                    total = total + sum(
                        500 * _shared(boxes[k][a], boxes[other][a][place][None])[:, 0] for a in range(len(areas))
                    )
            chosen[k] = int(total.argmin())
    return [
        {
            "x": points[k, 0],
            "y": points[k, 1],
            "text": literal(name),
            "templateitemname": "callout",
            "visible": True,
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 1,
            "standoff": _DOT,
            "ax": _REACH[chosen[k]][0],
            "ay": -_REACH[chosen[k]][1],
            "xanchor": _side(_REACH[chosen[k]][0]),
            "yanchor": "middle",
            "borderpad": 0,
        }
        for k, name in enumerate(names)
    ]


def _areas() -> Sequence[tuple[int, int]]:
    on = canvas()
    return _AREAS if on.width is None else ((on.width - _BESIDE, _HEIGHT if on.height is None else on.height // 2),)


def _side(dx: float) -> str:
    return "center" if abs(dx) < 1 else "left" if dx > 0 else "right"


def _boxes(at: np.ndarray, name: str) -> np.ndarray:
    """The label at every place it may take: (left, right, bottom, top)."""
    width = len(name) * _LETTER
    shift = {"left": 0.0, "center": -width / 2, "right": -width}
    left = np.array([at[0] + dx + shift[_side(dx)] for dx, _ in _REACH])
    middle = np.array([at[1] + dy for _, dy in _REACH])
    return np.stack([left, left + width, middle - _LINE / 2, middle + _LINE / 2], axis=1)


def _fixed_costs(at: np.ndarray, name: str, dots: np.ndarray, area: tuple[int, int]) -> np.ndarray:
    """What each place costs whatever the other labels do: dots covered, the frame crossed, the way to the dot."""
    boxes = _boxes(at, name)
    marks = np.stack([dots[:, 0] - _DOT, dots[:, 0] + _DOT, dots[:, 1] - _DOT, dots[:, 1] + _DOT], axis=1)
    width, height = area
    outside = sum(
        np.clip(beyond, 0, None)
        for beyond in (-boxes[:, 0], boxes[:, 1] - width - _SLACK, -boxes[:, 2], boxes[:, 3] - height)
    )
    way = np.array([np.hypot(*step) for step in _REACH])
    return _shared(boxes, marks).sum(1) + 1000 * outside + 5 * way


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area of every box in a with every box in b."""
    width = np.minimum(a[:, None, 1], b[None, :, 1]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 2], b[None, :, 2])
    return np.clip(width, 0, None) * np.clip(height, 0, None)
