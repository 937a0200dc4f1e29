"""About: what is shown, tab by tab, with its formulas; the words, the limits and the sources."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from ...geometry.curves import CURVES
from ..contract import Laid, Tab
from ..selection import Selection

_TEXTS = Path(__file__).parents[1] / "about"


def lay(_start: Selection) -> Laid:
    from . import TABS

    gr.Markdown(_text("intro"), elem_classes="ez-prose")
    for tab in TABS:
        if (_TEXTS / f"{tab.title.lower()}.md").exists():
            with gr.Accordion(f"{tab.title}: {tab.question}", open=False, elem_classes="ez-prose"):
                gr.Markdown(_text(tab.title.lower()))
    with gr.Accordion("Words", open=False, elem_classes="ez-prose"):
        gr.Markdown(_text("words"))
        gr.Markdown(curves_table())
    gr.Markdown(_text("limits"), elem_classes="ez-prose")
    return Laid()


def curves_table() -> str:
    """The glossary of the depth curves, one row an entry."""
    rows = [f"| {curve.label} | {curve.axis} | {curve.aid} |" for curve in CURVES.values()]
    return "\n".join(["| curve | axis | how to read it |", "|---|---|---|", *rows])


def _text(name: str) -> str:
    return (_TEXTS / f"{name}.md").read_text("utf-8")


TAB = Tab(title="About", question="What do the words and numbers mean, and where do they come from?", lay=lay)
