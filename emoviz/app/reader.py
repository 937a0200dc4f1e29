"""The set that reads on the page, and its model."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ..geometry.cleaning import NONE, parse_cleaning
from ..types import VectorSet
from .cleaning import cleaned_with_status
from .memory import loaded_with_status
from .selection import Selection

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel


def first_with_model(
    view: Selection, *before: Any, after: tuple = (), cleaning: str = NONE
) -> Generator[tuple, None, tuple[VectorSet, LoadedModel]]:
    """Yields what is being loaded as the status between other outputs; returns the first selected set, cleaned as it is
    asked for, and its model."""
    vectors = view.chosen()[0]
    parse_cleaning(cleaning)

    def steps() -> Generator[tuple[Any, str], None, tuple[VectorSet, LoadedModel]]:
        loaded = yield from loaded_with_status(None, vectors.provenance.model)
        return (yield from cleaned_with_status(None, loaded, vectors, cleaning)), loaded

    running = steps()
    while True:
        try:
            _, status = next(running)
        except StopIteration as done:
            return done.value
        yield *before, status, *after
