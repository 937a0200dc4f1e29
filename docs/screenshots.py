"""Takes the pictures of the README from the running dashboard, and a film: `make screenshots`. Needs Chromium."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from emoviz.plots.sweep import depths_of, sweep  # noqa: E402
from emoviz.share.figures import view_of  # noqa: E402
from emoviz.share.slides import Slide, labels, slide_drawer  # noqa: E402
from emoviz.share.steps import finished  # noqa: E402
from emoviz.store import find_set  # noqa: E402
from tests.chromium import find  # noqa: E402
from tests.dashboard import dashboard  # noqa: E402

IMAGES = ROOT / "docs" / "images"
_SMOL = "SmolLM2-135M-Instruct_emoviz_fp32"
# File name, tab, theme.
PICTURES = (
    ("overview", "Overview", "light"),
    ("depth", "Depth", "dark"),
    ("geometry", "Geometry", "light"),
    ("models", "Models", "dark"),
    ("anisotropy", "Anisotropy", "light"),
    ("methods", "Methods", "dark"),
    ("steer", "Texts", "dark"),
    ("doses", "Dose response", "light"),
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
            page.add_init_script("localStorage.setItem('emoviz-tour', 'seen')")
            one = (
                {"set": find_set(_SMOL).name, "texts.prompt": "When I opened the letter, I"} if name == "steer" else {}
            )
            page.goto(f"{url}/?{urlencode({'__theme': theme, 'tab': tab, **one})}")
            page.wait_for_selector(".ez-plot[data-drawn]", state="attached")
            page.wait_for_timeout(3000)
            if name == "steer":
                _steer(page)
            page.wait_for_function(
                "() => [...document.querySelectorAll('.ez-figure')]"
                ".every((f) => !f.offsetParent || f.querySelector('[data-drawn]'))"
            )
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
    _film()


def _film() -> None:
    """The RDMs of both models over the layers."""
    view = view_of([find_set(_SMOL), find_set("gemma-3-270m_emoviz_fp32")], emotion="afraid")
    draw = slide_drawer(view)
    frames = sweep(lambda depth: draw(Slide("rdm", depth))(), depths_of(view.sets), labels()["rdm"], "gif")
    (IMAGES / "layers.gif").write_bytes(finished(frames))


def _steer(page: Page) -> None:
    page.locator("#ez-steer").click()
    page.wait_for_function("() => document.querySelector('#ez-status').innerText.startsWith('done')", timeout=240_000)


if __name__ == "__main__":
    main()
