"""GGUF control vectors, as llama.cpp, repeng and EasySteer take them.

`direction.N`, F32 of one dimension, is added to the output of the 0-based block N, at every token. llama.cpp refuses
the whole file for a `direction.0`: it cannot steer the first block.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...types import SteeringVectors

ARCHITECTURE = "controlvector"
# Classes of transformers that llama.cpp knows by the name of another.
_RUN_AS = {"mistral": "llama"}


def write_gguf(path: Path, given: SteeringVectors, name: str) -> None:
    """One of the directions as a control vector; layer 0 is left out."""
    from gguf import GGUFWriter

    about = {**given.about, "emotion": name}
    norms = given.residual_norm[np.flatnonzero(given.layers)]
    layers = [layer for layer in given.layers if layer]
    writer = GGUFWriter(path, ARCHITECTURE)
    writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint(str(about["architecture"])))
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(layers))
    for key, value in about.items():
        if isinstance(value, str):
            writer.add_string(f"emoviz.{key}", value)
        else:
            writer.add_float64(f"emoviz.{key}", value)
    writer.add_array("emoviz.layers", layers)
    if np.isfinite(norms).all():
        writer.add_array("emoviz.residual_norm", norms.tolist())
    for layer, vector in zip(given.layers, given.values[given.names.index(name)], strict=True):
        if layer:
            writer.add_tensor(f"direction.{layer}", vector)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model_hint(architecture: str) -> str:
    """What llama.cpp calls a class of transformers: `llama`, `gemma3`, `qwen2`."""
    name = re.sub(r"(For[A-Z]\w*|LMHeadModel)$", "", architecture).lower()
    return _RUN_AS.get(name, name)
