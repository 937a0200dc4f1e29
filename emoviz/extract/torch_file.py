"""`.pt` files: dictionaries of tensors, as torch.save writes them. Nothing in them is ever run."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import first_line
from ..store.formats.checks import MAX_BYTES, check_size, file_size, refused
from ..store.formats.named import foreign
from ..types import Foreign

SUFFIXES = (".pt", ".pth")
FORMAT = "torch"
# Where tools keep the vectors among other things: steering-vectors, repeng as a dictionary, others.
_HOLDERS = {"layer_activations": "steering-vectors", "directions": "repeng", "vectors": "", "emotion_vectors": ""}
_MAX_TENSORS = 1 << 17


def read_torch(path: Path) -> Foreign:
    """Vectors by the keys of a dictionary, nested or not. Raises InputError for a file that is none, is damaged, or
    holds other objects than tensors, numbers and names."""
    content, tool = _load(path), ""
    if isinstance(content, Mapping):
        holder = next((key for key in _HOLDERS if isinstance(content.get(key), Mapping)), None)
        if holder is not None:
            others = {key: value for key, value in content.items() if key != holder}
            content, tool = {**content[holder], **{k: v for k, v in others.items() if not _tensor(v)}}, _HOLDERS[holder]
    elif _tensor(content):
        content = {path.stem: content}
    else:
        raise refused(path, f"it holds a {type(content).__name__}, not a dictionary of tensors.")
    arrays: dict[str, np.ndarray] = {}
    metadata: dict[str, Any] = {}
    numbers = 0
    for name, value in _flat(path, content):
        if not _tensor(value):
            metadata[name] = value
            continue
        numbers += value.numel()
        check_size(path, (numbers,), "it")
        if len(arrays) == _MAX_TENSORS or name in arrays:
            raise refused(path, f"it has {name!r:.60} twice, or more than {_MAX_TENSORS:,} tensors.")
        if not value.is_floating_point() or value.is_sparse or value.element_size() < 2:
            raise refused(path, f"{name!r:.60} is {value.dtype}; float32, float16, bfloat16 or float64 is needed.")
        arrays[name] = np.ascontiguousarray(value.detach().float().numpy())
    return foreign(path, FORMAT, arrays, metadata, tool=tool)


def _load(path: Path) -> Any:
    import torch

    file_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    # What a damaged archive makes zipfile raise is anything at all (NotImplementedError was seen).
    except Exception as error:
        raise refused(
            path,
            "it is no file of torch.save, or one of a torch before 1.6, or a pickle, which could run code. Save a "
            "dictionary of tensors by torch.save; of repeng by vector.export_gguf.",
        ) from error
    if any(member.compress_type != zipfile.ZIP_STORED for member in members) or (
        sum(member.file_size for member in members) > 2 * MAX_BYTES
    ):
        raise refused(path, "it is packed, or larger than any vectors, which torch.save does not write.")
    try:
        with warnings.catch_warnings():
            # Of a file that no torch wrote.
            warnings.simplefilter("ignore")
            # Mapped, so that tensors are no larger than what the file has.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise refused(
            path,
            f"it holds more than tensors ({_object(str(error))}), which could run code. Save a dictionary of tensors: "
            "of repeng by vector.export_gguf, of steering-vectors by torch.save(vector.layer_activations, FILE).",
        ) from error
    # What a damaged file makes torch raise is anything at all.
    except Exception as error:
        raise refused(path, f"torch cannot read it ({first_line(error):.80}).") from error


def _object(text: str) -> str:
    """The object that torch names where it refuses one."""
    found = re.search(r"GLOBAL ([\w.]{1,80})", text)
    return "objects" if found is None else found.group(1).rstrip(".")


def _tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _flat(path: Path, content: Mapping[Any, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Keys as `outer/inner`, tensors and what is said beside them."""
    if depth > 2:
        raise refused(path, "its dictionaries are nested more than twice; {layer: {emotion: tensor}} is needed.")
    for key, value in content.items():
        if not isinstance(key, (str, int)):
            raise refused(path, f"it has the key {key!r:.40}; names and numbers of layers are needed.")
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _flat(path, value, f"{name}/", depth + 1)
        else:
            yield name, value
