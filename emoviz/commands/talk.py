"""`emoviz talk SET ... --out FILE.html`: figures of some sets as a talk, one page that needs no network."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..errors import InputError
from ..words import names_in
from .arguments import CENTRING, Result, check_file, target


def arguments(parser: ArgumentParser) -> None:
    from ..plots.export import THEMES

    parser.add_argument("sets", metavar="SET", nargs="+")
    parser.add_argument("--out", type=target, required=True, metavar="FILE", help="the page to write")
    parser.add_argument(
        "--order",
        metavar="LIST",
        help="names of figures, as `emoviz figures` has them, such as map,rdm,depth_decoding_accuracy; rdm@0.4 is the "
        "RDM at that depth instead of the best layer of each set",
    )
    parser.add_argument("--theme", default="light", help=" or ".join(THEMES))
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--emotion", help="a class to mark")


def run(given: Namespace) -> Result:
    from ..plots.export import check_options
    from ..plots.talk import slide_data, talk_page
    from ..share.figures import view_of
    from ..share.slides import MAX_SLIDES, slide_drawer, slide_of, usual_talk
    from ..store import check_writable, find_set
    from ..store.atomic import write_bytes

    check_options("html", "slide", given.theme)
    sets = [find_set(name) for name in given.sets]
    order = usual_talk(len(sets)) if given.order is None else [slide_of(text) for text in names_in(given.order)]
    if not 0 < len(order) <= MAX_SLIDES:
        raise InputError(f"{len(order)} figures were given; 1 to {MAX_SLIDES} are allowed.")
    check_file(given.out, (".html", ".htm"))
    check_writable(given.out.parent)
    drawer, slides, left_out = slide_drawer(view_of(sets, "best", given.centring, given.emotion)), [], {}
    for slide in order:
        try:
            slides.append(slide_data(drawer(slide)))
        except InputError as error:
            # The others are still worth showing.
            left_out[str(slide)] = str(error)
    if not slides:
        raise InputError(f"no figure of the talk can be drawn: {next(iter(left_out.values()))}")
    write_bytes(given.out, talk_page(slides, given.theme).encode())
    lines = [f"{given.out}: {len(slides)} slides", *(f"left out: {name}: {why}" for name, why in left_out.items())]
    return {"file": str(given.out), "slides": len(slides), "left_out": left_out}, "\n".join(lines), 0
