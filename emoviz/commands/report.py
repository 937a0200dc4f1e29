"""`emoviz report SET ... --out FILE`: one HTML page of some sets, to send with a paper."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace

from .arguments import CENTRING, Result, check_file, depth_of, target


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sets", metavar="SET", nargs="+")
    parser.add_argument("--out", type=target, required=True, metavar="FILE", help="the .html file to write")
    parser.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--emotion", help="a class to mark")


def run(given: Namespace) -> Result:
    from ..share.figures import view_of
    from ..share.report import report
    from ..share.steps import finished
    from ..store import check_writable, find_set
    from ..store.atomic import write_bytes

    check_file(given.out, (".html", ".htm"))
    sets = {found.name: found for found in map(find_set, given.sets)}
    view = view_of(list(sets.values()), depth_of(given.layer), given.centring, given.emotion)
    check_writable(given.out.parent)
    page = finished(report(view), lambda step: logging.info("%s", step))
    write_bytes(given.out, page.encode())
    return {"file": str(given.out)}, str(given.out), 0
