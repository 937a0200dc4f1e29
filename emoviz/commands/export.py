"""`emoviz export SET --format F`: a vector set for other programs."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from .arguments import SEVERAL, Result, listed, number, target


def arguments(parser: ArgumentParser) -> None:
    from ..share.export import FORMATS

    parser.add_argument("set", metavar="SET")
    parser.add_argument("--format", required=True, metavar="F", help=listed(FORMATS))
    parser.add_argument("--emotion", **SEVERAL, metavar="E", help="also mixtures and controls (default: all emotions)")
    parser.add_argument("--layers", help="window (default of gguf), all (default of the others), a layer, or 10-20")
    parser.add_argument("--centring", help="class, neutral or none (default: the recipe's, class)")
    dose = "what strength 1 is (default: 1, so 0.04 is dose 0.04)"
    parser.add_argument("--dose", type=number(-math.inf), metavar="D", help=dose)
    parser.add_argument("--out", type=target, metavar="PATH", help="the file; of several files the folder")


def run(given: Namespace) -> Result:
    from ..share.export import export_set
    from ..store import find_set

    vectors = find_set(given.set)
    options = {"emotions": given.emotion, "layers": given.layers, "centring": given.centring, "dose": given.dose}
    files = export_set(vectors, given.format, given.out, **options)
    paths = [str(file) for file in files]
    several = {"path": str(files[0].parent), "paths": paths}
    where = several if len(paths) > 1 else {"path": paths[0]}
    return {"set": vectors.name, "format": given.format, **where}, "\n".join(paths), 0
