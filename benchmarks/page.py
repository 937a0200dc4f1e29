"""The page: from process start to the first figure on screen, and from a moved slider to the new figure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = 3
# Name -> tab, and which of its figures.
FIGURES = {"Depth": ("Depth", 0), "Geometry, RDM": ("Geometry", 0), "Geometry, map": ("Geometry", 1)}

# Scrolls to a figure of the open tab, moves the depth slider fifteen times and waits until the figure has been drawn anew.
_SLIDE = """async (which) => {
  const taken = [];
  const slider = document.querySelector('#ez-sidebar input[type=range]');
  const plot = [...document.querySelectorAll('.ez-plot[data-drawn]')].filter((p) => p.offsetParent).at(which);
  plot.scrollIntoView({ block: 'center' });
  await new Promise((r) => setTimeout(r, 500));
  for (let k = 0; k < 15; k++) {
    const before = plot.dataset.drawn, start = performance.now();
    slider.value = (0.2 + k * 0.05).toFixed(2);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    while (plot.dataset.drawn === before && performance.now() - start < 3000) await new Promise((r) => setTimeout(r, 2));
    taken.push(performance.now() - start);
    await new Promise((r) => setTimeout(r, 300));
  }
  return taken;
}"""


def page() -> dict:
    """Seconds to the first figure, milliseconds of a layer change; torch must not be in the server."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from playwright.sync_api import sync_playwright

    from tests.chromium import find

    chromium = find()
    if chromium is None:
        return {"skipped": "no Chromium found; make test installs one where it can"}
    first, change = [], {name: [] for name in FIGURES}
    with sync_playwright() as playwright:
        for _ in range(ROUNDS):
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            tab = browser.new_page(viewport={"width": 1280, "height": 720})
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            started = time.perf_counter()
            server = subprocess.Popen(
                [sys.executable, "-m", "emoviz", "serve", "--port", str(port)],
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdout=subprocess.DEVNULL,
            )
            try:
                _wait(port)
                tab.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                tab.wait_for_selector(".ez-plot[data-drawn]")
                first.append(time.perf_counter() - started)
                for name, (place, which) in FIGURES.items():
                    tab.get_by_role("tab", name=place, exact=True).click()
                    tab.wait_for_timeout(2500)
                    change[name] += tab.evaluate(_SLIDE, which)
            finally:
                server.terminate()
                browser.close()
    return {
        "first_figure_seconds": round(median(first), 2),
        "layer_change_ms": {name: round(median(taken)) for name, taken in change.items()},
    }


def _wait(port: int) -> None:
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the dashboard did not start")
