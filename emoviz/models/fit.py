"""Does a vector set belong to the loaded model?"""

from __future__ import annotations

from ..errors import InputError
from ..store.choice import made_from
from ..types import VectorSet
from ..types.given import one_set
from .loaded import LoadedModel, loaded_model


def check_fit(vectors: VectorSet, loaded: LoadedModel) -> None:
    """Raises InputError if one of the two is something else, or the set was made from another model."""
    vectors, loaded = one_set(vectors), loaded_model(loaded)
    same_size = (loaded.n_layers, loaded.d_model) == (vectors.n_layers, vectors.d_model)
    if not (same_size and made_from(vectors, loaded)):
        raise InputError(
            f"{vectors.name} was made from {vectors.provenance.checkpoint} ({vectors.n_layers} layers x "
            f"{vectors.d_model}), the loaded model is {loaded.name} @{loaded.revision[:8]} ({loaded.n_layers} x "
            f"{loaded.d_model}). Vectors do not carry over between models: use a set of this model."
        )
