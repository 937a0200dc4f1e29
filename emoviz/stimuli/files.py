"""Text files that users hand in."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from ..errors import InputError

_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)


def read_text(path: Path, needed: str, shown: object) -> str:
    """The text of a UTF-8 file, or of a UTF-16 one with its byte order mark, without that mark.

    needed : what the file should be, for the message, with its verb. shown : how the message names it.
    Raises InputError if it cannot be read or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
        # As `read_text` of a path gives it: every end of a line as one sign.
        text = raw.decode("utf-16" if raw.startswith(_UTF16) else "utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise InputError(f"{shown} cannot be read ({error.strerror}); {needed} needed. Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
