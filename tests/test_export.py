"""Figures as files: their sizes, their text, their numbers, and what is said where a file cannot be made."""

import asyncio
import io
import json
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import emoviz as ez
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.plots import chromium
from emoviz.plots.canvas import Canvas, drawn_on
from emoviz.plots.export import FORMATS, PRESETS, SLIDE_TEXT, export, table
from emoviz.store.making import is_locked, lock_of

from .chromium import find
from .test_many_texts import made_difference, made_readings
from .test_side_effects import simulated

pictures = [
    pytest.mark.browser,
    pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again"),
]
SETS = ["SmolLM2-135M-Instruct_emoviz_fp32", "gemma-3-270m_emoviz_fp32"]


@pytest.fixture(scope="module")
def sets():
    return [ez.find_set(name) for name in SETS]


def _draw(sets):
    return lambda: ez.plot.rdm(sets, emotion="calm")


FIGURES = {
    "depth": lambda sets: ez.plot.depth(sets, published=True),
    "rdm": ez.plot.rdm,
    "map": ez.plot.emotion_map,
    "valence": ez.plot.valence,
    "controls": ez.plot.controls,
    "anisotropy": ez.plot.anisotropy,
    "cosines": ez.plot.cosines,
    "rsa": ez.plot.rsa,
    "pair": ez.plot.pair,
    "difference": ez.plot.difference,
    "depth difference": ez.plot.depth_difference,
    "published": lambda sets: ez.plot.published_rsa(),
    "decomposition": lambda sets: ez.plot.decomposition(),
    "separation": lambda sets: ez.plot.separation(),
    "precision": lambda sets: ez.plot.precision(),
    "corpora": lambda sets: ez.plot.corpora(),
    "variants": lambda sets: ez.plot.variants(),
    "dose response": lambda sets: ez.plot.dose_response(ez.list_dose_responses()[:3], "calm"),
    "regimes": lambda sets: ez.plot.regime_map(ez.list_dose_responses()[:3]),
    "leak": lambda sets: ez.plot.leak(ez.list_leak_runs(), "calm"),
    "leak scripts": lambda sets: ez.plot.leak_scripts(ez.list_leak_runs(), "calm"),
    "side effects": lambda sets: ez.plot.side_effects(simulated(), "calm"),
    "off target": lambda sets: ez.plot.off_target(simulated(), emotion="calm"),
    "verification": lambda sets: ez.plot.verification(ez.list_verifications()[0]),
    "text distribution": lambda sets: ez.plot.text_distribution(made_readings(), "calm"),
    "group difference": lambda sets: ez.plot.group_difference(made_difference(), "calm"),
}


def _sizes(figure):
    """Every size of text that a figure asks for."""
    found = []

    def walk(value, inside):
        if isinstance(value, dict):
            for name, one in value.items():
                walk(one, inside if name == "size" else name)
                if name == "size" and "font" in inside:
                    found.extend(np.ravel(one))
        elif isinstance(value, list):
            for one in value:
                walk(one, inside)

    walk(json.loads(figure.to_json()), "")
    return found


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("preset", ["slide", "wide", "square"])
def test_the_text_of_a_slide_has_18_pixels_and_the_figure_its_size(sets, name, preset):
    width, height = PRESETS[preset].canvas
    with drawn_on(Canvas(width, height)):
        figure = FIGURES[name](sets)
    assert figure.layout.height == height and PRESETS[preset].height >= SLIDE_TEXT * 40
    assert min(_sizes(figure)) * PRESETS[preset].magnified >= SLIDE_TEXT - 1e-9
    inside = height - figure.layout.margin.t - figure.layout.margin.b
    assert inside > 0.25 * height, "more than head and notes must be left"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_for_a_phone_is_no_wider_than_it(sets, name):
    with drawn_on(Canvas(350)):
        figure = FIGURES[name](sets)
    assert figure.layout.meta["min_width"] == 350
    for note in figure.layout.annotations:
        if note.xref == "paper" and note.name != "panel" and note.x == 0:
            lines = [re.sub("<[^>]+>", "", line) for line in str(note.text).split("<br>")]
            assert max(map(len, lines)) <= 56, lines
    panels = [axis.domain for axis in figure.select_xaxes() if axis.domain is not None]
    assert all(low == 0 for low, _ in panels), "panels stand below each other"


def test_the_canvas_is_left_again_and_threads_do_not_share_it(sets):
    wide = ez.plot.depth(sets).layout.meta["min_width"]
    seen = []
    with drawn_on(Canvas(350)):
        other = threading.Thread(target=lambda: seen.append(ez.plot.depth(sets).layout.meta["min_width"]))
        other.start()
        other.join()
    assert seen == [wide] == [ez.plot.depth(sets).layout.meta["min_width"]]


@pytest.mark.parametrize("name", FIGURES)
def test_the_csv_holds_every_number_of_the_figure(sets, name):
    figure = FIGURES[name](sets)
    found = pd.read_csv(io.BytesIO(export(lambda: figure, "csv")), keep_default_na=False)
    drawn = [k for k, trace in enumerate(figure.data) if trace.x is not None]
    assert set(found["series"]) <= set(range(len(figure.data))) and set(drawn) >= set(found["series"])
    for k, trace in enumerate(figure.data):
        own = found[found["series"] == k]
        if trace.type == "heatmap":
            z = pd.to_numeric(own["z"]).to_numpy().reshape(np.shape(trace.z))
            np.testing.assert_allclose(z, np.asarray(trace.z, float), equal_nan=True)
        elif len(own):
            for axis in ("x", "y"):
                given, written = pd.Series(list(trace[axis])), own[axis].reset_index(drop=True)
                numbers = pd.to_numeric(given, errors="coerce")
                np.testing.assert_allclose(pd.to_numeric(written, errors="coerce"), numbers, equal_nan=True)


def test_a_heat_map_names_its_pairs_in_the_csv(sets):
    found = table(ez.plot.rdm(sets[0]))
    cell = found[(found["id"] == "calm, proud") & (found["kind"] == "heatmap")]
    rdm = ez.rdm(sets[0])
    pair = [set(p) for p in rdm.pairs].index({"calm", "proud"})
    assert cell["z"].item() == pytest.approx(rdm.condensed[pair])


def test_the_page_of_a_figure_needs_no_network(sets):
    page = export(_draw(sets), "html", theme="dark", link="http://localhost:7860/?tab=Geometry").decode()
    assert re.findall(r"<(?:script|link)[^>]+(?:src|href)=", page) == []
    assert "plotly.js (cartesian - minified) v" in page and "#15181f" in page and "tab=Geometry" in page
    assert "font/woff2;base64" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "gif"}, "format 'gif' is unknown; png, svg, pdf, html, csv are allowed"),
        ({"format": "png", "preset": "poster"}, "preset 'poster' is unknown; slide, wide, square, paper are allowed"),
        ({"format": "png", "theme": "<b>"}, "theme '<b>' is unknown; light, dark are allowed"),
    ],
)
def test_what_a_file_cannot_be_is_refused_before_anything_is_drawn(options, message):
    with pytest.raises(InputError, match=message):
        export(lambda: pytest.fail("drawn"), **options)


def test_without_a_browser_html_and_csv_are_made_and_pictures_say_what_is_missing(sets, monkeypatch):
    import choreographer

    def nothing(**_):
        raise choreographer.errors.ChromeNotFoundError("none")

    monkeypatch.setattr(chromium, "_running", None)
    monkeypatch.setattr(choreographer, "Browser", nothing)
    for format in FORMATS:
        if format in ("html", "csv"):
            assert export(_draw(sets), format)
        else:
            with pytest.raises(InputError, match="need Chromium or Chrome.*html and csv work without"):
                export(_draw(sets), format)
    assert chromium._running is None


def test_a_browser_that_does_not_start_leaves_no_thread_and_no_folder_behind(sets, monkeypatch, tmp_path):
    import choreographer

    class Broken:
        def __init__(self, tmp_dir, **_):
            # Where a killed process leaves its profile, it goes.
            assert is_locked(lock_of(Path(tmp_dir)))

        async def open(self):
            raise choreographer.errors.BrowserFailedError("no")

        async def close(self):
            pass

    monkeypatch.setattr(chromium, "_running", None)
    monkeypatch.setattr(choreographer, "Browser", Broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(threading.enumerate())
    for _ in range(3):
        with pytest.raises(InputError, match="need Chromium or Chrome"):
            export(_draw(sets), "png")
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before and list(tmp_path.iterdir()) == []


class TestPictures:
    pytestmark = pictures

    def test_a_browser_that_does_not_answer_is_ended_all_the_same(self, monkeypatch):
        made = chromium._Chromium()
        made.start()

        async def silent():
            await asyncio.sleep(60)

        monkeypatch.setattr(made.browser, "close", silent)
        started = time.monotonic()
        made.close()
        assert made.browser.subprocess.wait(5) != 0 and time.monotonic() - started < 6
        assert not made.folder.exists()

    @pytest.mark.parametrize(
        ("preset", "size"),
        [("slide", (2560, 1440)), ("wide", (1920, 1080)), ("square", (1080, 1080)), ("paper", (2008, None))],
    )
    def test_a_png_has_the_pixels_of_its_preset_and_the_paper_of_its_theme(self, sets, preset, size):
        for theme, paper in (("light", (255, 255, 255)), ("dark", (0x15, 0x18, 0x1F))):
            image = Image.open(io.BytesIO(export(_draw(sets), "png", preset, theme))).convert("RGB")
            assert image.width == size[0] and size[1] in (None, image.height)
            assert image.getpixel((2, 2)) == paper
            assert len(image.resize((160, 90)).getcolors(maxcolors=1 << 20)) > 100, "nothing is drawn"

    @pytest.mark.parametrize(("preset", "width"), [("slide", 1280), ("paper", 85 / 25.4 * 96)])
    def test_an_svg_is_text_of_its_size_with_its_fonts(self, sets, preset, width):
        svg = export(_draw(sets), "svg", preset, link="https://example.org/?tab=Geometry&set=a").decode()
        head = svg[: svg.index(">")]
        assert float(re.search(r' width="([\d.]+)"', head)[1]) == pytest.approx(width, abs=1)
        assert "Which emotions are" in svg and "example.org/?tab=Geometry" in svg and "emoviz 0." in svg
        assert "font/woff2;base64" in svg and svg.count("<image") == 2, "the two heat maps alone are pixels"

    @pytest.mark.parametrize(("preset", "width"), [("slide", 1280 * 0.75), ("paper", 85 / 25.4 * 72)])
    def test_a_pdf_is_one_page_of_its_size(self, sets, preset, width):
        pdf = export(_draw(sets), "pdf", preset).decode("latin-1")
        boxes = re.findall(r"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
        assert len(boxes) == 1 and float(boxes[0][0]) == pytest.approx(width, abs=1.5)
        assert "/FontFile" in pdf or "/Inter" in pdf, "text is drawn with an embedded font"

    def test_two_pictures_at_once_are_each_ones_own(self, sets):
        made = {}

        def make(k):
            made[k] = export(lambda: ez.plot.depth(sets, "rdm_std" if k % 2 else "mean_cosine"), "svg").decode()

        threads = [threading.Thread(target=make, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for k, svg in made.items():
            assert ("RDM spread" in svg) == bool(k % 2) and len(made) == 6


def test_the_command_writes_every_figure_of_some_sets(tmp_path, capsys):
    assert main(["figures", *SETS, "--out", str(tmp_path), "--format", "csv,html", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = {path.removeprefix(f"{tmp_path}/") for path in found["files"]}
    assert names == {path.name for path in tmp_path.iterdir()} and found["left_out"] == {}
    assert {"map.csv", "rdm.html", "depth_decoding_accuracy.csv", "rsa.html", "pair_1_2.csv", "anisotropy.csv"} <= names
    assert {"difference_1_2.csv", "depth_difference_rdm_std.html"} <= names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "tiff"], "format 'tiff' is unknown"),
        (["--preset", "poster"], "preset 'poster' is unknown"),
        (["--only", "cake"], "figure 'cake' is unknown for these sets; map, rdm, depth_decoding_accuracy"),
        (["--layer", "the best"], "layer 'the best' was asked for"),
    ],
)
def test_the_command_refuses_what_it_does_not_know_and_writes_nothing(tmp_path, capsys, words, message):
    assert main(["figures", *SETS, "--out", str(tmp_path / "new"), *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (tmp_path / "new").exists()
