"""Does a vector set belong to the loaded model?"""

from __future__ import annotations

from ..errors import InputError
from ..store.choice import set_for
from ..types import VectorSet
from ..types.given import one_set
from .loaded import LoadedModel, loaded_model


def check_fit(vectors: VectorSet, loaded: LoadedModel) -> None:
    """Raises InputError if one of the two is something else, or the set was made from another model."""
    p, loaded = one_set(vectors).provenance, loaded_model(loaded)
    if (loaded.revision, loaded.n_layers, loaded.d_model) != (p.revision, vectors.n_layers, vectors.d_model):
        raise InputError(
            f"{vectors.name} was made from {p.model} @{p.revision[:8]} ({vectors.n_layers} layers x "
            f"{vectors.d_model}), the loaded model is {loaded.name} @{loaded.revision[:8]} ({loaded.n_layers} x "
            f"{loaded.d_model}). Vectors do not carry over between models: use a set of this model."
        )


def fitting(vectors: VectorSet | None, loaded: LoadedModel) -> VectorSet:
    """The set that a model is used with: the given one, or the one it uses by itself. Raises InputError as `check_fit`,
    and if there is none."""
    found = set_for(loaded_model(loaded)) if vectors is None else vectors
    check_fit(found, loaded)
    return found
