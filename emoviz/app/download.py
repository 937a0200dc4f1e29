"""Files for the browser, as the part `Download` takes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from ..share.texts import Sheet, texts_file

_TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "md": "text/markdown",
    "jsonl": "application/jsonl",
    "zip": "application/zip",
    "gif": "image/gif",
    "webm": "video/webm",
    "mp4": "video/mp4",
}


def downloaded(name: str, format: str, make: Callable[[], tuple[str, bytes]]) -> dict[str, Any]:
    """What `make` gives, a name and a content, or why it cannot. name, format : of what was asked for."""
    try:
        made, content = make()
    except InputError as error:
        return {"name": f"{name}.{format}", "format": format, "problem": str(error)}
    kind = _TYPES.get(made.rpartition(".")[2], "application/octet-stream")
    return {"name": made, "type": kind, "data": base64.b64encode(content).decode()}


def downloaded_texts(texts: Sheet | None, name: str, data: Any) -> dict[str, Any]:
    """Texts as a file, as the browser asked for it: {format, theme, link}. texts : None where there are none."""
    how = data if isinstance(data, dict) else {}
    format, theme, link = (str(how.get(key)) for key in ("format", "theme", "link"))

    def make() -> tuple[str, bytes]:
        if texts is None:
            raise InputError("there are no texts yet. Press Steer, and wait for the verdicts.")
        return texts_file(texts, name, format, theme=theme, link=link)

    return downloaded(name, format, make)
