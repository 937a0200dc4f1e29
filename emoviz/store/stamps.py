"""Small results that are worth remembering between runs: one text file each, in the user's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from .folders import home


def remembered(kind: str, key: object, compute: Callable[[], str]) -> str:
    """What `compute` gave for this key the first time. Where the folder cannot be written, it is computed every time.

    key : anything whose repr holds all that the result depends on.
    """
    stamp = home() / kind / hashlib.sha256(repr(key).encode()).hexdigest()
    try:
        return stamp.read_text("utf-8")
    except OSError:
        result = compute()
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        temporary = stamp.with_name(f".{stamp.name}.{os.getpid()}.part")
        temporary.write_text(result, "utf-8")
        temporary.replace(stamp)
    except OSError:
        pass
    return result
