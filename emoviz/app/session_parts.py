"""Keeps gradio's memory of a visitor from growing with every interaction."""

from __future__ import annotations

from typing import Any

from gradio.blocks import Block
from gradio.state_holder import SessionState

# Visitors whose parts and states are kept; the one who was away longest is forgotten first.
MAX_SESSIONS = 200


def keep_ids() -> None:
    """Whatever takes the place of a part in a visitor's session takes its id too.

    Gradio makes every output of an event anew, under a new id, and keeps each as another part when it is next an input:
    30 KB an interaction, for as long as the server runs.
    """
    put = SessionState.__setitem__

    def put_in_place(self: SessionState, key: int, value: Any) -> None:
        if isinstance(value, Block):
            value._id = key
        put(self, key, value)

    setattr(SessionState, "__setitem__", put_in_place)  # noqa: B010
