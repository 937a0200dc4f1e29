"""Starting the page."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, NoReturn

# The page must work, and stay silent, without a network.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402

from ..errors import InputError  # noqa: E402
from ..plots.export import PRESETS  # noqa: E402
from ..plots.files import FONTS  # noqa: E402
from ..plots.talk import player  # noqa: E402
from ..plots.theme import DARK, LIGHT  # noqa: E402
from ..share.slides import OVER_LAYERS, labels  # noqa: E402
from .components import FONTS_URL, MAX_UPLOAD, STATIC, STATIC_URL, scripts  # noqa: E402
from .contract import Endpoint  # noqa: E402
from .fetching import begin_first  # noqa: E402
from .glossary import glossary  # noqa: E402
from .guard import guarded, listens_beyond, names_served, password_of  # noqa: E402
from .limits import is_public  # noqa: E402
from .memory import return_large_arrays  # noqa: E402
from .page import build  # noqa: E402
from .plotly_file import PLOTLY_URL, AskedFirst, compress_beside  # noqa: E402
from .plotly_file import ROUTE as PLOTLY_ROUTE  # noqa: E402
from .prefix import BehindPrefix  # noqa: E402
from .quick_start import uncollected, without_app  # noqa: E402
from .session_parts import MAX_SESSIONS, bound_sessions  # noqa: E402
from .theme import THEME  # noqa: E402
from .tour import steps  # noqa: E402

bound_sessions()
guarded(names_served(None), None)


_UNGUARDED = (
    "emoviz listens beyond this machine and asks for no password: whoever reaches it can make, read and delete what is "
    "here. EMOVIZ_AUTH=USER:PASSWORD asks for one; EMOVIZ_PUBLIC=1 leaves out what strangers must not do."
)


def serve(
    port: int | None = None,
    open_browser: bool = False,
    endpoints: Sequence[Endpoint] = (),
    root_path: str | None = None,
    note: str = "",
    host_names: Sequence[str] = (),
    auth: str | None = None,
) -> None:
    """Builds the page and serves it until stopped. Raises InputError if the port cannot be used.

    endpoints : functions of JSON that are answered over the API, under their names. root_path : the prefix that the
    page has behind a proxy; None for that of GRADIO_ROOT_PATH, or of X-Forwarded-Prefix. note : what visitors are told.
    host_names : under which it is served, beside those that are known. auth : a file that holds USER:PASSWORD; None for
    EMOVIZ_AUTH, or for no password.
    """
    password = password_of(auth)
    if note:
        print(note, flush=True)
    if listens_beyond() and password is None and not is_public():
        print(_UNGUARDED, flush=True)
    guarded(names_served(root_path, host_names), password)
    return_large_arrays()
    compress_beside()
    with uncollected():
        page = build(endpoints, note)
        try:
            url = launch(page, server_port=port, inbrowser=open_browser and _has_screen(), root_path=root_path)
        except OSError as error:
            raise InputError(f"port {port} is taken or not allowed. Choose a free one.") from error
    if os.environ.get("SPACE_ID"):
        begin_first()
    # Ends as by Ctrl+C, so that jobs in processes of their own end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tools = f"{url}gradio_api/mcp/" if page.mcp_server else "pip install 'emoviz[mcp]' brings them"
    print(f"emoviz is at {url} (Ctrl+C stops it)\nTools for language models (MCP): {tools}", flush=True)
    try:
        page.block_thread()
    finally:
        _end_now()


def _end_now() -> NoReturn:
    """Ends what this process has begun, then the process. Threads in which a model writes or reads are not waited
    for, which can take minutes: what is stored is stored whole or not at all."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(0)


def launch(page: gr.Blocks, **options: Any) -> str:
    """Serves a page in threads of its own; returns its address.

    What it answers over the API are tools (MCP) too, where the package for that is installed.
    """
    with without_app():
        page.queue(max_size=32, default_concurrency_limit=4)
    _, url, _ = page.launch(
        quiet=True,
        prevent_thread_lock=True,
        mcp_server=find_spec("mcp") is not None,
        **launch_options(),
        **options,
    )
    if page.mcp_server_obj is not None:
        # Gradio would answer with a Python object as text.
        setattr(page.mcp_server_obj, "postprocess_output_data", _as_json)  # noqa: B010
    return url


def _as_json(data: Sequence[Any], _url: str) -> list:
    from mcp.types import TextContent

    return [TextContent(type="text", text=json.dumps(given, ensure_ascii=False)) for given in data]


def _has_screen() -> bool:
    """Without one, opening a browser could start a text browser in the user's terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def launch_options() -> dict[str, Any]:
    """What every way of starting the page shares: local files only, nothing stored, nothing sent."""
    return {
        "share": False,
        "ssr_mode": False,
        "show_error": False,
        "max_file_size": MAX_UPLOAD,
        "run_history": False,
        "enable_monitoring": False,
        "state_session_capacity": MAX_SESSIONS,
        "footer_links": [],
        "theme": THEME,
        "css_paths": [STATIC / "app.css"],
        "head": _head(),
        "app_kwargs": {
            "middleware": [Middleware(BehindPrefix), Middleware(AskedFirst)],
            "routes": [
                Mount(f"/{STATIC_URL}", StaticFiles(directory=STATIC)),
                Mount(f"/{FONTS_URL}", StaticFiles(directory=FONTS)),
                PLOTLY_ROUTE,
            ],
        },
    }


# What the parts of the page use as soon as they are there: a file of its own could come after them.
_FIRST = ("parts", "go", "figure_keys", "steps", "drawing")


def _head() -> str:
    templates = json.dumps({"light": LIGHT.to_plotly_json(), "dark": DARK.to_plotly_json()})
    slides = f"window.emovizSlides = {json.dumps(labels())}; window.emovizOverLayers = {json.dumps(OVER_LAYERS)};"
    presets = json.dumps({name: preset.what for name, preset in PRESETS.items()})
    first = "\n".join((STATIC / f"{name}.js").read_text("utf-8") for name in _FIRST)
    words, tour = _in_script(glossary()), _in_script([asdict(step) for step in steps()])
    return f"""
<script async src="{PLOTLY_URL}"></script>
<link rel="icon" href="favicon.ico">
<meta name="description" content="See, compare and steer how small language models represent emotion">
<style>{(STATIC / "first.css").read_text("utf-8")}</style>
<link rel="preload" href="{FONTS_URL}/inter-latin.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="{FONTS_URL}/fonts.css">
<script>window.emovizTemplates = {templates}; window.emovizPresets = {presets}; {slides}
window.emovizWords = {words}; window.emovizTour = {tour};</script>
<script>{first}{player()}</script>
<script>{scripts()}</script>
<script defer src="{STATIC_URL}/save.js"></script>
<script defer src="{STATIC_URL}/data_table.js"></script>
<script defer src="{STATIC_URL}/glossary.js"></script>
<script defer src="{STATIC_URL}/tour.js"></script>
"""


def _in_script(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(value).replace("</", "<\\/")
