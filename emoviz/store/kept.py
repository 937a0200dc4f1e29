"""What a run keeps to go on after it was killed: with checksums, so that what was damaged since is made again."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from ..files import DAMAGED, content, parsed
from .atomic import write_bytes

log = logging.getLogger(__name__)

_LARGEST = 1 << 28


def write_kept(path: Path, value: Any) -> None:
    """Writes a value that JSON can hold, whole. Raises InputError if it cannot be written."""
    write_bytes(path, with_sum(json.dumps(value)).encode())


def read_kept(path: Path) -> Any:
    """What was kept; None where there is nothing, or, which is said, what is there was damaged."""
    if not path.exists():
        return None
    try:
        return parsed(without_sum(content(path, _LARGEST).decode()))
    except DAMAGED:
        log.warning("%s of an earlier run is damaged: it is made again", path.name)
        return None


def with_sum(text: str, end: str = "\n") -> str:
    """A text behind its checksum. end : what stands between them."""
    return f"{_sum(text)}{end}{text}"


def without_sum(text: str, end: str = "\n") -> str:
    """The text. Raises ValueError where it is not that of its checksum."""
    given, _, rest = text.partition(end)
    if given != _sum(rest):
        raise ValueError("it is not what was written")
    return rest


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
