"""A vector set as a file for other programs: a menu of sets, one of formats, and a button that saves it.

The file is made when it is asked for, on the server; several are packed into one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from ..share.export import FORMATS, GGUF, exported_file
from .components import Menu
from .contract import EXPORTS, Page, Part, by_name
from .download import downloaded
from .library import library


def lay(chosen: str | None) -> dict[str, Part]:
    """chosen : the set that is exported at first."""
    with gr.Row(elem_classes="ez-controls", equal_height=True):
        exported = Menu(library().choices(), value=chosen, label="Export a set", scale=4, min_width=260)
        choices = [(f"{name}: {what}", name) for name, what in FORMATS.items()]
        format = gr.Dropdown(choices, value=GGUF, label="Format", scale=4, min_width=260)
        export = gr.Button("Export", size="sm", scale=1, min_width=100, elem_id="ez-export-set")
    return {"exported": exported, "format": format, "export": export}


def wire(part: Mapping[str, Part], page: Page) -> None:
    asked = {"name": part["exported"], "format": part["format"]}
    part["export"].click(*by_name(export, **asked), [page.saved, part["status"]], **EXPORTS)


def export(name: str | None, format: str) -> tuple[dict[str, Any], Any]:
    """(file, what is said of what was left out)."""
    notes: list[str] = []

    def make() -> tuple[str, bytes]:
        file, content, said = exported_file(library().chosen(name), format)
        notes.extend(said)
        return file, content

    file = downloaded(f"emoviz-{name}", format, make)
    return file, f"**Exported.** {'. '.join(notes)}." if notes else gr.skip()
