"""How much memory a model will take, asked before it is loaded."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from ..errors import InputError
from ..files import DAMAGED
from ..store.formats.checks import MAX_LAYERS
from ..store.tensors import metadata_of, places
from ..words import counted
from .registry import ModelSource

if TYPE_CHECKING:
    from .loaded import LoadedModel

# int8 leaves embeddings and norms as they are.
BYTES_PER_PARAMETER = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1.25}
# Beside the weights: buffers, one batch of activations, and the loader's own copies.
_WORKING_BYTES = 500_000_000
# Passes of 2,000 to 16,000 tokens took 0.9 to 1.4 times what is counted (docs/reliability.md).
_SPARE = 1.5
# Quantized weights are packed, eight to a number; masks and tables come on top.
_MOST_CLAIMED, _SPARE_NUMBERS = 16, 50_000_000


# What a container may use and has used, in both ways of saying it; its own files are at the root.
_CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class NotEnoughMemory(InputError):
    """What is asked for does not fit into the memory that is free."""


def check_memory(source: ModelSource, folder: Path, precision: str, device: str) -> None:
    """Raises NotEnoughMemory if the model cannot fit into what is free on the device; silent where its size is unknown.

    folder : where its weight files lie, or will lie once they are fetched from the hub.
    """
    found = needed_bytes(source, folder, precision)
    if found is None:
        return
    parameters, needed = found
    free = free_bytes(device)
    if needed > free:
        raise NotEnoughMemory(
            f"{source.name} has {parameters / 1e9:.2g} billion parameters and needs about {needed / 1e9:.1f} GB in "
            f"{precision}; {free / 1e9:.1f} GB are free on {device}. {_advice(precision)}."
        )


def needed_bytes(source: ModelSource, folder: Path | None, precision: str) -> tuple[int, float] | None:
    """(parameters, bytes of memory) of a model; None where its size is unknown. folder : None where it is not here."""
    parameters = None if folder is None else count_parameters(folder)
    if parameters is None and source.entry is not None:
        parameters = source.entry.parameters
    return None if parameters is None else (parameters, parameters * BYTES_PER_PARAMETER[precision] + _WORKING_BYTES)


def check_pass(loaded: LoadedModel, rows: int, tokens: int, *, kept: bool = True) -> None:
    """Raises NotEnoughMemory where a pass over so many tokens in so many rows does not fit into the free memory of the
    machine; silent on a GPU, which says so itself. kept : whether keys and values are kept for what is written next."""
    if loaded.device.type != "cpu":
        return
    needed, free = pass_bytes(loaded, rows, tokens, kept=kept), free_bytes("cpu")
    if needed > free:
        raise NotEnoughMemory(
            f"{counted(rows, 'text')} of {tokens} tokens with the prompt need about {needed / 1e9:.1f} GB in "
            f"{loaded.name}; {free / 1e9:.1f} GB are free. Shorten the text, or give fewer rows."
        )


def pass_bytes(loaded: LoadedModel, rows: int, tokens: int, *, kept: bool = True) -> float:
    """About the memory that a pass takes beside the weights: keys and values of all layers, the states inside one
    block, and two masks of who sees whom."""
    from .blocks import text_config

    config, width = text_config(loaded.model), loaded.d_model
    layers = list(config.per_layer_config) if getattr(config, "is_heterogeneous", False) else [config]

    def said(name: str, usual: int) -> int:
        # Each architecture has its own names; a list has a number for each layer, or each has a configuration.
        values = [getattr(layer, name, None) for layer in layers]
        numbers = [n for value in values for n in (value if isinstance(value, (list, tuple)) else [value])]
        return max((n for n in numbers if isinstance(n, int) and n > 0), default=usual)

    heads = said("num_attention_heads", 1)
    head = said("head_dim", width // heads)
    keys = 2 * loaded.n_layers * said("num_key_value_heads", heads) * head if kept else 0
    inside = 6 * max(width, heads * head) + 3 * said("intermediate_size", 4 * width)
    size = next(loaded.model.parameters()).element_size()
    return _SPARE * (rows * tokens * (keys + inside) * size + 2 * tokens**2)


def count_parameters(folder: Path) -> int | None:
    """Number of weights in the folder's safetensors files, from their headers alone; None if there are none."""
    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            metadata_of(path)
            shapes = [shape for _, shape, _ in places(path).values()]
        except (SafetensorError, *DAMAGED):
            # A damaged file is named when it is loaded.
            return None
        total += sum(map(prod, shapes))
    return total if total else None


def check_claim(config: Any, numbers: int) -> None:
    """Raises ValueError for a configuration that asks for far more weights than the files hold, which would be made up
    and fill the memory.

    config : of transformers. numbers : of weights in the files.
    """
    import torch
    from transformers import AutoModelForCausalLM

    layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    if not isinstance(layers, int) or layers > MAX_LAYERS:
        raise ValueError(f"it asks for {layers!s:.20} layers, more than {MAX_LAYERS:,}")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    asked = sum(one.numel() for one in (*model.parameters(), *model.buffers()))
    if asked > _MOST_CLAIMED * numbers + _SPARE_NUMBERS:
        raise ValueError(f"it asks for {asked:,} weights, and {numbers:,} are there")


def free_bytes(device: str) -> int:
    """Free memory of a device; of all CUDA devices together where there are several."""
    import psutil

    if device == "cuda":
        import torch

        return sum(torch.cuda.mem_get_info(k)[0] for k in range(torch.cuda.device_count()))
    left = psutil.virtual_memory().available
    container = container_bytes()
    return left if container is None else min(left, container[0] - container[1])


def container_bytes() -> tuple[int, int] | None:
    """(what this container may use, what it has used) in bytes; None where nothing but the machine sets it."""
    for limit, used in _CONTAINER:
        try:
            found = Path(limit).read_text("ascii").strip(), Path(used).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        # The older way writes a number beyond any machine for none.
        if all(text.isdecimal() for text in found) and int(found[0]) < 1 << 60:
            return int(found[0]), int(found[1]) - _given_back(Path(used).with_name("memory.stat"))
    return None


def _given_back(stat: Path) -> int:
    """Of what a container has used, the files that are only kept at hand: they go where memory is needed."""
    try:
        lines = dict(line.split() for line in stat.read_text("ascii").splitlines())
        return int(lines.get("inactive_file", 0))
    except (OSError, ValueError):
        return 0


def device_bytes(device: str) -> tuple[int, ...]:
    """The memory of every device of a kind, used or free: of each CUDA device, or that of the machine."""
    import psutil

    if device == "cuda":
        import torch

        return tuple(torch.cuda.get_device_properties(k).total_memory for k in range(torch.cuda.device_count()))
    container = container_bytes()
    total = psutil.virtual_memory().total
    return (total if container is None else min(total, container[0]),)


def _advice(precision: str) -> str:
    smaller = {"fp32": "bf16", "bf16": "int8"}.get(precision)
    return "Use a smaller model" if smaller is None else f"Use --precision {smaller} (half of it), or a smaller model"
