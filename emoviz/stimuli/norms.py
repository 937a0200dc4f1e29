"""A user's own ratings of words for valence and arousal."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

from ..errors import InputError
from ..numerals import value_of
from ..types import Norms
from .files import read_text
from .tables import delimiter_of

# As they are called here and in the norms that people use (Warriner et al. 2013 has V.Mean.Sum, ANEW Valence Mean).
_COLUMNS = {
    "word": ("word", "emotion", "term", "description"),
    "valence": ("valence", "v.mean.sum", "valence mean", "valence_mean", "v.mean", "v"),
    "arousal": ("arousal", "a.mean.sum", "arousal mean", "arousal_mean", "a.mean", "a"),
}
_FORM = (
    "a header with the columns word, valence and arousal, and a line a word, separated by commas, semicolons or tabs"
)
MAX_BYTES = 5_000_000


def load_norms(path: Path | str) -> Norms:
    """Ratings of words by valence and arousal, from a CSV or TSV file.

    path : of a file with a header: word (or emotion, or term), valence, arousal, on any scale, also as Warriner et al.
        2013 call them (V.Mean.Sum, A.Mean.Sum); other columns are ignored. Case does not matter, in the header or in
        words. Where semicolons part the columns, numbers may have a decimal comma.
    Returns : Norms, which `ez.plot.valence` takes.
    Raises  : InputError for a file that is missing, larger than 5 MB or not UTF-8, a missing column, a rating that is
        not a finite number, a word that stands twice, or no word at all.

    >>> import emoviz as ez, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "norms.csv")
    >>> _ = path.write_text("word,valence,arousal\\nsad,2.1,3.5\\nhappy,8.5,6.0\\n")
    >>> ez.load_norms(path).ratings["sad"]
    (2.1, 3.5)
    """
    path = Path(path)
    lines = _text(path).splitlines()
    head = lines[0] if lines else ""
    delimiter = "\t" if "\t" in head else delimiter_of(head, ",")
    rows = csv.reader(lines, delimiter=delimiter)
    ratings: dict[str, tuple[float, float]] = {}
    try:
        header = [name.strip().casefold() for name in next(rows, [])]
        for what, usual in _COLUMNS.items():
            if not set(usual) & set(header):
                raise InputError(f"{path.name} has no column {what!r}; {_FORM} are needed.")
        at_word, *rated = (next(header.index(one) for one in usual if one in header) for usual in _COLUMNS.values())
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path.name}, line {rows.line_num}"
            if len(row) <= max(at_word, *rated):
                raise InputError(f"{where} has {len(row)} cell(s), fewer than the header names.")
            word = row[at_word].strip().casefold()
            if word in ratings:
                raise InputError(f"{where}: {word!r} stands in the file twice. Remove one of the lines.")
            valence, arousal = (_number(row[k], header[k], where, comma=delimiter == ";") for k in rated)
            ratings[word] = valence, arousal
    except csv.Error as error:
        raise InputError(f"{path.name}, line {rows.line_num} cannot be read ({error}); {_FORM} are needed.") from error
    if not ratings:
        raise InputError(f"{path.name} holds no words; {_FORM} are needed.")
    return Norms(path.name, ratings)


def _text(path: Path) -> str:
    # os.path, since pathlib raises for a name that is too long; reading says what is wrong with a file without a size.
    size = path.stat().st_size if os.path.isfile(path) else 0  # noqa: PTH113
    if size > MAX_BYTES:
        raise InputError(
            f"{path.name} has {size / 1e6:.1f} MB; up to {MAX_BYTES / 1e6:.0f} MB are allowed. Keep the words that "
            "the vector set has."
        )
    return read_text(path, f"{_FORM} are", path.name)


def _number(text: str, column: str, where: str, *, comma: bool) -> float:
    value = value_of(text, comma=comma)
    if math.isnan(value):
        raise InputError(
            f"{where}: {column} is {text.strip()[:24]!r}, not a number. Write a number, or leave the line out."
        )
    return value
