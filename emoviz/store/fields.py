"""Whether a value that was read is what the annotations of its class say, so that nothing else meets a surprise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

_PLAIN: dict[Any, set[type]] = {str: {str}, int: {int}, float: {float, int}}
_INFINITE = frozenset({math.inf, -math.inf})


def check_fields(value: Any) -> None:
    """Raises ValueError, with the field, for a dataclass with a value of another kind, or an infinite number, in it."""
    kind: Any = type(value)
    for name, own in _fields(kind).items():
        _check(getattr(value, name), own, name)


def check_facts(facts: Mapping[str, bool]) -> None:
    """facts : what is wrong -> whether all is well. Raises ValueError with the first that is not."""
    wrong = next((wrong for wrong, well in facts.items() if not well), None)
    if wrong is not None:
        raise ValueError(wrong)


def check_once(names: Sequence[Any], what: str) -> None:
    """Raises ValueError where there are none, one is blank, or one is there twice."""
    if not names or len(set(names)) < len(names) or any(isinstance(one, str) and not one.strip() for one in names):
        raise ValueError(f"{what} are missing, blank or there twice")


@cache
def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _check(value: Any, kind: Any, where: str) -> None:
    outer, inner = get_origin(kind), get_args(kind)
    if outer in (Union, UnionType):
        if value is None and NoneType in inner:
            return
        # None of ours has several kinds but for None.
        _check(value, next(one for one in inner if one is not NoneType), where)
    elif outer is tuple and isinstance(value, tuple):
        if inner[1:] == (...,) and inner[0] in _PLAIN:
            # Most of what a run holds.
            if not set(map(type, value)) <= _PLAIN[inner[0]] or not _INFINITE.isdisjoint(value):
                raise ValueError(f"{where:.80} holds other values than {inner[0].__name__}")
            return
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        if len(kinds) != len(value):
            raise ValueError(f"{where:.80} has {len(value)} values, not {len(kinds)}")
        for one, own in zip(value, kinds, strict=True):
            _check(one, own, where)
    elif outer is not None and outer is not tuple and isinstance(value, Mapping):
        for key, one in value.items():
            _check(key, inner[0], where)
            _check(one, inner[1], f"{where} {key}")
    elif isinstance(kind, type) and is_dataclass(kind) and isinstance(value, kind):
        for name, own in _fields(kind).items():
            _check(getattr(value, name), own, f"{where} {name}")
    elif not _fits(value, kind):
        raise ValueError(f"{where:.80} is {value!r:.40}, a {type(value).__name__} where another kind is needed")


def _fits(value: Any, kind: Any) -> bool:
    """Whether a single value is of a kind."""
    if kind is float:
        return type(value) in (float, int) and not math.isinf(value)
    if kind is Any:
        return (
            value is None
            or isinstance(value, (str, int, float))
            or (isinstance(value, (list, tuple)) and all(isinstance(one, (str, int, float)) for one in value))
        )
    if kind is np.ndarray:
        # What is mapped from a file is not read for this.
        mapped = isinstance(value, np.memmap)
        return isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and (mapped or not np.isinf(value).any())
    return isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool))
