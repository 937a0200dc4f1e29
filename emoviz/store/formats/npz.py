"""`.npz`: arrays by layer, by emotion or both, or a stack `means` (classes, layers, width), with JSON beside it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, first_line
from ...types import Foreign, SteeringVectors, VectorSet
from .checks import MAX_BYTES, file_size, refused
from .metadata import metadata as about
from .named import foreign
from .npy import array_in

SUFFIX = ".npz"
FORMAT = "npz"
# Vectors hardly compress; a member that grows more than this from above a size that harms nobody is a trap.
_MAX_RATIO, _HARMLESS = 50, 1 << 20
_MAX_JSON = 1 << 24


def read_npz(path: Path) -> Foreign:
    """Vectors by the names of arrays. Raises InputError for a file that is none, is damaged, or holds objects."""
    file_size(path)
    arrays, metadata = {}, _beside(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(path, members)
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    array = array_in(path, file, member.file_size, repr(name[:60]))
                if array.dtype.kind == "f" and array.ndim:
                    arrays[name] = array
                else:
                    metadata[name] = array.tolist()
    except InputError:
        raise
    # What a damaged archive makes zipfile raise is anything at all (NotImplementedError was seen).
    except Exception as error:
        raise refused(path, f"it is no .npz file, or is damaged ({first_line(error):.60}). Save it anew.") from error
    return foreign(path, FORMAT, arrays, metadata)


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raises InputError for an archive that is no .npz, or would fill the memory."""
    if any(not member.filename.endswith(".npy") for member in members):
        raise refused(path, "it holds other things than arrays. Save the arrays with numpy.savez.")
    if len({member.filename for member in members}) < len(members):
        raise refused(path, "it has two arrays of one name. Save it again.")
    for member in members:
        large = max(_HARMLESS, _MAX_RATIO * member.compress_size)
        if member.file_size > large or sum(one.file_size for one in members) > 2 * MAX_BYTES:
            raise refused(
                path, f"{member.filename!r:.60} would grow to {member.file_size:,} bytes, which no vectors do."
            )


def _beside(path: Path) -> dict[str, Any]:
    """What NAME.json, NAME_metadata.json or metadata.json beside the file says; empty where there is none."""
    for beside in (
        path.with_suffix(".json"),
        path.with_name(f"{path.stem}_metadata.json"),
        path.with_name("metadata.json"),
    ):
        if beside.is_file() and beside.stat().st_size <= _MAX_JSON:
            try:
                said = json.loads(beside.read_text("utf-8"))
            except (ValueError, OSError, RecursionError) as error:
                raise refused(path, f"{beside.name} beside it is not JSON ({error!s:.60}). Mend or move it.") from error
            if isinstance(said, dict):
                return said
    return {}


def write_npz(path: Path, given: SteeringVectors, vectors: VectorSet) -> None:
    """The directions (emotions, layers, width), and the class means (classes, all layers, width) they are made of."""
    with path.open("wb") as file:
        np.savez(
            file,
            vectors=given.values,
            emotions=np.array(given.names),
            layers=np.array(given.layers),
            residual_norm=np.asarray(given.residual_norm, np.float32),
            means=np.asarray(vectors.class_means, np.float32).swapaxes(0, 1),
            classes=np.array(vectors.classes),
            metadata=np.array(json.dumps(about(given))),
        )
