"""`emoviz figures SET ... --out DIR` or `--archive FILE`: every figure of some sets, without a browser page."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ..errors import InputError
from ..words import names_in
from .arguments import CENTRING, Result, check_file, depth_of, target

if TYPE_CHECKING:
    from ..share.figures import View


def arguments(parser: ArgumentParser) -> None:
    from ..plots.export import ANIMATIONS, FORMATS, PRESETS, THEMES

    parser.add_argument("sets", metavar="SET", nargs="+")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=target, metavar="DIR", help="folder to write to")
    where.add_argument(
        "--archive",
        type=target,
        metavar="FILE",
        help="a .zip with the tables, a report, a manifest, BibTeX and Python too",
    )
    parser.add_argument("--preset", default="slide", help="; ".join(f"{n}: {p.what}" for n, p in PRESETS.items()))
    parser.add_argument("--theme", default="light", help=" or ".join(THEMES))
    parser.add_argument(
        "--format",
        metavar="LIST",
        help=f"one or more of {', '.join(FORMATS)}, and of {', '.join(ANIMATIONS)} for a sweep over the layers "
        "(default png; of an archive png, svg, html and csv)",
    )
    parser.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--emotion", help="a class to mark")
    parser.add_argument("--only", metavar="LIST", help="names of figures, as the files have them")


def run(given: Namespace) -> Result:
    from ..plots.export import ANIMATIONS, FORMATS, check_options
    from ..share import archive as archives
    from ..share.figures import drawings, view_of
    from ..share.steps import finished
    from ..store import check_writable, find_set
    from ..store.atomic import write_bytes

    usual = "png" if given.archive is None else ",".join(archives.FORMATS)
    formats = names_in(usual if given.format is None else given.format)
    for format in formats:
        check_options(format, given.preset, given.theme, (*FORMATS, *ANIMATIONS))
    sets = [find_set(name) for name in given.sets]
    view = view_of(sets, depth_of(given.layer), given.centring, given.emotion)
    names = None if given.only is None else names_in(given.only)
    if given.archive is None:
        return _separate(given, view, names, formats)
    archives.chosen(drawings(view), names)
    check_file(given.archive, (".zip",))
    check_writable(given.archive.parent)
    steps = archives.archive(view, names, formats, given.preset, given.theme)
    made = finished(steps, lambda step: logging.info("%s", step))
    write_bytes(given.archive, made.content)
    return _result([str(given.archive)], made.left_out)


def _separate(given: Namespace, view: View, names: list[str] | None, formats: list[str]) -> Result:
    from ..plots.chromium import NoChromium
    from ..plots.export import ANIMATIONS, export
    from ..share.archive import chosen
    from ..share.figures import drawings
    from ..share.slides import draws_of, over_layers
    from ..store import check_writable
    from ..store.atomic import write_bytes

    figures = chosen(draws_of(view), list(drawings(view)) if names is None else names)
    check_writable(given.out)
    files, left_out = [], {}
    for name, figure in figures.items():
        try:
            for format in formats:
                path = given.out / f"{name}.{format}"
                if format not in ANIMATIONS:
                    content = export(figure, format, given.preset, given.theme)
                elif over_layers(name):
                    content = _sweep(name, view, format, given)
                else:
                    raise InputError(f"no {format}: it is the same at every layer, or too slow to draw at each.")
                write_bytes(path, content)
                files.append(str(path))
        except NoChromium:
            raise
        except InputError as error:
            # The others are still worth having.
            left_out[name] = str(error)
    return _result(files, left_out)


def _result(files: list[str], left_out: dict[str, str]) -> Result:
    lines = [*files, *(f"left out: {name}: {why}" for name, why in left_out.items())]
    return {"files": files, "left_out": left_out}, "\n".join(lines), 0


def _sweep(name: str, view: View, format: str, given: Namespace) -> bytes:
    """One figure over the layers; how far it is goes to stderr."""
    from ..extract.progress import Progress
    from ..plots.sweep import depths_of, sweep
    from ..share.slides import Slide, labels, slide_drawer
    from ..share.steps import finished

    drawer, label = slide_drawer(view), labels().get(name, name)
    frames = sweep(
        lambda depth: drawer(Slide(name, depth))(), depths_of(view.sets), label, format, given.preset, given.theme
    )
    progress = Progress()
    film = finished(frames, lambda step: progress("drawing", *step))
    progress.close()
    return film
