"""Files that cannot be read: left out of every list, and named."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..errors import InputError
from ..files import entries, printable

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file of the store that could not be read. name : of the file, as it can be shown. why : in a sentence."""

    name: str
    why: str


_noted: ContextVar[list[Unreadable] | None] = ContextVar("noted", default=None)


def unreadable_files() -> list[Unreadable]:
    """The files of every kind, shipped or the user's own, that cannot be read now."""
    # Which leave them out by what is here.
    from .catalog import list_sets
    from .effects import list_side_effects
    from .heads import list_heads
    from .leaks import list_leak_runs
    from .responses import list_dose_responses
    from .sets import load_stories
    from .sweeps import list_sweeps
    from .verifications import list_verifications

    with noting() as found:
        for vectors in list_sets():
            try:
                load_stories(vectors)
            except InputError as error:
                leave_out(Path(vectors.name), error)
        for read in (list_dose_responses, list_leak_runs, list_side_effects, list_verifications, list_sweeps):
            read()
        list_heads("")
    # Runs of several kinds lie in one folder.
    return list(dict.fromkeys(found))


@contextmanager
def noting() -> Iterator[list[Unreadable]]:
    """Inside, what is left out comes into the list, instead of into the log."""
    found: list[Unreadable] = []
    before = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(before)


def stored(folder: Path, pattern: str) -> list[Path]:
    """As `entries`; a folder that this user may not look into is left out, and named."""
    try:
        next(folder.iterdir(), None)
    except PermissionError as error:
        leave_out(folder, InputError(f"{printable(folder)} cannot be read ({error.strerror}). Check who owns it."))
    except OSError:
        pass
    return entries(folder, pattern)


def readable(paths: Iterable[Path], load: Callable[[Path], T]) -> Iterator[T]:
    """What `load` makes of each file; one that raises InputError is left out."""
    for path in paths:
        try:
            if path.name != printable(path.name):
                raise InputError(f"{printable(path)} has a name that is no text of letters and signs. Rename it.")
            yield load(path)
        except InputError as error:
            leave_out(path, error)


def leave_out(path: Path, error: InputError) -> None:
    """Says that a file is left out."""
    found = _noted.get()
    if found is None:
        log.warning("left out: %s", error)
    else:
        # Where files lie on this machine is no visitor's business.
        found.append(Unreadable(printable(path.name), str(error).replace(f"{printable(path.parent)}{os.sep}", "")))
