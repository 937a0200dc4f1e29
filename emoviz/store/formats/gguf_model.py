"""GGUF language models: whether the file holds what its header says, before anything believes it."""

from __future__ import annotations

import math
import mmap
import re
from pathlib import Path

from ...errors import InputError
from .checks import MAX_LAYERS, file_size
from .gguf_header import Cursor

# Tensors, classes of experts and whatever else is counted.
_MOST_TENSORS, _MOST_COUNTED = 1 << 16, 1 << 12
_BLOCK = re.compile(r"blk\.(\d+)\.")


def numbers_in_model(path: Path) -> int:
    """How many weights a GGUF model holds; every tensor lies inside the file.

    Raises InputError for what is no model, is cut off, or says that it has blocks that are not there.
    """

    def refuse(reason: str) -> InputError:
        return InputError(f"{path.name} cannot be read as a GGUF language model: {reason}")

    size = file_size(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
        cursor = Cursor(content, size, refuse)
        n_tensors, n_keys = cursor.counts()
        values = {key: value for key, _, value in cursor.metadata(n_keys)}
        if not 0 < n_tensors <= _MOST_TENSORS:
            raise refuse(f"it says that it has {n_tensors:,} tensors; 1 to {_MOST_TENSORS:,} are allowed.")
        tensors = [cursor.tensor() for _ in range(n_tensors)]
        start = cursor.data(values)
    if len({name for name, *_ in tensors}) < n_tensors:
        raise refuse("two of its tensors have one name. Get it again.")
    for name, shape, kind, offset in tensors:
        if start + offset + _bytes(shape, kind, name, refuse) > size:
            raise refuse(f"it ends before {name!r:.60}. Get it again.")
    architecture = values.get("general.architecture")
    blocks = {found.group(1) for name, *_ in tensors if (found := _BLOCK.match(name))}
    counts = {key: value for key, value in values.items() if key.endswith("_count") and type(value) is int}
    n_blocks = counts.get(f"{architecture}.block_count", 0)
    if n_blocks > min(len(blocks), MAX_LAYERS) or max(counts.values(), default=0) > _MOST_COUNTED:
        raise refuse(f"it says that it has {n_blocks:,} blocks, and holds {len(blocks)}. Get it again.")
    return sum(math.prod(shape) for _, shape, *_ in tensors)


def _bytes(shape: list[int], kind: int, name: str, refuse) -> int:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, bytes_of_block = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    except (ValueError, KeyError):
        raise refuse(f"{name!r:.60} is of type {kind}, which is unknown here. Use another quantization.") from None
    if not shape or min(shape) < 1 or shape[0] % block:
        raise refuse(f"{name!r:.60} has the shape {shape}, which its type cannot have. Get it again.")
    return math.prod(shape) // block * bytes_of_block
