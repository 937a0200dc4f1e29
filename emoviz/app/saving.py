"""Figures as files: drawn again for the file that the browser asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from ..errors import InputError
from ..plots.export import ANIMATIONS, export
from ..plots.sweep import depths_of, sweep
from ..share.slides import labels, over_layers
from .components import Figure
from .contract import EXPORTS, QUIET
from .download import downloaded
from .selection import SAME_DEPTH, Selection
from .views import Views


def wire(views: Views) -> None:
    """Every figure is saved as it is asked for; what is under way can be cancelled."""

    def save(event: gr.EventData, *values: Any) -> Iterator[dict[str, Any]]:
        """The figure that was asked for, drawn again for the file; of an animation also how far it is."""
        given = views.given(values)
        tab, view = views.seen(given), views.selected(given)[0]
        name = next((n for n, part in views.page.laid[tab.title].outputs.items() if part is event.target), "")
        how = event._data if isinstance(event._data, dict) else {}
        asked = {key: str(how.get(key)) for key in ("format", "preset", "theme", "link")}
        format, called = asked["format"], f"emoviz-{tab.title}-{name}".lower().replace(" ", "-")

        def again(view: Selection) -> go.Figure:
            figure = views.draw(tab, view, given).get(name)
            if not isinstance(figure, go.Figure):
                raise InputError("this figure cannot be drawn again.")
            return figure

        def over_depths() -> Generator[tuple[int, int], None, bytes]:
            drawn = str(again(view).layout.meta.get("name"))
            if not over_layers(drawn):
                raise InputError("this figure is the same at every layer.")
            return (
                yield from sweep(
                    lambda depth: again(replace(view, layer_mode=SAME_DEPTH, depth=depth)),
                    depths_of(view.chosen()),
                    labels().get(drawn, drawn),
                    **asked,
                )
            )

        film, file = b"", f"{called}.{format}"
        try:
            if format in ANIMATIONS:
                film = yield from _told(over_depths(), file)
        except InputError as error:
            yield {"name": file, "format": format, "problem": str(error)}
        else:
            yield downloaded(called, format, lambda: (file, film if film else export(lambda: again(view), **asked)))

    laid, saved = views.page.laid.values(), views.page.saved
    parts = [part for one in laid for part in (*one.outputs.values(), *one.parts.values())]
    figures = [part.download for part in parts if isinstance(part, Figure)]
    saving = gr.on(figures, save, views.inputs, saved, **EXPORTS)
    saved.select(None, None, None, cancels=[saving], **QUIET)


def _told(frames: Generator[tuple[int, int], None, bytes], name: str) -> Generator[dict[str, Any], None, bytes]:
    """What the frames give; on the way, at most twice a second, how far they are and how long the rest will take."""
    started, last = time.monotonic(), -math.inf
    while True:
        try:
            done, total = next(frames)
        except StopIteration as end:
            return end.value
        now = time.monotonic()
        if now - last > 0.5:
            last = now
            left = f", about {(now - started) / done * (total - done):.0f} s more" if done > 1 else ""
            yield {"name": name, "progress": f"every layer is drawn, {done / total:.0%}{left}"}
