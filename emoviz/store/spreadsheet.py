"""CSV that a spreadsheet opens as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# Also the signs that separate cells in other countries' spreadsheets: what follows one could be a formula there.
_SEPARATES = re.compile('[",;\t\r\n]')


def cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are left alone."""
    if not isinstance(value, str) or not value.lstrip(" \n").startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, mark: bool = False) -> bytes:
    """UTF-8; missing values are empty.

    mark : begin with a byte order mark, without which Excel misreads other scripts.
    """
    lines = [",".join(map(_field, row)) for row in (columns, *rows)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8-sig" if mark else "utf-8", "backslashreplace")


def _field(value: Any) -> str:
    text = "" if value is None or value != value else str(cell(value))
    return '"{}"'.format(text.replace('"', '""')) if _SEPARATES.search(text) else text
