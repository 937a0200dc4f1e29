"""What stands before the page: who may ask it, under which name, and how much one request may hold.

A site of a stranger can make its own name point at this machine (DNS rebinding), and its pages then ask this one as if
it were theirs. Therefore a request is answered only under a name that the page is served under.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio.routes
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import InputError
from .components import STATIC_URL
from .limits import limits

_LOCAL = ("localhost", "127.0.0.1", "::1")
# Routes that gradio brings and the page does not use: of its editors, recorders, profilers and components.
_UNUSED = re.compile(
    r"/(gradio_api/(vibe|undo-vibe|dev/|process_recording|component_server|stream/|proxy=|profiling/|run-history/|"
    r"runs|deep_link)|monitoring|runs)"
)
_UPLOAD = "/gradio_api/upload"
# Without a password too: what gradio asks of itself, and the scripts of the page, by which a container is looked after.
_OPEN = ("/gradio_api/startup-events", f"/{STATIC_URL}/")
_LEAST_PASSWORD = 8
# Of those that visitors have sent; each lies in a folder of its own.
_MOST_FILES = 5000


def names_served(root_path: str | None, more: Sequence[str] = ()) -> frozenset[str]:
    """The host names that the page is served under. A number is always one: no site can be called so.

    root_path : as `serve` takes it. more : further names; `*` is any.
    """
    bound, places = os.environ.get("GRADIO_SERVER_NAME", ""), (root_path, os.environ.get("GRADIO_ROOT_PATH"))
    told = [*more, *os.environ.get("EMOVIZ_HOSTS", "").split(","), os.environ.get("SPACE_HOST", "")]
    found = [*_LOCAL, bound, *told, *(urlsplit(place).hostname or "" for place in places if place)]
    own = [] if not bound or bound in _LOCAL else [socket.gethostname(), f"{socket.gethostname()}.local"]
    return frozenset(name.strip().lower().rstrip(".") for name in [*found, *own] if name.strip())


def password_of(path: str | None) -> tuple[str, str] | None:
    """(user, password) out of the file of `--auth`, else out of EMOVIZ_AUTH; None where neither is given.

    Raises InputError for what is no USER:PASSWORD.
    """
    given, where = os.environ.get("EMOVIZ_AUTH"), "EMOVIZ_AUTH"
    if path is not None:
        where = "--auth"
        try:
            given = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise InputError(
                "--auth takes a file that holds USER:PASSWORD, since a command line is seen by everybody on the "
                "machine. Name a file that can be read, or set EMOVIZ_AUTH."
            ) from None
    if not given:
        return None
    user, colon, password = given.partition(":")
    if not (user and colon) or len(password) < _LEAST_PASSWORD or not given.isprintable():
        raise InputError(f"{where} holds no USER:PASSWORD with a password of {_LEAST_PASSWORD} letters or more.")
    return user, password


def listens_beyond() -> bool:
    """Whether other machines reach the page without a proxy."""
    return os.environ.get("GRADIO_SERVER_NAME", _LOCAL[1]) not in _LOCAL


class Guard:
    """In place of gradio's own rules for other sites (CORS): none of them reads an answer here.

    names : as `names_served` gives them. password : as `password_of`.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], password: tuple[str, str] | None, **_options: Any) -> None:
        self.app, self.names, self.password = app, names, password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            headers = Headers(scope=scope)
            refused = self._refused(scope, headers)
            if refused is not None:
                await refused(scope, receive, send)
            else:
                await _measured(self.app, scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """Why a request is not answered; None where it is."""
        host = _host_name(f"//{headers.get('host', '')}")
        if not _is_served(host, self.names):
            return _said(
                421,
                f"emoviz is not served under the name {host[:80]!r} here. Whoever runs it adds the name: emoviz serve "
                "--host-name NAME, or EMOVIZ_HOSTS=NAME (docs/deploy.md).",
            )
        origin = headers.get("origin")
        if origin is not None:
            told = _host_name(f"//{headers.get('x-forwarded-host', '').partition(',')[0].strip()}")
            theirs = _host_name(origin)
            if not theirs or (theirs not in (host, told) and not _is_named(theirs, self.names)):
                return _said(403, "Pages of other sites get no answer here.")
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        if _UNUSED.match(path):
            return _said(404, "There is nothing here.")
        if self.password is not None and not path.startswith(_OPEN) and not _knows(headers, self.password):
            return _said(401, "A user and a password are needed.", {"WWW-Authenticate": 'Basic realm="emoviz"'})
        if path.rstrip("/") == _UPLOAD and _is_full():
            most = f"{limits().uploads} MB, or {_MOST_FILES:,} files, that are kept for an hour"
            return _said(413, f"Visitors have sent the most that fits: {most}. Try again later.")
        return None


def guarded(names: Collection[str], password: tuple[str, str] | None) -> None:
    """Every page that is started from now on has such a guard, in place of gradio's own rules for other sites."""
    setattr(gradio.routes, "CustomCORSMiddleware", partial(Guard, names=names, password=password))  # noqa: B010


async def _measured(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers, unless the request holds more than one may: that is said as soon as it is known."""
    most, there, started = limits().megabytes * 2**20, 0, False
    told = Headers(scope=scope).get("content-length", "0")
    if told.isdecimal() and (len(told) > 12 or int(told) > most):
        await _too_large()(scope, receive, send)
        return

    async def counted() -> Message:
        nonlocal there
        message = await receive()
        there += len(message.get("body", b""))
        if there > most:
            raise _TooLarge
        return message

    async def answering(message: Message) -> None:
        nonlocal started
        # What the application makes of a request that was cut off is not the reason.
        if there > most and not started:
            raise _TooLarge
        started = True
        await send(message)

    try:
        await app(scope, counted, answering)
    except _TooLarge:
        if not started:
            await _too_large()(scope, receive, send)


class _TooLarge(Exception):
    """More bytes came than one request may hold."""


def _too_large() -> Response:
    return _said(413, f"The request is too large; up to {limits().megabytes} MB are allowed.")


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers)


def _host_name(address: str) -> str:
    """The name in a Host header or an origin, empty where there is none."""
    try:
        name = urlsplit(address).hostname
    except ValueError:
        return ""
    return "" if name is None else name.lower().rstrip(".")


def _is_served(host: str, names: Collection[str]) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _is_named(host, names)
    return True


def _is_named(host: str, names: Collection[str]) -> bool:
    return bool(host) and (host in names or "*" in names)


def _knows(headers: Headers, password: tuple[str, str]) -> bool:
    kind, _, coded = headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(coded, validate=True) if kind.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, ":".join(password).encode())


def _is_full() -> bool:
    """Whether the files that were sent, and still lie here, leave no room."""
    there, most = 0, limits().uploads * 2**20
    for n, path in enumerate(Path(get_upload_folder()).rglob("*")):
        try:
            there += path.stat().st_size
        except OSError:
            # It was removed meanwhile.
            continue
        if there > most or n > 2 * _MOST_FILES:
            return True
    return False
