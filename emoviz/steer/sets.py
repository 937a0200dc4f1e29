"""Which vector set steers a model."""

from __future__ import annotations

from ..errors import InputError
from ..models.load import LoadedModel
from ..store import list_sets
from ..types import VectorSet

DEFAULT_PROTOCOL = "emoviz"


def set_for(loaded: LoadedModel) -> VectorSet:
    """The set made from this very model, protocol `emoviz` before others. Raises InputError if there is none."""
    fitting = [s for s in list_sets() if (s.provenance.model, s.provenance.revision) == (loaded.name, loaded.revision)]
    fitting.sort(key=lambda s: s.provenance.protocol.name != DEFAULT_PROTOCOL)
    if not fitting:
        raise InputError(
            f"there is no vector set of {loaded.name} @{loaded.revision[:8]}; a set made from this very model is needed; "
            f"make one with emoviz extract {loaded.name}."
        )
    return fitting[0]
