"""What was read of many texts: where the table is, what stands out in it, and what two groups of texts differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .base import Value

if TYPE_CHECKING:
    import pandas as pd

# Columns of a table of readings before those that came with the texts; after those follow `score CLASS` and `z CLASS`.
ID, FILE, SENTENCE, TEXT, TOKENS, NOTE = "text_id", "file", "sentence", "text", "tokens", "note"
OWN_COLUMNS = (ID, FILE, SENTENCE, TEXT, TOKENS, NOTE)
_WORDS = (FILE, TEXT, NOTE)
# Of the scores of whole texts, as a distribution is drawn.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# What is listed by its score.
TOPS = ("texts", "sentences", "tokens")
_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class TopRow:
    """A text, a sentence or a token among those with the highest scores of a class.

    before, after : what stands around a token; empty for others. id, sentence : its place in the table, sentence 0 for
    a whole text. z : None for a token, and where there is none.
    """

    text: str
    score: float
    z: float | None
    id: int
    sentence: int
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TextReadings(Value):
    """A table of texts that a model read, on disk: a row per text (sentence 0) and per sentence (from 1).

    path : of the table, CSV or Parquet. texts, rows, unread : how many there are, unread those without scores, which
    say why in `note`. tokens : that were read. columns : those that came with the texts. scale : (2, C), mean and
    standard deviation of the set's own passages, which z is against; None where `no_z` says why. tokens_per_second : of
    the run that ended it. quantiles : (5, C), of the scores of whole texts at `QUANTILES`. tops : texts, sentences and
    tokens -> class -> the highest.
    """

    path: Path
    model: str
    set: str
    layer: int
    classes: tuple[str, ...]
    texts: int
    rows: int
    unread: int
    tokens: int
    columns: tuple[str, ...]
    scale: np.ndarray | None
    no_z: str
    tokens_per_second: float | None
    quantiles: np.ndarray
    tops: Mapping[str, Mapping[str, tuple[TopRow, ...]]]

    def frames(self, columns: Sequence[str] | None = None, rows: int = _ROWS) -> Iterator[pd.DataFrame]:
        """The table in parts of so many rows, so that memory stays flat. columns : which of them, all by default."""
        wanted = None if columns is None else list(dict.fromkeys(columns))
        yield from (_parquet if self.path.suffix == ".parquet" else _csv)(self, wanted, rows)

    def to_frame(self) -> pd.DataFrame:
        """The whole table: text_id, file, sentence, text, tokens, note, the columns of the file, and per class `score
        CLASS` and `z CLASS`."""
        import pandas as pd

        return pd.concat(self.frames(), ignore_index=True)

    def top(self, emotion: str, what: str = "texts") -> pd.DataFrame:
        """The highest texts, sentences or tokens of a class: text, score, z, id, sentence, before, after."""
        import pandas as pd

        return pd.DataFrame(
            [[getattr(row, name) for name in TopRow.__slots__] for row in self.tops[what][emotion]],
            columns=list(TopRow.__slots__),
        )

    def __repr__(self) -> str:
        return f"TextReadings({self.model}: {self.texts} texts, {self.unread} unread, layer {self.layer}, {self.path})"


def score_column(name: str) -> str:
    return f"score {name}"


def z_column(name: str) -> str:
    return f"z {name}"


def _csv(readings: TextReadings, columns: list[str] | None, rows: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    words = (*_WORDS, *readings.columns)
    names = [make(name) for name in readings.classes for make in (score_column, z_column)]
    with pd.read_csv(
        readings.path,
        usecols=columns,
        dtype={**dict.fromkeys(words, str), **dict.fromkeys(names, np.float32)},
        # A text may be NA or null.
        keep_default_na=False,
        na_values={name: [""] for name in names},
        encoding="utf-8-sig",
        chunksize=rows,
    ) as parts:
        for part in parts:
            for name in part.columns.intersection(list(words)):
                # As `store.spreadsheet.cell` has written it.
                part[name] = part[name].str.replace(r"^'( *[=+\-@\t\r])", r"\1", regex=True)
            yield part if columns is None else part[columns]


def _parquet(readings: TextReadings, columns: list[str] | None, rows: int) -> Iterator[pd.DataFrame]:
    from pyarrow import parquet

    with parquet.ParquetFile(readings.path) as file:
        for batch in file.iter_batches(rows, columns=columns):
            yield batch.to_pandas()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class GroupDifference(Value):
    """What two groups of texts differ in, class by class, (C,) each. See `stats.groups`.

    names, n : of the groups. means : (2, C). d : Cohen's d, first less second. low, high : its 95 % interval. p :
    corrected over the classes. n_bootstrap, n_permutations : resamples and relabellings behind them.
    """

    column: str
    names: tuple[str, str]
    n: tuple[int, int]
    classes: tuple[str, ...]
    means: np.ndarray
    d: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    n_bootstrap: int
    n_permutations: int

    def to_frame(self) -> pd.DataFrame:
        """One row per class, the largest difference first: class, mean first, mean second, d, low, high, p."""
        import pandas as pd

        frame = pd.DataFrame(
            {
                "class": list(self.classes),
                "mean first": self.means[0],
                "mean second": self.means[1],
                "d": self.d,
                "low": self.low,
                "high": self.high,
                "p": self.p,
            }
        )
        return frame.sort_values("d", key=abs, ascending=False, ignore_index=True)
