"""A small proxy that shows a page under a path prefix, as nginx and jupyter-server-proxy do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .dashboard import free_port

# What belongs to one connection alone; httpx has also unpacked what was compressed.
_HOP = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "accept-encoding"}


@contextmanager
def proxied(upstream: str, prefix: str, *, stripped: bool, told: bool = False) -> Iterator[str]:
    """The address of the page behind the proxy. What is asked for outside the prefix is not found.

    stripped : whether the page is asked without the prefix. told : whether the proxy says what it is, in
    X-Forwarded-Prefix and its kin.
    """
    client = httpx.AsyncClient(base_url=upstream, timeout=None)

    async def answer(request: Request) -> Response:
        path = request.url.path
        if not path.startswith(f"{prefix}/"):
            return Response("outside the prefix", 404)
        headers = [(name, value) for name, value in request.headers.items() if name not in _HOP]
        host = request.headers["host"]
        if told:
            headers += [("x-forwarded-prefix", prefix), ("x-forwarded-host", host), ("x-forwarded-proto", "http")]
        url = httpx.URL(path=path.removeprefix(prefix) if stripped else path, query=request.url.query.encode())
        asked = client.build_request(
            request.method, url, headers=[*headers, ("host", host)], content=await request.body()
        )
        given = await client.send(asked, stream=True)
        kept = {name: value for name, value in given.headers.items() if name not in _HOP}
        return StreamingResponse(given.aiter_bytes(), given.status_code, kept)

    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
    app, port = Starlette(routes=[Route("/{path:path}", answer, methods=methods)]), free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}{prefix}/"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
