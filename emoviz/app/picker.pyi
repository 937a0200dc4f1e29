"""The picker of vector sets on the left: which are shown, in which order, and with which the others are compared."""

from __future__ import annotations

import json
from typing import Any

from ..plots.theme import protocol_label, short_label
from .components import Filled
from .library import library

from gradio.events import Dependency

class Chosen(Filled):
    """A part that a visitor changes; its value may be anything, and who reads it checks it."""

    def preprocess(self, payload: Any) -> Any:
        try:
            return json.loads(payload) if payload else None
        except (TypeError, ValueError):
            return payload
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Names(Chosen):
    """A list of names. The browser is given {chosen: them} with all there are; `input` fires when others are chosen."""

    def known(self) -> dict[str, Any]:
        """All there are to choose from."""
        raise NotImplementedError

    def postprocess(self, value: Any) -> str:
        return json.dumps({"chosen": [] if value is None else list(value), **self.known()})

    def preprocess(self, payload: Any) -> Any:
        given = super().preprocess(payload)
        return given.get("chosen") if isinstance(given, dict) else given
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Marks(Names):
    """Emotions, of {all: classes}."""

    script = "marks"

    def known(self) -> dict[str, Any]:
        return {"all": library().classes}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Picker(Names):
    """Names of sets, in order; {sets: [{name, label, model, short, colour, dash}]} look as in every figure."""

    script = "picker"

    def known(self) -> dict[str, Any]:
        known = library()
        sets = [
            {
                "name": name,
                "label": short_label(one),
                "model": one.provenance.model,
                "short": protocol_label(one),
                "colour": known.style[name].colour,
                "dash": known.style[name].dash,
            }
            for name, one in known.sets.items()
        ]
        return {"sets": sets}
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Pin(Chosen):
    """The name of the pinned set, None for none. The picker shows and changes it."""

    script = "pin"
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Side(Filled):
    """Greys what the open tab does not use: {tab, unused: [name of the selection]}. Escape clears marked emotions."""

    script = "side"
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component