"""Small results that are worth remembering between runs: one text file each, in the user's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

from ..errors import InputError
from ..files import content
from .atomic import write_bytes
from .folders import home
from .kept import with_sum, without_sum

_LONGEST = 1 << 20


def remembered(kind: str, key: object, compute: Callable[[], str]) -> str:
    """What `compute` gave for this key the first time. Where the folder cannot be written, it is computed every time.

    key : anything whose repr holds all that the result depends on.
    """
    stamp = home() / kind / hashlib.sha256(repr(key).encode()).hexdigest()
    try:
        return without_sum(content(stamp, _LONGEST).decode())
    except (OSError, ValueError):
        result = compute()
    with suppress(InputError):
        write_bytes(stamp, with_sum(result).encode())
    return result
