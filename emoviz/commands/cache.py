"""`emoviz cache`: what lies in the user's folder, and clearing it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from ..errors import InputError
from ..store.folders import CACHE_PARTS
from .arguments import Result
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    *most, last = CACHE_PARTS
    parser.add_argument("--clear", metavar="PART", help=f"{', '.join(most)}, {last} or all: delete that part")


def run(given: Namespace) -> Result:
    from ..store.folders import clear, home, size_of

    cleared = []
    if given.clear is not None:
        if given.clear not in (*CACHE_PARTS, "all"):
            raise InputError(f"--clear {given.clear} was given; {', '.join(CACHE_PARTS)} or all are allowed.")
        cleared = list(CACHE_PARTS) if given.clear == "all" else [given.clear]
        for part in cleared:
            clear(part)
    rows: list[dict[str, Any]] = [
        {"part": part, "holds": holds, **dict(zip(("files", "bytes"), size_of(part), strict=True))}
        for part, holds in CACHE_PARTS.items()
    ]
    shown = [{**row, "bytes": f"{row['bytes'] / 1e6:.1f} MB"} for row in rows]
    return {"folder": str(home()), "parts": rows, "cleared": cleared}, f"{home()}\n{table(shown)}", 0
