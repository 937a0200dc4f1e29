"""The set that a model is used with, with the residual norms that doses are a share of."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from ..models.fit import check_fit
from ..models.loaded import LoadedModel, loaded_model
from ..stimuli import neutral_sentences
from ..store.choice import Unfit, anything, set_for
from ..types import VectorSet
from .batches import encode
from .capture import capture
from .protocols import PROTOCOLS

# As extraction has it: the median over content tokens.
_PROTOCOL = PROTOCOLS["emoviz"]
_MEASURED: WeakKeyDictionary[LoadedModel, np.ndarray] = WeakKeyDictionary()


def fitting(vectors: VectorSet | None, loaded: LoadedModel, unfit: Unfit = anything) -> VectorSet:
    """The set that a model is used with: the given one, or the one it uses by itself for what is asked for.

    Vectors of other tools come without residual norms. These are measured, once for each loaded model, on the shipped
    neutral sentences; the set says so in `notes`. Raises InputError as `check_fit`, and if there is no set.
    """
    found = set_for(loaded_model(loaded), unfit) if vectors is None else vectors
    check_fit(found, loaded)
    known = found.residual_norm > 0
    if known[list(found.finite_layers)].all():
        return found
    if loaded not in _MEASURED:
        _MEASURED[loaded] = measured_norms(loaded)
    said = f"measured on {loaded.name} with {len(neutral_sentences())} neutral sentences, since the set has none"
    return replace(
        found,
        residual_norm=np.where(known, found.residual_norm, _MEASURED[loaded]),
        notes={**found.notes, "residual_norm": said},
    )


def measured_norms(loaded: LoadedModel) -> np.ndarray:
    """The median length of the states of the shipped neutral sentences' content tokens after each block, (L,)."""
    return np.median(capture(loaded, encode(loaded, neutral_sentences(), _PROTOCOL), _PROTOCOL).norms, axis=1)
