"""About: what is shown, tab by tab, with its formulas; the words, the limits and the sources."""

from __future__ import annotations

import gradio as gr

from ... import citation
from ...geometry.curves import CURVES
from ..contract import Laid, Tab
from ..glossary import TEXTS
from ..selection import Selection


def lay(_start: Selection) -> Laid:
    from . import TABS

    with gr.Column(elem_classes="ez-about"):
        gr.Markdown(_text("intro"), elem_classes="ez-prose")
        for tab in TABS:
            if (TEXTS / f"{tab.title.lower()}.md").exists():
                with gr.Accordion(f"{tab.title}: {tab.question}", open=False):
                    gr.Markdown(_text(tab.title.lower()), elem_classes="ez-prose")
        with gr.Accordion("Words", open=False):
            gr.Markdown(f"{_text('words')}\n\n{curves_table()}", elem_classes="ez-prose")
        gr.Markdown(_text("limits").replace("{citation}", citation.plain()), elem_classes="ez-prose")
    return Laid()


def curves_table() -> str:
    """The glossary of the depth curves, one row an entry."""
    rows = [[curve.label, f"{curve.axis}: {curve.aid}"] for curve in CURVES.values()]
    cells = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(["| curve | its axis, and how to read it |", "|---|---|", *(f"| {row} |" for row in cells)])


def _text(name: str) -> str:
    return (TEXTS / f"{name}.md").read_text("utf-8")


TAB = Tab(
    title="About",
    question="What do the words and numbers mean, and where do they come from?",
    lay=lay,
    uses=(),
)
