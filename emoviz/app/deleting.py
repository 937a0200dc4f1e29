"""Deleting what is the user's own: asked in place, with what goes, before it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..errors import InputError
from .components import Menu, Message
from .contract import QUIET, called_as


@dataclass(frozen=True, slots=True)
class Deleting:
    """menu : of what can be deleted. done : the event after which something may be gone."""

    menu: Menu
    done: gr.events.Dependency


def lay(
    choices: list[tuple[str, str]],
    label: str,
    what: Callable[[str | None], str],
    delete: Callable[[str], str],
    said: Message,
    called: Callable[[str], str] = str,
    *,
    visible: bool = True,
) -> Deleting:
    """A menu, *Delete*, and below it the question with its two answers.

    what : name to what goes with it, as a sentence; raises InputError where it cannot be deleted. delete : name to what
    happened. said : where that is shown. called : name to what is shown of it.
    """
    with gr.Row(elem_classes="ez-controls", visible=visible):
        menu = Menu(choices, value=None, label=label, scale=4)
        remove = gr.Button("Delete", size="sm", scale=1, min_width=100)
    with gr.Row(visible=False, elem_classes="ez-ask") as asking:
        question = Message()
        yes = gr.Button("Delete it", size="sm", variant="stop", scale=0, min_width=110)
        no = gr.Button("Keep it", size="sm", scale=0, min_width=110)
    # What was asked about, not what the menu has been moved to since.
    asked = gr.State(None)

    def ask(name: str | None) -> tuple[Any, ...]:
        try:
            return (
                gr.update(visible=True),
                f"**Delete {called(str(name))}?** {what(name)} This cannot be undone.",
                name,
                gr.skip(),
            )
        except InputError as error:
            return gr.update(visible=False), None, None, f"**Cannot delete.** {error}"

    def answer(name: str) -> tuple[Any, ...]:
        return delete(name), gr.update(visible=False), None

    remove.click(called_as(what, ask), menu, [asking, question, asked, said], **QUIET)
    no.click(lambda: gr.update(visible=False), None, asking, **QUIET)
    return Deleting(menu, yes.click(called_as(delete, answer), asked, [said, asking, menu], **QUIET))
