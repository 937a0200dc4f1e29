"""A layer as it is asked for on the command line."""

from __future__ import annotations

from ..errors import InputError


def layer_number(text: str, vectors) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise InputError(
            f"layer {text[:24]!r} was asked for; best or a number from 0 to {vectors.n_layers - 1} is allowed; choose one."
        )
    return int(text)
