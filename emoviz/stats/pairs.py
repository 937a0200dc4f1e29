"""Two RDMs, pair of emotions by pair of emotions: where do two models part?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry import rdm_of
from ..geometry.ranks import average_ranks
from ..types import VectorSet


@dataclass(frozen=True, slots=True)
class PairedRDMs:
    """The RDMs of two sets on the classes that both have. Values and ranks are (2, P); rank 1 is the most alike pair."""

    pairs: tuple[tuple[str, str], ...]
    values: np.ndarray
    ranks: np.ndarray

    def most_different(self, n: int) -> list[int]:
        """The n pairs whose ranks differ most, the largest difference first; none whose ranks are the same."""
        gap = np.abs(self.ranks[1] - self.ranks[0])
        return [int(k) for k in np.argsort(-gap, kind="stable")[:n] if gap[k] > 0]


def paired_rdms(sets: tuple[VectorSet, VectorSet], layers: tuple[int, int], centring: str) -> PairedRDMs:
    """The RDMs of two sets side by side. Raises InputError as `geometry.rdm_of`."""
    common = tuple(sorted(set(sets[0].classes) & set(sets[1].classes)))
    values = []
    for vectors, layer in zip(sets, layers, strict=True):
        at = [vectors.classes.index(name) for name in common]
        condensed, kept = rdm_of(vectors.class_means[layer][at], common, centring)
        values.append(condensed)
    rows, columns = np.triu_indices(len(kept), 1)
    pairs = tuple((kept[i], kept[j]) for i, j in zip(rows, columns, strict=True))
    return PairedRDMs(pairs, np.array(values), average_ranks(np.array(values)))
