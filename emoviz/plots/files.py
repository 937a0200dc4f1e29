"""What figures need in a browser: the fonts and plotly.js.

plotly.js is its makers' build for traces of two axes, a third of the whole: pages open sooner, reports are smaller. Its
version is the one that the installed plotly for Python brings.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
PLOTLY_JS = Path(__file__).parent / "plotly_js" / "plotly-cartesian.min.js"


@cache
def font_faces() -> str:
    """The fonts of the figures as CSS that needs no other file."""
    css = (FONTS / "fonts.css").read_text("utf-8")

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((FONTS / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"

    return re.sub(r"url\(([\w.-]+)\)", embedded, css)


def plotly_script() -> str:
    """plotly.js inside a page."""
    return f"<script>{PLOTLY_JS.read_text('utf-8')}</script>"
