"""Pictures of figures, made by a headless Chromium that is started once.

Plotly's own pictures pass through an image of an SVG, where no font of the page is known: text is then drawn in another
font than it was measured in. Here the page itself is photographed and printed.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import json
import threading
import time
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from typing import Any

import plotly.graph_objects as go

from ..errors import InputError
from ..store.making import scratch_folder
from .files import PLOTLY_JS, font_faces


class NoChromium(InputError):
    """There is no browser to make pictures with."""


# Seconds.
_START, _ANSWER, _END = 30.0, 60.0, 3.0
_INCH = 96.0
_DRAW = """async ({figure, width, height}) => {
  await document.fonts.load('12px Inter');
  await document.fonts.load('600 17px Inter');
  const plot = document.getElementById('plot');
  Plotly.purge(plot);
  document.body.style.background = figure.layout.template.layout.paper_bgcolor;
  await Plotly.newPlot(plot, figure.data, {...figure.layout, width, height}, {staticPlot: true});
  return plot._fullLayout.height;
}"""
_SVG = "Plotly.toImage('plot', {format: 'svg'}).then((url) => decodeURIComponent(url.slice(url.indexOf(',') + 1)))"


class _Chromium:
    """One browser with one page, in a thread of its own with an event loop."""

    def __init__(self) -> None:
        import choreographer

        with ExitStack() as places:
            self.folder = places.enter_context(scratch_folder())
            # First, since it may not be there: nothing is left behind then.
            self.browser = choreographer.Browser(headless=True, tmp_dir=str(self.folder))
            self.places = places.pop_all()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="chromium").start()
        atexit.register(self.close)

    def start(self) -> None:
        """Opens the browser and its page."""
        page = self.folder / "page.html"
        page.write_text(
            "<!DOCTYPE html><meta charset='utf-8'>"
            f"<style>{font_faces()}body {{ margin: 0 }} @page {{ margin: 0 }}</style>"
            f"<body><div id='plot'></div><script src='{PLOTLY_JS.as_uri()}'></script></body>",
            "utf-8",
        )
        self.tab = self.run(self._open(page.as_uri()), _START)
        # The tab is there before its page is.
        until = time.monotonic() + _START
        while not self.evaluate("typeof Plotly === 'object'"):
            if time.monotonic() > until:
                raise TimeoutError("the page of the figures was not loaded")
            time.sleep(0.02)

    async def _open(self, url: str) -> Any:
        await self.browser.open()
        return await self.browser.create_tab(url)

    def run(self, work: Coroutine[Any, Any, Any], seconds: float = _ANSWER) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def ask(self, command: str, **options: Any) -> dict[str, Any]:
        answer = self.run(self.tab.send_command(command, options))
        if "error" in answer or "exceptionDetails" in answer.get("result", {}):
            raise RuntimeError(f"{command}: {answer}")
        return answer["result"]

    def evaluate(self, code: str) -> Any:
        return self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)["result"]["value"]

    def draw(self, figure: go.Figure, width: int, sharpness: float) -> int:
        """Draws it and returns its height, in pixels of the page."""
        size = f"width: {width}, height: {json.dumps(figure.layout.height)}"
        height = round(self.evaluate(f"({_DRAW})({{figure: {figure.to_json()}, {size}}})"))
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=sharpness, mobile=False
        )
        return height

    def close(self) -> None:
        """Ends it, also where it does not answer."""
        atexit.unregister(self.close)
        try:
            self.run(self.browser.close(), _END)
        except TimeoutError:
            # It draws something large, or hangs.
            _kill(self.browser.subprocess.pid)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.places.close()


def _kill(pid: int) -> None:
    """Ends a process and what it has begun, which would write on."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        every = [first, *first.children(recursive=True)]
        for one in every:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(every, _END)


_running: _Chromium | None = None
# One picture at a time: there is one page.
_LOCK = threading.Lock()


def picture(figure: go.Figure, format: str, width: int, magnified: float, sharpness: float) -> bytes:
    """A figure of `width` pixels as png, svg or pdf.

    magnified : an SVG and a PDF are so much larger. sharpness : pixels of a PNG for one of the figure.
    Raises : NoChromium where there is no Chromium, or it does not answer.
    """
    global _running
    with _LOCK:
        try:
            from choreographer import errors
        except ImportError as error:
            raise NoChromium("pictures need choreographer. Run pip install choreographer.") from error
        broken = (
            errors.ChromeNotFoundError,
            errors.BrowserFailedError,
            errors.BrowserDepsError,
            errors.BrowserClosedError,
            errors.ChannelClosedError,
            TimeoutError,
        )
        try:
            if _running is None:
                _running = _Chromium()
                _running.start()
            height = _running.draw(figure, width, sharpness)
            if format == "png":
                return base64.b64decode(_running.ask("Page.captureScreenshot", format="png")["data"])
            if format == "svg":
                return _svg(_running.evaluate(_SVG), width, height, magnified).encode()
            size = {"paperWidth": width * magnified / _INCH, "paperHeight": height * magnified / _INCH}
            # A hair smaller, so that rounding makes no second page.
            printed = _running.ask("Page.printToPDF", **size, scale=magnified * 0.999, printBackground=True)
            return base64.b64decode(printed["data"])
        except broken as error:
            if _running is not None:
                with suppress(*broken):
                    _running.close()
            _running = None
            raise NoChromium(
                "pictures need Chromium or Chrome, which is not found or does not start. Install chromium, or "
                "name it in BROWSER_PATH; html and csv work without."
            ) from error


def _svg(drawn: str, width: int, height: int, magnified: float) -> str:
    """Of its final size, with its fonts inside."""
    inside = drawn[drawn.index(">") + 1 :]
    size = f'width="{width * magnified:g}" height="{height * magnified:g}" viewBox="0 0 {width} {height}"'
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {spaces} {size}><style>{font_faces()}</style>{inside}"
