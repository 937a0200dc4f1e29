"""`emoviz import FILE [FILE...]`: vectors that another tool made, as a vector set."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from .arguments import Result, names_in, whole
from .printing import pairs


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="GGUF control vectors, steerkit probes, .npz, .npy, .safetensors, .pt, or a folder of them; several make "
        "one set",
    )
    parser.add_argument("--as", dest="name", metavar="NAME", help="of the set (default: of the model and the files)")
    parser.add_argument("--classes", type=names_in, metavar="a,b", help="names of the emotions, in the files' order")
    parser.add_argument("--layers", type=_layers, metavar="3,10-20", help="block of each row, where the file says none")
    parser.add_argument("--n-layers", type=whole(1, 1000), metavar="N", help="layers of a model that is not at hand")
    parser.add_argument("--model", metavar="MODEL", help="what the vectors are of: short name, hub id, folder or .gguf")
    parser.add_argument("--layer-offset", type=whole(-1000, 1000), metavar="N", help="added to the files' layers")


def run(given: Namespace) -> Result:
    from ..extract.imported import load_vectors
    from ..store import check_writable, list_sets, save_set, sets_folder

    check_writable(sets_folder())
    vectors = load_vectors(
        given.files,
        name=given.name,
        classes=given.classes,
        layers=given.layers,
        n_layers=given.n_layers,
        model=given.model,
        layer_offset=given.layer_offset,
    )
    there = next((one for one in list_sets() if one.name == vectors.name), None)
    if there is not None and not _same(there, vectors):
        raise InputError(f"there is another set called {vectors.name}. Give a name by --as, or delete that one.")
    path = save_set(vectors) if there is None else there.path
    p, made = vectors.provenance, vectors.provenance.imported
    result = {
        "set": vectors.name,
        "path": str(path),
        "model": p.model,
        "revision": p.revision,
        "method": p.method,
        "format": "emoviz vector set" if made is None else made.format,
        "tool": "emoviz" if made is None else made.tool,
        "n_layers": vectors.n_layers,
        "d_model": vectors.d_model,
        "classes": vectors.classes,
        "layers": vectors.finite_layers,
        "notes": () if made is None else made.notes,
    }
    return result, pairs(result), 0


def _same(one: VectorSet, other: VectorSet) -> bool:
    """Whether two sets have the same vectors, as files keep them."""
    same = one.classes == other.classes and one.provenance.revision == other.provenance.revision
    return same and np.array_equal(one.class_means, other.class_means, equal_nan=True)


def _layers(text: str) -> list[int]:
    """`3,10-20` as numbers."""
    found: list[int] = []
    for part in names_in(text):
        first, _, last = part.partition("-")
        if not re.fullmatch(r"\d{1,4}(-\d{1,4})?", part, re.ASCII):
            raise ArgumentTypeError(f"{part[:24]!r} was given; numbers of layers such as 3,10-20 are allowed")
        found += range(int(first), int(last if last else first) + 1)
    return found
