"""CSV that a spreadsheet opens as what it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are left alone."""
    if not isinstance(value, str) or not value.lstrip(" ").startswith(_FORMULA):
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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell("" if value is None or value != value else value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig" if mark else "utf-8")
