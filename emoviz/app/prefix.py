"""A page behind a path prefix: proxies that cut the prefix off and those that keep it are answered alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import InputError

_PREFIX = re.compile(r"(/[\w.~%+-]+)+/?")
_TOLD, _HOST = b"x-forwarded-prefix", b"x-forwarded-host"


def checked_prefix(given: str) -> str:
    """A prefix as `--root-path` takes it, or a whole address that ends in one. Raises InputError for anything else."""
    address = urlsplit(given)
    whole = address.scheme in ("http", "https") and bool(address.netloc)
    if not _PREFIX.fullmatch(address.path) or not (whole or given == address.path):
        raise InputError(
            f"root path {given!r:.80} was given; a path such as /lab/emoviz, or a whole address such as "
            "https://host/lab/emoviz, is allowed."
        )
    return given.rstrip("/")


class BehindPrefix:
    """Puts the prefix before a path that comes without it, as the rules for such applications (ASGI) want it.

    The prefix is what the page was started with (`--root-path`, GRADIO_ROOT_PATH), else what the proxy tells in
    X-Forwarded-Prefix.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(_under_prefix(scope) if scope["type"] == "http" else scope, receive, send)


def _under_prefix(scope: Scope) -> Scope:
    headers = scope["headers"]
    told = _first(headers, _TOLD).decode("latin-1")
    fixed = urlsplit(scope.get("root_path", "")).path.rstrip("/")
    prefix = fixed if fixed else told.rstrip("/") if _PREFIX.fullmatch(told) else ""
    if not prefix:
        return scope
    path = scope["path"]
    if path != prefix and not path.startswith(f"{prefix}/"):
        path = prefix + path
    host = _first(headers, _HOST)
    if not fixed and host:
        # Of a forwarded host gradio makes an address without any path; of the host itself it keeps the path.
        headers = [*((name, value) for name, value in headers if name not in (b"host", _HOST)), (b"host", host)]
    return {**scope, "root_path": prefix, "path": path, "raw_path": path.encode(), "headers": headers}


def _first(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    """The first value of a header, empty where it is not there."""
    return next((value.partition(b",")[0].strip() for name, value in headers if name == wanted), b"")
