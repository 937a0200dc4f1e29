"""What gradio keeps of visitors, and does for each, within bounds."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from gradio.blocks import Block
from gradio.queueing import Queue
from gradio.state_holder import SessionState

# Visitors whose parts and states are kept; the one who was away longest is forgotten first.
MAX_SESSIONS = 200
# Of one visitor, that are answered or wait to be; a page has three at once.
MAX_EVENTS = 8
# Bytes of what was read and written for visitors that is kept for all of them together.
MAX_KEPT = 200_000_000
# What is smaller is not counted.
_SMALL = 100_000


def bound_sessions() -> None:
    """What gradio keeps of each visitor, and what it does for one, has bounds.

    Beside the parts of a page it keeps a copy of their configuration for links of its own, which the page does not
    have: half a megabyte a visitor.
    """
    begin, push = SessionState.__init__, Queue.push

    def begin_small(self: SessionState, blocks: Any) -> None:
        begin(self, blocks)
        self.config_values = _Nothing()

    async def push_few(self: Queue, body: Any, *given: Any, **named: Any) -> Any:
        there = self.pending_event_ids_session.get(body.session_hash, ())
        if len(there) >= MAX_EVENTS:
            return False, f"{len(there)} requests of yours are being answered; up to {MAX_EVENTS} may.", "queue_full"
        return await push(self, body, *given, **named)

    def leave(*_given: Any) -> None:
        """The copy is not kept up to date either."""

    setattr(SessionState, "__init__", begin_small)  # noqa: B010
    setattr(SessionState, "_update_config", leave)  # noqa: B010
    setattr(SessionState, "_update_value_in_config", leave)  # noqa: B010
    setattr(Queue, "push", push_few)  # noqa: B010
    _keep_ids()


class _Nothing(dict):
    """Holds nothing, whatever is put into it."""

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass


def _keep_ids() -> None:
    """Whatever takes the place of a part in a visitor's session takes its id too.

    Gradio makes every output of an event anew, under a new id, and keeps each as another part when it is next an input:
    30 KB an interaction, for as long as the server runs.
    """
    put = SessionState.__setitem__

    def put_in_place(self: SessionState, key: int, value: Any) -> None:
        if isinstance(value, Block):
            value._id = key
        put(self, key, value)
        if key in self.state_data:
            _KEPT.note(self, key, value)

    setattr(SessionState, "__setitem__", put_in_place)  # noqa: B010


class _Kept:
    """The large values of all visitors, the latest last; the oldest are forgotten where they are too much together.

    Who comes back to a forgotten one finds the page as at first, and reads or writes again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: OrderedDict[tuple[weakref.ref[SessionState], int], int] = OrderedDict()

    def note(self, session: SessionState, key: int, value: Any) -> None:
        place, size = (weakref.ref(session), key), bytes_in(value)
        with self._lock:
            self._sizes.pop(place, None)
            if size > _SMALL:
                self._sizes[place] = size
            for old in [one for one in self._sizes if one[0]() is None]:
                del self._sizes[old]
            while sum(self._sizes.values()) > MAX_KEPT and len(self._sizes) > 1:
                (owner, there), _ = self._sizes.popitem(last=False)
                found = owner()
                if found is not None:
                    found.state_data.pop(there, None)


_KEPT = _Kept()


def bytes_in(value: Any, depth: int = 6) -> int:
    """About how much memory a value takes: its arrays, texts and numbers. Models, which all share, do not count."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (str, bytes)):
        return len(value)
    if depth == 0:
        return 0
    if isinstance(value, Mapping):
        return sum(bytes_in(one, depth - 1) + 50 for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(bytes_in(one, depth - 1) + 8 for one in value)
    if is_dataclass(value) and not hasattr(value, "tokenizer"):
        return sum(bytes_in(getattr(value, one.name, None), depth - 1) for one in fields(value))
    return 8
