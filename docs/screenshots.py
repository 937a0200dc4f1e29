"""Takes the pictures of the README from the running dashboard: `make screenshots`. Needs Chromium."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.chromium import find  # noqa: E402
from tests.dashboard import dashboard  # noqa: E402

IMAGES = ROOT / "docs" / "images"
# File name, tab, theme.
PICTURES = (
    ("overview", "Overview", "light"),
    ("depth", "Depth", "dark"),
    ("geometry", "Geometry", "light"),
    ("models", "Models", "dark"),
    ("anisotropy", "Anisotropy", "light"),
    ("steer", "Steer", "dark"),
    ("doses", "Steer", "light"),
)


def main() -> None:
    chromium = find()
    if chromium is None:
        sys.exit("no Chromium found; install chromium and run again")
    IMAGES.mkdir(exist_ok=True)
    with dashboard() as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, tab, theme in PICTURES:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{url}/?__theme={theme}")
            page.wait_for_selector(".ez-plot[data-drawn]")
            page.get_by_role("tab", name=tab, exact=True).click()
            if name == "steer":
                _steer(page)
            elif name == "doses":
                page.get_by_role("tab", name="Dose response", exact=True).click()
                page.wait_for_timeout(3000)
            page.wait_for_function(
                "() => [...document.querySelectorAll('.ez-figure')]"
                ".every((f) => !f.offsetParent || f.querySelector('[data-drawn]'))"
            )
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()


def _steer(page: Page) -> None:
    page.locator("[role=tabpanel]:visible").get_by_label("gemma-3-270m").uncheck()
    page.get_by_label("Prompt to continue").fill("When I opened the letter, I")
    page.locator("#ez-steer").click()
    page.wait_for_function("() => document.querySelector('#ez-status').innerText.startsWith('done')", timeout=240_000)


if __name__ == "__main__":
    main()
