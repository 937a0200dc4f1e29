"""`emoviz fetch MODEL`: the weights of a known model, so that it works without a network."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from .arguments import Result


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a name of emoviz models, or a model of the hub by its id")


def run(given: Namespace) -> Result:
    from ..models.fetch import fetch

    def tell(stage: str, done: int, total: int) -> None:
        size = f", {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
        print(f"{stage}{size}", file=sys.stderr, flush=True)

    path = fetch(given.model, tell)
    return {"model": given.model, "path": str(path)}, f"{given.model} is here: {path}", 0
