"""Plain safetensors: `{emotion: (layers, width)}`, `{layer.emotion: (width,)}`, or a stack with a list of names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...types import Foreign, SteeringVectors
from ..tensors import places
from .checks import bytes_of, check_size, file_size, floats, refused
from .metadata import metadata as about
from .named import foreign

FORMAT = "safetensors"


def read_safetensors(path: Path) -> Foreign:
    """Vectors by the names of tensors. Raises InputError for a file that is none, or is damaged."""
    arrays, metadata = open_tensors(path)
    return foreign(path, FORMAT, arrays, metadata)


def open_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors as float32, and the metadata. Raises InputError as `read_safetensors`."""
    metadata = metadata_of(path)
    found = places(path)
    numbers = sum(math.prod(shape) for _, shape, _ in found.values())
    check_size(path, (numbers,), "it")
    arrays = {}
    with path.open("rb") as file:
        for name, (dtype, shape, offset) in found.items():
            size = bytes_of(dtype)
            if not size:
                raise refused(path, f"{name!r:.60} has type {dtype}; F32, F16, BF16 or F64 is needed.")
            file.seek(offset)
            arrays[name] = floats(file.read(math.prod(shape) * size), dtype, shape)
    return arrays, metadata


def metadata_of(path: Path) -> dict[str, str]:
    """What the header says beside the tensors. Raises InputError for a file that is no safetensors file."""
    file_size(path)
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
    except (SafetensorError, OSError) as error:
        raise refused(path, f"it is no safetensors file, or is cut off ({error!s:.80}).") from error
    return {} if metadata is None else metadata


def write_safetensors(path: Path, given: SteeringVectors) -> None:
    """The directions, with the layers of their rows and where they come from as JSON in the header."""
    save_file(dict(zip(given.names, given.values, strict=True)), path, {"emoviz": json.dumps(about(given))})
