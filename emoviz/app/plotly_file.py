"""plotly.js, compressed once while the page is built: 1.5 MB would hold up all else each time that a page is opened."""

from __future__ import annotations

from functools import cache
from threading import Thread

import brotli  # type: ignore[import-untyped]
from plotly.offline import get_plotlyjs_version
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..plots.files import PLOTLY_JS

_TYPE = "text/javascript"
# The version is part of the address, so that a browser never needs to ask again.
PLOTLY_URL = f"emoviz-plotly-{get_plotlyjs_version()}.js"
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@cache
def _compressed() -> bytes:
    return brotli.compress(PLOTLY_JS.read_bytes(), mode=brotli.MODE_TEXT, quality=9)


def compress_beside() -> None:
    """Begins to compress in a thread of its own: half a second, most of it beside the Python of the page."""
    Thread(target=_compressed, daemon=True).start()


def _answer(request: Request) -> Response:
    if "br" not in request.headers.get("Accept-Encoding", ""):
        return FileResponse(PLOTLY_JS, media_type=_TYPE, headers=_KEPT)
    encoded = {**_KEPT, "Content-Encoding": "br", "Vary": "Accept-Encoding"}
    return Response(_compressed(), media_type=_TYPE, headers=encoded)


ROUTE = Route(f"/{PLOTLY_URL}", _answer)


class AskedFirst:
    """Tells the browser with the page itself to fetch plotly.js: gradio adds what is in `head` half a second later."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_link(message: Message) -> None:
            if message["type"] == "http.response.start":
                link = f"<{PLOTLY_URL}>; rel=preload; as=script; fetchpriority=high"
                message["headers"] = [*message["headers"], (b"link", link.encode())]
            await send(message)

        page = scope["type"] == "http" and scope["path"] in ("/", f"{scope.get('root_path', '')}/")
        await self.app(scope, receive, with_link if page else send)
