"""The highest of many, kept on the way: a list of fixed length for each class, whatever goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..types import TopRow

# Of each class.
KEPT = 20


class Tops:
    """The highest rows of each class so far, those of one key once."""

    def __init__(self, classes: Sequence[str], kept: int = KEPT) -> None:
        self._kept = kept
        self._rows: dict[str, dict[str, TopRow]] = {name: {} for name in classes}

    def add(self, scores: np.ndarray, key: Callable[[int], str], row: Callable[[int, int], TopRow]) -> None:
        """scores : (n, C), NaN for what has none. key : of a place in n, what it is told apart by; empty for what is
        not listed. row : of a place and a class. Both are asked for those alone that may be kept."""
        for c, name in enumerate(self._rows):
            high = np.flatnonzero(scores[:, c] > self._floor(name))
            for k in high[np.argsort(-scores[high, c], kind="stable")].tolist():
                if scores[k, c] <= self._floor(name):
                    break
                own = key(k)
                known = self._rows[name].get(own)
                if own and (known is None or known.score < scores[k, c]):
                    self._put(name, own, row(k, c))

    def merge(self, rows: Mapping[str, Mapping[str, TopRow]]) -> None:
        """Those of another, as `kept` gives them."""
        for name, own in rows.items():
            for key, row in own.items():
                self._put(name, key, row)

    def kept(self) -> dict[str, dict[str, TopRow]]:
        """Class -> key -> row, the highest first; of equal ones the earlier text."""
        return {
            name: dict(sorted(own.items(), key=lambda item: (-item[1].score, item[1].id)))
            for name, own in self._rows.items()
        }

    def _floor(self, name: str) -> float:
        """What a row must be above to be kept."""
        own = self._rows[name]
        return -np.inf if len(own) < self._kept else min(row.score for row in own.values())

    def _put(self, name: str, key: str, row: TopRow) -> None:
        own = self._rows[name]
        if key in own and own[key].score >= row.score:
            return
        own[key] = row
        if len(own) > self._kept:
            del own[min(own, key=lambda other: (own[other].score, -own[other].id))]
