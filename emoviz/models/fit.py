"""Does a vector set belong to the loaded model?"""

from __future__ import annotations

from ..errors import InputError
from ..types import VectorSet
from .loaded import LoadedModel


def check_fit(vectors: VectorSet, loaded: LoadedModel) -> None:
    """Raises InputError if the set was made from another model than the loaded one."""
    p = vectors.provenance
    if (loaded.revision, loaded.n_layers, loaded.d_model) != (p.revision, vectors.n_layers, vectors.d_model):
        raise InputError(
            f"{vectors.name} was made from {p.model} @{p.revision[:8]} ({vectors.n_layers} layers x "
            f"{vectors.d_model}), the loaded model is {loaded.name} @{loaded.revision[:8]} ({loaded.n_layers} x "
            f"{loaded.d_model}). Vectors do not carry over between models: use a set of this model."
        )
