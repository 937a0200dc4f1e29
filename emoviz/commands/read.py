"""`emoviz read MODEL --text TEXT`: every token of a text, scored for every emotion."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Missing
from .arguments import Result, add_device, add_precision, add_set, set_of
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--text", required=True, metavar="TEXT")
    parser.add_argument("--layer", default="best", help="a layer or best (default); `layer` says which it was")
    add_set(parser)
    add_precision(parser)
    add_device(parser)


def run(given: Namespace, load: Callable[[str], Any] | None = None) -> Result:
    """load : gives the model of a name, for a caller that keeps models in memory."""
    from ..models.load import load_model
    from ..readout.projection import passage_scale
    from ..readout.reading import read_text
    from ..readout.summary import layer_of, ranked, sentences, text_scores
    from ..store import find_set

    started = time.perf_counter()
    if given.set is not None:
        # A name that is none is said before a model is loaded.
        find_set(given.set)
    loaded = (
        load_model(given.model, precision=given.precision, device=given.device) if load is None else load(given.model)
    )
    vectors = set_of(loaded, given.set)
    reading = read_text(loaded, vectors, given.text)
    layer = layer_of(reading, given.layer)
    scale = passage_scale(vectors, layer)
    mean = text_scores(reading, layer)
    z = (
        dict.fromkeys(reading.classes)
        if isinstance(scale, Missing)
        else dict(zip(reading.classes, (mean - scale[0]) / scale[1], strict=True))
    )

    def best(scores: np.ndarray) -> list[dict]:
        return [{"class": name, "score": score} for name, score in ranked(reading.classes, scores, 5)]

    result = {
        "model": reading.model,
        "set": reading.set,
        "tokens": reading.tokens,
        "layer": layer,
        "classes": reading.classes,
        "scores": reading.scores[layer],
        "top": [{**row, "z": z[row["class"]]} for row in best(mean)],
        "sentences": [{"text": s.text, "scores": s.scores, "top": best(s.scores)} for s in sentences(reading, layer)],
        "reasons": {
            **{f"layer {at}": why for at, why in reading.unread_layers.items()},
            **{f"token {at}": why for at, why in reading.unread_tokens.items()},
            **({"z": scale.why} if isinstance(scale, Missing) else {}),
        },
        "seconds": round(time.perf_counter() - started, 3),
    }
    words = [", ".join(f"{row['class']} {row['score']:+.3f}" for row in s["top"][:3]) for s in result["sentences"]]
    lines = [f"{word}  {s['text']}" for word, s in zip(words, result["sentences"], strict=True)]
    head = f"{reading.set}, layer {layer}: mean scores in fractions of the residual norm"
    missing = [f"{what}: {reason}" for what, reason in result["reasons"].items()]
    return result, "\n".join([head, table(_top_rows(result["top"])), "", *lines, *missing]), 0


def _top_rows(top: list[dict]) -> list[dict]:
    return [
        {"class": row["class"], "score": f"{row['score']:+.4f}", "z": "-" if row["z"] is None else f"{row['z']:+.1f}"}
        for row in top
    ]
