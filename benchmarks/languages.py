"""How often is a verdict from the text alone false, by language and form, and is a text's own script ever a leak?

The texts are ours (tests/data/README.md), with what each is: fluent, a loop, words in no order, or noise. A verdict is
false that says another thing; no verdict is none. Seconds (`python -m benchmarks languages`).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

from emoviz.judge.regimes import COLLAPSE, EXPLOSIVE, SURGICAL
from emoviz.judge.verdict import text_verdict
from emoviz.stimuli import load_corpus
from emoviz.stimuli.effects import plain_passages
from emoviz.stimuli.segments import words_in

LABELLED = Path(__file__).parents[1] / "tests" / "data" / "texts_by_language.jsonl"
RIGHT = {"fluent": SURGICAL, "loop": COLLAPSE, "salad": EXPLOSIVE, "noise": EXPLOSIVE}


def languages() -> dict:
    """Counts of the labelled texts by language, form and label; of English prose, and of its words in random order."""
    rows = texts_by_language()
    return {
        "texts": len(rows),
        **{part: verdicts(rows, part) for part in ("language", "form", "label")},
        "passages": _regimes([passage.text for passage in load_corpus().passages]),
        "plain passages": _regimes(plain_passages()),
        "passages in random order": _regimes(shuffled()),
    }


def texts_by_language() -> list[dict]:
    return [json.loads(line) for line in LABELLED.read_text("utf-8").split("\n") if line]


def verdicts(rows: list[dict], part: str) -> dict[str, dict[str, int]]:
    """By the part of a row: texts, false verdicts, texts without one, and leaks of fluent texts, whose prompt is the
    first text of their language, or none."""
    prompts = {row["language"]: row["text"] for row in reversed(rows)}
    found: dict[str, Counter[str]] = {}
    for row in rows:
        said = [text_verdict(row["text"], prompt) for prompt in (None, prompts[row["language"]])]
        counts = found.setdefault(row[part], Counter(texts=0, false=0, none=0, leaks=0))
        counts["texts"] += 1
        counts["false"] += said[0].regime not in (None, RIGHT[row["label"]])
        counts["none"] += said[0].regime is None
        counts["leaks"] += row["label"] == "fluent" and any(one.leak > 0 for one in said)
    return {name: dict(counts) for name, counts in found.items()}


def shuffled(seed: int = 0) -> list[str]:
    """The first thirty words of every shipped passage, in random order."""
    order = random.Random(seed)
    words = [[word.lower() for word in words_in(passage.text)[:30]] for passage in load_corpus().passages]
    return [" ".join(order.sample(row, len(row))) for row in words]


def _regimes(texts) -> dict[str, int]:
    return dict(Counter(str(text_verdict(text).regime) for text in texts))
