"""The page: from process start to the first figure on screen, and from a moved slider to the new figure."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from emoviz.store import shipped_folder
from emoviz.store.responses import load_dose_response

ROUNDS = 3
# Name -> tab, and which of its figures.
FIGURES = {
    "Overview, map": ("Overview", 0),
    "Depth": ("Depth", 0),
    "Geometry, RDM": ("Geometry", 0),
    "Geometry, map": ("Geometry", 1),
}

# Scrolls to a figure of the open tab, moves the depth slider fifteen times without a rest, and waits each time until
# the figure has been drawn anew.
_SLIDE = """async (which) => {
  const taken = [];
  const slider = document.querySelector('#ez-sidebar input[type=range]');
  const plot = [...document.querySelectorAll('.ez-plot[data-drawn]')].filter((p) => p.offsetParent).at(which);
  plot.scrollIntoView({ block: 'center' });
  slider.focus();
  while (!window.emovizLayersReady()) await new Promise((r) => setTimeout(r, 50));
  await new Promise((r) => setTimeout(r, 500));
  for (let k = 0; k < 15; k++) {
    const before = plot.dataset.drawn, start = performance.now();
    slider.value = (0.2 + k * 0.05).toFixed(2);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    while (plot.dataset.drawn === before && performance.now() - start < 3000) {
      await new Promise((r) => setTimeout(r, 2));
    }
    taken.push(performance.now() - start);
    await new Promise((r) => setTimeout(r, 100));
  }
  return taken;
}"""


# Opens a tab and says after how many milliseconds every figure and table of it was there and stayed as it was.
_OPEN = """async (name) => {
  const plots = () => [...document.querySelectorAll('[role=tabpanel] .ez-figure')].filter((f) => f.offsetParent);
  const started = performance.now();
  let last = started;
  const watch = new MutationObserver(() => { last = performance.now(); });
  [...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent.trim() === name).click();
  watch.observe(document.querySelector('#ez-tabs'), { subtree: true, childList: true, attributes: true });
  while (performance.now() - last < 400 || plots().some((f) => f.classList.contains('ez-waiting'))) {
    await new Promise((r) => setTimeout(r, 5));
  }
  watch.disconnect();
  return last - started;
}"""
# What was fetched so far, as it came over the wire.
_WEIGHT = """() => [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
  .map((entry) => entry.transferSize)"""
TABS = ("Depth", "Geometry", "Models", "Anisotropy")

# Presses Steer and says after how many milliseconds all texts were complete, and all verdicts and scores.
_STEER = """() => new Promise((done) => {
  const started = performance.now(), status = document.querySelector('#ez-status');
  let written = null;
  const watch = new MutationObserver(() => {
    const said = status.innerText;
    if (written === null && said.startsWith('written')) written = performance.now() - started;
    if (said.startsWith('done') || said.includes('Cannot')) {
      watch.disconnect();
      done([written, performance.now() - started, said]);
    }
  });
  watch.observe(status, { subtree: true, childList: true, characterData: true });
  document.querySelector('#ez-steer').click();
})"""
_DOSES = "0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1"


def page() -> dict:
    """Seconds to the first figure, milliseconds of a layer change; torch must not be in the server."""
    first, change, weight = [], {name: [] for name in FIGURES}, 0
    opened: dict[str, dict[str, list[float]]] = {kind: {tab: [] for tab in TABS} for kind in ("first", "again")}
    for _ in range(ROUNDS):
        with _dashboard() as (tab, started):
            if tab is None:
                return _SKIPPED
            first.append(time.perf_counter() - started)
            tab.wait_for_timeout(3000)
            weight = sum(tab.evaluate(_WEIGHT))
            for visits in opened.values():
                for place in TABS:
                    visits[place].append(tab.evaluate(_OPEN, place))
            for name, (place, which) in FIGURES.items():
                tab.get_by_role("tab", name=place, exact=True).click()
                tab.wait_for_timeout(2500)
                change[name] += tab.evaluate(_SLIDE, which)
    return {
        "stored_run_opens_seconds": round(_opened(), 3),
        "first_figure_seconds": round(median(first), 2),
        "page_megabytes_compressed": round(weight / 1e6, 2),
        **{
            f"tab_{kind}_ms": {place: round(median(taken)) for place, taken in visits.items()}
            for kind, visits in opened.items()
        },
        "layer_change_ms": {name: round(median(taken)) for name, taken in change.items()},
    }


def _opened() -> float:
    """Seconds to open the slowest of the shipped dose-response runs."""
    slowest = 0.0
    for path in shipped_folder().glob("*_doses_*"):
        started = time.perf_counter()
        load_dose_response(path)
        slowest = max(slowest, time.perf_counter() - started)
    return slowest


def comparison() -> dict:
    """Seconds from the click to nine texts of 40 tokens on screen, SmolLM2-135M-Instruct being in memory."""
    with _dashboard() as (tab, _):
        if tab is None:
            return _SKIPPED
        tab.get_by_role("tab", name="Steer", exact=True).click()
        tab.locator("[role=tabpanel]:visible").get_by_label("gemma-3-270m").uncheck()
        tab.get_by_label("Doses", exact=True).first.fill(_DOSES)
        tab.wait_for_timeout(500)
        # The first run loads the model and the witness.
        tab.evaluate(_STEER)
        taken = []
        for _ in range(ROUNDS + 2):
            tab.wait_for_timeout(1000)
            taken.append(tab.evaluate(_STEER))
    return {
        "written_seconds": round(median(written for written, _, _ in taken) / 1000, 2),
        "judged_seconds": round(median(judged for _, judged, _ in taken) / 1000, 2),
        "status": taken[-1][2],
    }


_SKIPPED = {"skipped": "no Chromium found; make test installs one where it can"}


@contextmanager
def _dashboard() -> Iterator[tuple]:
    """A page with its first figure drawn, and when the dashboard's process was started; None without Chromium."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from playwright.sync_api import sync_playwright

    from tests.chromium import find
    from tests.dashboard import dashboard

    chromium = find()
    if chromium is None:
        yield None, 0.0
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1280, "height": 720})
        started = time.perf_counter()
        with dashboard() as (url, _):
            tab.goto(url, wait_until="commit")
            tab.wait_for_selector(".ez-plot[data-drawn]")
            yield tab, started
        browser.close()
