"""Python that makes what a tab shows, with the public library alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InputError
from ..steer.doses import parse_doses
from ..types import VectorSet


def snippet(*lines: str) -> str:
    return "\n".join(["import emoviz as ez", "", *lines]) + "\n"


def open_sets(sets: Iterable[VectorSet]) -> str:
    """The line that opens them as `sets`."""
    return "sets = [\n" + "".join(f"    ez.find_set({s.name!r}),\n" for s in sets) + "]"


def with_model(vectors: VectorSet, *lines: str) -> str:
    """A snippet whose lines have a set and its own model, as `vectors` and `model`."""
    opened = f"vectors = ez.find_set({vectors.name!r})"
    return snippet(opened, f"model = ez.load_model({vectors.provenance.model!r})", *lines)


def dose_list(text: str) -> str:
    """Doses that were typed, or came with a link, as code: numbers, or the text where it is none."""
    try:
        return repr(parse_doses(text))
    except InputError:
        return repr([text])


def figure(name: str, *given: str, **options: Any) -> str:
    """A line that draws a figure of `ez.plot` and shows it. given : code; options : values."""
    arguments = [*given, *(f"{option}={_code(value)}" for option, value in options.items())]
    return f"ez.plot.{name}({', '.join(arguments)}).show()"


def _code(value: Any) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)
