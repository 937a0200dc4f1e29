"""Which vector set steers a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from ..models.registry import ModelSource
from ..types import VectorSet
from . import list_sets

if TYPE_CHECKING:
    from ..models.load import LoadedModel

DEFAULT_PROTOCOL = "emoviz"


def set_for(loaded: LoadedModel, emotions: Sequence[str] = ()) -> VectorSet:
    """The set made from this very model: one with all the emotions before others, then protocol `emoviz`, then fp32.

    Raises InputError if there is none.
    """
    fitting = _best_first([s for s in list_sets() if s.provenance.revision == loaded.revision], emotions)
    if not fitting:
        raise InputError(
            f"there is no vector set of {loaded.name} @{loaded.revision[:8]}; a set made from this very model is needed; "
            f"make one with emoviz extract {loaded.name}."
        )
    return fitting[0]


def set_before_loading(source: ModelSource, emotions: Sequence[str] = ()) -> VectorSet | None:
    """What `set_for` will find once the model is loaded; None where only loading can tell.

    A folder or file may hold other weights than when its set was made, a bundled or hub model changes with its version.
    """
    if source.kind not in ("bundled", "hub"):
        return None
    known = [s for s in list_sets() if s.provenance.model == source.name]
    if len({s.provenance.revision for s in known}) != 1:
        return None
    return _best_first(known, emotions)[0]


def _best_first(sets: list[VectorSet], emotions: Sequence[str]) -> list[VectorSet]:
    return sorted(
        sets,
        key=lambda s: (
            not set(emotions) <= set(s.classes),
            s.provenance.protocol.name != DEFAULT_PROTOCOL,
            s.provenance.precision != "fp32",
        ),
    )
