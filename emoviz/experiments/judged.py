"""Texts of chosen pairs of direction and dose, written in one batch with their baseline, and judged."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path

from ..extract.work import kept
from ..judge.texts import judge_batch
from ..models.load import LoadedModel
from ..steer.generate import MAX_BATCH_TOKENS, MAX_ROWS, checked_ids, generate, generations
from ..steer.grammar import UNSTEERED
from ..steer.injection import offsets
from ..types import Decoding, Recipe, VectorSet, Verdict


def judged_texts(
    loaded: LoadedModel,
    vectors: VectorSet,
    prompt: str,
    pairs: Sequence[tuple[str, float]],
    recipe: Recipe,
    decoding: Decoding,
    work: Path | None = None,
) -> list[tuple[str, Verdict]]:
    """Text and verdict of the baseline, then of every (direction, dose), all with the same noise.

    Written in several batches where one would not fit. work : a folder in which they are kept, under a name that is
    made of all that they depend on but the set. Errors as `generate` and `offsets`.
    """
    asked = [prompt, list(pairs), asdict(recipe), asdict(decoding)]
    name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
    rows = kept(work, name, partial(_rows, loaded, vectors, prompt, pairs, recipe, decoding))
    return [(text, Verdict(*said)) for text, said in rows]


def _rows(
    loaded: LoadedModel,
    vectors: VectorSet,
    prompt: str,
    pairs: Sequence[tuple[str, float]],
    recipe: Recipe,
    decoding: Decoding,
) -> list[tuple[str, tuple]]:
    length = len(checked_ids(loaded, prompt, decoding)) + decoding.max_new_tokens
    size = max(1, min(MAX_ROWS, MAX_BATCH_TOKENS // length) - 1)
    found: list[tuple[str, tuple]] = []
    for start in range(0, len(pairs), size):
        rows = [(UNSTEERED, 0.0), *pairs[start : start + size]]
        steps = generate(loaded, prompt, offsets(vectors, rows, recipe), decoding)
        made = generations(loaded, vectors, rows, prompt, deque(steps, maxlen=1).pop(), chat=decoding.chat)
        judged = judge_batch(loaded, made)
        texts = [(one.text, astuple(said)) for one, said in zip(made, judged, strict=True)]
        # The baseline stands in every batch and is the same in each.
        found += texts[1:] if found else texts
    return found
