"""A figure at every layer, one after another, as an animation for slides."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..errors import InputError
from ..store.making import scratch_folder
from ..types import VectorSet
from .canvas import Canvas, drawn_on
from .chromium import picture
from .export import ANIMATIONS, PRESETS, THEMES, check_options, checked_link

# How long a layer stays.
SECONDS = 0.3
# Frames that the colours of a GIF are taken from.
_IN_PALETTE = 4
# Levels of a colour that no eye tells from paper.
_NEAR_PAPER = 8
_CODECS = {
    "webm": ("-c:v", "libvpx-vp9", "-crf", "30", "-b:v", "0", "-row-mt", "1", "-cpu-used", "4"),
    "mp4": ("-c:v", "libx264", "-crf", "18", "-movflags", "+faststart"),
}
# Aid and notes, which every figure has last.
_AID, _NOTES = -2, -1


def depths_of(sets: Sequence[VectorSet]) -> list[float]:
    """The depths of a sweep: one for each layer of the set that has most."""
    n_layers = max(s.n_layers for s in sets)
    return [(layer + 1) / n_layers for layer in range(n_layers)]


def sweep(
    draw: Callable[[float], go.Figure],
    depths: Sequence[float],
    label: str,
    format: str,
    preset: str = "slide",
    theme: str = "light",
    link: str = "",
) -> Generator[tuple[int, int], None, bytes]:
    """A figure over the layers as the content of a file, one frame a layer; axes and colours keep their range.

    draw : makes the figure at a relative depth; a depth for which it raises InputError is left out. label : what stands
    before the depth in the title. format : gif, or webm and mp4, which need ffmpeg. The rest is as for `export`.
    Yields how many steps are done, and of how many: a figure and a picture for every depth.
    Raises : InputError where there is nothing to draw, and where Chromium or ffmpeg are missing.
    """
    check_options(format, preset, theme, ANIMATIONS)
    chosen = PRESETS[preset]
    width, height = chosen.canvas
    if height is None:
        raise InputError(f"an animation has the shape of a screen; {preset} has not. Choose slide, wide or square.")
    ffmpeg = None if format == "gif" else _ffmpeg()
    figures, why = [], InputError("there are no layers to draw.")
    steps = 2 * len(depths)
    label = label.removesuffix(" over depth")
    for done, depth in enumerate(depths):
        yield done, steps
        with drawn_on(Canvas(width, height, checked_link(link), f"{label}, depth {depth:.2f}")):
            try:
                figures.append(go.Figure(draw(depth)))
            except InputError as error:
                why = error
    if not figures:
        raise why
    _hold_still(figures)
    frames: list[bytes] = []
    for figure in figures:
        yield steps - len(figures) + len(frames), steps
        figure.layout.template = THEMES[theme]
        frames.append(picture(figure, "png", width, chosen.magnified, chosen.width / width))
    yield steps, steps
    return _gif(frames) if ffmpeg is None else _video(frames, format, ffmpeg)


def _hold_still(figures: Sequence[go.Figure]) -> None:
    """One range of each axis and of the colours, and one place of everything, for all frames."""
    layouts = [figure.layout for figure in figures]
    for name in [name for name in layouts[0] if name.startswith(("xaxis", "yaxis"))]:
        span = _span(figures, name)
        if span is not None:
            for layout in layouts:
                layout[name].range = span
    for end, widest in (("cmin", min), ("cmax", max)):
        values = [value for layout in layouts if (value := layout.coloraxis[end]) is not None]
        for layout in layouts if values else []:
            layout.coloraxis[end] = widest(values)
    # A line more of notes in one frame must not move the others.
    top, bottom = max(layout.margin.t for layout in layouts), max(layout.margin.b for layout in layouts)
    legend = [layout.legend.y for layout in layouts if layout.legend.yref == "container"]
    for layout in layouts:
        layout.annotations[_AID].yshift += top - layout.margin.t
        layout.annotations[_NOTES].yshift -= bottom - layout.margin.b
        layout.margin.t, layout.margin.b = top, bottom
        if legend:
            layout.legend.y = max(legend)


def _span(figures: Sequence[go.Figure], name: str) -> list[float] | None:
    """The range of an axis that holds those of all frames; None where plotly finds the same one for each."""
    axes = [figure.layout[name] for figure in figures]
    if axes[0].autorange == "reversed" or axes[0].tickvals is not None:
        return None
    if all(axis.range is not None for axis in axes):
        first = axes[0].range
        low, high = min(min(axis.range) for axis in axes), max(max(axis.range) for axis in axes)
        return [low, high] if first[0] < first[1] else [high, low]
    letter, own = name[0], name.replace("axis", "")
    values = np.concatenate(
        [
            np.asarray(trace[letter], float)
            for figure in figures
            for trace in figure.data
            if (trace[f"{letter}axis"] or letter) == own and trace[letter] is not None and _is_numbers(trace[letter])
        ]
        or [np.empty(0)]
    )
    if axes[0].type == "log":
        values = np.log10(values[values > 0])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    margin = 0.06 * max(float(np.ptp(values)), 1e-6)
    return [float(values.min()) - margin, float(values.max()) + margin]


def _is_numbers(values: Any) -> bool:
    return all(value is None or isinstance(value, (int, float, np.number)) for value in values)


def _gif(frames: Sequence[bytes]) -> bytes:
    from PIL import Image

    opened = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    # One palette, without dithering: what does not change between frames stays the same to the pixel.
    some = opened[:: max(1, len(opened) // _IN_PALETTE)]
    sample = Image.new("RGB", (some[0].width, some[0].height * len(some)))
    for k, one in enumerate(some):
        sample.paste(one, (0, k * one.height))
    palette = sample.quantize(256, Image.Quantize.MAXCOVERAGE)
    # A palette's colours are means, and pillow looks them up in steps of four: all that is near paper is paper.
    colours, paper = np.array(palette.getpalette(), int).reshape(-1, 3), np.array(sample.getpixel((0, 0)))
    far = np.abs(colours - paper).max(axis=1)
    colours[far <= max(_NEAR_PAPER, far.min())] = paper
    palette.putpalette(colours.ravel().tolist())
    pictures = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in opened]
    made = io.BytesIO()
    pictures[0].save(
        made, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 * SECONDS), loop=0, disposal=1
    )
    return made.getvalue()


def _ffmpeg() -> str:
    """The program, of the system or of the package imageio-ffmpeg. Raises InputError where there is neither."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        raise InputError(
            "webm and mp4 need ffmpeg, which is not found. Install it (apt install ffmpeg, brew install ffmpeg, or pip "
            "install imageio-ffmpeg); gif works without."
        ) from None
    return get_ffmpeg_exe()


def _video(frames: Sequence[bytes], format: str, ffmpeg: str) -> bytes:
    with scratch_folder() as folder:
        path = folder / f"sweep.{format}"
        given = ["-f", "image2pipe", "-c:v", "png", "-framerate", f"{1 / SECONDS:.4f}", "-i", "-"]
        # Players want this way of storing colours, which wants even sides.
        made = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", *_CODECS[format], str(path)]
        done = subprocess.run(
            [ffmpeg, "-v", "error", "-y", *given, *made], input=b"".join(frames), capture_output=True, check=False
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise InputError(f"ffmpeg could not make {format}: {said[-1] if said else 'it said nothing'}; gif works.")
        return path.read_bytes()
