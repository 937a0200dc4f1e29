"""`emoviz serve`: the dashboard."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result, whole


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=whole(1, 65_535), metavar="N", help="default: the first free one from 7860")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def run(given: Namespace) -> Result:
    from ..app import serve
    from .endpoints import ENDPOINTS

    serve(port=given.port, open_browser=given.open, endpoints=ENDPOINTS)
    return None, "", 0
