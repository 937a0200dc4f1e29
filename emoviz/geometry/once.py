"""Numbers of a vector set that are asked for again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..types import VectorSet
from ..types.given import one_set

F = TypeVar("F", bound=Callable[..., Any])


def once_per_set(function: F) -> F:
    """Computes once for each set and further (hashable) arguments, and forgets with the set.

    The first argument of the function is the set. What it returns is shared, so nobody may change it.
    """
    kept: WeakKeyDictionary[VectorSet, dict[tuple[Any, ...], Any]] = WeakKeyDictionary()

    @wraps(function)
    def remembered(vectors: VectorSet, *args: Any, **options: Any) -> Any:
        own = kept.setdefault(one_set(vectors), {})
        key = (args, tuple(sorted(options.items())))
        if key not in own:
            own[key] = function(vectors, *args, **options)
        return own[key]

    return remembered  # type: ignore[return-value]
