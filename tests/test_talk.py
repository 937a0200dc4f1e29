"""Talks and sweeps: figures one after another, as slides and as frames."""

import io
import json
import shutil
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

import emoviz as ez
from emoviz.app.link import from_query
from emoviz.app.talk import checked_order
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.plots import sweep as sweeps
from emoviz.plots.sweep import SECONDS, depths_of, sweep
from emoviz.plots.talk import LAYOUTS, slide_data, talk_page
from emoviz.share.figures import view_of
from emoviz.share.slides import Slide, draws_of, labels, over_layers, slide_drawer, slide_of

from .chromium import find

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
SETS = ["SmolLM2-135M-Instruct_emoviz_fp32", "gemma-3-270m_emoviz_fp32"]
chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again"),
]


@pytest.fixture(scope="module")
def sets():
    return [ez.find_set(name) for name in SETS]


def _all(frames):
    """What the frames give, and how far they said that they were."""
    told = []
    while True:
        try:
            told.append(next(frames))
        except StopIteration as end:
            return end.value, told


def test_every_figure_that_a_menu_names_can_be_drawn_of_four_sets(sets):
    assert set(labels()) == {name for name in draws_of(view_of(sets * 2)) if not name.startswith("depth_difference")}


# Only the page knows which of its pairs a pair is.
@pytest.mark.parametrize("name", [name for name in labels() if not name.startswith(("pair", "difference"))])
def test_a_figure_is_valid_and_says_which_slide_it_is(sets, name):
    drawn = slide_drawer(view_of(sets))(Slide(name))()
    assert drawn.layout.meta["name"] == name
    # Plotly does not look at what is in a figure when it is made.
    go.Figure(drawn.to_dict())


def test_a_slide_is_written_as_it_is_read():
    assert [str(slide_of(text)) for text in ("rdm", "rdm@0.4", "depth_mean_cosine@1")] == [
        "rdm",
        "rdm@0.4",
        "depth_mean_cosine@1",
    ]
    assert slide_of("map@0.25") == Slide("map", 0.25) and slide_of("map@0.25").label == "Map, PCA, depth 0.25"
    for wrong in ("cake", "rdm@0", "rdm@1.1", "rdm@x", "rdm@nan", ""):
        with pytest.raises(InputError):
            slide_of(wrong)


def test_what_a_link_or_a_visitor_gives_for_a_talk_is_kept_or_left_out_with_the_reason():
    assert from_query("?talk=map,rdm@0.4").talk == ["map", "rdm@0.4"] and from_query("?tab=Depth").talk == []
    order, notes = checked_order(["map", "<img src=x>", "rdm@7"])
    assert order == ("map",) and "'<img src=x>' of the talk is unknown" in notes[0] and "depth '7'" in notes[1]
    assert checked_order({"map": 1}) == ((), []) and checked_order([None, 3])[0] == ()
    order, notes = checked_order(["map"] * 100)
    assert len(order) == 40 and "the first 40 are kept" in notes[0]


def test_a_slide_is_laid_out_for_a_projector_and_for_a_phone(sets):
    found = slide_data(lambda: ez.plot.rdm(sets))
    for name, (width, height) in LAYOUTS.items():
        layout = found[name]["layout"]
        assert layout["width"] == width and 0 < height - layout["height"] < 20 and "template" not in layout
    assert LAYOUTS["wide"] == (782, 440) and LAYOUTS["tall"] == (440, 782)


def test_no_text_of_a_figure_ends_the_script_of_the_page():
    title = "</script><script>alert(1)</script>"
    slide = {"data": [], "layout": {"title": {"text": title}, "meta": {"title": title}}}
    page = talk_page([{"wide": slide, "tall": slide}], "dark")
    assert page.count("alert(1)") == 5 and "</script><script>alert" not in page


class TestCommand:
    def test_a_talk_is_one_file_with_the_slides_in_their_order(self, tmp_path, capsys):
        path = tmp_path / "talk.html"
        words = ["talk", *SETS, "--out", str(path), "--order", "rdm@0.4,map,pair_1_3", "--theme", "dark", "--json"]
        assert main(words) == 0
        found = json.loads(capsys.readouterr().out)
        assert found == {"file": str(path), "slides": 2, "left_out": {"pair_1_3": "more sets are needed."}}
        page = path.read_text("utf-8")
        assert (
            page.count("plotly.js (cartesian - minified) v") == 1
            and "font/woff2" in page
            and "https://cdn" not in page.split("<body>")[0]
        )

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--order", "cake"], "figure 'cake' of the talk is unknown"),
            (["--order", ","], "0 figures were given; 1 to 40"),
            (["--theme", "pink"], "theme 'pink' is unknown; light, dark are allowed"),
            (["--order", "pair_1_3"], "no figure of the talk can be drawn: more sets are needed."),
        ],
    )
    def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_written(self, tmp_path, capsys, words, message):
        assert main(["talk", *SETS, "--out", str(tmp_path / "talk.html"), *words]) == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1 and list(tmp_path.iterdir()) == []


class TestSweep:
    @pytest.fixture
    def pictures(self, monkeypatch):
        """The figures that pictures were asked of, in a blink."""
        asked, small = [], io.BytesIO()
        Image.new("RGB", (4, 4)).save(small, "PNG")

        def picture(figure, *_options):
            asked.append(figure)
            return small.getvalue()

        monkeypatch.setattr(sweeps, "picture", picture)
        return asked

    @pytest.mark.parametrize(
        "name", ["rdm", "map", "map_umap", "cosines", "anisotropy", "depth_rdm_std", "pair_1_2", "controls"]
    )
    def test_axes_colours_and_places_hold_still_while_the_depth_goes_on(self, sets, pictures, name):
        drawer, depths = slide_drawer(view_of(sets, emotion="calm")), depths_of(sets)[::5]
        _, told = _all(sweep(lambda depth: drawer(Slide(name, depth))(), depths, labels()[name], "gif"))
        assert told[0] == (0, 12) and told[-1] == (12, 12) and len(pictures) == 6
        for k, layout in enumerate(figure.layout for figure in pictures):
            first = pictures[0].layout
            assert layout.title.text.endswith(f", depth {depths[k]:.2f}")
            for axis in (key for key in layout if key.startswith(("xaxis", "yaxis"))):
                assert layout[axis].range == first[axis].range
                assert layout[axis].range is not None or layout[axis].autorange == "reversed"
            assert (layout.coloraxis.cmin, layout.coloraxis.cmax) == (first.coloraxis.cmin, first.coloraxis.cmax)
            assert layout.margin == first.margin and layout.legend.y == first.legend.y
            assert [note.yshift for note in layout.annotations[-2:]] == [n.yshift for n in first.annotations[-2:]]

    def test_the_ranges_hold_what_every_frame_shows(self, pictures):
        def draw(depth):
            figure = ez.plot.depth(ez.find_set(SETS[0]))
            return go.Figure(figure).update_layout(yaxis={"range": [-depth, 2 * depth]})

        _all(sweep(draw, [0.25, 1.0, 0.5], "x", "gif"))
        assert [figure.layout.yaxis.range for figure in pictures] == [(-1.0, 2.0)] * 3

    def test_a_layer_that_cannot_be_drawn_is_left_out_and_none_at_all_says_why(self, pictures):
        def draw(depth):
            if depth > 0.5:
                raise InputError("layer 7 is not finite.")
            return ez.plot.depth(ez.find_set(SETS[0]))

        _all(sweep(draw, [0.25, 0.5, 0.75], "x", "gif"))
        assert len(pictures) == 2
        with pytest.raises(InputError, match="layer 7 is not finite"):
            _all(sweep(draw, [0.75], "x", "gif"))

    @pytest.mark.parametrize(
        ("format", "preset", "message"),
        [
            ("png", "slide", "format 'png' is unknown; gif, webm, mp4"),
            ("gif", "paper", "an animation has the shape of a screen; paper has not"),
        ],
    )
    def test_what_is_no_animation_is_refused(self, format, preset, message):
        with pytest.raises(InputError, match=message):
            next(sweep(lambda depth: None, [0.5], "x", format, preset))

    def test_without_ffmpeg_a_film_says_what_is_missing_before_anything_is_drawn(self, monkeypatch):
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
        with pytest.raises(InputError, match="webm and mp4 need ffmpeg.*gif works without"):
            next(sweep(lambda depth: 1 / 0, [0.5], "x", "mp4"))

    def test_only_what_changes_with_the_layer_is_swept(self, tmp_path, capsys):
        words = ["--format", "gif", "--only", "valence,rsa", "--json"]
        assert main(["figures", *SETS, "--out", str(tmp_path), *words]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["files"] == [] and "the same at every layer" in found["left_out"]["valence"]
        assert over_layers("depth_mean_cosine") and not over_layers("rsa")


class TestSweepFiles:
    pytestmark = chromium

    def test_a_gif_has_one_frame_a_layer_of_the_size_of_the_slide(self, tmp_path, capsys):
        words = [SETS[1], "--only", "cosines", "--format", "gif", "--out", str(tmp_path)]
        assert main(["figures", *words]) == 0
        assert "36 of 36 steps" in capsys.readouterr().err
        with Image.open(tmp_path / "cosines.gif") as film:
            assert film.size == (1280, 720) and film.n_frames == ez.find_set(SETS[1]).n_layers
            shown = []
            for k in range(film.n_frames):
                film.seek(k)
                assert film.info["duration"] == 1000 * SECONDS
                shown.append(np.asarray(film.convert("RGB"), int))
        assert all((a != b).any() for a, b in zip(shown, shown[1:], strict=False))
        corner = [frame[-6:, :6] for frame in shown]
        assert all((one == 255).all() for one in corner), "paper stays white"

    @pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffmpeg on this machine")
    @pytest.mark.parametrize("format", ["webm", "mp4"])
    def test_a_film_has_one_frame_a_layer_of_the_size_of_the_slide(self, sets, tmp_path, format):
        drawer = slide_drawer(view_of(sets[:1]))
        content, _ = _all(sweep(lambda d: drawer(Slide("anisotropy", d))(), [0.2, 0.4, 0.6, 0.8, 1.0], "x", format))
        path = tmp_path / f"film.{format}"
        path.write_bytes(content)
        wanted = "stream=width,height,nb_read_frames:format=duration"
        asked = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", wanted, "-of", "json", str(path)]
        found = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
        assert (found["streams"][0]["width"], found["streams"][0]["height"]) == (1280, 720)
        assert int(found["streams"][0]["nb_read_frames"]) == 5
        assert float(found["format"]["duration"]) == pytest.approx(5 * SECONDS, abs=0.05)


@chromium[0]
@chromium[1]
def test_a_talk_opens_from_a_file_asks_for_nothing_and_hears_keys_and_fingers(sets, tmp_path):
    drawer = slide_drawer(view_of(sets, emotion="calm"))
    slides = [slide_data(drawer(Slide(name))) for name in ("rdm", "map", "anisotropy")]
    path = tmp_path / "talk.html"
    path.write_text(talk_page(slides, "dark"), "utf-8")
    faults = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, has_touch=True)
        page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: faults.append(str(e)))
        page.on("request", lambda r: faults.append(r.url) if r.url != path.as_uri() and r.url[:5] != "data:" else None)
        page.goto(path.as_uri())

        def shows(what):
            page.wait_for_function("what => document.querySelector('.ez-talk')?.dataset.shown === what", arg=what)

        shows("wide 0")
        # The smallest text as it is on the screen.
        small = """() => {
          const stage = document.querySelector('.ez-talk figure');
          const zoom = stage.getBoundingClientRect().width / stage.offsetWidth;
          const texts = [...stage.querySelectorAll('text, p')].filter((one) => one.textContent.trim());
          return zoom * Math.min(...texts.map((one) => parseFloat(getComputedStyle(one).fontSize)));
        }"""
        assert page.evaluate(small) > 17.5
        for key, number in (("ArrowRight", 1), ("Space", 2), ("PageDown", 2), ("PageUp", 1), ("Home", 0), ("End", 2)):
            page.keyboard.press(key)
            shows(f"wide {number}")
        assert page.locator(".ez-talk-count").inner_text() == "3 / 3"
        assert "Slide 3 of 3. How far do all states point the same way?" in page.locator("[role=status]").inner_text()
        page.keyboard.press("f")
        page.wait_for_function("() => document.fullscreenElement")
        page.keyboard.press("f")
        page.wait_for_function("() => !document.fullscreenElement")
        page.keyboard.press("Escape")
        assert page.locator(".ez-talk").count() == 1, "a page that is nothing but a talk stays one"
        finger = page.context.new_cdp_session(page)
        finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 300, "y": 300}]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": 600, "y": 310}]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        shows("wide 1")
        page.set_viewport_size({"width": 400, "height": 800})
        shows("tall 1")
        box = page.locator(".ez-talk figure").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 401 and box["y"] + box["height"] <= 801
        browser.close()
    assert faults == []
