"""How much memory a model will take, asked before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..errors import InputError
from .registry import ModelSource

# int8 leaves embeddings and norms as they are.
BYTES_PER_PARAMETER = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1.25}
# Beside the weights: buffers, one batch of activations, and the loader's own copies.
_WORKING_BYTES = 500_000_000


def check_memory(source: ModelSource, folder: Path, precision: str, device: str) -> None:
    """Raises InputError if the model cannot fit into the free memory of the device; silent where its size is unknown.

    folder : where its weight files lie, or will lie once they are fetched from the hub.
    """
    parameters = count_parameters(folder)
    if parameters is None and source.entry is not None:
        parameters = source.entry.parameters
    if parameters is None:
        return
    needed = parameters * BYTES_PER_PARAMETER[precision] + _WORKING_BYTES
    free = free_bytes(device)
    if needed > free:
        raise InputError(
            f"{source.name} has {parameters / 1e9:.2g} billion parameters and needs about {needed / 1e9:.1f} GB in "
            f"{precision}; {free / 1e9:.1f} GB are free on {device}. {_advice(precision)}."
        )


def count_parameters(folder: Path) -> int | None:
    """Number of weights in the folder's safetensors files, from their headers alone; None if there are none."""
    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with path.open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError):
            # A damaged file is named when it is loaded.
            return None
        total += sum(torch.Size(shape).numel() for shape in shapes)
    return total if total else None


def free_bytes(device: str) -> int:
    """Free memory of a device; of all CUDA devices together where there are several."""
    import psutil

    if device == "cuda":
        return sum(torch.cuda.mem_get_info(k)[0] for k in range(torch.cuda.device_count()))
    return psutil.virtual_memory().available


def _advice(precision: str) -> str:
    smaller = {"fp32": "bf16", "bf16": "int8"}.get(precision)
    return "Use a smaller model" if smaller is None else f"Use --precision {smaller} (half of it), or a smaller model"
