"""The published matrix of correlations between models, marked as such."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ..reference import SOURCE, PublishedModel
from .matrix import matrix
from .theme import figure


def published_figure(models: Sequence[PublishedModel], rho: np.ndarray, *, height: int = 520) -> go.Figure:
    """The published matrix, marked as such."""
    hover = [
        [["", f"<b>published</b><br>{a.id}<br>{b.id}<br>rho = {rho[i, j]:.3f}"] for j, b in enumerate(models)]
        for i, a in enumerate(models)
    ]
    cells = [[f"{v:.2f}" if i != j else "" for j, v in enumerate(row)] for i, row in enumerate(rho)]
    traces, layout = matrix(rho, [m.label for m in models], hover, text=cells, text_size=11)
    layout["meta"] |= {"name": "published_rsa"}
    return figure(
        traces,
        layout,
        title="Published: twelve models, 1B to 8B",
        aid="Spearman rho between RDMs, each model at its own best layer; -I instruct, -B base, -IT and -PT Gemma",
        notes=[
            f"published numbers, not ours: {SOURCE}; 63 passages, fp16, last token, class centring; "
            "no p values published for most pairs"
        ],
        height=height,
        fill=True,
        left=108,
        below=80,
        wide=74,
    )
