"""`emoviz read MODEL`: every token of a text, or every message of a dialogue, scored for every emotion."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Missing
from .arguments import Result, add_device, add_precision, add_set, layer_of, set_of
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", metavar="TEXT")
    what.add_argument(
        "--turns", metavar="FILE", help="a dialogue, read in the chat template: one {role, content} a line (.jsonl)"
    )
    parser.add_argument("--layer", default="best", help="a layer or best (default); `layer` says which it was")
    add_set(parser)
    add_precision(parser)
    add_device(parser)


def run(given: Namespace, load: Callable[[str], Any] | None = None) -> Result:
    """load : gives the model of a name, for a caller that keeps models in memory."""
    from ..models.load import load_model
    from ..readout.projection import passage_scale
    from ..readout.reading import read_text
    from ..readout.summary import layer_of as layer_read
    from ..readout.summary import ranked, sentences, text_scores
    from ..stimuli.dialogues import load_dialogue
    from ..store import find_set

    started = time.perf_counter()
    if given.set is not None:
        # A name that is none is said before a model is loaded.
        find_set(given.set)
    messages = [] if given.turns is None else load_dialogue(given.turns)
    loaded = (
        load_model(given.model, precision=given.precision, device=given.device) if load is None else load(given.model)
    )
    vectors = set_of(loaded, given.set)
    if given.turns is not None:
        return _dialogue(given, loaded, vectors, messages, started)
    reading = read_text(loaded, vectors, given.text)
    layer = layer_read(reading, given.layer)
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


def _dialogue(given: Namespace, loaded: Any, vectors: Any, messages: list[tuple[str, str]], started: float) -> Result:
    """Every message, and the position before each answer."""
    from ..readout.dialogue import read_dialogue
    from ..readout.summary import top_words

    layer = given.layer if given.layer == "best" else layer_of(given.layer, vectors)
    found = read_dialogue(loaded, vectors, messages, layer)

    def named(values: np.ndarray) -> dict[str, float] | None:
        return None if np.isnan(values).all() else dict(zip(found.classes, values.tolist(), strict=True))

    def highest(values: np.ndarray) -> str:
        return top_words(found.classes, values) or "-"

    result = {
        "model": found.model,
        "set": found.set,
        "layer": found.layer,
        "classes": found.classes,
        "turns": [
            {"role": role, "text": text, "over": named(over), "before": named(before)}
            for role, text, over, before in zip(found.roles, found.texts, found.over, found.before, strict=True)
        ],
        "template_shift": named(found.shift),
        "seconds": round(time.perf_counter() - started, 3),
    }
    lines = [f"{found.set}, layer {found.layer}: mean scores less those of neutral exchanges in the same template"]
    lines.append(f"the template alone shifts an answer's scores by up to {np.abs(found.shift).max():.3f}")
    for role, text, over, before in zip(found.roles, found.texts, found.over, found.before, strict=True):
        if role == "assistant":
            lines.append(f"before the answer: {highest(before)}")
        lines.append(f"{role}: {highest(over)}\n  {' '.join(text.split())[:200]}")
    return result, "\n".join(lines), 0


def _top_rows(top: list[dict]) -> list[dict]:
    return [
        {"class": row["class"], "score": f"{row['score']:+.4f}", "z": "-" if row["z"] is None else f"{row['z']:+.1f}"}
        for row in top
    ]
