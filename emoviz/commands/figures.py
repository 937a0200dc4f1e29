"""`emoviz figures SET ... --out DIR`: every figure of some sets as files, without a browser page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..types import VectorSet
from .arguments import CENTRING, Result, depth_of, names_in


def arguments(parser: ArgumentParser) -> None:
    from ..plots.export import ANIMATIONS, FORMATS, PRESETS, THEMES

    parser.add_argument("sets", metavar="SET", nargs="+")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--preset", default="slide", help="; ".join(f"{n}: {p.what}" for n, p in PRESETS.items()))
    parser.add_argument("--theme", default="light", help=" or ".join(THEMES))
    parser.add_argument(
        "--format",
        default="png",
        metavar="LIST",
        help=f"one or more of {', '.join(FORMATS)}, and of {', '.join(ANIMATIONS)} for a sweep over the layers",
    )
    parser.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--emotion", help="a class to mark")
    parser.add_argument("--only", metavar="LIST", help="names of figures, as the files have them")


def run(given: Namespace) -> Result:
    from ..collection import figures_of, further_figures_of, over_layers
    from ..geometry.layers import layers_of
    from ..plots.chromium import NoChromium
    from ..plots.export import ANIMATIONS, FORMATS, check_options, export
    from ..store import check_writable, find_set
    from ..store.atomic import write_bytes

    formats = names_in(given.format)
    for format in formats:
        check_options(format, given.preset, given.theme, (*FORMATS, *ANIMATIONS))
    sets = [find_set(name) for name in given.sets]
    how = layers_of(sets, depth_of(given.layer)), given.centring, given.emotion
    figures = figures_of(sets, *how)
    wanted = list(figures) if given.only is None else names_in(given.only)
    figures |= further_figures_of(sets, *how)
    unknown = next((name for name in wanted if name not in figures), None)
    if unknown is not None:
        raise InputError(f"figure {unknown!r} is unknown for these sets; {', '.join(figures)} are allowed.")
    check_writable(given.out)
    files, left_out = [], {}
    for name in wanted:
        try:
            for format in formats:
                path = given.out / f"{name}.{format}"
                if format not in ANIMATIONS:
                    content = export(figures[name], format, given.preset, given.theme)
                elif over_layers(name):
                    content = _sweep(name, sets, format, given)
                else:
                    raise InputError(f"no {format}: it is the same at every layer, or too slow to draw at each.")
                write_bytes(path, content)
                files.append(str(path))
        except NoChromium:
            raise
        except InputError as error:
            # The others are still worth having.
            left_out[name] = str(error)
    lines = [*files, *(f"left out: {name}: {why}" for name, why in left_out.items())]
    return {"files": files, "left_out": left_out}, "\n".join(lines), 0


def _sweep(name: str, sets: Sequence[VectorSet], format: str, given: Namespace) -> bytes:
    """One figure over the layers; how far it is goes to stderr."""
    from ..collection import Slide, labels, slide_drawer
    from ..extract.progress import Progress
    from ..plots.sweep import depths_of, sweep

    drawer = slide_drawer(sets, given.centring, given.emotion)
    label = labels().get(name, name)
    frames = sweep(
        lambda depth: drawer(Slide(name, depth))(), depths_of(sets), label, format, given.preset, given.theme
    )
    progress = Progress()
    while True:
        try:
            progress("drawing", *next(frames))
        except StopIteration as done:
            progress.close()
            return done.value
