"""Text files that users hand in."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import IO

from ..errors import InputError
from ..files import LARGEST_TEXT, content, size_of, why

_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
# A mark of UTF-8 at the beginning is no part of the text.
_UTF8 = "utf-8-sig"
MARK = "\ufeff"


def read_text(path: Path, needed: str, shown: object) -> str:
    """The text of a UTF-8 file, or of a UTF-16 one with its byte order mark, without that mark.

    needed : what the file should be, for the message, with its verb. shown : how the message names it.
    Raises InputError if it cannot be read, has more than 256 MB or is not UTF-8.
    """
    try:
        raw = content(path, LARGEST_TEXT)
        # As `read_text` of a path gives it: every end of a line as one sign.
        text = raw.decode("utf-16" if raw.startswith(_UTF16) else _UTF8)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        # Files that were put one behind the other have a mark in the middle.
        return text.replace(f"\n{MARK}", "\n")
    except OSError as error:
        raise InputError(f"{shown} cannot be read ({why(error)}); {needed} needed. Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


def open_text(path: Path, newline: str | None = None) -> IO[str]:
    """The same file opened, to be read in parts. What is not UTF-8 is kept as halves of surrogate pairs, which no text
    may hold, so that the rest can be read.

    newline : as in `open`. Raises InputError if it cannot be opened.
    """
    try:
        size_of(path)
        with path.open("rb") as file:
            wide = file.read(2) in _UTF16
        encoding, errors = ("utf-16", "replace") if wide else (_UTF8, "surrogateescape")
        return path.open(encoding=encoding, errors=errors, newline=newline)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({why(error)}). Check the path.") from error
