"""Reading passage files (JSONL: emotion, text, optional topic) into a Corpus."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

from ..errors import InputError
from ..types import Corpus, Passage
from .files import read_text

DEFAULT_CORPUS = "emoviz-420"
MIN_CLASSES, MAX_CLASSES = 2, 500

_DATA = files(__package__) / "data"
_LINE_FORM = '{"emotion": "...", "text": "...", "topic": "..."}'


def load_corpus(path: Path | str | None = None) -> Corpus:
    """The shipped corpus, or the passages of a JSONL file with the shipped neutral sentences.

    A passage without a topic gets the topic `row k`, k counting within its class, so that halves are dealt in turn.
    Raises InputError for a missing, empty or broken file, a line without emotion or text, fewer than 2 or more than
    500 classes, or a class with a single passage (it cannot be split into halves).
    """
    if path is None:
        name, raw = DEFAULT_CORPUS, (_DATA / "passages.jsonl").read_text("utf-8")
    else:
        path = Path(path)
        name, raw = path.stem, read_text(path, "a JSONL file of passages is", path)
    passages = _parse(raw, str(path or name))
    neutral = neutral_sentences()
    return Corpus(name, _hash(passages, neutral), passages, neutral)


def neutral_sentences() -> tuple[str, ...]:
    """The shipped factual sentences that anisotropy is measured on."""
    lines = (_DATA / "neutral_sentences.txt").read_text("utf-8").split("\n")
    return tuple(line for line in lines if line.strip())


def _parse(raw: str, origin: str) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    counts: Counter[str] = Counter()
    for number, line in enumerate(raw.split("\n"), 1):
        if not line.strip():
            continue
        passages.append(_passage(line, f"{origin}, line {number}", counts))
    if not passages:
        raise InputError(f"{origin} holds no passages; one JSON object a line is needed: {_LINE_FORM}.")
    if not MIN_CLASSES <= len(counts) <= MAX_CLASSES:
        raise InputError(
            f"{origin} has {len(counts)} class(es); {MIN_CLASSES} to {MAX_CLASSES} are allowed; "
            "add passages of another class or split the file."
        )
    single = [name for name, count in counts.items() if count == 1]
    if single:
        raise InputError(
            f"{origin}: class {single[0]!r} has one passage; two or more per class are needed so that the set can be "
            "split into halves; add passages."
        )
    return tuple(passages)


def _passage(line: str, where: str, counts: Counter[str]) -> Passage:
    try:
        row = json.loads(line)
        # Half of a surrogate pair can be escaped in JSON, but is no text.
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or getattr(error, "reason", None) or "a number or nesting too long"
        raise InputError(f"{where} is not JSON ({reason}); write it as {_LINE_FORM}.") from error
    if not isinstance(row, dict):
        raise InputError(f"{where} is a {type(row).__name__}, not an object; write it as {_LINE_FORM}.")
    for key in ("emotion", "text"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(f"{where} has no {key!r}, or an empty one; write it as {_LINE_FORM}.")
    emotion = row["emotion"].strip()
    counts[emotion] += 1
    topic = row.get("topic", f"row {counts[emotion]}")
    if not isinstance(topic, str) or not topic.strip():
        raise InputError(f"{where} has a topic that is not text; leave it out or write a word.")
    return Passage(emotion, row["text"].strip(), topic.strip())


def _hash(passages: tuple[Passage, ...], neutral: tuple[str, ...]) -> str:
    content = json.dumps([[(p.emotion, p.topic, p.text) for p in passages], neutral], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
