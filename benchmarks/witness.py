"""How the witnesses do on short texts: passages cut to their first or last 30 words, and stories that a model wrote.

python -m benchmarks.witness prints one JSON object (about ten minutes on one core). Topics are held out throughout.
"""

from __future__ import annotations

import json
import time

import numpy as np

from emoviz.stimuli import load_corpus
from emoviz.store import find_set, load_stories
from emoviz.types import HeadCheck
from emoviz.witness.heads import train_head
from emoviz.witness.targets import target_scores
from emoviz.witness.witness import candidates

# About 36 tokens of either bundled model.
WORDS = 30
STORIES = "SmolLM2-135M-Instruct_emoviz-stories"


def measure() -> list[dict]:
    """A row per witness, trained on whole passages (as shipped) or on whole and cut ones; accuracy and loss on each."""
    passages = load_corpus().passages
    emotions, topics = [p.emotion for p in passages], [p.topic for p in passages]
    texts = {
        "whole": [p.text for p in passages],
        "first words": [" ".join(p.text.split()[:WORDS]) for p in passages],
        "last words": [" ".join(p.text.split()[-WORDS:]) for p in passages],
    }
    stories = load_stories(find_set(STORIES))
    found, _ = candidates()
    singles = {part.name: part for one in found if len(one.parts) == 1 for part in one.parts}
    read = {
        name: {"whole": part.corpus(), **{kind: part.read(texts[kind]) for kind in ("first words", "last words")}}
        for name, part in singles.items()
    }
    rows = []
    for one in found:
        joined = {kind: np.concatenate([read[part.name][kind] for part in one.parts], axis=1) for kind in texts}
        both = np.concatenate([joined["whole"], joined["first words"]])
        started = time.perf_counter()
        train_head(joined["whole"], emotions, topics)
        seconds = time.perf_counter() - started
        rows.append(
            {
                "witness": one.card.name,
                "seconds to train": round(seconds, 1),
                "trained on whole": {
                    kind: _numbers(train_head(joined["whole"], emotions, topics, joined[kind])[1]) for kind in texts
                },
                "trained on whole and first words": {
                    kind: _numbers(train_head(both, emotions * 2, topics * 2, np.tile(joined[kind], (2, 1)))[1])
                    for kind in texts
                },
                "stories": _stories(one, stories),
            }
        )
    return rows


def _numbers(check: HeadCheck) -> dict:
    return {name: round(getattr(check, name), 3) for name in ("accuracy", "log_loss", "confidence", "strength")}


def _stories(one, stories) -> dict:
    started = time.perf_counter()
    rows = one.probabilities([" ".join(story.text.split()[:WORDS]) for story in stories])
    seconds = time.perf_counter() - started
    classes = one.card.classes
    right = [classes[k] == story.emotion for k, story in zip(rows.argmax(1), stories, strict=True)]
    asked = {name: [story.emotion == name for story in stories] for name in classes}
    gaps = [
        target_scores(classes, rows[mask], name).mean() - target_scores(classes, rows[~np.array(mask)], name).mean()
        for name, mask in asked.items()
    ]
    return {
        "accuracy": round(float(np.mean(right)), 3),
        "target probability above that in other stories": round(float(np.mean(gaps)), 3),
        "seconds per 100 texts": round(100 * seconds / len(stories), 1),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
