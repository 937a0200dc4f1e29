"""What goes wrong on the page, as its visitors are told it. No gradio."""

from __future__ import annotations

from ..errors import InputError
from .limits import is_public

UNEXPECTED = "an error that nobody expected; the log of the server has it."


def line_of(error: InputError) -> str:
    """Why something cannot be done. On a page that many share, a fault of the machine is told without its file."""
    fault = error.__cause__
    if is_public() and isinstance(fault, OSError):
        return f"the server cannot do this now ({fault.strerror}). Try again later, or tell those who run it."
    return str(error)
