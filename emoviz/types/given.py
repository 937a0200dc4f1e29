"""What a caller gave, checked: vector sets, and names that files are called by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..errors import InputError
from .vectors import VectorSet

# Of 255 bytes, which most disks take, the names of model, corpus and witness in one file name.
_PART_BYTES = 60
_OPEN = "Open one with ez.find_set."


def one_set(given: Any) -> VectorSet:
    """Raises InputError, with what was given, for anything but one vector set."""
    if isinstance(given, VectorSet):
        return given
    if isinstance(given, (list, tuple)):
        raise InputError(f"{len(given)} values were given; one vector set is needed. {_OPEN}")
    raise InputError(f"{given!r:.60} was given; a vector set is needed. {_OPEN}")


def uncleaned(given: Any) -> VectorSet:
    """One vector set whose class means are meant. Raises InputError as `one_set`, and for a cleaned set."""
    vectors = one_set(given)
    if vectors.cleaned is not None:
        raise InputError(
            f"{vectors.name} was given; cleaned directions are for reading and steering. Give the set that it was "
            "made from."
        )
    return vectors


def several_sets(given: Any) -> list[VectorSet]:
    """One vector set or several as a list. Raises InputError for none, a cleaned one, and for anything else."""
    if isinstance(given, VectorSet):
        return [uncleaned(given)]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"{given!r:.60} was given; vector sets are needed. {_OPEN}")
    sets = [uncleaned(one) for one in given]
    if not sets:
        raise InputError(f"no vector set was given; one or more are needed. {_OPEN}")
    return sets


def file_part(name: str) -> str:
    """A name as a part of file names: without what some disks do not take, and short enough for several in one."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "-", name).encode()[:_PART_BYTES].decode(errors="ignore")


def file_name(given: str) -> str:
    """The name of a model or a corpus, which becomes a part of file names. Raises InputError for one that cannot."""
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,79}", given):
        raise InputError(
            f"name {given!r:.60} was given; up to 80 letters, digits and . + - _ are allowed, since files are called "
            "by it."
        )
    return given
