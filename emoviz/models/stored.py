"""How a model's weights are stored, as their files say it: the kind of file, and the types by their share."""

from __future__ import annotations

import json
from collections import Counter
from math import prod
from pathlib import Path

# A type that fewer of the numbers have is that of norms and biases.
_LEAST = 0.01


def stored_in_folder(folder: Path) -> str:
    """`safetensors BF16`; with the number of files where there are several, and the method where they are quantized."""
    from safetensors import safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return "PyTorch .bin"
    counts: Counter[str] = Counter()
    for path in files:
        with safe_open(path, "np") as tensors:
            for name in tensors.keys():  # noqa: SIM118, which is no dictionary
                part = tensors.get_slice(name)
                counts[part.get_dtype()] += prod(part.get_shape())
    said = [f"safetensors {_shares(counts)}", f"{len(files)} files" if len(files) > 1 else ""]
    config = json.loads((folder / "config.json").read_text("utf-8"))
    said.append(quantized_as(config.get("quantization_config")) if config.get("quantization_config") else "")
    return ", ".join(filter(None, said))


def stored_in_gguf(path: Path) -> str:
    """`GGUF Q4_1`, and the types that it is mixed of: `GGUF Q4_K_M: Q4_K 61 %, Q6_K 39 %`. path : a file that was read
    before."""
    from gguf import GGUFReader, LlamaFileType

    reader = GGUFReader(path)
    counts: Counter[str] = Counter()
    for tensor in reader.tensors:
        counts[tensor.tensor_type.name] += int(tensor.n_elements)
    types, field = _shares(counts), reader.get_field("general.file_type")
    known = {one.value: one.name.removeprefix("MOSTLY_").removeprefix("ALL_") for one in LlamaFileType}
    named = "" if field is None else known.get(int(field.contents()), "")
    return f"GGUF {types}" if named in ("", types) else f"GGUF {named}: {types}"


def quantized_as(options: object) -> str:
    """The bits of a `quantization_config`, where it says them, else its method."""
    said = options if isinstance(options, dict) else options.to_dict()  # type: ignore[attr-defined]
    for bits in (8, 4):
        if said.get(f"load_in_{bits}bit") or said.get("bits") == bits:
            return f"int{bits}"
    return str(getattr(said.get("quant_method"), "value", said.get("quant_method")))


def _shares(counts: Counter[str]) -> str:
    total = counts.total()
    kept = [(name, n / total) for name, n in counts.most_common() if n >= _LEAST * total]
    return kept[0][0] if len(kept) == 1 else ", ".join(f"{name} {100 * share:.0f} %" for name, share in kept)
