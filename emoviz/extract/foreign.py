"""Files of other tools: which there are, and what several hold together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..numerals import whole_numbers
from ..store import load_set, load_stories
from ..store.formats import gguf, npy, npz, safetensors, steerkit
from ..store.formats.checks import MAX_BYTES, MAX_LAYERS
from ..store.tensors import SUFFIX
from ..types import Foreign, Imported, VectorSet
from . import torch_file

# By the end of a file's name, the longest first.
READERS: dict[str, Callable[[Path], Foreign]] = {
    steerkit.SUFFIX: steerkit.read_steerkit,
    SUFFIX: safetensors.read_safetensors,
    gguf.SUFFIX: gguf.read_gguf,
    npz.SUFFIX: npz.read_npz,
    npy.SUFFIX: npy.read_npy,
    **dict.fromkeys(torch_file.SUFFIXES, torch_file.read_torch),
}
# Files of one import: 171 emotions x 80 layers, one vector each.
MAX_FILES = 20_000

Paths = Path | str | Iterable[Path | str]


def files_of(paths: Paths) -> list[Path]:
    """The files that are meant, those of a folder in order. Raises InputError where there are none, or too many."""
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    found: list[Path] = []
    for path in given:
        if not isinstance(path, (str, Path)) or "\0" in str(path):
            raise InputError(f"{path!r:.60} was given; the path of a file is needed.")
        path = Path(path)
        # os.path, since pathlib raises for a name that is too long.
        found += _files_in(path) if os.path.isdir(path) else [path]  # noqa: PTH112
        if len(found) > MAX_FILES:
            raise InputError(f"{path} has more than {MAX_FILES:,} files of vectors. Give those of one set.")
    if not found:
        raise InputError(f"no files of vectors were given; {', '.join(READERS)} are read.")
    return found


def _files_in(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if _reader(one) is not None)
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}). Check who owns it.") from error


def own_set(files: Sequence[Path]) -> VectorSet | None:
    """The set of emoviz that was given with what lies beside it; None where the file is another tool's."""
    if len(files) != 1 or not files[0].name.lower().endswith(SUFFIX):
        return None
    if not safetensors.metadata_of(files[0]).get("format", "").startswith("emoviz "):
        return None
    vectors = load_set(files[0])
    return replace(vectors, stories=load_stories(vectors))


def read_vectors(files: Sequence[Path]) -> Foreign:
    """What some files hold together. Raises InputError as the readers, and for files that do not go together."""
    found, size = [], 0
    for path in files:
        reader = _reader(path)
        if reader is None:
            raise InputError(f"{path.name} cannot be imported; a name that ends in {', '.join(READERS)} is allowed.")
        found.append(reader(path))
        size += found[-1].vectors.nbytes
        if size > MAX_BYTES:
            raise InputError(f"the files hold more than {MAX_BYTES / 1e9:.1f} GB of vectors. Give those of one set.")
    return found[0] if len(found) == 1 else _together(found)


def _reader(path: Path) -> Callable[[Path], Foreign] | None:
    return next((reader for suffix, reader in READERS.items() if path.name.lower().endswith(suffix)), None)


def _together(found: Sequence[Foreign]) -> Foreign:
    """One value of files that have one emotion or one layer each."""
    first = found[0]
    for one in found:
        file = one.imported.files[0]
        if one.classes is None or (one.layers is None and len(one.vectors) != len(first.vectors)):
            raise InputError(f"{file} does not name its classes or layers, so that it must be imported by itself.")
        if one.vectors.shape[2] != first.vectors.shape[2] or one.imported.format != first.imported.format:
            raise InputError(
                f"{file} has width {one.vectors.shape[2]} ({one.imported.format}), {first.imported.files[0]} "
                f"{first.vectors.shape[2]} ({first.imported.format}); files of one set are alike."
            )
        if (one.layers is None) != (first.layers is None) or one.offset != first.offset:
            raise InputError(f"{file} counts its layers in another way than {first.imported.files[0]}.")
        if {one.model, first.model} - {""} != {first.model} - {""} or one.n_layers != first.n_layers:
            raise InputError(
                f"{file} is of {one.model or 'an unknown model'}, {first.imported.files[0]} of "
                f"{first.model or 'an unknown model'}. Vectors of one set are of one model."
            )
    numbers = [tuple(range(len(one.vectors))) if one.layers is None else one.layers for one in found]
    classes = list(dict.fromkeys(name for one in found for name in one.classes or ()))
    layers = sorted({layer for own in numbers for layer in own})
    width = first.vectors.shape[2]
    check_room(len(layers), len(classes), width)
    out = np.full((len(layers), len(classes), width), np.nan, np.float32)
    at, column = {layer: k for k, layer in enumerate(layers)}, {name: k for k, name in enumerate(classes)}
    for one, own in zip(found, numbers, strict=True):
        place = np.ix_([at[layer] for layer in own], [column[name] for name in one.classes or ()])
        if not np.isnan(out[place]).all():
            raise InputError(
                f"class {(one.classes or ('',))[0]!r} is in {one.imported.files[0]} and in another file; every class "
                "has one vector a layer. Give each once."
            )
        out[place] = one.vectors
    return replace(
        first,
        imported=Imported(
            tuple(name for one in found for name in one.imported.files),
            first.imported.format,
            ", ".join(dict.fromkeys(one.imported.tool for one in found if one.imported.tool)),
            first.imported.metadata,
            tuple(dict.fromkeys(note for one in found for note in one.imported.notes)),
        ),
        vectors=out,
        classes=tuple(classes),
        layers=None if first.layers is None else tuple(layers),
    )


def check_room(n_layers: int, n_classes: int, width: int) -> None:
    """Raises InputError for a table of more numbers than any vectors have."""
    if n_layers * n_classes * width * 4 > MAX_BYTES:
        raise InputError(
            f"{n_layers} layers x {n_classes} classes x {width} are more than {MAX_BYTES / 1e9:.1f} GB. Import fewer."
        )


def numbers_in(text: str) -> list[int]:
    """Numbers of layers as they are written: `3,10-20`. Raises InputError."""
    try:
        return whole_numbers(text, MAX_LAYERS)
    except InputError:
        raise InputError(f"layers {text!r:.40} were given; numbers such as 3,10-20 are allowed.") from None
