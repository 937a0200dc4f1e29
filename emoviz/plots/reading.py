"""A text read by a model: what its figures share."""

from __future__ import annotations

import numpy as np

from ..geometry.directions import usual_centring
from ..types import Reading, VectorSet
from .theme import DIVERGING_LIMIT

LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"}


def formula(vectors: VectorSet) -> str:
    """What a score is, in a line; for a cleaned set what its directions are."""
    if usual_centring(vectors) == "none" and vectors.cleaned is None:
        return "score = h/|h| · unit(vector); the set has no mean over texts that could be taken off"
    cleaned, how, what = vectors.cleaned, "", "the mean over classes"
    if cleaned is not None and cleaned.origin is None:
        how = f", {cleaned.name}"
    elif cleaned is not None:
        what = f"the mean of {cleaned.name.removeprefix('against ')}"
    return f"score = (h/|h| − c/r) · unit(class mean − c{how}), c {what}, r the layer's median norm"


def scale_limit(reading: Reading, layer: int) -> float:
    """Where the colours end, the same for all classes: most scores of the layer lie within, a single outlier does not
    press the others flat.
    """
    values = np.abs(reading.scores[layer])
    return float(np.quantile(values[np.isfinite(values)], DIVERGING_LIMIT))


def token_label(reading: Reading, token: int) -> str:
    """A token as a label, plain text: blanks made visible where there is nothing else."""
    text = reading.tokens[token]
    told = text.strip()
    if not told:
        told = "(part)" if not text else "⏎" if "\n" in text else "␣"
    return told if len(told) <= 16 else told[:15] + "…"
