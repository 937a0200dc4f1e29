"""What values have in common: a repr of one line, and equality by content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_LONGEST, _SHOWN = 160, 3


class Value:
    """A frozen dataclass with arrays in it, fit for a prompt.

    Its repr is one line and gives the shapes of arrays instead of their numbers. Two values of one class are equal if
    all they hold is equal, NaN to NaN included; comparing never raises. For classes made with
    `@dataclass(frozen=True, slots=True, repr=False, eq=False)`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        parts = [part for part in (_shown(f.name, getattr(self, f.name)) for f in fields(self)) if part]  # type: ignore[arg-type]
        return f"{type(self).__name__}({_cut(', '.join(parts))})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.compare)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        values = (getattr(self, f.name) for f in fields(self) if f.compare)  # type: ignore[arg-type]
        return hash((type(self), *(v for v in values if isinstance(v, (str, int)))))


def frame_html(frame: pd.DataFrame) -> str:
    """A table as a notebook shows it."""
    return frame._repr_html_()  # type: ignore[operator]


def _shown(name: str, value: Any) -> str:
    """`name=value`, arrays and long collections by their size; empty for what is not there."""
    if value is None or (isinstance(value, (str, tuple, list, dict)) and not len(value)):
        return ""
    if isinstance(value, np.ndarray):
        return f"{name} {'x'.join(map(str, value.shape))} {value.dtype}"
    if isinstance(value, Mapping) or (isinstance(value, (tuple, list)) and len(value) > _SHOWN):
        return f"{len(value)} {name}"
    if isinstance(value, (tuple, list)) and any(isinstance(one, Value) for one in value):
        return f"{len(value)} {name}"
    if isinstance(value, float):
        return f"{name}={value:.4g}"
    return f"{name}={_cut(repr(value), 48)}"


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return _same_arrays(np.asarray(a), np.asarray(b)) if a is not None and b is not None else a is b
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(_same(one, other) for one, other in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
        return True
    return bool(a == b)


def _same_arrays(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc")
