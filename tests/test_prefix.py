"""The page behind a path prefix, whether the proxy cuts it off or keeps it: nothing that it asks for fails."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from gradio_client import Client

from emoviz.app.prefix import checked_prefix
from emoviz.errors import InputError

from .chromium import find
from .dashboard import counted, dashboard, settled
from .proxy import proxied

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
CHROMIUM = find()
PREFIX = "/lab/emoviz"


@pytest.fixture(scope="module")
def told_at_start():
    with dashboard("--root-path", PREFIX) as (url, _):
        yield url


@pytest.fixture(scope="module")
def told_by_the_proxy():
    with dashboard() as (url, _):
        yield url


@pytest.fixture(params=["stripped", "kept", "told", "direct"])
def address(request):
    """Of the page behind each kind of proxy, and of the page itself while it is meant for a proxy."""
    how = request.param
    upstream = request.getfixturevalue("told_by_the_proxy" if how == "told" else "told_at_start")
    if how == "direct":
        yield f"{upstream}/"
        return
    with proxied(upstream, PREFIX, stripped=how != "kept", told=how == "told") as url:
        yield url


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; install chromium and run again")
def test_figures_fonts_uploads_and_downloads_work_and_no_request_fails(address, browser, tmp_path):
    wrong, page = [], counted(browser.new_page(viewport={"width": 1280, "height": 720}))
    page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    # Gradio itself closes its stream of answers.
    page.on("requestfailed", lambda r: wrong.append(f"{r.failure} {r.url}") if "/queue/data" not in r.url else None)
    page.on("console", lambda m: wrong.append(f"{m.text} {m.location}") if _is_fault(m) else None)
    page.goto(address)
    page.wait_for_selector(".ez-plot[data-drawn]", state="attached", timeout=30_000)
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('12px Inter'))")
    page.get_by_role("tab", name="Depth", exact=True).click()
    page.locator(".ez-plot[data-drawn]:visible").nth(2).wait_for()
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.get_by_role("dialog").get_by_label("Format").select_option("csv")
    with page.expect_download() as saved:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert saved.value.path().read_bytes()
    norms = tmp_path / "own.csv"
    norms.write_text("word,valence\nafraid,2\n")
    page.get_by_role("tab", name="Geometry", exact=True).click()
    settled(page)
    page.locator("input[type=file][accept*='.csv']:not([accept*='.jsonl'])").set_input_files(norms)
    page.get_by_text("own.csv has no column 'arousal'").first.wait_for()
    page.close()
    assert wrong == []


def _is_fault(message) -> bool:
    """The icon of the host is asked for before a page can say where its own is."""
    return message.type == "error" and urlsplit(message.location["url"]).path != "/favicon.ico"


def test_the_api_and_the_tools_answer(address):
    client = Client(address, verbose=False)
    assert client.predict(api_name="/list_sets")["sets"]
    pytest.importorskip("mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def tool():
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return (await session.call_tool("list_sets", {})).content[0].text

    # A thread without the loop that playwright keeps.
    with ThreadPoolExecutor(1) as thread:
        assert json.loads(thread.submit(asyncio.run, tool()).result())["sets"]


@pytest.mark.parametrize("given", ["/lab", "/lab/emoviz/", "https://host/lab"])
def test_a_root_path_is_a_path_or_an_address_that_ends_in_one(given):
    assert checked_prefix(given) == given.rstrip("/")


@pytest.mark.parametrize(
    "given", ["lab", "/", "", "//evil", "/a b", "/a?b", "ftp://host/lab", "https://host", "/a/../b\n"]
)
def test_any_other_root_path_is_refused(given):
    with pytest.raises(InputError, match="a path such as /lab/emoviz"):
        checked_prefix(given)
