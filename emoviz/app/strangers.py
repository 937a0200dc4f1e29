"""What strangers may do on a page that many share: the events that stand here. Every other one is refused there."""

from __future__ import annotations

from typing import Any, NoReturn

import gradio as gr

# Module -> names of the functions whose events are open: they show what is stored, or run a known model within
# `limits`, and what they keep is of one visitor alone. Nothing that all visitors see is made, changed or deleted.
OPEN: dict[str, tuple[str, ...]] = {
    "commands.endpoints": ("list_sets", "show_set", "rdm", "compare", "read", "steer", "export"),
    "app.page": (
        "_wire_selection.changed",
        "_wire_selection.pick",
        "_wire_stored.refresh",
        "_wire_stored.<lambda>",
        "_wire_tabs_and_link.opening.open_tab",
        "_wire_tabs_and_link.open_link",
        "_wire_tabs_and_link.fit",
        "_wire_layers.move_depth",
        "_wire_layers.all_layers",
        "_wire_layers.look_ahead",
        "_wire_talk.arrange",
        "_wire_talk.present",
        "_wire_talk.save_talk",
    ),
    "app.saving": ("wire.save",),
    "app.leaving": ("_made", "wire.<lambda>"),
    "app.exporting": ("export",),
    # Of the jobs the visitor's own alone.
    "app.job_strip": ("answer",),
    "app.contract": ("pressed.<lambda>",),
    "app.deleting": ("lay.<lambda>",),
    "app.tabs.overview": ("answer",),
    "app.tabs.geometry": ("lay.use", "lay.<lambda>", "wire.<lambda>"),
    "app.tabs.library": ("fetch", "show_set", "stories_table"),
    "app.tabs.read.text": ("run", "pick", "fetch", "lay.<lambda>"),
    "app.tabs.read.dialogue": ("run",),
    "app.tabs.read.numbers": ("vary", "lay.<lambda>"),
    # What is read is kept for the browser that asked, under a name that only it knows.
    "app.tabs.read.many": (
        "take",
        "take_as",
        "take_none",
        "take_too_large",
        "begin",
        "save",
        "visitor",
        "what_goes",
        "delete",
    ),
    "app.tabs.steer.texts": (
        "write",
        "press_stop",
        "save",
        "fetch",
        "fill_preset",
        "follow",
        "models_in_memory",
        "text_to_read",
        "lay.<lambda>",
        "wire.<lambda>",
    ),
    "app.tabs.steer.converse": (
        "send",
        "resend",
        "stop",
        "begin_anew",
        "picked",
        "save.saved",
        "fetch",
        "lay.<lambda>",
        "wire.<lambda>",
    ),
    "app.tabs.steer.doses": ("saving.save",),
    "app.tabs.steer.leak": ("saving.save",),
    "app.tabs.steer.vocabulary": ("look",),
}


def close(page: gr.Blocks) -> None:
    """Refuses every event of a page that is not open."""
    for event in page.fns.values():
        if event.fn is not None and not is_open(event.fn):
            # What was posted is not even looked at.
            event.fn, event.preprocess = _refuse, False


def is_open(function: Any) -> bool:
    module = function.__module__.removeprefix("emoviz.")
    return function.__qualname__.replace("<locals>.", "") in OPEN.get(module, ())


def _refuse(*_given: Any) -> NoReturn:
    said = "This is left out on a page that many share. Run emoviz on a machine of your own for that."
    raise gr.Error(said, print_exception=False)
