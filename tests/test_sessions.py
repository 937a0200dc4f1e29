"""Several visitors at once, in a real browser: each has a selection of its own, and jobs outlive the page."""

import re
from contextlib import contextmanager

import pytest

from .chromium import find
from .conftest import write_passages
from .dashboard import counted, dashboard, settled
from .test_app import ROWS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
CHROMIUM = find()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; install chromium and run again"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with dashboard(EMOVIZ_HOME=str(tmp_path_factory.mktemp("home"))) as (url, _):
        yield url


@pytest.fixture
def visitors(server):
    """Two visitors, who share nothing but the server."""
    with _open(server, 2) as pages:
        yield pages


@pytest.fixture
def page(server):
    """That of one visitor."""
    with _open(server, 1) as (page,):
        yield page


@contextmanager
def _open(server, n):
    """Pages without anything in common; what must not be in a console fails the test."""
    faults = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        pages = [counted(browser.new_page(viewport={"width": 1280, "height": 900})) for _ in range(n)]
        for page in pages:
            page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: faults.append(str(e)))
            page.goto(server)
            page.wait_for_selector(".ez-plot[data-drawn]", timeout=30_000)
        yield pages
        browser.close()
    assert faults == []


def _tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page)


def _emotion(page):
    return page.get_by_label("Emotion", exact=True).first


def test_two_visitors_have_their_own_selection_texts_and_link(visitors):
    one, two = visitors
    first = two.url
    _emotion(one).fill("calm")
    _emotion(one).press("Enter")
    one.locator("#ez-sidebar input[type=checkbox]").nth(1).check()
    one.wait_for_function("() => location.search.includes('emotion=calm') && location.search.includes('jeong2026b')")
    _tab(one, "Read")
    one.get_by_label("Text to read").fill("Zanzibar.")
    one.get_by_label("Text to read").blur()
    one.wait_for_function("() => location.search.includes('Zanzibar')")
    _tab(two, "Read")
    assert _emotion(two).input_value() == "afraid" and two.get_by_label("Text to read").input_value() != "Zanzibar."
    assert not two.locator("#ez-sidebar input[type=checkbox]").nth(1).is_checked()
    assert (
        "Zanzibar" not in two.content()
        and "calm" not in two.url
        and first in two.url.replace("tab=One+text", "tab=Overview")
    )
    _emotion(two).fill("proud")
    _emotion(two).press("Enter")
    two.wait_for_function("() => location.search.includes('emotion=proud')")
    one.wait_for_timeout(300)
    assert "emotion=calm" in one.url and _emotion(one).input_value() == "calm"


def _extract(page, model, precision="fp32"):
    _tab(page, "Library")
    tab = page.locator("[role=tabpanel]:visible")
    tab.get_by_label("Model", exact=True).fill(str(model))
    tab.get_by_label("Model", exact=True).press("Enter")
    tab.get_by_label("Precision", exact=True).fill(precision)
    tab.get_by_label("Precision", exact=True).press("Enter")
    page.locator("#ez-extract").click()
    # Its name is told to all once it has a set.
    page.get_by_role(
        "button", name=re.compile("Cancel Extraction of (a model of one.s own|tiny-llama), emoviz")
    ).wait_for()


def _file(page, path):
    page.locator("#ez-passages input[type=file]").set_input_files(str(path))
    page.get_by_role("button", name="Remove the file").wait_for()


def test_a_job_outlives_the_page_is_ended_by_its_owner_alone_and_its_set_is_deleted_when_asked(
    visitors, llama_folder, tmp_path
):
    one, two = visitors
    _tab(one, "Library")
    _file(one, write_passages(tmp_path / "mine.jsonl", ROWS))
    _extract(one, llama_folder)
    one.reload()
    line = one.locator(".ez-job")
    line.get_by_role("button", name="Cancel").wait_for(timeout=30_000)
    two.reload()
    two.get_by_text("Another visitor: Extraction of a model of one's own, emoviz").wait_for(timeout=30_000)
    assert two.locator(".ez-job button:visible").count() == 0 and str(llama_folder) not in two.content()
    line.get_by_text("is in the library").wait_for(timeout=60_000)
    assert two.locator(".ez-job").count() in (0, 1)
    for page in (one, two):
        page.locator("#ez-sidebar").get_by_text("tiny-llama").wait_for(timeout=15_000)
    two.wait_for_function("() => !document.querySelector('.ez-job')", timeout=15_000)
    # Its end stays until it is dismissed.
    one.reload()
    line.get_by_role("button", name="Dismiss").press("Enter", timeout=30_000)
    one.wait_for_function("() => !document.querySelector('.ez-job')")

    _extract(one, llama_folder, "bf16")
    line.get_by_role("button", name="Cancel").click()
    line.get_by_text("cancelled. Start it again").wait_for(timeout=30_000)

    menu = one.locator("[role=tabpanel]:visible").get_by_label("Delete a set of your own")
    menu.click()
    one.get_by_role("option", name="tiny-llama").first.click()
    one.get_by_role("button", name="Delete", exact=True).press("Enter")
    question = one.locator(".ez-ask:visible")
    question.get_by_text("This cannot be undone.").wait_for()
    assert "Delete tiny-llama_emoviz_fp32_mine" in question.inner_text()
    one.get_by_role("button", name="Keep it").press("Enter")
    question.wait_for(state="hidden")
    one.locator("#ez-sidebar").get_by_text("tiny-llama").wait_for()
    # The menu is filled anew when any job ends; what is chosen in it stays.
    _tab(one, "Overview")
    _tab(one, "Library")
    one.wait_for_timeout(1000)
    assert "tiny-llama" in menu.input_value()
    one.get_by_role("button", name="Delete", exact=True).press("Enter")
    one.get_by_role("button", name="Delete it").press("Enter")
    one.locator("#ez-making").get_by_text("is deleted").wait_for()
    one.locator("#ez-sidebar").get_by_text("tiny-llama").wait_for(state="hidden")


def test_a_wrong_file_stays_said_and_a_set_that_is_there_is_shown_instead_of_made(page, tmp_path):
    _tab(page, "Library")
    said, go = page.locator("#ez-passages-said"), page.locator("#ez-extract")
    assert '{"emotion": "...", "text": "...", "topic": "..."}' in said.inner_text() and "5 MB" in said.inner_text()
    with page.expect_download() as example:
        page.get_by_role("link", name="Example file").click()
    assert example.value.suggested_filename == "passages-example.jsonl"
    broken, large = tmp_path / "broken.txt", tmp_path / "large.jsonl"
    broken.write_text("<img src=x>")
    large.write_bytes(b"x" * 6 * 2**20)
    _file(page, broken)
    said.get_by_text("broken.txt, line 1 is not JSON").wait_for()
    page.wait_for_timeout(1500)
    assert go.is_disabled() and "/" not in said.inner_text().split("Write it as")[0] and not said.locator("img").count()
    _file(page, large)
    said.get_by_text("large.jsonl cannot be used. It has 6.0 MB; up to 5 MB are allowed.").wait_for()
    assert go.is_disabled()
    page.get_by_role("button", name="Remove the file").press("Enter")
    said.get_by_text("Without a file the shipped passages are read").wait_for()
    go.click()
    page.get_by_text("is there already").wait_for()
    # Sets are not chosen on the Library, but where they are shown.
    _tab(page, "Overview")
    page.locator("#ez-sidebar input[type=checkbox]").first.uncheck()
    _tab(page, "Library")
    page.locator("#ez-show-set").click()
    page.wait_for_function("() => document.querySelector('#ez-sidebar input[type=checkbox]').checked")
    assert page.locator(".ez-job").count() == 0


def test_the_columns_of_a_file_and_the_names_of_its_numbers_are_chosen_by_mouse(page, tmp_path):
    _tab(page, "Library")
    said, go = page.locator("#ez-passages-said"), page.locator("#ez-extract")
    path = tmp_path / "mine.tsv"
    path.write_text("mood\tsaid\tnote\n" + "".join(f"{k % 2}\tthe cat {k} sat\tx\n" for k in range(4)))
    _file(page, path)
    said.get_by_text("Choose above which holds the text").wait_for()
    for menu, column, then in (
        ("Column of the texts", "said", "Choose above which holds the emotion"),
        ("Column of the emotions", "mood", "holds numbers. Name them above"),
    ):
        page.get_by_label(menu).click()
        page.get_by_role("option", name=column, exact=True).click()
        # The list fades; that of the other menu has the same names.
        page.get_by_role("option").first.wait_for(state="hidden")
        said.get_by_text(then).wait_for()
        assert go.is_disabled()
    names = page.get_by_label("Names of its numbers")
    for typed, then in (("grim\ngrim", "names the class 'grim' twice"), ("grim\njoyous", "4 passages of 2 emotions")):
        names.fill(typed)
        names.blur()
        said.get_by_text(then).wait_for()
    assert go.is_enabled()
    page.get_by_role("button", name="Remove the file").click()
    page.locator("#ez-columns").wait_for(state="hidden")
