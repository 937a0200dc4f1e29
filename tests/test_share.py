"""What leaves in one piece: a report and an archive hold all that was selected, with the numbers of the library."""

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import emoviz as ez
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.plots import chromium
from emoviz.plots.export import table as numbers_of
from emoviz.plots.files import PLOTLY_JS
from emoviz.share.archive import archive
from emoviz.share.contents import sections, set_hash
from emoviz.share.figures import drawings, view_of
from emoviz.share.report import report
from emoviz.share.steps import finished
from emoviz.store.spreadsheet import csv_bytes

from .chromium import find
from .conftest import ROOT, make_set

SETS = ["SmolLM2-135M-Instruct_emoviz_fp32", "gemma-3-270m_emoviz_fp32"]
pictures = pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again")


@pytest.fixture(scope="module")
def view():
    return view_of([ez.find_set(name) for name in SETS], emotion="calm", link="http://localhost:7860/?tab=Depth&a=<b>")


@pytest.fixture(scope="module")
def compared(view):
    return ez.compare(view.sets, view.layers)


@pytest.fixture(scope="module")
def page(view, compared):
    return finished(report(view, compared))


@pytest.fixture(scope="module")
def packed(view):
    made = finished(archive(view, formats=["html", "csv"]))
    return zipfile.ZipFile(io.BytesIO(made.content))


class _Outline(HTMLParser):
    """Headings, captions, cells, and what would be fetched."""

    def __init__(self, page: str):
        super().__init__()
        self.headings, self.captions, self.text, self.fetched, self.inside = [], [], [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        given = dict(attrs)
        self.fetched += [
            v for k, v in given.items() if k in ("src", "href", "srcset") and not v.startswith(("#", "data:"))
        ]

    def handle_data(self, data):
        if re.fullmatch("h[1-6]", self.inside):
            self.headings.append((int(self.inside[1]), data))
        if self.inside == "caption":
            self.captions.append(data)
        if self.inside not in ("script", "style"):
            self.text.append(data)

    def handle_endtag(self, tag):
        self.inside = ""


def test_a_report_has_every_figure_and_table_of_its_sections(view, compared, page):
    outline = _Outline(page)
    for section in sections(view, compared):
        assert (2, section.title) in outline.headings
        for name in section.figures:
            assert f"data-for='{name}'" in page
        for named in section.tables:
            assert named.title in outline.captions
    assert "refused" not in re.sub(r"<style>.*?</style>|<noscript>.*?</noscript>", "", page, flags=re.DOTALL)
    text = " ".join(outline.text)
    for vectors in view.sets:
        assert vectors.name in text and set_hash(vectors) in text and vectors.provenance.corpus_hash in text
    for words in (
        "were examined",
        "Mantel",
        "seed 0",
        "Two small models in 4-bit weights",
        "@software{emoviz",
        ez.__version__,
    ):
        assert words in text


def test_the_numbers_of_a_report_are_those_of_the_library(view, compared, page):
    rho = compared.rho[0, 1]
    assert f"<td>{rho:.3f}</td><td>{compared.ci_low[0, 1]:.3f} to {compared.ci_high[0, 1]:.3f}</td>" in page
    layer = view.layers[0]
    decoding = ez.depth_curves(view.sets[0])["decoding_accuracy"].values[layer]
    assert f"<td>{decoding:.2f} [" in page
    data = json.loads(re.search(r"data-for='rdm'>(.*?)</script>", page)[1])
    assert data["wide"]["layout"]["title"]["text"] == drawings(view)["rdm"].draw().layout.title.text
    assert "template" not in data["wide"]["layout"] and data["narrow"]["layout"]["meta"]["min_width"] == 350


def test_a_report_fetches_nothing_and_holds_plotly_once(page):
    # The view's own link is followed by a click alone.
    assert _Outline(page).fetched == ["http://localhost:7860/?tab=Depth&a=<b>"]
    assert page.count("plotly.js (cartesian - minified) v") == 1 and "default-src 'none'" in page
    levels = [level for level, _ in _Outline(page).headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False)), "a level of headings is left out"


def test_what_a_set_says_of_itself_is_text_in_a_report():
    evil = "</script><img src=x onerror=alert(1)>"
    own = make_set("evil", classes=(evil, *ez.find_set(SETS[0]).classes[:8]), model=evil)
    own = replace(own, provenance=replace(own.provenance, corpus=evil, versions={evil: evil}), notes={evil: evil})
    page = finished(report(view_of([own], emotion=evil)))
    assert "<img" not in page.replace(PLOTLY_JS.read_text("utf-8"), "")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page and "\\u003c/script>\\u003cimg" in page


def test_a_set_that_cannot_be_drawn_leaves_the_others_in_the_report():
    small = make_set("small", classes=("up", "down"), model="tiny")
    page = finished(report(view_of([ez.find_set(SETS[0]), small])))
    assert "left out: tiny" in page and "data-for='rdm'" in page and "data-for='depth_decoding_accuracy'" in page


def test_the_manifest_lists_every_file_of_an_archive_with_its_hash(view, packed):
    manifest = json.loads(packed.read("manifest.json"))
    listed = {one["file"]: one for one in manifest["files"]}
    assert {*listed, "manifest.json"} == set(packed.namelist())
    for name, one in listed.items():
        content = packed.read(name)
        assert hashlib.sha256(content).hexdigest() == one["sha256"] and len(content) == one["bytes"] and one["what"]
    assert manifest["left_out"] == {} and manifest["link"] == view.link and manifest["centring"] == "class"
    assert [one["set"] for one in manifest["sets"]] == [s.name for s in view.sets]
    assert [one["layer"] for one in manifest["sets"]] == list(view.layers)
    assert manifest["sets"][0]["sha256"] == hashlib.sha256(view.sets[0].path.read_bytes()).hexdigest()
    assert "@software{emoviz" in packed.read("references.bib").decode()


def test_the_csv_of_an_archive_holds_the_numbers_of_its_figures_and_tables(view, compared, packed):
    for name in ("rdm", "depth_anisotropy", "pair_1_2"):
        wanted = numbers_of(drawings(view)[name].draw(compared))
        found = pd.read_csv(io.BytesIO(packed.read(f"figures/{name}.csv")))
        for axis in ("x", "y", "z"):
            given = pd.to_numeric(wanted[axis], errors="coerce").to_numpy(float)
            np.testing.assert_allclose(pd.to_numeric(found[axis], errors="coerce"), given)
    pairs = pd.read_csv(io.BytesIO(packed.read("tables/pairs.csv")))
    assert pairs["Spearman rho"].item() == pytest.approx(compared.rho[0, 1], abs=5e-4)
    html = packed.read("figures/rdm.html").decode()
    assert 'src="plotly.min.js"' in html and "figures/plotly.min.js" in packed.namelist()


def test_the_python_of_an_archive_draws_its_figures_again(view, packed, tmp_path):
    code = packed.read("make.py").decode()
    few = re.sub(r'    "(depth|valence|published|cos|anis|contr|leak|side|off)[^\n]*\n', "", code.replace("'", '"'))
    (tmp_path / "make.py").write_text(few, "utf-8")
    subprocess.run([sys.executable, str(tmp_path / "make.py")], check=True, cwd=ROOT)
    assert {path.name for path in (tmp_path / "made").iterdir()} == {
        *(f"{name}.html" for name in ("map", "rdm", "rsa", "pair_1_2", "difference_1_2")),
        "plotly.min.js",
    }
    figures: dict = {"ez": ez, "sets": list(view.sets)}
    for name, drawing in drawings(view).items():
        assert f"{name!r}: {drawing.code}," in code
        if not drawing.compared:
            again, there = eval(drawing.code, figures), drawing.draw()
            assert again.layout.title.text == there.layout.title.text and numbers_of(again).equals(numbers_of(there))


def test_two_archives_at_once_are_each_ones_own():
    made = {}

    def make(name):
        made[name] = finished(archive(view_of([ez.find_set(name)]), ["map", "rdm"], ["html", "csv"]))

    threads = [threading.Thread(target=make, args=(name,)) for name in SETS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in SETS:
        packed = zipfile.ZipFile(io.BytesIO(made[name].content))
        assert [one["set"] for one in json.loads(packed.read("manifest.json"))["sets"]] == [ez.find_set(name).name]
        other = next(one for one in SETS if one != name).partition("_")[0]
        assert other not in packed.read("figures/map.html").decode()


def test_an_archive_that_is_cancelled_goes_no_further(view, monkeypatch):
    steps = archive(view, ["map", "rdm"], ["csv"])
    assert str(next(steps)) == "comparing the sets (1 of 4)" and "drawing map" in str(next(steps))
    steps.close()
    assert next(steps, None) is None


def test_without_chromium_an_archive_has_the_rest_and_says_what_is_missing(monkeypatch):
    import choreographer

    def nothing(**_):
        raise choreographer.errors.ChromeNotFoundError("none")

    monkeypatch.setattr(chromium, "_running", None)
    monkeypatch.setattr(choreographer, "Browser", nothing)
    made = finished(archive(view_of([ez.find_set(SETS[0])]), ["map"]))
    names = zipfile.ZipFile(io.BytesIO(made.content)).namelist()
    assert "figures/map.html" in names and "figures/map.csv" in names and "figures/map.png" not in names
    assert set(made.left_out) == {"png", "svg"} and "Install chromium" in made.left_out["png"]


@pytest.mark.browser
@pictures
def test_a_picture_of_an_archive_is_a_picture_and_its_svg_has_text():
    made = finished(archive(view_of([ez.find_set(SETS[0])]), ["map"], ["png", "svg"]))
    packed = zipfile.ZipFile(io.BytesIO(made.content))
    assert packed.read("figures/map.png").startswith(b"\x89PNG") and "afraid" in packed.read("figures/map.svg").decode()


@pytest.mark.browser
@pictures
def test_a_report_opens_without_a_network_a_request_or_a_fault_in_both_themes_and_on_a_phone(page, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    file = tmp_path / "report.html"
    file.write_text(page, "utf-8")
    faults = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="dark", offline=True)
        opened.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
        opened.on("pageerror", lambda e: faults.append(str(e)))
        opened.on("request", lambda r: faults.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        opened.goto(file.as_uri())
        opened.wait_for_selector("[data-drawn] .main-svg")
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 16, 21)"
        opened.get_by_role("button", name="Light / dark").click()
        assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(247, 248, 250)"
        assert opened.evaluate("plots[0].layout.template.layout.paper_bgcolor") == "#ffffff"
        opened.get_by_role("link", name="Published numbers").click()
        opened.wait_for_selector("[data-figure='published_rsa'][data-drawn] .main-svg")
        opened.set_viewport_size({"width": 400, "height": 800})
        opened.wait_for_function("plots[0].layout.meta.min_width === 350")
        assert opened.evaluate("document.documentElement.scrollWidth") == 400
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        opened.evaluate("plots.forEach(draw)")
        found = axe.Axe().run(opened, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []
        browser.close()
    assert faults == []


def test_the_command_writes_a_report(tmp_path, capsys):
    out = tmp_path / "new" / "report.html"
    assert main(["report", SETS[1], "--out", str(out), "--emotion", "calm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(out)} and "calm marked" in out.read_text("utf-8")


def test_the_command_writes_an_archive(tmp_path, capsys):
    out = tmp_path / "all.zip"
    words = ["figures", SETS[1], "--archive", str(out), "--only", "map", "--format", "csv", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(out)], "left_out": {}}
    assert "figures/map.csv" in zipfile.ZipFile(out).namelist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "nothing", "--out", "{}/r.html"], "nothing"),
        (["report", SETS[0], "--out", "{}"], "is a folder"),
        (["report", SETS[0], "--out", "{}/r.pdf"], "ends in .html"),
        (["report", SETS[0], "--out", "/proc/none/r.html"], "cannot be written"),
        (["report", SETS[0], "--out", "{}/r.html", "--centring", "odd"], "centring 'odd' is unknown"),
        (["report", SETS[0], "--out", "{}/r.html", "--emotion", "hunger"], "emotion 'hunger' is in none of these sets"),
        (["figures", SETS[0], "--archive", "{}"], "is a folder"),
        (["figures", SETS[0], "--archive", "{}/a.tar"], "ends in .zip"),
        (["figures", SETS[0]], "--out --archive is required"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line_and_nothing_is_left(tmp_path, capsys, words, message):
    assert main([word.format(tmp_path) for word in words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_no_cell_of_a_csv_is_a_formula():
    cells = ["=1+1", "+cmd", "-x", "@sum", "\t=1", " =1", "-0.5", "plain", -0.5, None, float("nan")]
    found = csv_bytes(["=head"], [[one] for one in cells]).decode().replace('"', "").splitlines()
    assert found == ["'=head", "'=1+1", "'+cmd", "'-x", "'@sum", "'\t=1", "' =1", "-0.5", "plain", "-0.5", "", ""]


def test_a_view_of_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="figure 'cake' is unknown"):
        finished(archive(view_of([ez.find_set(SETS[0])]), ["cake"]))
