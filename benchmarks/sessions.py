"""The server's memory over 500 interactions of two visitors, and over 200 visitors, without a model."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

INTERACTIONS, EVERY, VISITORS = 500, 100, 200
TABS = ("Overview", "Depth", "Geometry", "Models", "Anisotropy", "Methods")


def sessions() -> dict:
    """MB that the server holds after 0, 100, ..., 500 interactions: tabs, slider, centring, emotions, sets."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from playwright.sync_api import sync_playwright

    from tests.chromium import find
    from tests.dashboard import dashboard

    chromium = find()
    if chromium is None:
        return {"skipped": "no Chromium found; make test installs one where it can"}
    held = {}
    with sync_playwright() as playwright, dashboard() as (url, process):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        visitors = [browser.new_context(viewport={"width": 1280, "height": 720}).new_page() for _ in range(2)]
        for page in visitors:
            page.goto(url)
            page.wait_for_selector(".ez-plot[data-drawn]")
        server = psutil.Process(process.pid)
        for k in range(INTERACTIONS + 1):
            if k % EVERY == 0:
                visitors[0].wait_for_timeout(1000)
                held[str(k)] = round(server.memory_info().rss / 1e6)
            _interact(visitors[k % 2], k // 2)
        browser.close()
    return {"mb_after_interactions": held}


def visitors() -> dict:
    """MB that the server holds after 0, 50, ..., 200 visitors, who each open the page and change the view once."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import httpx

    from tests.dashboard import dashboard

    held = {}
    with dashboard() as (url, process), httpx.Client(base_url=url, timeout=60) as client:
        config, server = client.get("/config").json(), psutil.Process(process.pid)
        at_first = {part["id"]: part["props"].get("value") for part in config["components"]}
        # Once before, so that what is drawn for all is there.
        for k in range(-5, VISITORS + 1):
            if k >= 0 and k % 50 == 0:
                held[str(k)] = round(server.memory_info().rss / 1e6)
            for name in ("refresh", "changed"):
                event = next(one for one in config["dependencies"] if one["api_name"] == name)
                data = [at_first[part] for part in event["inputs"]]
                asked = {"fn_index": event["id"], "data": data, "session_hash": f"visitor{k}"}
                client.post("/gradio_api/run/predict", json=asked).raise_for_status()
    return {"mb_after_visitors": held}


def _interact(page, k: int) -> None:
    """The k-th thing that a visitor does, with time for the server to answer."""
    kind = k % 5
    if kind == 0:
        page.get_by_role("tab", name=TABS[k // 5 % len(TABS)], exact=True).click()
    elif kind in (1, 2):
        slider = page.locator("#ez-sidebar input[type=range]")
        # What a tab does not use is greyed.
        if slider.is_enabled():
            slider.focus()
            slider.press(("ArrowRight", "ArrowLeft")[k // 50 % 2])
    elif kind == 3:
        choice = page.locator("#ez-sidebar fieldset").filter(has_text="Centring").locator("input").nth(k // 5 % 3)
        if choice.is_enabled():
            choice.check()
    else:
        box = page.get_by_label("Emotion", exact=True).first
        if box.is_enabled():
            box.fill(("calm", "proud", "sad", "afraid")[k // 5 % 4])
            box.press("Enter")
    page.wait_for_timeout(150)
