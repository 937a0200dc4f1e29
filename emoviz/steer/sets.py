"""Which vector set steers a model."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..models.load import LoadedModel
from ..store import list_sets
from ..types import VectorSet

DEFAULT_PROTOCOL = "emoviz"


def set_for(loaded: LoadedModel, emotions: Sequence[str] = ()) -> VectorSet:
    """The set made from this very model: one with all the emotions before others, then protocol `emoviz`, then fp32.

    Raises InputError if there is none.
    """
    fitting = [s for s in list_sets() if s.provenance.revision == loaded.revision]
    fitting.sort(
        key=lambda s: (
            not set(emotions) <= set(s.classes),
            s.provenance.protocol.name != DEFAULT_PROTOCOL,
            s.provenance.precision != "fp32",
        )
    )
    if not fitting:
        raise InputError(
            f"there is no vector set of {loaded.name} @{loaded.revision[:8]}; a set made from this very model is needed; "
            f"make one with emoviz extract {loaded.name}."
        )
    return fitting[0]
