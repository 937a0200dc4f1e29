"""The API reference, as `make docs` writes it: complete, whole in its links, and at home on any machine."""

import inspect
import re
import subprocess
import sys
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

import emoviz as ez
from emoviz import types

from .chromium import find
from .conftest import ROOT


class Page(HTMLParser):
    """The anchors of a page, its links, and its text by section."""

    def __init__(self, file: Path):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.texts: dict[str, str] = defaultdict(str)
        self.section = ""
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given["id"]} if "id" in given else set()
        if tag == "section":
            self.section = given.get("id", "")
        if "href" in given:
            self.links.append(given["href"])

    def handle_data(self, data):
        self.texts[self.section] += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-W", "error", ROOT / "docs/reference/build.py", folder]
    subprocess.run(build, cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {file.relative_to(site).as_posix(): Page(file) for file in site.rglob("*.html")}


def test_every_public_name_and_each_of_its_arguments_is_on_a_page(pages):
    names = {"emoviz.html": [name for name in ez.__all__ if name != "plot"], "emoviz/plot.html": ez.plot.__all__}
    for page, shown in names.items():
        assert set(shown) <= pages[page].ids
        room = ez if page == "emoviz.html" else ez.plot
        for name in shown:
            value = getattr(room, name)
            arguments = inspect.signature(value).parameters if inspect.isfunction(value) else ()
            missing = [argument for argument in arguments if f"{argument}:" not in pages[page].texts[name]]
            assert not missing, f"{name} on {page} lacks {missing}"


def test_every_type_that_a_public_function_returns_is_on_a_page_and_linked(pages):
    functions = [getattr(ez, name) for name in ez.__all__ if inspect.isfunction(getattr(ez, name))]
    returned = {
        name for one in functions for name in re.findall(r"\b[A-Z]\w+", str(inspect.signature(one).return_annotation))
    }
    ours = returned & {*types.__all__, "LoadedModel", "Conversation", "Witness", "TrainedWitness"}
    assert {"VectorSet", "Comparison", "LoadedModel", "Witness"} <= ours
    anchors = {link.rpartition("#")[2] for link in pages["emoviz.html"].links}
    assert ours <= anchors
    assert {"DepthCurve", "Missing", "Provenance"} <= pages["emoviz/types.html"].ids, "types that other types hold"


def test_items_of_a_docstring_stand_in_a_list_of_their_own(pages):
    assert "centring: of the class means" in pages["emoviz.html"].texts["compare"]
    left = [
        (page, name) for page, one in pages.items() for name, text in one.texts.items() if re.search(r"\w : ", text)
    ]
    assert not left, "`name : what it is` that was not made an item"


def test_no_link_of_the_reference_leads_nowhere(site, pages):
    wrong = []
    for name, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if link.startswith(("data:", "https://pdoc.dev")):
                continue
            file = ((site / name).parent / target).resolve() if target else site / name
            there = file.relative_to(site.resolve() if target else site).as_posix()
            if there not in pages or (anchor and anchor not in pages[there].ids):
                wrong.append(f"{name}: {link}")
    assert sum(len(page.links) for page in pages.values()) > 400 and not wrong


def test_the_reference_says_nothing_of_the_machine_that_wrote_it(site):
    machine = re.compile(rf"{re.escape(str(ROOT))}|/(?:home|root|Users|tmp)/|\b0x[0-9a-f]{{8,}}")
    assert not [file for file in site.rglob("*.*") if machine.search(file.read_text("utf-8"))]


@pytest.mark.browser
def test_the_reference_opens_and_is_searched_without_a_network(site):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find())
        for width, theme in ((1280, "light"), (400, "dark")):
            page = browser.new_context(
                offline=True, viewport={"width": width, "height": 900}, color_scheme=theme
            ).new_page()
            asked, errors = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
            page.goto((site / "emoviz.html").as_uri())
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") == (theme == "light")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if width > 400:
                page.locator("input[type=search]").fill("anisotropy")
                page.locator(".search-result").first.wait_for()
            assert not [url for url in asked if not url.startswith(("file:", "data:"))] and not errors
        browser.close()
