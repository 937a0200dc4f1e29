"""What is read of a file before it is believed: a regular one, of a stated size, unpacked and parsed in bounds.

What is wrong is said as a clause, by OSError or ValueError; whoever reads the file says which one it is and what to do.
"""

from __future__ import annotations

import errno
import gzip
import json
import stat
import zlib
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import Any

# Bytes of a text or table that a user hands in, and of a result of ours, packed or not.
LARGEST_TEXT, LARGEST_RESULT = 2**28, 2**26
_BLOCK = 1 << 20
# Brackets and commas of one JSON document: each may be a value, which takes a hundred times the memory of its sign.
_MOST_VALUES = 4_000_000
# No number of ours has more.
_MOST_DIGITS = 20
# What a damaged file makes its reader raise.
DAMAGED = (OSError, EOFError, zlib.error, ArithmeticError, ValueError, KeyError, IndexError, TypeError, AttributeError)


def size_of(path: Path) -> int:
    """Bytes of a regular file. Raises OSError for anything else: a pipe would be waited for, a device never ends."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return found.st_size


def content(path: Path, most: int) -> bytes:
    """What a regular file holds. Raises OSError where it cannot be read, or is larger."""
    size = size_of(path)
    if size > most:
        raise _too_large(path, most)
    with path.open("rb") as file:
        return file.read(size)


def unpacked(path: Path, most: int = LARGEST_RESULT) -> bytes:
    """What a gzip file holds. Raises OSError, EOFError or zlib.error where it cannot be read, or would be larger."""
    found = bytearray()
    with gzip.GzipFile(fileobj=BytesIO(content(path, most))) as file:
        while block := file.read(_BLOCK):
            found += block
            if len(found) > most:
                raise _too_large(path, most)
    return bytes(found)


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it has more than {most / 2**20:.0f} MB", str(path))


def parsed(document: bytes | str) -> Any:
    """JSON in UTF-8. Raises ValueError for what is none, for nesting and numbers that nobody writes, and for text that
    UTF-8 cannot hold."""
    text = document.decode() if isinstance(document, bytes) else document
    if sum(map(text.count, "[{,")) > _MOST_VALUES:
        raise ValueError(f"it holds more than {_MOST_VALUES:,} values")
    try:
        found = json.loads(text, parse_int=_whole)
        if "\\u" in text:
            # Half of a surrogate pair can be escaped in JSON, but is no text.
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return found


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def printable(name: object) -> str:
    """A name as it can be shown: what is no letter or sign, such as bytes that are not UTF-8, as its code."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in str(name))


def entries(folder: Path, pattern: str = "*") -> list[Path]:
    """What lies in a folder, by name, but for hidden files; nothing where it cannot be read. What goes away meanwhile
    is no error."""
    try:
        found = list(folder.iterdir())
    except OSError:
        return []
    return sorted(path for path in found if path.name[0] != "." and fnmatchcase(path.name, pattern))


def why(error: BaseException) -> str:
    """What an error of `DAMAGED` says, without the path, in one line."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = f"{said} is missing" if isinstance(error, KeyError) else said
    return printable(said if said else type(error).__name__)[:160]
