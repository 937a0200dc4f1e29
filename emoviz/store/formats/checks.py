"""What every reader checks before it believes a file: sizes before anything is read, then numbers and names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...words import counted

# Bytes of all vectors of an import, as float32: 171 classes x 80 layers x 8192 fit twice.
MAX_BYTES = 2**30
# Layers of a model, classes of a set.
MAX_LAYERS, MAX_CLASSES = 1000, 500
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
_SHOWN = 300


def refused(path: Path, why: str) -> InputError:
    """why : a clause, then what to do."""
    return InputError(f"{path.name} cannot be imported: {why}")


def file_size(path: Path) -> int:
    """Raises InputError where there is no file to read, or none of this size is read."""
    try:
        size = path.stat().st_size
        # A pipe would be waited for.
        if not path.is_file():
            raise refused(path, "it is no file. Give a file that a tool saved.")
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    if size == 0:
        raise refused(path, "it is empty. Save it again.")
    return size


def check_size(path: Path, shape: Sequence[int], what: str) -> None:
    """Raises InputError for more numbers than any vectors have, and for none."""
    if not shape or min(shape) < 1 or math.prod(shape) * 4 > MAX_BYTES:
        size = " x ".join(map(str, shape[:6]))
        raise refused(path, f"{what} would have {size} numbers; 1 to {MAX_BYTES // 4:,} in all are allowed.")


def floats(raw: bytes | memoryview, dtype: str, shape: Sequence[int]) -> np.ndarray:
    """float32 of little-endian bytes of type F16, F32, F64 or BF16."""
    values = np.frombuffer(raw, _TYPES[dtype]).reshape(shape)
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def check_finite(path: Path, vectors: np.ndarray, what: str) -> None:
    """Raises InputError for NaN and infinite numbers."""
    if not np.isfinite(vectors).all():
        raise refused(path, f"{what} holds NaN or infinite numbers. Make the vectors anew.")


def bytes_of(dtype: str) -> int:
    """Of one number; 0 for a type that vectors do not have."""
    return np.dtype(_TYPES[dtype]).itemsize if dtype in _TYPES else 0


def check_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes, stripped. Raises InputError for one that cannot be a class, and for the same one twice."""
    found: list[str] = []
    for name in names:
        kept = name.strip() if isinstance(name, str) else ""
        if not kept or len(kept) > 80 or re.search(r"[\x00-\x1f\x7f/\\,]", kept):
            raise InputError(
                f"class {name!r:.60} was given; a name of 1 to 80 letters without commas, slashes and control "
                "characters is needed. Name the classes by --classes."
            )
        if kept in found:
            raise InputError(f"class {kept!r} is there twice; every class has one vector a layer. Name them anew.")
        found.append(kept)
    if not 1 <= len(found) <= MAX_CLASSES:
        raise InputError(f"{counted(len(found), 'class')} were given; 1 to {MAX_CLASSES} are allowed.")
    return tuple(found)


def as_text(values: Mapping[str, object]) -> dict[str, str]:
    """Metadata of a stranger, in bounds."""
    return {str(key)[:80]: str(value)[:_SHOWN] for key, value in list(values.items())[:64]}
