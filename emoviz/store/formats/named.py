"""Named arrays as vectors: the one reading of keys and shapes, for .npz, plain safetensors and .pt alike.

An array is one vector, a table or a stack, and its name says of what:
- (D,): a name with a number is a layer and an emotion (`layer_3_happy`, `3.happy`, `happy/3`), else one of the two;
- (rows, D): of a number (`layer_3`, `3`) the emotions at a layer, else the layers of an emotion;
- (classes, layers, D), or the two the other way round where only that fits the names: all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...types import Foreign, Imported
from .checks import as_text, check_finite, check_size, refused

# What files call these.
_CLASSES = ("classes", "emotions", "labels", "names", "class_names", "emotion_names", "concepts", "class_names_json")
_LAYERS = ("layers", "layer_indices", "layer")
_N_LAYERS = ("n_layers", "num_layers", "num_hidden_layers", "n_total_layers")
_MODEL = ("model_id", "model", "model_name", "model_name_or_path")
_REVISION = ("revision",)
_TOOL = ("tool", "producer", "made_by", "software")
# Metadata inside metadata, as JSON.
_HOLDERS = ("metadata", "emoviz")
# Names of stacks, those of directions first. The last two hold means over texts, of which centring makes directions.
_STACKS = ("vectors", "means", "class_means")
_MEANS = _STACKS[1:]

_NUMBER = r"(?:layers?|blocks?)?[._/ -]?(\d{1,4})"
_ALONE = re.compile(rf"{_NUMBER}", re.I)
_LAYER_FIRST = re.compile(rf"{_NUMBER}[._/ -](.+)", re.I | re.S)
_LAYER_LAST = re.compile(rf"(.+?)[._/ -]{_NUMBER}", re.I | re.S)
_IN_FILE_NAME = re.compile(r"layer[._-]?(\d{1,4})(?!\d)", re.I)

# Emotion and layer; None where a name does not say.
Place = tuple[str | None, int | None]


def placed(name: str) -> Place:
    """The emotion and the layer that a name stands for."""
    found = _ALONE.fullmatch(name)
    if found:
        return None, int(found.group(1))
    found = _LAYER_FIRST.fullmatch(name)
    if found:
        return found.group(2), int(found.group(1))
    found = _LAYER_LAST.fullmatch(name)
    if found:
        return found.group(1), int(found.group(2))
    return name, None


def layer_in(stem: str) -> int | None:
    """The layer that the name of a file of several arrays says."""
    found = _IN_FILE_NAME.search(stem)
    return None if found is None else int(found.group(1))


def said_in(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of its vectors: lists of classes, layers, the model, the tool. JSON in text is read."""
    read = {key: _unpacked(value) for key, value in metadata.items()}
    for holder in _HOLDERS:
        if isinstance(read.get(holder), Mapping):
            read = {**read[holder], **read}

    def first(keys: Sequence[str], fits) -> Any:
        return next((read[key] for key in keys if key in read and fits(read[key])), None)

    layers = first(_LAYERS, lambda v: type(v) is int or _all(v, int))
    return {
        "classes": [read[key] for key in _CLASSES if _all(read.get(key), str)],
        "layers": [layers] if type(layers) is int else layers,
        "n_layers": first(_N_LAYERS, lambda v: type(v) is int),
        "model": first(_MODEL, lambda v: isinstance(v, str)),
        "revision": first(_REVISION, lambda v: isinstance(v, str)),
        "tool": first(_TOOL, lambda v: isinstance(v, str)),
    }


def foreign(
    path: Path,
    format: str,
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, Any],
    tool: str = "",
) -> Foreign:
    """Vectors of named float32 arrays. tool : what wrote them, where the metadata do not say.

    Raises InputError for arrays that do not go together.
    """
    said = said_in(metadata)
    stack = [name for name, array in arrays.items() if array.ndim == 3]
    known = [name for name in _STACKS if name in stack]
    kept = known[0] if known else stack[0] if len(stack) == 1 else ""
    if kept:
        left = [name for name in arrays if name != kept]
        check_finite(path, arrays[kept], f"{kept!r:.60}")
        vectors, classes, layers = _stacked(path, kept, arrays[kept], said)
        notes = (f"{', '.join(map(repr, left[:4]))} of {path.name} not used",) if left else ()
    elif stack:
        raise refused(path, f"it has several stacks ({', '.join(stack[:4])}). Save one, called means.")
    elif not arrays:
        raise refused(path, "it holds no arrays of numbers with a fractional part. Save vectors as float32.")
    else:
        vectors, classes, layers = _single(path, arrays, said)
        notes = ()
    return Foreign(
        imported=Imported(
            (path.name,), format, " ".join((said["tool"] or tool).split())[:80], as_text(metadata), notes
        ),
        vectors=vectors,
        classes=None if classes is None else tuple(classes),
        layers=None if layers is None else tuple(layers),
        n_layers=said["n_layers"],
        model=said["model"] or "",
        revision=said["revision"] or "",
        centring="class" if kept in _MEANS else "none",
    )


def _stacked(path: Path, name: str, stack: np.ndarray, said: Mapping[str, Any]) -> tuple[np.ndarray, Any, Any]:
    layers = said["layers"]
    check_size(path, stack.shape, "its stack")
    # The sets of emoviz have their layers first.
    orders = [(1, 0), (0, 1)] if name == "class_means" else [(0, 1), (1, 0)]
    for of_classes, of_layers in orders:
        for names in said["classes"] or [None]:
            n_classes, n_layers = stack.shape[of_classes], stack.shape[of_layers]
            if (names is None or len(names) == n_classes) and (layers is None or len(layers) == n_layers):
                return (stack if of_layers == 0 else stack.swapaxes(0, 1)), names, layers
    raise refused(
        path,
        f"its stack is {' x '.join(map(str, stack.shape))}, which fits neither its names nor its layers; (classes, "
        "layers, width) is needed.",
    )


def _single(path: Path, arrays: Mapping[str, np.ndarray], said: Mapping[str, Any]):
    """(K, C, D), classes and layers of arrays of one or two dimensions."""
    names, numbers, of_file = next(iter(said["classes"]), None), said["layers"], layer_in(path.stem)
    rows: dict[tuple[Any, Any], np.ndarray] = {}
    kinds: set[str] = set()
    for name, array in arrays.items():
        check_size(path, array.shape, f"{name!r:.60}")
        check_finite(path, array, f"{name!r:.60}")
        emotion, layer = placed(name)
        if array.ndim > 3:
            raise refused(path, f"{name!r:.60} has {array.ndim} dimensions; a vector, a table or a stack is needed.")
        if array.ndim == 2 and (emotion is None) == (layer is None):
            shape = " x ".join(map(str, array.shape))
            raise refused(path, f"{name!r:.60} has shape {shape}; a name with a layer and an emotion is of one vector.")
        if array.ndim == 2 and emotion is None:
            kinds.add("classes at a layer")
            found = {(one, layer): row for one, row in zip(_keys(path, name, array, names), array, strict=True)}
        elif array.ndim == 2:
            kinds.add(f"{len(array)} layers of a class")
            found = {(emotion, one): row for one, row in zip(_keys(path, name, array, numbers), array, strict=True)}
        else:
            only = numbers[0] if numbers is not None and len(numbers) == 1 else None
            layer = next((one for one in (layer, of_file, only) if one is not None), None)
            kinds.add("vectors without a layer" if layer is None else "vectors at a layer")
            found = {(path.stem if emotion is None else emotion, 0 if layer is None else layer): array}
        twice = next((place for place in found if place in rows), None)
        if twice is not None:
            raise refused(path, f"it has two vectors of {twice[0]!r:.60} at layer {twice[1]}.")
        rows |= found
    if len(kinds) > 1:
        raise refused(path, f"its arrays are of several kinds ({', '.join(sorted(kinds)[:3])}). Save one kind.")
    widths = sorted({len(row) for row in rows.values()})
    if len(widths) > 1:
        raise refused(path, f"its vectors have different widths ({', '.join(map(str, widths[:4]))}).")
    classes, layers = list(dict.fromkeys(c for c, _ in rows)), sorted({layer for _, layer in rows})
    check_size(path, (len(layers), len(classes), *widths), "a table of its vectors")
    out = np.full((len(layers), len(classes), *widths), np.nan, np.float32)
    at, column = {layer: k for k, layer in enumerate(layers)}, {name: k for k, name in enumerate(classes)}
    for (emotion, layer), row in rows.items():
        out[at[layer], column[emotion]] = row
    kind = kinds.pop()
    unnamed = kind == "classes at a layer" and names is None
    unnumbered = kind == "vectors without a layer" or (kind.endswith("of a class") and numbers is None)
    return out, None if unnamed else classes, None if unnumbered else layers


def _keys(path: Path, name: str, array: np.ndarray, said: Sequence[Any] | None) -> Sequence[Any]:
    """What the rows of a table stand for: what the file says, else their numbers."""
    if said is not None and len(said) != len(array):
        raise refused(path, f"{name!r:.60} has {len(array)} rows, and the file names {len(said)}.")
    return range(len(array)) if said is None else said


def _unpacked(value: Any) -> Any:
    """JSON in text as what it is; all else as it is."""
    if not isinstance(value, str) or len(value) > 1 << 20 or not re.match(r"\s*[\[{\d]", value):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _all(values: Any, kind: type) -> bool:
    return isinstance(values, (list, tuple)) and bool(values) and all(type(value) is kind for value in values)
