"""`emoviz list`: the vector sets at hand."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result
from .printing import table


def arguments(_parser: ArgumentParser) -> None:
    pass


def run(_given: Namespace) -> Result:
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
        for s in list_sets()
    ]
    return {"sets": rows}, table(rows) if rows else "no vector sets yet; make one with emoviz extract MODEL", 0
