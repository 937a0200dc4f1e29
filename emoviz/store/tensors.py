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
from ..files import DAMAGED, parsed, printable, size_of, why
from .atomic import atomically

SCHEMA_VERSION = 1
SUFFIX = ".safetensors"
# Of what lies beside a set.
ACTIVATIONS_SUFFIX = f".activations{SUFFIX}"
STORIES_SUFFIX = ".stories.jsonl.gz"

_NUMPY_TYPES = {"F16": np.float16, "F32": np.float32}
# Bytes of a header: names of classes and, beside activations, of the topic of every passage.
_LONGEST_HEADER = 1 << 25
# Kind of a file -> what that is in a sentence, and what helps.
_KINDS = {
    "vector set": ("a vector set", "Extract or import it again, or delete the file"),
    "activations": ("activations", "Delete the file, or extract its set again"),
    "stories": ("stories", "Delete the file, or extract its set again"),
    "witness head": ("a witness head", "Delete it; another is trained where one is needed"),
    "cleaned means": ("cleaned directions", "Delete it; they are made again where they are needed"),
}


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
            raise damaged(path, kind, f"tensor {name!r:.60} has type {dtype}, not F16 or F32")
        if 0 in shape:
            raise damaged(path, kind, f"tensor {name!r:.60} is empty")
        tensors[name] = np.memmap(path, dtype=_NUMPY_TYPES[dtype], mode="r", offset=offset, shape=shape)
    return tensors, header


def places(path: Path) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Type, shape and offset of each tensor of a safetensors file whose lengths and offsets `safe_open` has checked.

    The layout is 8 bytes of header length, the header, then the data.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = parsed(file.read(length))
    return {
        name: (entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in entries.items()
        if name != "__metadata__"
    }


def read_header(path: Path, kind: str) -> dict[str, Any]:
    """The JSON header of one of our files. Raises InputError with the reason if it is not one."""
    try:
        metadata = metadata_of(path)
    except FileNotFoundError as error:
        raise InputError(f"{printable(path)} does not exist. `emoviz list` names the vector sets.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(path, kind, why(error)) from error
    if metadata.get("format") != f"emoviz {kind}":
        raise InputError(
            f"{printable(path)} is a safetensors file, but not an emoviz {kind}. Give a file that emoviz wrote."
        )
    if metadata.get("schema_version") != str(SCHEMA_VERSION):
        raise InputError(
            f"{printable(path)} has schema version {metadata.get('schema_version')!s:.20}; this emoviz reads version "
            f"{SCHEMA_VERSION}. Update emoviz, or make the file again."
        )
    try:
        header = parsed(metadata["emoviz"])
        if not isinstance(header, dict):
            raise ValueError("its metadata is no object of JSON")
    except DAMAGED as error:
        raise damaged(path, kind, why(error)) from error
    return header


def metadata_of(path: Path) -> dict[str, str]:
    """What the header of a safetensors file says beside the tensors, whose lengths and offsets are checked.

    Raises OSError, SafetensorError or ValueError for what is none.
    """
    size_of(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has more than {_LONGEST_HEADER / 2**20:.0f} MB")
    with safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    return {} if metadata is None else metadata


def damaged(path: Path, kind: str, reason: str) -> InputError:
    what, advice = _KINDS[kind]
    return InputError(f"{printable(path)} cannot be read as {what} ({reason}). {advice}.")
