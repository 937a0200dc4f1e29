"""Who may ask the page, under which name, and how much one request may hold."""

import asyncio
import base64
import re

import gradio as gr
import gradio.routes
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from emoviz.app import guard
from emoviz.app.guard import Guard, listens_beyond, names_served, password_of
from emoviz.app.limits import PUBLIC
from emoviz.errors import InputError

PASSWORD = ("someone", "only-a-few-know")


async def _echo(request):
    return JSONResponse({"bytes": len(await request.body())})


def _answer(method="GET", path="/", *, host="127.0.0.1:7860", names=(), password=None, content=None, **headers):
    """What a page behind such a guard answers."""
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST", "OPTIONS"])])
    guarded = Guard(app, names=names_served(None, names), password=password, strict_cors=True, parent_app=None)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url="http://any") as client:
            return await client.request(method, path, content=content, headers={"host": host, **headers})

    return asyncio.run(ask())


@pytest.fixture
def public(monkeypatch):
    monkeypatch.setenv("EMOVIZ_PUBLIC", "1")


@pytest.mark.parametrize(
    ("host", "names", "answers"),
    [
        ("localhost:7860", (), True),
        ("LOCALHOST", (), True),
        ("127.0.0.1", (), True),
        ("[::1]:7860", (), True),
        ("192.168.1.7:7860", (), True),
        ("evil.example", (), False),
        ("evil.example:7860", (), False),
        ("127.0.0.1.evil.example", (), False),
        ("localhost.evil.example", (), False),
        ("lab.example", ("lab.example",), True),
        ("lab.example.", ("lab.example",), True),
        ("evil.example", ("lab.example",), False),
        ("evil.example", ("*",), True),
        ("", (), False),
        ("[", (), False),
    ],
)
def test_a_page_answers_under_the_names_that_it_is_served_under_and_under_numbers(host, names, answers):
    answer = _answer(host=host, names=names)
    assert answer.status_code == (200 if answers else 421)
    assert answers or "EMOVIZ_HOSTS=NAME" in answer.text


def test_names_come_from_the_proxy_the_space_and_the_variable(monkeypatch):
    assert "host.example" in names_served("https://host.example/lab")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://other.example/lab")
    monkeypatch.setenv("SPACE_HOST", "someone-emoviz.hf.space")
    monkeypatch.setenv("EMOVIZ_HOSTS", "one.example, two.example")
    assert {"other.example", "someone-emoviz.hf.space", "one.example", "two.example"} <= names_served("/lab")
    monkeypatch.setattr(guard.socket, "gethostname", lambda: "Desk")
    assert not listens_beyond() and "desk" not in names_served(None)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert listens_beyond() and {"desk", "desk.local"} <= names_served(None)


@pytest.mark.parametrize(
    ("origin", "headers", "answers"),
    [
        ("http://127.0.0.1:7860", {}, True),
        ("http://lab.example", {}, True),
        ("https://proxy.example", {"x_forwarded_host": "proxy.example"}, True),
        ("http://evil.example", {}, False),
        ("null", {}, False),
        ("", {}, False),
        ("http://evil.example", {"x_forwarded_host": "proxy.example"}, False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_sites_get_no_answer_and_no_permission(method, origin, headers, answers):
    asked = {"origin": origin, "access_control_request_method": "POST", **headers}
    answer = _answer(method, names=("lab.example",), **asked)
    assert answer.status_code == (200 if answers else 403)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/vibe-edit", "/gradio_api/process_recording", "/gradio_api/proxy=http://a", "/gradio_api/dev/reload",
     "/gradio_api/component_server", "/monitoring/summary", "/gradio_api/deep_link?session_hash=a"],
)  # fmt: skip
def test_what_gradio_brings_and_the_page_does_not_use_is_not_there(path):
    assert _answer(path=path).status_code == 404


# Of gradio: they answer the page, its API and its files. Beside them only those of emoviz itself are there.
ROUTES = {
    "", "/assets", "/config", "/favicon.ico", "/login", "/logout", "/manifest.json", "/openapi.json", "/pwa_icon",
    "/robots.txt", "/static", "/svelte", "/theme.css",
    *(f"/gradio_api/{name}" for name in (
        "api", "app_id", "call", "cancel", "custom_component", "file", "heartbeat", "info", "login_check",
        "openapi.json", "queue", "reset", "run", "startup-events", "theme.css", "token", "upload", "upload_progress",
        "user",
    )),
}  # fmt: skip


def test_a_new_route_of_gradio_is_looked_at_before_anybody_is_answered_there():
    with gr.Blocks() as blocks:
        gr.Textbox()
    found, waiting = set(), list(gradio.routes.App.create_app(blocks).routes)
    while waiting:
        route = waiting.pop()
        waiting += getattr(getattr(route, "original_router", None), "routes", [])
        found |= {route.path} if hasattr(route, "path") else set()
    assert len(found) > 60
    open_ = {path for path in found if not guard._UNUSED.match(path)}
    assert {re.match(r"(/gradio_api)?(/[\w.-]*[\w])?", path)[0] for path in open_} <= ROUTES


def test_a_request_that_is_too_large_is_refused_by_what_it_says_and_by_what_comes(public):
    most = PUBLIC.megabytes * 2**20
    said = f"up to {PUBLIC.megabytes} MB are allowed"
    assert _answer("POST", content=b"x" * most).json() == {"bytes": most}
    answer = _answer("POST", content=b"x" * (most + 1))
    assert answer.status_code == 413 and said in answer.text

    async def in_pieces():
        for _ in range(PUBLIC.megabytes + 1):
            yield b"x" * 2**20

    answer = _answer("POST", content=in_pieces())
    assert answer.status_code == 413 and said in answer.text


def test_uploads_are_refused_once_those_that_lie_here_fill_what_is_kept_for_them(public, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert _answer("POST", "/gradio_api/upload").status_code == 200
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(PUBLIC.uploads * 2**20 + 1)
    answer = _answer("POST", "/gradio_api/upload")
    assert answer.status_code == 413 and f"{PUBLIC.uploads} MB" in answer.text
    (tmp_path / "sparse").unlink()
    monkeypatch.setattr(guard, "_MOST_FILES", 3)
    for k in range(8):
        (tmp_path / f"small-{k}").touch()
    assert _answer("POST", "/gradio_api/upload").status_code == 413


def test_with_a_password_nothing_is_answered_without_it(monkeypatch, tmp_path):
    def coded(text):
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    for given in (None, "Basic", "Basic ?", "Bearer x", coded("someone:wrong"), coded("someone"), coded("é:é")):
        headers = {} if given is None else {"authorization": given}
        for path in ("/", "/config", "/gradio_api/mcp/", "/gradio_api/info", "/gradio_api/upload"):
            answer = _answer(path=path, password=PASSWORD, **headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic")
    # A container is looked after without it.
    assert _answer(path="/emoviz-static/message.js", password=PASSWORD).status_code == 200
    assert _answer(password=PASSWORD, authorization=coded(":".join(PASSWORD))).status_code == 200


def test_a_password_comes_from_a_file_or_a_variable_and_never_from_the_command_line(monkeypatch, tmp_path):
    monkeypatch.delenv("EMOVIZ_AUTH", raising=False)
    assert password_of(None) is None
    monkeypatch.setenv("EMOVIZ_AUTH", ":".join(PASSWORD))
    assert password_of(None) == PASSWORD
    file = tmp_path / "auth"
    file.write_text("me:with:colons:in-it\n")
    assert password_of(str(file)) == ("me", "with:colons:in-it")
    with pytest.raises(InputError, match="a command line is seen by everybody"):
        password_of("me:my-password")
    for wrong in ("nobody", ":password", "me:short", "me:pass\nword-word"):
        file.write_text(wrong)
        with pytest.raises(InputError, match="--auth holds no USER:PASSWORD"):
            password_of(str(file))
