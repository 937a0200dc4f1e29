"""Texts that people have labelled, as files bring them, for a witness to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .files import read_text
from .tables import TABLES, TEXT_COLUMNS, label_name, named, read_rows


@dataclass(frozen=True, slots=True)
class Labelled:
    """n texts with one label each. skipped : rows with several labels, left out, since none of them is the label."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    skipped: int

    def at_most(self, each: int) -> Labelled:
        """The first rows of every label, so many of each."""
        seen: Counter[str] = Counter()
        kept = []
        for k, label in enumerate(self.labels):
            seen[label] += 1
            if seen[label] <= each:
                kept.append(k)
        return Labelled(tuple(self.texts[k] for k in kept), tuple(self.labels[k] for k in kept), self.skipped)


def read_labelled(path: Path, names: Sequence[str] | None = None) -> Labelled:
    """Labelled texts: a TSV without a line of names (text, label or several with commas, anything), or a table as
    `tables` reads it.

    names : of labels that are numbers, from 0. Raises InputError for a file that cannot be read, a row without a text
    or a label, and a label without a name.
    """
    rows = _bare(path) if _is_bare(path) else _table(path, names)
    texts, labels, skipped = [], [], 0
    for where, text, label in rows:
        if not text.strip() or not label.strip():
            raise InputError(f"{where} has no {'label' if text.strip() else 'text'}. Give every text a label.")
        several = [part.strip() for part in label.split(",")]
        # Of several ones each is looked up, so that a wrong number is not passed over.
        found = [label_name(part, names, where) for part in several]
        if len(found) == 1:
            texts.append(text.strip())
            labels.append(found[0])
        else:
            skipped += 1
    if len(set(labels)) < 2:
        raise InputError(f"{path} has {len(set(labels))} label(s); two or more are needed to tell apart.")
    return Labelled(tuple(texts), tuple(labels), skipped)


def _is_bare(path: Path) -> bool:
    """Whether a file is a TSV that begins with its first row."""
    if path.suffix.lower() != ".tsv":
        return False
    first = read_text(path, "a table of labelled texts is", path).partition("\n")[0]
    return not {cell.strip().lower() for cell in first.split("\t")} & set(TEXT_COLUMNS)


def _bare(path: Path) -> list[tuple[str, str, str]]:
    rows = []
    for k, line in enumerate(read_text(path, "a table of labelled texts is", path).split("\n"), 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) < 2:
            raise InputError(f"{path}, line {k} has no label. Write the text, a tab, and its label.")
        rows.append((f"{path}, line {k}", cells[0], cells[1]))
    return rows


def _table(path: Path, names: Sequence[str] | None) -> list[tuple[str, str, str]]:
    rows = named(read_rows(path), str(path), labels=names, table=path.suffix.lower() in TABLES)
    return [(where, str(row.get("text", "")), str(row.get("emotion", ""))) for where, row in rows]
