"""`emoviz figures SET ... --out DIR`: every figure of some sets as files, without a browser page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..types import VectorSet
from .arguments import CENTRING, Result, depth_of

# Draws a plotly figure.
Draw = Callable[[], Any]


def arguments(parser: ArgumentParser) -> None:
    from ..plots.export import FORMATS, PRESETS, THEMES

    parser.add_argument("sets", metavar="SET", nargs="+")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--preset", default="slide", help="; ".join(f"{n}: {p.what}" for n, p in PRESETS.items()))
    parser.add_argument("--theme", default="light", help=" or ".join(THEMES))
    parser.add_argument("--format", default="png", metavar="LIST", help=f"one or more of {', '.join(FORMATS)}")
    parser.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--emotion", help="a class to mark")
    parser.add_argument("--only", metavar="LIST", help="names of figures, as the files have them")


def run(given: Namespace) -> Result:
    from ..geometry.layers import layers_of
    from ..plots.chromium import NoChromium
    from ..plots.export import check_options, export
    from ..store import check_writable, find_set
    from ..store.atomic import write_bytes

    formats = _listed(given.format)
    for format in formats:
        check_options(format, given.preset, given.theme)
    sets = [find_set(name) for name in given.sets]
    figures = figures_of(sets, layers_of(sets, depth_of(given.layer)), given.centring, given.emotion)
    wanted = list(figures) if given.only is None else _listed(given.only)
    unknown = next((name for name in wanted if name not in figures), None)
    if unknown is not None:
        raise InputError(f"figure {unknown!r} is unknown for these sets; {', '.join(figures)} are allowed.")
    check_writable(given.out)
    files, left_out = [], {}
    for name in wanted:
        try:
            for format in formats:
                path = given.out / f"{name}.{format}"
                write_bytes(path, export(figures[name], format, given.preset, given.theme))
                files.append(str(path))
        except NoChromium:
            raise
        except InputError as error:
            # The others are still worth having.
            left_out[name] = str(error)
    lines = [*files, *(f"left out: {name}: {why}" for name, why in left_out.items())]
    return {"files": files, "left_out": left_out}, "\n".join(lines), 0


def figures_of(
    sets: Sequence[VectorSet], layers: tuple[int, ...], centring: str, emotion: str | None
) -> dict[str, Draw]:
    """Name -> what draws it."""
    from .. import plot
    from ..geometry.curves import CURVES
    from ..stats import compare

    at: dict[str, Any] = {"layers": list(layers)}
    marked = {**at, "emotion": emotion}
    found: dict[str, Draw] = {
        "map": partial(plot.emotion_map, sets, **marked),
        "rdm": partial(plot.rdm, sets, centring=centring, **marked),
        **{
            f"depth_{name}": partial(plot.depth, sets, name, centring=centring, published=True, **at) for name in CURVES
        },
        "controls": partial(plot.controls, sets, **at),
        "valence": partial(plot.valence, sets),
        "anisotropy": partial(plot.anisotropy, sets, **at),
        "cosines": partial(plot.cosines, sets, **marked),
    }
    if len(sets) > 1:
        # Resampling takes seconds, so that it waits until the figure is drawn.
        found["rsa"] = lambda: plot.rsa(
            sets, centring=centring, comparison=compare(sets, layers, centring=centring), **at
        )
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        two: dict[str, Any] = {"layers": [layers[i], layers[j]], "centring": centring, "emotion": emotion}
        found[f"pair_{i + 1}_{j + 1}"] = partial(plot.pair, [a, b], **two)
        found[f"difference_{i + 1}_{j + 1}"] = partial(plot.difference, [a, b], **two)
    if len(sets) == 2:
        for name, curve in CURVES.items():
            if not curve.logarithmic:
                found[f"depth_difference_{name}"] = partial(plot.depth_difference, sets, name, centring=centring)
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
