"""Starting the page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The page must work, and stay silent, without a network.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import plotly  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402

from ..collection import OVER_LAYERS, labels  # noqa: E402
from ..errors import InputError  # noqa: E402
from ..plots.export import PRESETS  # noqa: E402
from ..plots.talk import player  # noqa: E402
from ..plots.theme import DARK, FONTS, LIGHT  # noqa: E402
from .components import FONTS_URL, PLOTLY_URL, STATIC, STATIC_URL  # noqa: E402
from .contract import Endpoint  # noqa: E402
from .page import build  # noqa: E402
from .theme import THEME  # noqa: E402


def serve(port: int | None = None, open_browser: bool = False, endpoints: Sequence[Endpoint] = ()) -> None:
    """Builds the page and serves it until stopped. Raises InputError if the port cannot be used.

    endpoints : functions of JSON that are answered over the API, under their names.
    """
    page = build(endpoints)
    page.queue(max_size=32, default_concurrency_limit=4)
    try:
        _, url, _ = page.launch(
            server_port=port,
            inbrowser=open_browser and _has_screen(),
            quiet=True,
            prevent_thread_lock=True,
            **launch_options(),
        )
    except OSError as error:
        raise InputError(f"port {port} is taken or not allowed. Choose a free one.") from error
    print(f"emoviz is at {url} (Ctrl+C stops it)", flush=True)
    page.block_thread()


def _has_screen() -> bool:
    """Without one, opening a browser could start a text browser in the user's terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def launch_options() -> dict[str, Any]:
    """What every way of starting the page shares: local files only, nothing stored, nothing sent."""
    return {
        "share": False,
        "ssr_mode": False,
        "show_error": False,
        "max_file_size": "5mb",
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": [],
        "theme": THEME,
        "css_paths": [STATIC / "app.css"],
        "head": _head(),
        "app_kwargs": {
            "routes": [
                Mount(f"/{STATIC_URL}", StaticFiles(directory=STATIC)),
                Mount(f"/{FONTS_URL}", StaticFiles(directory=FONTS)),
                Mount(f"/{PLOTLY_URL}", StaticFiles(directory=Path(plotly.__file__).parent / "package_data")),
            ],
        },
    }


def _head() -> str:
    templates = json.dumps({"light": LIGHT.to_plotly_json(), "dark": DARK.to_plotly_json()})
    slides = f"window.emovizSlides = {json.dumps(labels())}; window.emovizOverLayers = {json.dumps(OVER_LAYERS)};"
    presets = json.dumps({name: preset.what for name, preset in PRESETS.items()})
    return f"""
<meta name="description" content="See, compare and steer how small language models represent emotion">
<link rel="preload" href="{FONTS_URL}/inter-latin.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="{FONTS_URL}/fonts.css">
<script async src="{PLOTLY_URL}/plotly.min.js"></script>
<script src="{STATIC_URL}/parts.js"></script>
<script>window.emovizTemplates = {templates}; window.emovizPresets = {presets}; {slides}</script>
<script>{player()}</script>
<script defer src="{STATIC_URL}/save.js"></script>
"""
