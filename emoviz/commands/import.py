"""`emoviz import FILE [FILE...]`: vectors that another tool made, as a vector set."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..words import names_in
from .arguments import Result, whole
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
    parser.add_argument("--layers", metavar="3,10-20", help="block of each row, where the file says none")
    parser.add_argument("--n-layers", type=whole(1, 1000), metavar="N", help="layers of a model that is not at hand")
    parser.add_argument("--model", metavar="MODEL", help="what the vectors are of: short name, hub id, folder or .gguf")
    parser.add_argument("--layer-offset", type=whole(-1000, 1000), metavar="N", help="added to the files' layers")


def run(given: Namespace) -> Result:
    from ..extract.foreign import numbers_in
    from ..extract.imported import load_vectors, stored
    from ..store import check_writable, sets_folder

    check_writable(sets_folder())
    found = load_vectors(
        given.files,
        name=given.name,
        classes=given.classes,
        layers=None if given.layers is None else numbers_in(given.layers),
        n_layers=given.n_layers,
        model=given.model,
        layer_offset=given.layer_offset,
    )
    vectors = stored(found)
    p, made = vectors.provenance, vectors.provenance.imported
    result = {
        "set": vectors.name,
        "path": str(vectors.path),
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
