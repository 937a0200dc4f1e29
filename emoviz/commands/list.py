"""`emoviz list [URL]`: the vector sets at hand, or those of a store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", nargs="?", help="a store, such as hf://datasets/owner/name")


def run(given: Namespace) -> Result:
    from ..store import list_sets

    rows = [
        {
            "set": s.name,
            "model": s.provenance.model,
            "method": s.provenance.method,
            "protocol": s.provenance.protocol.name,
            "precision": s.provenance.precision,
            "n_layers": s.n_layers,
            "d_model": s.d_model,
            "n_classes": len(s.classes),
            "shipped": s.shipped,
        }
        for s in list_sets(given.url)
    ]
    none = "no vector sets yet; make one with emoviz extract MODEL"
    return {"sets": rows}, table(rows) if rows else none if given.url is None else f"no vector sets in {given.url}", 0
