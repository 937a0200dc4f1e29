"""Text files that users hand in."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError


def read_text(path: Path, needed: str, shown: object) -> str:
    """The text of a UTF-8 file, without a byte order mark, which editors on Windows put in front.

    needed : what the file should be, for the message, with its verb. shown : how the message names it.
    Raises InputError if it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{shown} cannot be read ({error.strerror}); {needed} needed. Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
