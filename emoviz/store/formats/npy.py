"""`.npy`: one array a file, which its name places (`layer_3_happy.npy`), or a stack (classes, layers, width)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO

import numpy as np

from ...types import Foreign
from .checks import check_size, file_size, refused
from .named import foreign

SUFFIX = ".npy"
FORMAT = "npy"
# Bytes of a list of names or layers.
_MAX_WORDS = 1 << 20


def read_npy(path: Path) -> Foreign:
    """Vectors by the file's name. Raises InputError for a file that is none, is damaged, or holds objects."""
    size = file_size(path)
    with path.open("rb") as file:
        array = array_in(path, file, size)
    if array.dtype.kind != "f":
        raise refused(path, f"it holds {array.dtype}; float32, float16 or float64 is needed.")
    return foreign(path, FORMAT, {path.stem: array}, {})


def array_in(path: Path, file: IO[bytes], size: int, name: str = "it") -> np.ndarray:
    """An array out of `size` bytes: numbers as float32, or whole numbers and text as they are.

    Raises InputError where it is none, holds objects, or says another size than it has, before anything is read.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    # What a damaged header makes numpy raise is anything at all (tokenize.TokenError and SyntaxError were seen).
    except Exception as error:
        raise refused(path, f"{name} is no numpy array, or is cut off ({type(error).__name__}).") from error
    if dtype.hasobject or dtype.kind not in "fiuU":
        raise refused(path, f"{name} holds {dtype!s:.40}; numbers or names are needed, never objects.")
    if dtype.kind == "f":
        check_size(path, shape if shape else (1,), name)
    elif math.prod(shape) * dtype.itemsize > _MAX_WORDS:
        raise refused(path, f"{name} holds {shape!s:.60} {dtype!s:.40}, which no list of names or layers is.")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise refused(path, f"{name} says that it has shape {shape!s:.60}, which is not its size.")
    file.seek(0)
    try:
        array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise refused(path, f"{name} cannot be read ({type(error).__name__}).") from error
    if dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)
