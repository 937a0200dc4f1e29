"""Passages (emotion, text, optional topic), from a file, a table or rows, into a Corpus."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..types import Corpus, Passage
from ..types.given import file_name
from ..words import counted
from .tables import LINE_FORM, TABLES, frame_rows, named, read_rows

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_CORPUS = "emoviz-420"
MIN_CLASSES, MAX_CLASSES = 2, 500
# Of a topic that is a number.
_LARGEST = 1e300
# Letters of the name of a class, which every figure and menu of a set shows.
MAX_NAME = 80

_DATA = files(__package__) / "data"
_COLUMNS = ("emotion", "text", "topic")
_FRAME = "the DataFrame"
_ROW_FORM = "(emotion, text) or (emotion, text, topic)"


def load_corpus(
    source: Path | str | pd.DataFrame | None = None,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    labels: Sequence[str] | None = None,
    name: str = "passages",
) -> Corpus:
    """The shipped corpus, or the passages of a file or a table with the shipped neutral sentences.

    source : the path of lines of {"emotion": "...", "text": "...", "topic": "..."}, of a JSON list of these, or of a
        table as CSV, TSV or Parquet, in UTF-8 or UTF-16; or a pandas DataFrame. A passage without a topic gets the
        topic `row k`, k counting within its class, so that halves are dealt in turn.
    text_column, label_column : what text and emotion are called there; None looks for `text`, `sentence`, `utterance`,
        `passage`, and for `emotion`, `label`, `class`.
    labels : the names of labels that are numbers, from 0. name : what passages that come from no file are called.
    Returns : Corpus.
    Raises  : InputError for a missing, empty or broken file, a row without emotion or text, numbers without names,
        fewer than 2 or more than 500 classes, or a class with a single passage (it cannot be split into halves).

    >>> import emoviz as ez
    >>> corpus = ez.load_corpus()
    >>> len(corpus.passages), len(corpus.classes)
    (420, 21)
    >>> import pandas as pd
    >>> table = pd.DataFrame({"sentence": ["It snows.", "He left.", "We won.", "It broke."], "label": [1, 0, 1, 0]})
    >>> ez.load_corpus(table, labels=["sad", "glad"], name="diary").classes
    ('glad', 'sad')
    """
    if source is None:
        lines = (_DATA / "passages.jsonl").read_text("utf-8").split("\n")
        shipped = [(DEFAULT_CORPUS, json.loads(line)) for line in lines if line.strip()]
        return _corpus(DEFAULT_CORPUS, DEFAULT_CORPUS, shipped, LINE_FORM)
    if not isinstance(source, (str, Path)):
        if not hasattr(source, "columns"):
            raise InputError(f"{source!r:.40} was given; the path of a file or a DataFrame is needed.")
        file_name(name)
        rows = named(frame_rows(source, name, _FRAME), _FRAME, text_column, label_column, labels, table=True)
        return _corpus(name, name, rows, _ROW_FORM)
    path = Path(source)
    table = path.suffix.lower() in TABLES
    rows = named(read_rows(path), str(path), text_column, label_column, labels, table=table)
    return _corpus(path.stem, str(path), rows, LINE_FORM)


def corpus_of(passages: Any, name: str = "passages") -> Corpus:
    """A corpus from whatever passages come in: see `extract.make.extract`.

    name : of a corpus that comes from no file. Raises InputError as `load_corpus`.
    """
    if isinstance(passages, Corpus):
        return passages
    if passages is None or isinstance(passages, (str, Path)) or hasattr(passages, "columns"):
        return load_corpus(passages, name=name)
    if not isinstance(passages, Iterable):
        raise InputError(
            f"passages are {passages!r:.40}; the path of a JSONL file, a DataFrame, or (emotion, text) rows are needed."
        )
    file_name(name)
    rows = [(f"{name}, row {k}", _fields(k, row)) for k, row in enumerate(passages)]
    return _corpus(name, name, rows, _ROW_FORM)


def neutral_sentences() -> tuple[str, ...]:
    """The shipped factual sentences that anisotropy is measured on."""
    lines = (_DATA / "neutral_sentences.txt").read_text("utf-8").split("\n")
    return tuple(line for line in lines if line.strip())


def _corpus(name: str, origin: str, rows: Sequence[tuple[str, dict[str, Any]]], form: str) -> Corpus:
    """A corpus of rows, each with where it stands."""
    counts: Counter[str] = Counter()
    passages = tuple(_passage(row, where, counts, form) for where, row in rows)
    if not passages:
        raise InputError(f"{origin} holds no passages. Give each as {form}.")
    if not MIN_CLASSES <= len(counts) <= MAX_CLASSES:
        raise InputError(f"{origin} has {counted(len(counts), 'class')}; {MIN_CLASSES} to {MAX_CLASSES} are allowed.")
    single = [name for name, count in counts.items() if count == 1]
    if single:
        raise InputError(
            f"{origin}: class {single[0]!r} has one passage. Give two or more per class, so that the set can be "
            "split into halves."
        )
    neutral = neutral_sentences()
    return Corpus(name, _hash(passages, neutral), passages, neutral)


def _fields(k: int, row: Any) -> dict[str, Any]:
    if isinstance(row, Passage):
        return {"emotion": row.emotion, "text": row.text, "topic": row.topic}
    if isinstance(row, (str, bytes)) or not isinstance(row, Sequence) or len(row) not in (2, 3):
        raise InputError(f"row {k} is {row!r:.60}; {_ROW_FORM} is needed.")
    return dict(zip(_COLUMNS, row, strict=False))


def _passage(row: dict[str, Any], where: str, counts: Counter[str], form: str) -> Passage:
    for key in ("emotion", "text"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(f"{where} has no {key!r}, or an empty one. Write it as {form}.")
    emotion = row["emotion"].strip()
    if len(emotion) > MAX_NAME:
        raise InputError(f"{where} names an emotion in {len(emotion)} letters; up to {MAX_NAME} are allowed.")
    counts[emotion] += 1
    topic = row.get("topic")
    if topic is None or topic == "":
        topic = f"row {counts[emotion]}"
    elif type(topic) in (int, float) and not abs(topic) > _LARGEST:
        topic = f"{topic:.15g}"
    if not isinstance(topic, str) or not topic.strip():
        raise InputError(f"{where} has a topic that is neither text nor a number. Write a word, or leave it out.")
    return Passage(emotion, row["text"].strip(), topic.strip())


def _hash(passages: tuple[Passage, ...], neutral: tuple[str, ...]) -> str:
    content = json.dumps([[(p.emotion, p.topic, p.text) for p in passages], neutral], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
