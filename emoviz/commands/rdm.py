"""`emoviz rdm SET`: the RDM of a set at one layer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import CENTRING, Result, layer_of


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("set", metavar="SET")
    parser.add_argument("--layer", default="best", help="a layer or best (default)")
    parser.add_argument("--centring", default="class", help=CENTRING)


def run(given: Namespace) -> Result:
    from ..geometry import rdm
    from ..store import find_set

    vectors = find_set(given.set)
    found = rdm(vectors, layer_of(given.layer, vectors), given.centring)
    result = {
        "set": vectors.name,
        "classes": found.classes,
        "layer": found.layer,
        "centring": found.centring,
        "condensed": found.condensed,
    }
    order = found.condensed.argsort()
    lines = [f"{found.condensed[k]:.3f}  {' - '.join(found.pairs[k])}" for k in order]
    head = f"{vectors.name}, layer {found.layer}: most and least alike"
    return result, "\n".join([head, *lines[:8], "...", *lines[-8:]] if len(lines) > 16 else [head, *lines]), 0
