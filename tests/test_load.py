"""Many visitors at once: each is answered what it asked, to the token, and the server's memory stays."""

from urllib.parse import urlencode

import pytest

from benchmarks.load import measured

from .chromium import find
from .dashboard import dashboard
from .visitors import Visitor

pytestmark = pytest.mark.models
MODEL = "SmolLM2-135M-Instruct"
PROMPT, TOKENS = "When I opened the letter, I", 8


@pytest.fixture(scope="module")
def server():
    with dashboard() as started:
        yield started


def test_eight_visitors_are_answered_as_if_each_were_alone(server):
    url, process = server
    found = measured(url, process.pid, clients=8, requests=5, rounds=1)
    assert (found["wrong"], found["errors"], found["queue_full"]) == (0, 0, 0), found
    assert found["requests"] == sum(kind["n"] for kind in found["kinds"].values()) == 40
    # A leak would grow with every request; models and caches were there before.
    assert found["mb"]["after round 1"] < found["mb"]["alone"] + 150, found["mb"]


@pytest.mark.browser
@pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again")
def test_two_visitors_steer_one_model_at_once_and_get_what_they_would_get_alone(server, browser):
    url, _ = server
    texts = {}
    with Visitor(url) as alone:
        for emotion in ("calm", "angry"):
            rows = alone.call("steer", [MODEL], [emotion], [0.0, 0.05], PROMPT, TOKENS, 0, [])["rows"]
            texts[emotion] = [row["text"].strip() for row in rows]
    assert texts["calm"][1] != texts["angry"][1]
    pages = {}
    for emotion in texts:
        given = {"tab": "Texts", "set": f"{MODEL}_emoviz_fp32_b1164d71", "emotion": emotion, "texts.prompt": PROMPT}
        given |= {"texts.doses": "0.05", "texts.tokens": TOKENS, "texts.chosen": emotion}
        pages[emotion] = browser.new_context().new_page()
        pages[emotion].goto(f"{url}/?{urlencode(given)}")
        pages[emotion].locator(".ez-texts-row:visible").first.wait_for(timeout=60_000)
    for page in pages.values():
        page.locator("#ez-steer").click(no_wait_after=True)
    for emotion, page in pages.items():
        page.locator("#ez-status").get_by_text("done:").wait_for(timeout=120_000)
        assert [text.strip() for text in page.locator(".ez-body:visible").all_inner_texts()] == texts[emotion]
        page.context.close()
