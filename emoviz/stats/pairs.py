"""Two RDMs, pair of emotions by pair of emotions: where do two models part?"""

from __future__ import annotations

import numpy as np

from ..geometry import rdm_of
from ..geometry.ranks import average_ranks
from ..types import PairedRDMs, VectorSet


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
