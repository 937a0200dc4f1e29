"""`emoviz list [URL]`: the vector sets at hand, or those of a store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result
from .printing import table

_COLUMNS = ("set", "model", "method", "protocol", "precision", "n_layers", "d_model", "n_classes")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", nargs="?", help="a store, such as hf://datasets/owner/name")


def run(given: Namespace) -> Result:
    from ..store import about_set, list_sets, stored_rows
    from ..store.unreadable import noting

    with noting() as left_out:
        if given.url is None:
            found, none = [(about_set(s), s.shipped) for s in list_sets()], "yet; make one with emoviz extract MODEL"
        else:
            found, none = [(row, False) for row in stored_rows(given.url)], f"in {given.url}"
    rows = [{**{name: about.get(name) for name in _COLUMNS}, "shipped": shipped} for about, shipped in found]
    lines = [table(rows) if rows else f"no vector sets {none}", *(f"left out: {one.why}" for one in left_out)]
    files = [{"file": one.name, "why": one.why} for one in left_out]
    return {"sets": rows, "left_out": files}, "\n".join(lines), 0
