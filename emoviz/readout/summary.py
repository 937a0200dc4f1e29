"""What a reading says about sentences and the whole text. No torch."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..numerals import value_of
from ..types import Reading, Sentence
from .sentences import sentence_of, sentence_spans


def sentences(reading: Reading, layer: int) -> list[Sentence]:
    """Mean scores of each sentence at one layer; a token belongs to the sentence that its last letter stands in."""
    spans = sentence_spans(reading.text)
    own = sentence_of(spans, np.array([end for _, end in reading.offsets]))
    return [
        Sentence(reading.text[start:end].strip(), mean_of_read(reading.scores[layer, own == k]))
        for k, (start, end) in enumerate(spans)
    ]


def text_scores(reading: Reading, layer: int) -> np.ndarray:
    """Mean scores of the whole text at one layer, (C,)."""
    return mean_of_read(reading.scores[layer])


def ranked(classes: tuple[str, ...], scores: np.ndarray, n: int) -> list[tuple[str, float]]:
    """The n classes with the highest scores; none for a row without scores."""
    if np.isnan(scores).any():
        return []
    return [(classes[k], float(scores[k])) for k in np.argsort(-scores, kind="stable")[:n]]


def top_words(classes: tuple[str, ...], scores: np.ndarray, n: int = 3) -> str:
    """The n highest in words, `calm +0.021, hopeful +0.013`; empty without scores."""
    return ", ".join(f"{name} {score:+.3f}" for name, score in ranked(classes, scores, n))


def layer_of(reading: Reading, text: str) -> int:
    """`best` or a layer's number. Raises InputError for anything else, or a layer at which nothing could be read."""
    n = len(reading.scores)
    if text == "best":
        return reading.layer
    layer = value_of(text)
    if not 0 <= layer < n or layer != int(layer):
        raise InputError(f"layer {text[:24]!r} was asked for; best or a number from 0 to {n - 1} is allowed.")
    if np.isnan(reading.scores[int(layer)]).all():
        raise InputError(f"layer {text} of {reading.set} holds no finite values. Choose another layer.")
    return int(layer)


def mean_of_read(scores: np.ndarray) -> np.ndarray:
    """Mean over the tokens that were read, NaN without any."""
    read = scores[np.isfinite(scores).all(-1)]
    return read.mean(0) if len(read) else np.full(scores.shape[-1], np.nan)
