"""Our safetensors files: tensors, and JSON in the header metadata, of a stated kind and schema.

Tensors are memory-mapped on reading, so that opening a hundred sets reads only the layers that are looked at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import InputError
from .atomic import atomically

SCHEMA_VERSION = 1
SUFFIX = ".safetensors"
# Of what lies beside a set.
ACTIVATIONS_SUFFIX = f".activations{SUFFIX}"
STORIES_SUFFIX = ".stories.jsonl.gz"

_NUMPY_TYPES = {"F16": np.float16, "F32": np.float32}


def write_tensors(path: Path, tensors: dict[str, np.ndarray], header: dict[str, Any], kind: str) -> None:
    """Writes a file atomically. Raises InputError if it cannot be written."""
    metadata = {
        "format": f"emoviz {kind}",
        "schema_version": str(SCHEMA_VERSION),
        "emoviz": json.dumps(header, ensure_ascii=False),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    atomically(path, lambda temporary: save_file(arrays, temporary, metadata))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors, mapped read-only, and header of one of our files. Raises InputError as `read_header`."""
    header = read_header(path, kind)
    tensors: dict[str, np.ndarray] = {}
    for name, (dtype, shape, offset) in places(path).items():
        if dtype not in _NUMPY_TYPES:
            raise damaged(path, f"tensor {name!r} has type {dtype}, not F16 or F32")
        tensors[name] = np.memmap(path, dtype=_NUMPY_TYPES[dtype], mode="r", offset=offset, shape=shape)
    return tensors, header


def places(path: Path) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Type, shape and offset of each tensor of a safetensors file whose lengths and offsets `safe_open` has checked.

    The layout is 8 bytes of header length, the header, then the data.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(length))
    return {
        name: (entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in entries.items()
        if name != "__metadata__"
    }


def read_header(path: Path, kind: str) -> dict[str, Any]:
    """The JSON header of one of our files. Raises InputError with the reason if it is not one."""
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. `emoviz list` names the vector sets.") from error
    except (SafetensorError, OSError) as error:
        raise damaged(path, str(error)) from error
    if not metadata or metadata.get("format") != f"emoviz {kind}":
        raise InputError(
            f"{path} is a safetensors file, but not an emoviz {kind}. Give a file that `emoviz extract` wrote."
        )
    if metadata.get("schema_version") != str(SCHEMA_VERSION):
        raise InputError(
            f"{path} has schema version {metadata.get('schema_version')}; this emoviz reads version "
            f"{SCHEMA_VERSION}. Update emoviz, or extract the set again."
        )
    try:
        header: dict[str, Any] = json.loads(metadata["emoviz"])
    except (KeyError, json.JSONDecodeError) as error:
        raise damaged(path, "its metadata is not JSON") from error
    return header


def damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} cannot be read as a vector set ({why}). Extract it again, or fetch a fresh copy.")
