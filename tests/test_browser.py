"""The page as a visitor sees it, in a headless Chromium: every tab, both themes."""

import io
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import emoviz as ez
from emoviz.plots.theme import DARK
from emoviz.store import save_set

from .chromium import find
from .conftest import make_set
from .dashboard import counted, dashboard, go_slowly, settled

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
CHROMIUM = find()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; install chromium and run again"),
]

SMOL, GEMMA = "SmolLM2-135M-Instruct_emoviz_fp32_b1164d71", "gemma-3-270m_emoviz_fp32_ca4cb220"
# Tab -> number of figures that it shows.
TABS = {
    "Overview": 1,
    "Depth": 3,
    "Geometry": 3,
    "Models": 3,
    "Anisotropy": 3,
    "Methods": 1,
    "Steer": 0,
    "Read": 2,
    "Library": 0,
    "About": 0,
}


@pytest.fixture(scope="module")
def server():
    with dashboard() as started:
        yield started


@pytest.fixture
def visit(server, browser):
    """Opens the page and collects what must not be: console errors, page errors, requests that leave the machine."""
    faults, pages = [], []

    def open_page(theme: str = "light", width: int = 1280, height: int = 720, query: str = ""):
        page = _opened(browser, server[0], faults, theme, width, height, query)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert faults == []


@pytest.fixture(scope="module")
def kept(server, browser):
    """(a page for every size, what must not be): opened when it is first asked for."""
    pages, faults = {}, []

    def page_of(width: int, height: int):
        if (width, height) not in pages:
            pages[width, height] = _opened(browser, server[0], faults, "light", width, height, "")
        return pages[width, height]

    yield page_of, faults
    for page in pages.values():
        page.close()


@pytest.fixture
def revisit(kept):
    """As `visit`, in a page that others have used: it goes to the view without a reload, as by a link within it."""
    page_of, faults = kept

    def go(width: int = 1280, height: int = 720, query: str = ""):
        page = page_of(width, height)
        page.evaluate("to => { window.scrollTo(0, 0); window.emovizGo.go(to); }", f"?__theme=light&{query}")
        settled(page)
        return page

    yield go
    assert faults == []


def _opened(browser, url, faults, theme, width, height, query):
    page = counted(browser.new_page(viewport={"width": width, "height": height}))
    page.on("console", lambda m: faults.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(f"page error: {e}"))
    page.on("request", lambda r: faults.append(f"request {r.url}") if not _local(r.url) else None)
    page.goto(f"{url}/?__theme={theme}{query and '&' + query}")
    page.wait_for_selector(".ez-plot[data-drawn]", state="attached", timeout=30_000)
    return page


def _local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "data:", "blob:"))


def open_tab(page, tab: str, figures: int | None = None) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()
    page.wait_for_function(
        "n => [...document.querySelectorAll('.ez-plot[data-drawn]')].filter(p => p.offsetParent).length === n",
        arg=TABS[tab] if figures is None else figures,
    )
    settled(page)


# Text of a figure that sticks out of it, and pairs of texts that lie on each other.
_TEXT_FAULTS = """() => {
  const faults = [];
  for (const plot of document.querySelectorAll('.ez-plot[data-drawn]')) {
    if (!plot.offsetParent) continue;
    const frame = plot.getBoundingClientRect();
    const boxes = [...plot.querySelectorAll('.annotation-text, .gtitle, .xtitle, .ytitle, .legendtext')]
      .map((t) => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width);
    for (const [text, b] of boxes) {
      const wide = b.left < frame.left - 1 || b.right > frame.right + 1;
      if (wide || b.top < frame.top - 1 || b.bottom > frame.bottom + 1) {
        faults.push('outside: ' + text);
      }
    }
    boxes.forEach(([a, p], k) => boxes.slice(k + 1).forEach(([b, q]) => {
      const width = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const height = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (width > 2 && height > 3) faults.push(`overlap: ${a} | ${b}`);
    }));
  }
  return faults;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_is_whole_in_both_themes(visit, theme):
    page = visit(theme)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    for tab in TABS:
        open_tab(page, tab)
        assert page.evaluate(_TEXT_FAULTS) == [], tab
        for plot in page.locator(".ez-plot[data-drawn]:visible").all():
            assert plot.bounding_box()["width"] > 300, "drawn while hidden and never fitted"
            assert plot.evaluate("p => p.data.length") > 0
            paper = plot.evaluate("p => p._fullLayout.paper_bgcolor")
            assert paper == ("#15181f" if theme == "dark" else "#ffffff")
        shown = page.locator("[role=tabpanel]:visible").first.inner_text()
        assert len(shown) > 40 and "Error" not in shown and "Traceback" not in shown


@pytest.mark.parametrize("n_sets", [1, 3, 4])
def test_every_tab_is_whole_with_fewer_and_more_sets_than_at_first(revisit, n_sets):
    page = revisit()
    boxes = page.locator("#ez-sidebar input[type=checkbox]")
    for k in range(boxes.count()):
        boxes.nth(k).set_checked(k < n_sets)
    settled(page)
    # One set has nothing to be compared with: only the published matrix is left. Two are taken from each other.
    figures = {"Depth": 2, "Models": 1 if n_sets == 1 else 4}
    for tab in ("Overview", "Depth", "Geometry", "Anisotropy", "Models"):
        open_tab(page, tab, figures.get(tab))
        assert page.evaluate(_TEXT_FAULTS) == [], tab


def test_the_main_figure_of_every_tab_starts_on_a_small_screen_without_scrolling(revisit):
    page = revisit()
    for tab, figures in TABS.items():
        open_tab(page, tab)
        # On Read the coloured text comes first, on Overview the board of claims.
        if figures and tab != "Read":
            box = page.locator(".ez-figure:visible").first.bounding_box()
            assert box["y"] < (620 if tab == "Overview" else 260) and box["height"] < 720
        if tab == "Overview":
            assert page.locator(".ez-board").bounding_box()["y"] < 100


def test_no_side_scrolling_on_a_phone(visit):
    page = visit(width=400, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 401


def test_torch_is_not_in_the_server_while_stored_results_are_looked_at(server, visit):
    page = visit()
    for tab in ("Depth", "Geometry", "Models", "Anisotropy", "Methods"):
        open_tab(page, tab)
    # The stored examples are there at first sight.
    open_tab(page, "Read", figures=2)
    assert page.locator("#ez-read-status").inner_text().startswith("Stored example.")
    open_tab(page, "Steer")
    page.locator("#ez-status").get_by_text("Stored example.").wait_for()
    assert page.locator(".ez-texts-row:visible").count() == 2
    open_tab(page, "Vocabulary", figures=1)
    assert page.locator("#ez-look-status").inner_text().startswith("Stored example.")
    maps = Path(f"/proc/{server[1].pid}/maps")
    if not maps.exists():
        pytest.skip("needs /proc to look into the server process")
    assert "libtorch" not in maps.read_text()


def test_a_stored_example_that_comes_late_does_not_stand_for_the_texts_asked_for(visit):
    page = visit(query="tab=Texts&texts.prompt=" + "a" * 2500)
    page.locator("#ez-status").get_by_text("Stored example.").wait_for()
    shown = page.evaluate(
        """async () => {
          const texts = document.querySelector('.ez-texts'), part = texts.dataset.part, send = window.emovizParts.send;
          const later = new Promise((done) => {
            window.emovizParts.send = (name, value) => { if (name === part) done(value); send(name, value); };
          });
          document.querySelector('#ez-directions .token-remove').click();
          const stored = await later, status = document.querySelector('#ez-status');
          document.querySelector('#ez-steer').click();
          while (!status.innerText.includes('Cannot')) await new Promise((done) => setTimeout(done, 20));
          const pressed = texts.childElementCount;
          window.emovizParts.send(part, stored.replace('"stored"', ' "stored"'));
          return [JSON.parse(stored).stored, pressed, texts.childElementCount];
        }"""
    )
    assert shown == [True, 0, 0]


def test_moving_the_depth_slider_redraws_all_sets_at_that_depth(visit):
    page = visit()
    open_tab(page, "Geometry")
    heading = page.locator(".ez-plot:visible").first
    before = heading.inner_text()
    slider = page.get_by_role("slider", name=re.compile("Depth"))
    slider.focus()
    slider.press("End")
    page.wait_for_function("() => document.querySelector('.ez-plot').ownerDocument.body.innerText.includes('layer 29')")
    assert heading.inner_text() != before
    assert page.get_by_label("same depth").is_checked()


# Where a point of a figure lies on the screen, and its ids: the one that has these texts among its ids; for none, the
# one that is farthest from all others.
PLACE = """(plot, ids) => {
  const box = plot.getBoundingClientRect(), found = [];
  for (const trace of plot._fullData) {
    if (trace.visible !== true || trace.hoverinfo === 'skip' || !trace.customdata) continue;
    const x = plot._fullLayout['xaxis' + (trace.xaxis || 'x').slice(1)];
    const y = plot._fullLayout['yaxis' + (trace.yaxis || 'y').slice(1)];
    const place = (i, j) => [box.left + x._offset + x.d2p(trace.x[i]), box.top + y._offset + y.d2p(trace.y[j])];
    if (trace.type === 'heatmap') {
      trace.customdata.forEach((row, j) => row.forEach((cell, i) => {
        if (Number.isFinite(trace.z[j][i])) found.push([cell, ...place(i, j)]);
      }));
    } else trace.customdata.forEach((cell, k) => found.push([cell, ...place(k, k)]));
  }
  if (ids.length) return found.find(([cell]) => ids.every((id) => [].concat(cell).includes(id)));
  const room = ([, x, y]) => Math.min(...found.map(([, u, v]) => Math.hypot(u - x, v - y)).filter((d) => d > 0));
  return found.filter(([cell]) => cell[0] !== 'afraid').sort((a, b) => room(b) - room(a))[0];
}"""


def _click(page, plot, *ids):
    """Clicks a point of a figure with the mouse; returns its ids."""
    plot.scroll_into_view_if_needed()
    page.mouse.move(2, 2)
    found, x, y = plot.evaluate(PLACE, list(ids))
    page.mouse.click(x, y)
    return found


@pytest.mark.parametrize(
    ("tab", "figure", "ids", "expected"),
    [
        ("Overview", 0, ["proud"], "proud"),
        ("Depth", 0, [SMOL, 8], 0.3),
        ("Depth", 0, [GEMMA, 15], 0.89),
        ("Depth", 1, [SMOL, 20], 0.7),
        ("Depth", 2, [SMOL, 20], 0.7),
        ("Geometry", 0, ["calm", "proud"], None),
        ("Geometry", 1, ["proud"], "proud"),
        ("Geometry", 2, [SMOL, 8], 0.3),
        ("Models", 0, ["angry", "sad"], None),
        ("Models", 1, [], None),
        ("Anisotropy", 1, [], None),
        ("Anisotropy", 2, [GEMMA, 3], 0.22),
    ],
)
def test_a_click_of_the_mouse_selects_what_it_hits_for_the_whole_page(revisit, tab, figure, ids, expected):
    page = revisit(height=900)
    if tab != "Overview":
        open_tab(page, tab)
    if tab == "Geometry":
        # Every class has a place of its own there.
        page.get_by_label("PCA", exact=True).click()
        settled(page)
    found = _click(page, page.locator(".ez-plot:visible").nth(figure), *ids)
    if not isinstance(expected, float):
        page.wait_for_function(
            "name => document.querySelector('#ez-sidebar input[role=listbox]')?.value === name"
            " || [...document.querySelectorAll('#ez-sidebar input')].some((i) => i.value === name)",
            arg=expected or found[0],
        )
    else:
        page.wait_for_function(
            "depth => Math.abs(document.querySelector('#ez-sidebar input[type=range]').value - depth) < 0.011",
            arg=expected,
        )
        assert page.get_by_label("same depth").is_checked()


_OUT_OF_SIGHT = "n => document.querySelectorAll('.ez-out-of-sight > .js-plotly-plot').length >= n"


def test_figures_are_drawn_while_the_page_rests_and_stand_where_their_tab_is_opened(visit):
    page = visit()
    page.wait_for_function(_OUT_OF_SIGHT, arg=TABS["Depth"] + TABS["Geometry"] + TABS["Models"])
    page.evaluate("() => document.querySelectorAll('.ez-out-of-sight > *').forEach((plot) => { plot.ready = true; })")
    for tab in ("Depth", "Geometry", "Models"):
        open_tab(page, tab)
        seen = "[...document.querySelectorAll('.ez-plot')].filter((plot) => plot.offsetParent)"
        assert page.evaluate(f"{seen}.map((plot) => plot.ready)") == [True] * TABS[tab], f"{tab} was drawn anew"
        assert page.evaluate(f"{seen}.every((plot) => plot._fullLayout.width === plot.clientWidth)"), tab
    open_tab(page, "Depth")
    assert _click(page, page.locator(".ez-plot:visible").first, SMOL, 8)
    page.wait_for_function(
        "() => Math.abs(document.querySelector('#ez-sidebar input[type=range]').value - 0.3) < 0.011"
    )


def test_what_was_drawn_for_another_theme_or_window_is_drawn_anew(visit):
    page = visit()
    page.wait_for_function(_OUT_OF_SIGHT, arg=TABS["Depth"] + TABS["Geometry"])
    page.evaluate("() => document.body.classList.toggle('dark')")
    open_tab(page, "Depth")
    ink = "() => [...document.querySelectorAll('.ez-plot')].find((plot) => plot.offsetParent)._fullLayout.font.color"
    assert page.evaluate(ink) == DARK.layout.font.color
    page.set_viewport_size({"width": 1000, "height": 700})
    assert not page.evaluate(_OUT_OF_SIGHT, 1)


def test_an_emotion_that_is_clicked_in_a_map_is_marked_there(visit):
    page = visit()
    _click(page, page.locator(".ez-plot:visible").first, "proud")
    page.wait_for_function(
        "() => document.querySelector('.ez-plot[data-drawn]').data"
        ".some((t) => t.text && t.text.includes('<b>proud</b>'))"
    )
    assert page.get_by_label("Emotion", exact=True).first.input_value() == "proud"


def test_zoom_survives_a_layer_change(visit):
    page = visit()
    open_tab(page, "Depth")
    plot = page.locator(".ez-plot:visible").first
    area = page.locator(".ez-plot:visible .nsewdrag").first.bounding_box()
    page.mouse.move(area["x"] + 0.3 * area["width"], area["y"] + 100)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 105, steps=5)
    page.mouse.up()
    zoomed = plot.evaluate("p => p._fullLayout.xaxis.range")
    assert zoomed[0] > 0.2
    drawn = int(plot.get_attribute("data-drawn"))
    slider = page.get_by_role("slider", name=re.compile("Depth"))
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function(
        "([p, n]) => Number(p.dataset.drawn) > n", arg=[plot.element_handle(), drawn], timeout=10_000
    )
    assert plot.evaluate("p => p._fullLayout.xaxis.range") == pytest.approx(zoomed)


def test_unticking_everything_says_what_to_do_and_ticking_brings_the_figure_back(visit):
    page = visit()
    boxes = page.locator("#ez-sidebar input[type=checkbox]")
    ticked = [box for box in boxes.all() if box.is_checked()]
    for box in ticked:
        box.uncheck()
    page.wait_for_selector("#ez-notice:visible")
    assert "Tick a set on the left" in page.locator("#ez-notice").inner_text()
    assert page.locator(".ez-plot:visible").count() == 0, "a figure of the old selection stays under the message"
    ticked[0].check()
    page.wait_for_selector("#ez-notice", state="hidden")


def test_theme_button_repaints_the_figures_without_asking_the_server(visit):
    page = visit()
    page.locator("#ez-theme").click()
    page.wait_for_function(
        "() => document.querySelector('.ez-plot[data-drawn]')._fullLayout.paper_bgcolor === '#15181f'"
    )


def test_wrong_doses_are_answered_beside_the_button(visit):
    page = visit()
    open_tab(page, "Steer")
    page.get_by_label(re.compile("Doses")).fill("a lot")
    page.locator("#ez-steer").click()
    page.wait_for_function("() => document.querySelector('#ez-status').innerText.includes('Cannot steer')")
    assert "numbers separated by commas" in page.locator("#ez-status").inner_text()


def test_an_empty_seed_is_answered_and_the_button_is_free_again(visit):
    page = visit()
    open_tab(page, "Steer")
    page.locator("#ez-recipe button").first.click()
    page.get_by_label("Seed").fill("")
    page.locator("#ez-steer").click()
    page.wait_for_function("() => document.querySelector('#ez-status').innerText.includes('the seed is empty')")
    page.wait_for_function("() => !document.querySelector('#ez-steer').disabled")
    assert page.locator("#ez-stop").is_disabled()


def test_the_shipped_dose_responses_are_drawn_at_once_and_a_click_shows_the_texts_of_a_dose(visit):
    page = visit()
    open_tab(page, "Steer")
    open_tab(page, "Dose response", figures=2)
    assert page.evaluate(_TEXT_FAULTS) == []
    page.evaluate("""() => {
        const drawn = [...document.querySelectorAll('.ez-plot[data-drawn]')];
        const plot = drawn.find((p) => p.layout.meta.kind === 'regimes');
        const cells = plot.data.find((trace) => trace.type === 'bar');
        const k = cells.customdata.findIndex((ids) => ids[1] === 'calm' && ids[2] === 0.03);
        plot.emit('plotly_click', { points: [{ customdata: cells.customdata[k] }] }); }""")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ez-texts-head h2')].some((h) => h.innerText.endsWith('dose 0.03'))"
    )
    assert page.get_by_label("Emotion", exact=True).first.input_value() == "calm"
    panels = page.locator(".ez-texts-row:visible")
    assert panels.count() == 2, "one for each prompt"
    assert panels.first.locator(".ez-dose").all_inner_texts() == ["unsteered", "calm", "random", "mean"]
    assert all(text.strip() for text in panels.first.locator(".ez-regime").all_inner_texts())


# Where a point of a drawn figure is on the screen.
_PLACE = """([kind, ids]) => {
    const plots = [...document.querySelectorAll('.ez-plot[data-drawn]')];
    const plot = plots.find((p) => p.offsetParent && p.layout.meta.kind === kind);
    const text = (one) => JSON.stringify(one.slice(1));
    const same = (one) => one && text(one) === text(ids) && one[0].startsWith(ids[0]);
    const trace = plot.data.find((one) => one.customdata && one.customdata.some(same));
    const k = trace.customdata.findIndex(same);
    const name = (axis) => `${axis}axis${(trace[`${axis}axis`] || axis).slice(1)}`;
    const full = plot._fullLayout, x = full[name('x')], y = full[name('y')];
    plot.scrollIntoView({ block: 'start' });
    const at = plot.getBoundingClientRect();
    return [at.left + x._offset + x.d2p(trace.x[k]), at.top + y._offset + y.d2p(trace.y[k])]; }"""


def _click_point(page, kind, ids):
    """With the real mouse, where the point is drawn."""
    x, y = page.evaluate(_PLACE, [kind, ids])
    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)


def test_the_leak_view_opens_on_stored_runs_and_a_click_shows_the_texts_with_their_gloss(visit):
    page = visit(height=1600, query=urlencode([("tab", "Steer"), ("emotion", "calm")]))
    until(page, "tab", "Texts")
    open_tab(page, "Leak", figures=2)
    assert page.evaluate(_TEXT_FAULTS) == []
    _click_point(page, "leak", ["Qwen", "jeong2026a", "calm", 0.05])
    mark = page.locator(".ez-leak:visible", has_text="舒适")
    mark.wait_for()
    assert "舒适 = comfortable" in mark.get_attribute("title")
    heads = "() => [...document.querySelectorAll('.ez-texts-head h2')].filter((h) => h.offsetParent)"
    shown = f"text => ({heads})().length && ({heads})().every((h) => h.innerText === text)"
    page.wait_for_function(shown, arg="Qwen2.5-Coder-0.5B-Instruct, recipe jeong2026a, dose 0.05")
    assert "comfortable" in page.locator("#ez-leak-pieces").inner_text()
    assert "舒适" in page.locator("#ez-leak-tokens").inner_text()
    # A thin line is another emotion, and a radio another model.
    _click_point(page, "leak", ["Qwen", "jeong2026a", "happy", 0.02])
    page.wait_for_function(shown, arg="Qwen2.5-Coder-0.5B-Instruct, recipe jeong2026a, dose 0.02")
    assert page.get_by_label("Emotion", exact=True).first.input_value() == "happy"
    page.locator("#ez-leak-model").get_by_text("gemma-3-270m", exact=True).click()
    page.wait_for_function(shown, arg="gemma-3-270m, recipe jeong2026a, dose 0.02")
    page.locator("#ez-leak-contrast input").click()
    page.wait_for_function("() => !document.querySelector('#ez-leak-model').innerText.includes('Qwen')")
    until(page, "leak.contrast", "no")


def test_the_side_effects_open_on_a_stored_run_and_a_click_on_a_row_chooses_its_emotion(visit):
    run = next(one for one in ez.list_side_effects() if one.model == "SmolLM2-135M-Instruct")
    page = visit(height=1600, query=urlencode([("tab", "Side effects"), ("emotion", "calm")]))
    until(page, "tab", "Side effects")
    drawn = "() => [...document.querySelectorAll('.ez-plot[data-drawn]')].filter(p => p.offsetParent).length === 2"
    page.wait_for_function(drawn)
    page.wait_for_timeout(300)
    assert page.evaluate(_TEXT_FAULTS) == []
    broken = page.locator("#ez-effects-broken")
    assert broken.inner_text().startswith("What broke in SmolLM2-135M-Instruct: calm at 0.03 ")
    _click_point(page, "side-effects", ["happy", 0.06, run.name])
    said = "text => document.querySelector('#ez-effects-broken').innerText.includes(text)"
    page.wait_for_function(said, arg="happy at 0.06")
    assert page.get_by_label("Emotion", exact=True).first.input_value() == "happy"
    page.locator("#ez-effects-reader").get_by_text("outside", exact=True).click()
    page.wait_for_function("() => document.querySelector('#ez-effects-felt').innerText.includes('By outside')")


def test_a_preset_fills_the_fields_and_the_closed_line_says_so(visit):
    page = visit()
    open_tab(page, "Steer")
    line = page.locator("#ez-recipe button").first
    assert (
        "emoviz \u00b7 layers window \u00b7 scope all \u00b7 fixed norm \u00b7 greedy \u00b7 40 tokens"
        in line.inner_text()
    )
    line.click()
    page.locator("#ez-recipe").get_by_text("jeong2026a").click()
    page.wait_for_function("() => document.querySelector('#ez-recipe button').innerText.includes('layers all')")
    assert "live norm" in line.inner_text()
    assert page.get_by_label("Doses").input_value() == "0, 0.005, 0.01, 0.02, 0.03, 0.05"


def test_the_emotion_on_the_left_is_steered_until_a_mixture_is_written(visit):
    page = visit()
    open_tab(page, "Steer")
    left, chosen = page.get_by_label("Emotion", exact=True).first, "#ez-directions .token"
    for emotion in ("calm", "proud"):
        left.fill(emotion)
        left.press("Enter")
        page.wait_for_function(f"() => document.querySelector('{chosen}').innerText.trim() === '{emotion}'")
    box = page.locator("#ez-directions input")
    box.fill("0.7 calm + 0.3 grateful")
    # Leaving the field is enough, as in any other.
    page.get_by_label("Doses").click()
    page.wait_for_function(f"() => document.querySelectorAll('{chosen}').length === 2")
    left.fill("sad")
    left.press("Enter")
    page.wait_for_timeout(500)
    assert [token.strip() for token in page.locator(chosen).all_inner_texts()] == ["proud", "0.7 calm + 0.3 grateful"]


@pytest.mark.models
def test_steered_texts_stream_side_by_side_are_stopped_and_read_and_markup_stays_text(visit):
    from emoviz.models import REGISTRY, available

    if not all(available(e) for e in REGISTRY if e.source == "bundled"):
        pytest.skip("the bundled models are not installed (make install)")
    page = visit()
    open_tab(page, "Steer")
    prompt = "<b>She</b> opened the letter <img src=x onerror='document.title=\"hit\"'> and"
    page.get_by_label("Prompt to continue").fill(prompt)
    page.get_by_label("Doses").fill("0.2, -0.05")
    page.get_by_label("random direction").check()
    page.get_by_label("gemma-3-270m · emoviz", exact=True).uncheck()
    page.get_by_text("Models of the sets on the left: SmolLM2-135M-Instruct", exact=True).wait_for()
    page.locator("#ez-recipe button").first.click()
    page.get_by_label("New tokens").fill("12")
    page.locator("#ez-steer").click()
    judged = "() => document.querySelectorAll('.ez-text .ez-regime').length === 5"
    page.wait_for_function(judged, timeout=240_000)
    # The witness may have to be trained first; without it the run ends at once.
    page.locator("#ez-stop").click()
    page.wait_for_function("() => !document.querySelector('#ez-steer').disabled", timeout=30_000)
    assert page.locator("#ez-status").inner_text().startswith("done: 5 texts")
    doses = ["unsteered", *["dose \u22120.05", "dose 0.2"] * 2]
    assert page.locator(".ez-dose").all_inner_texts() == doses
    assert page.locator(".ez-line h3").all_inner_texts()[1].split() == ["random", "direction", "control"]
    bodies = page.locator(".ez-body")
    assert all(text.strip() for text in bodies.all_inner_texts())
    assert page.locator(".ez-memory").inner_text().startswith("in memory:")
    assert "<b>She</b>" in page.locator(".ez-prompt").inner_text()
    assert page.title() == "emoviz" and page.locator(".ez-texts img, .ez-texts b").count() == 0

    page.get_by_label("New tokens").fill("300")
    page.locator("#ez-steer").click()
    page.wait_for_function(
        "() => /token ([3-9]|\\d\\d)/.test(document.querySelector('#ez-status').innerText)", timeout=60_000
    )
    page.locator("#ez-stop").click()
    page.wait_for_function(judged, timeout=120_000)
    assert page.locator("#ez-status").inner_text().startswith("stopped after")
    assert page.locator(".ez-state").first.inner_text() == "stopped"
    kept = bodies.last.inner_text()

    page.locator(".ez-send:visible", has_text="Read").last.click()
    page.wait_for_function("() => document.querySelector('#ez-read')?.offsetParent")
    sent = page.get_by_label("Text to read").input_value()
    assert sent.startswith(prompt) and " ".join(kept.split()) in " ".join(sent.split())
    assert page.locator(".ez-picker-name").first.inner_text().startswith("SmolLM2-135M-Instruct")


def test_norms_of_ones_own_are_loaded_and_left_again(visit, tmp_path):
    norms, bad = tmp_path / "mine.csv", tmp_path / "bad.csv"
    norms.write_text("word,valence,arousal\nafraid,2,7\ncalm,7,2\nhappy,8,6\nsad,2,3\n")
    bad.write_text("word,valence\nafraid,2\n")
    page = visit()
    open_tab(page, "Geometry")
    chooser = page.locator("input[type=file][accept*='.csv']")
    chooser.set_input_files(norms)
    page.get_by_text("correlated with mine.csv").wait_for()
    assert page.get_by_text("Norms: mine.csv").is_visible()
    chooser.set_input_files(bad)
    page.get_by_text("bad.csv has no column 'arousal'").first.wait_for()
    page.get_by_text("back to the quadrant signs").click()
    page.get_by_text("Norms of your own").wait_for()
    page.get_by_text("correlated with quadrant signs").wait_for()


def test_a_figure_below_the_fold_is_redrawn_after_those_in_sight(visit):
    page = visit()
    open_tab(page, "Geometry")
    read = (
        "[...document.querySelectorAll('.ez-plot[data-drawn]')].filter(p => p.offsetParent).map(p => p.dataset.drawn)"
    )
    before = page.evaluate(read)
    page.get_by_text("PCA", exact=True).click()
    page.wait_for_function(f"old => {read}[1] !== old", arg=before[1])
    assert page.evaluate("window.scrollY") < 40, "the figures above are no longer in sight"


@pytest.mark.models
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_text_is_read_coloured_and_clicked(visit, theme):
    from emoviz.models import REGISTRY, available

    if not all(available(e) for e in REGISTRY if e.source == "bundled"):
        pytest.skip("the bundled models are not installed (make install)")
    page = visit(theme)
    open_tab(page, "Read")
    text = "The <b>cat</b> ran off <img src=x onerror='document.title=\"hit\"'>. She cried all night."
    page.get_by_label("Text to read").fill(text)
    page.locator("#ez-read").click()
    page.wait_for_function(
        "() => /^(?!Stored).*(tokens|Cannot)/.test(document.querySelector('#ez-read-status').innerText)",
        timeout=240_000,
    )
    # The stored example stands there until then.
    page.wait_for_function("text => document.querySelector('.ez-tokens-text')?.textContent === text", arg=text)
    assert page.title() == "emoviz" and page.locator(".ez-tokens img, .ez-tokens b").count() == 0
    assert page.locator(".ez-token").first.evaluate("t => t.classList.contains('ez-token-unread')")
    colours = page.evaluate(
        "() => [...document.querySelectorAll('.ez-token')].map(t => getComputedStyle(t).backgroundColor)"
    )
    assert len(set(colours)) > 10
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ez-plot[data-drawn]')].filter(p => p.offsetParent).length === 2"
    )
    page.wait_for_timeout(500)
    assert page.evaluate(_TEXT_FAULTS) == []
    title = "() => [...document.querySelectorAll('.ez-plot')].find(p => p.offsetParent).layout.title.text"
    page.locator(".ez-token", has_text="cried").click()
    page.wait_for_function(f"() => ({title})().startsWith('cried is closest to')")
    assert page.locator(".ez-token[aria-pressed=true]").inner_text() == " cried"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.ez-tokens-said').innerText.startsWith('“all”')")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({title})().startsWith('all is closest to')")
    slider = page.get_by_role("slider", name=re.compile("Depth"))
    slider.focus()
    slider.press("Home")
    page.wait_for_function("() => document.querySelector('.ez-tokens h2').innerText.includes('layer 0 of 30')")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.ez-token')]"
        ".map(t => getComputedStyle(t).backgroundColor).join() !== before",
        arg=",".join(colours),
    )
    # What one model has read does not stay under the name of another as if nothing had happened.
    page.get_by_role("button", name="Move gemma-3-270m").click()
    page.get_by_text("Made with set: SmolLM2-135M-Instruct").wait_for()
    assert page.locator(".ez-tokens").evaluate("t => getComputedStyle(t).opacity") == "0.5"
    page.get_by_role("button", name="Move SmolLM2-135M-Instruct").click()
    page.wait_for_function("() => getComputedStyle(document.querySelector('.ez-tokens')).opacity === '1'")


def test_a_conversation_is_held_edited_read_and_shown_token_by_token(visit):
    page = visit(query=urlencode([("tab", "Converse"), ("set", SMOL)]))
    message, send, said = (
        page.locator("#ez-message textarea"),
        page.locator("#ez-send-message"),
        page.locator("#ez-turns"),
    )
    for number, text in ((1, "I heard a noise <b>downstairs</b>."), (2, "What now?")):
        message.fill(text)
        message.blur()
        send.click()
        page.wait_for_function(
            "n => document.querySelectorAll('.ez-turn .ez-send').length >= 5 * n", arg=number, timeout=90_000
        )
        page.wait_for_function("() => !document.querySelector('#ez-send-message').disabled", timeout=30_000)
        assert message.input_value() == ""
    assert said.locator(".ez-turn").count() == 2 and said.locator("b").count() == 0
    assert said.locator(".ez-text").count() == 4 and "read: " in said.locator(".ez-verdict").nth(1).inner_text()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ez-plot[data-drawn]')].filter(p => p.offsetParent).length === 2"
    )
    title = "() => [...document.querySelectorAll('.ez-plot')].filter(p => p.offsetParent)[1].layout.title.text"
    page.wait_for_function(f"() => ({title})().startsWith('Turn 2: ')")
    said.get_by_role("button", name="Profile").first.click()
    page.wait_for_function(f"() => ({title})().startsWith('Turn 1: ')")
    said.get_by_role("button", name="Tokens").nth(1).click()
    said.locator(".ez-exact").wait_for()
    assert "<|im_start|>" in said.locator(".ez-control").all_inner_texts()
    assert "SmolLM, trained by Hugging Face" in said.locator(".ez-exact pre").inner_text()
    said.get_by_role("button", name="Edit").first.click()
    page.get_by_text("takes the place of turn 1").wait_for()
    assert message.input_value() == "I heard a noise <b>downstairs</b>."
    page.wait_for_timeout(500)
    assert page.evaluate(_TEXT_FAULTS) == []
    page.locator("#ez-converse-new").click()
    page.wait_for_function("() => !document.querySelector('.ez-turn')")


def test_a_text_that_is_too_long_is_answered_and_the_button_is_free_again(visit):
    page = visit()
    open_tab(page, "Read")
    page.get_by_role("tab", name="Numbers", exact=True).click()
    page.get_by_role("textbox", name="Numbers").fill("many")
    page.locator("#ez-vary").click()
    page.wait_for_function("() => document.querySelector('#ez-vary-status').innerText.includes('Cannot vary')")
    page.get_by_role("tab", name="One text", exact=True).click()
    page.get_by_label("Text to read").fill("a" * 6001)
    page.locator("#ez-read").click()
    page.wait_for_function("() => document.querySelector('#ez-read-status').innerText.includes('Cannot read')")
    page.wait_for_function("() => !document.querySelector('#ez-read').disabled")
    page.wait_for_function("() => !document.querySelector('.ez-token')")


def query_of(page):
    """What the address bar holds, as pairs; without the theme."""
    return [pair for pair in parse_qsl(urlsplit(page.url).query, keep_blank_values=True) if pair[0] != "__theme"]


def a_second_later(page):
    """What is chosen from here on is a step back of its own."""
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 1100; }")


def until(page, name, value):
    """Waits until the address bar holds a value."""
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).getAll(name).includes(value)", arg=[name, value]
    )


_LINK = [
    ("set", GEMMA),
    ("set", SMOL),
    ("layers", "depth"),
    ("depth", "0.34"),
    ("pin", SMOL),
    ("centring", "none"),
    ("emotion", "calm"),
    ("emotions", "proud"),
    ("emotions", "sad"),
    ("depth.curve", "rdm_std"),
    ("depth.published", "no"),
    ("geometry.order", "alphabet"),
    ("geometry.method", "MDS"),
    ("models.pair", "A and B"),
    ("texts.prompt", "Snow fell & <b>she</b> = 50 %, \u201cso\u201d\nit was"),
    ("texts.chosen", "0.7 calm + 0.3 grateful"),
    ("texts.controls", "random"),
    ("texts.doses", "0, 0.05"),
    ("texts.seed", "7"),
    ("texts.temperature", "0.5"),
    ("texts.chat", "yes"),
    ("verification.opening", "second opening"),
    ("one-text.text", "It rained."),
    ("numbers.where", "last token"),
]


def test_a_link_restores_every_control_and_the_page_keeps_it(visit):
    page = visit(query=urlencode([("tab", "Verification"), *_LINK]))
    until(page, "verification.opening", "second opening")
    page.wait_for_timeout(1500)
    assert not page.locator("#ez-notice").is_visible()
    # What the server is told next are the values that the controls have by now.
    page.get_by_role("tab", name="Geometry", exact=True).click()
    until(page, "tab", "Geometry")
    assert sorted(query_of(page)) == sorted([("tab", "Geometry"), *_LINK])
    assert page.get_by_label("alphabet").is_checked() and page.get_by_label("same depth").is_checked()


def test_a_link_that_asks_for_what_is_not_there_opens_and_says_so(visit):
    page = visit(query=urlencode([("tab", "<b>"), ("set", "gone"), ("depth", "9"), ("layers", "depth"), ("foo", "1")]))
    page.wait_for_selector("#ez-notice:visible")
    said = page.locator("#ez-notice").inner_text()
    for part in ("tab '<b>' is unknown", "set 'gone' is not here", "depth 9.0 was given", "'foo' of the link"):
        assert part in said
    until(page, "depth", "1")
    page.get_by_label("best of each").click()
    page.wait_for_selector("#ez-notice", state="hidden")


def test_the_address_bar_holds_the_first_view_and_back_returns_to_each_step(visit):
    page = visit()
    until(page, "tab", "Overview")
    first = query_of(page)
    a_second_later(page)
    page.get_by_role("tab", name="Depth", exact=True).click()
    until(page, "tab", "Depth")
    a_second_later(page)
    page.get_by_label("RDM spread").click()
    until(page, "depth.curve", "rdm_std")
    page.go_back()
    page.wait_for_function("() => document.querySelector('#ez-tabs input[type=radio]:checked').value !== 'rdm_std'")
    assert "depth.curve" not in dict(query_of(page))
    page.go_back()
    page.wait_for_function(
        "() => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Overview'"
    )
    assert query_of(page) == first
    page.go_forward()
    page.wait_for_function(
        "() => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Depth'"
    )


@pytest.fixture
def slow(visit):
    """The page where each answer takes a while, so that events come faster than they are answered."""
    page = visit()
    until(page, "tab", "Overview")
    link = page.context.new_cdp_session(page)
    link.send("Network.enable")
    page.wait_for_timeout(1500)
    unlimited = {"downloadThroughput": -1, "uploadThroughput": -1}
    link.send("Network.emulateNetworkConditions", {"offline": False, "latency": 1200, **unlimited})
    return page


def test_of_tabs_opened_faster_than_they_are_answered_the_last_is_shown(slow):
    for name in ("Depth", "Models", "Methods"):
        slow.get_by_role("tab", name=name, exact=True).click()
        slow.wait_for_timeout(150)
    until(slow, "tab", "Methods")
    for name in ("Steer", "Dose response", "Leak", "Verification"):
        slow.get_by_role("tab", name=name, exact=True).click()
        slow.wait_for_timeout(150)
    until(slow, "tab", "Verification")


def test_two_steps_back_faster_than_they_are_answered_reach_the_second(slow):
    for name in ("Depth", "Models"):
        slow.get_by_role("tab", name=name, exact=True).click()
        until(slow, "tab", name)
        slow.wait_for_timeout(1500)
    slow.go_back()
    slow.wait_for_timeout(150)
    slow.go_back()
    slow.wait_for_function(
        "() => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Overview'"
    )
    assert dict(query_of(slow))["tab"] == "Overview"
    slow.go_forward()
    until(slow, "tab", "Depth")
    slow.wait_for_function(
        "() => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Depth'"
    )


def test_of_points_clicked_faster_than_they_are_answered_the_last_is_shown(slow):
    plot = slow.locator(".ez-plot[data-drawn]:visible").first
    for emotion in ("proud", "calm", "sad"):
        _click(slow, plot, emotion)
        slow.wait_for_timeout(150)
    until(slow, "emotion", "sad")


def test_of_tokens_clicked_faster_than_they_are_answered_the_last_is_shown(slow):
    slow.get_by_role("tab", name="Read", exact=True).click()
    tokens = slow.locator(".ez-token:visible")
    tokens.first.wait_for()
    slow.wait_for_timeout(3000)
    for k in (1, 3, 5):
        tokens.nth(k).click()
        slow.wait_for_timeout(150)
    title = "() => [...document.querySelectorAll('.ez-plot')].find(p => p.offsetParent).layout.title.text"
    word = tokens.nth(5).inner_text().strip()
    slow.wait_for_function(f"word => ({title})().startsWith(word + ' is closest to')", arg=word)


@pytest.mark.parametrize(("button", "holds"), [("Copy link", "tab=Depth"), ("Copy Python", "ez.plot.depth(sets,")])
def test_link_and_python_are_copied(revisit, button, holds):
    page = revisit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("tab", name="Depth", exact=True).click()
    until(page, "tab", "Depth")
    page.get_by_role("button", name=button).click()
    page.get_by_role("button", name=button.removeprefix("Copy ").capitalize() + " copied").wait_for()
    assert holds in page.evaluate("navigator.clipboard.readText()")


def test_a_set_that_is_deleted_while_it_is_ticked_is_left_out_and_said(browser, tmp_path):
    save_set(make_set("mine", classes=("sad", "calm", "angry", "happy", "afraid")), tmp_path / "sets")
    with dashboard(EMOVIZ_HOME=str(tmp_path)) as (url, _):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        failed = []
        page.on("response", lambda r: failed.append(r.url) if r.status >= 500 else None)
        page.goto(f"{url}/?set=mine&set={SMOL}&tab=Geometry")
        page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
        (tmp_path / "sets" / "mine.safetensors").unlink()
        page.get_by_label("alphabet").click()
        page.wait_for_selector("#ez-notice:visible")
        assert "set 'mine' is not here; it is left out" in page.locator("#ez-notice").inner_text()
        page.get_by_label("quadrant", exact=True).click()
        page.wait_for_selector("#ez-notice", state="hidden")
        assert failed == [] and ("set", "mine") not in query_of(page)
        page.close()


@pytest.mark.parametrize("typed", ["5", "-1", ""])
def test_a_depth_that_cannot_be_is_put_right_and_said(revisit, typed):
    page = revisit()
    assert page.locator("#ez-notice").is_hidden()
    box = page.locator("#ez-sidebar input[type=number]")
    box.fill(typed)
    box.press("Tab")
    page.wait_for_selector("#ez-notice:visible")
    assert "0.02 to 1 is allowed" in page.locator("#ez-notice").inner_text()
    assert 0.02 <= float(box.input_value()) <= 1


def test_markup_in_a_message_stays_text(visit):
    page = visit(query=urlencode([("emotion", "<img src=x onerror=alert(1)>![](http://example.org/x.png)")]))
    page.wait_for_selector("#ez-notice:visible")
    assert "<img src=x" in page.locator("#ez-notice").inner_text()
    assert page.locator("#ez-notice img").count() == 0


def test_a_claim_unfolds_to_its_rule_by_mouse_and_keyboard_and_its_link_leads_to_its_figure(visit):
    page = visit()
    line = page.locator(".ez-claim", has_text="Gemma base")
    line.wait_for(timeout=30_000)
    assert "holds" in line.locator(".ez-claim-verdict").inner_text()
    rule, brief = line.locator("dd", has_text="sentences resampled"), line.locator("summary")
    assert not rule.is_visible()
    brief.click()
    assert rule.is_visible() and "0.95" in rule.inner_text()
    brief.press("Enter")
    assert not rule.is_visible()
    # What cannot be tested is folded; it names the command.
    page.locator(".ez-board-rest > summary").click()
    twins = page.locator(".ez-claim", has_text="Same geometry")
    twins.locator("summary").click()
    assert "emoviz extract" in twins.locator("code").inner_text()
    # Other sets, another board; what was there is there again at once.
    page.locator(".ez-claim", has_text="Middle layers").locator("a").click()
    page.wait_for_function(
        "() => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === 'Depth'"
    )
    query = dict(query_of(page))
    assert query["tab"] == "Depth" and query["depth.curve"] == "mean_cosine" and query["centring"] == "neutral"
    page.get_by_role("tab", name="Overview", exact=True).click()
    line.wait_for(timeout=5_000)


def test_the_board_follows_the_selection_and_remembers_what_it_said(visit):
    page = visit()
    page.locator(".ez-claim").first.wait_for(timeout=30_000)
    said = page.locator(".ez-board-head p")
    both = said.inner_text()
    page.locator("#ez-select-sets .ez-picker-chosen button[aria-label^='Take out']").last.click()
    other = "both => document.querySelector('.ez-board:not([aria-busy]) .ez-board-head p')?.innerText !== both"
    page.wait_for_function(f"both => document.querySelector('.ez-board:not([aria-busy])') && ({other})(both)", arg=both)
    assert "cannot be tested" in said.inner_text()
    page.go_back()
    same = "both => document.querySelector('.ez-board-head p')?.innerText === both"
    page.wait_for_function(same, arg=both, timeout=2_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_board_fits_a_phone_and_its_rows_can_be_hit_with_a_finger(visit, theme):
    page = visit(theme, width=400, height=800)
    page.locator(".ez-claim").first.wait_for(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for box in page.evaluate(
        "[...document.querySelectorAll('.ez-claim summary, .ez-claim-link')].filter(e => e.offsetParent)"
        ".map(e => e.getBoundingClientRect()).map(b => [b.width, b.height, b.left, b.right])"
    ):
        assert box[0] >= 24 and box[1] >= 24 and box[2] >= 0 and box[3] <= 400
    page.locator(".ez-claim summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_every_line_of_the_overview_leads_where_it_says_without_a_reload(visit):
    page = visit()
    lines = page.locator("#ez-glance a[data-go]")
    assert lines.count() == 6
    page.evaluate("window.here = true")
    selected = "tab => document.querySelector('[role=tab][aria-selected=true]').innerText.trim() === tab"
    for k in range(lines.count()):
        go = lines.nth(k).evaluate("a => JSON.parse(a.dataset.go)")
        a_second_later(page)
        lines.nth(k).click()
        until(page, "tab", go["tab"])
        page.wait_for_function(selected, arg=go["tab"])
        if go.get("depth.curve") == "split_half_rho":
            page.wait_for_function("() => document.querySelector('#ez-tabs input:checked').value === 'split_half_rho'")
        settled(page)
        page.go_back()
        page.wait_for_function(selected, arg="Overview")
    assert page.evaluate("window.here") and dict(query_of(page))["tab"] == "Overview"
    # The rest of the view is in the link, for another window too.
    lines.nth(2).hover()
    link = dict(parse_qsl(lines.nth(2).get_attribute("href")[1:]))
    assert link["depth.curve"] == "split_half_rho" and link["emotion"] == "afraid"


def test_words_are_explained_by_mouse_and_keyboard_and_escape_closes(visit):
    page = visit()
    popover = page.locator("#ez-popover")
    page.locator(".ez-card .ez-term", has_text="reliability").first.hover()
    popover.wait_for()
    assert "two halves of the topics" in popover.inner_text()
    page.mouse.move(2, 2)
    popover.wait_for(state="hidden")
    heads = page.locator(".ez-table thead .ez-term")
    heads.first.focus()
    for _ in range(7):
        page.keyboard.press("Tab")
    last = heads.nth(7)
    assert last.evaluate("h => h === document.activeElement") and "standard deviation" in popover.inner_text()
    assert last.get_attribute("aria-describedby") == "ez-popover"
    page.keyboard.press("Escape")
    assert popover.is_hidden() and last.evaluate("h => h === document.activeElement")
    page.get_by_role("button", name="Centring", exact=True).focus()
    assert "subtracted from the class means" in popover.inner_text()
    # The words of a figure are those of its reading aid.
    open_tab(page, "Models")
    page.locator(".ez-figure:visible .ez-terms .ez-term", has_text="rank").first.hover()
    popover.wait_for()
    assert "order of all pairs" in popover.inner_text()
    assert page.locator("th[title]").count() == 0


def test_a_tap_on_a_word_explains_it_and_a_tap_beside_it_closes(server, browser):
    page = browser.new_page(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page.goto(server[0])
    page.wait_for_selector(".ez-card .ez-term", timeout=30_000)
    page.wait_for_timeout(1500)
    page.locator(".ez-card .ez-term", has_text="anisotropy").first.tap()
    popover = page.locator("#ez-popover")
    popover.wait_for()
    assert "all states point the same way" in popover.inner_text()
    box = popover.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 400
    page.locator(".ez-card h2").first.tap()
    popover.wait_for(state="hidden")
    page.close()


def test_the_tour_is_walked_by_keyboard_to_its_end_and_offered_no_more(visit):
    page = visit()
    page.get_by_role("button", name="New here?").focus()
    page.keyboard.press("Enter")
    box = page.locator(".ez-tour")
    tabs = ["Overview", "Depth", "Depth", "Models", "Models", "Dose response", "Dose response", "Dose response"]
    for k, tab in enumerate(tabs):
        assert f"{k + 1} of {len(tabs)}" in box.inner_text()
        until(page, "tab", tab)
        page.wait_for_selector(".ez-toured:visible", timeout=15_000)
        settled(page)
        place = box.bounding_box()
        assert place["x"] >= 0 and place["y"] >= 0 and place["y"] + place["height"] <= 720
        assert box.locator(".ez-primary").evaluate("b => b === document.activeElement")
        if k == 1:
            assert [value for name, value in query_of(page) if name == "set"] == [GEMMA]
        if k == 5:
            assert ("emotion", "calm") in query_of(page)
        page.keyboard.press("Enter" if k % 2 else "ArrowRight")
    assert box.count() == 0 and page.locator(".ez-toured").count() == 0
    page.goto(page.url.split("?")[0])
    page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
    page.wait_for_timeout(800)
    assert page.locator(".ez-offer").count() == 0
    page.locator("#ez-tour-start").click()
    page.keyboard.press("Escape")
    assert box.count() == 0
    assert page.locator("#ez-tour-start").evaluate("b => b === document.activeElement")


def test_the_tour_works_on_a_phone_and_can_be_declined(visit):
    page = visit(width=400, height=800)
    page.get_by_role("button", name="No, thanks").click()
    assert page.locator(".ez-offer").count() == 0 and page.evaluate("localStorage.getItem('emoviz-tour')")
    page.locator("#ez-tour-start").click()
    box = page.locator(".ez-tour")
    for k in range(8):
        page.wait_for_selector(".ez-toured:visible", timeout=15_000)
        settled(page)
        place, target = box.bounding_box(), page.locator(".ez-toured").bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 400 and place["y"] + place["height"] <= 800
        assert 0 <= target["x"] < 400 and target["y"] < 800, f"step {k + 1} speaks of what is not seen"
        box.locator(".ez-primary").click()
    assert box.count() == 0 and page.evaluate("document.documentElement.scrollWidth") <= 401


def test_the_foot_copies_the_citation_and_leads_to_about(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy BibTeX").click()
    page.locator(".ez-footer").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("@software{emoviz2026,")
    page.locator(".ez-footer").get_by_role("link", name="About").click()
    until(page, "tab", "About")


def test_methods_leads_with_lines_and_its_folds_open_by_key_draw_and_stay_open(visit):
    page = visit()
    open_tab(page, "Methods")
    assert page.evaluate("document.documentElement.scrollHeight") < 1800
    fold = page.locator("#ez-at-precision button.label-wrap")
    assert fold.get_attribute("aria-expanded") == "false"
    fold.focus()
    page.keyboard.press("Enter")
    drawn = page.locator("#ez-at-precision .ez-plot")
    page.wait_for_selector("#ez-at-precision .ez-plot[data-drawn]:visible")
    page.wait_for_timeout(500)
    assert fold.get_attribute("aria-expanded") == "true"
    assert drawn.evaluate("p => p._fullLayout.width") > 700 and page.evaluate(_TEXT_FAULTS) == []
    open_tab(page, "About")
    page.get_by_role("tab", name="Methods", exact=True).click()
    page.wait_for_timeout(500)
    assert fold.get_attribute("aria-expanded") == "true" and drawn.is_visible()
    # A line opens the fold that its figure stands in.
    page.locator(".ez-messages a:visible").nth(1).click()
    page.wait_for_selector("#ez-at-separation .ez-plot[data-drawn]:visible")


def test_a_vector_set_is_exported_by_one_click_in_the_library(visit, tmp_path):
    page = visit(query="tab=Library")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename == "SmolLM2-135M-Instruct_emoviz_fp32_b1164d71.gguf.zip"
    download.value.save_as(tmp_path / "vectors.zip")
    with zipfile.ZipFile(tmp_path / "vectors.zip") as packed:
        assert len(packed.namelist()) == 20 and packed.read("calm.gguf").startswith(b"GGUF")
    page.get_by_text("SmolLM2-135M-Instruct_emoviz_fp32_b1164d71.gguf.zip is saved.").wait_for()


@pytest.mark.parametrize("format", ["png", "svg", "pdf", "html", "csv"])
def test_a_figure_is_saved_by_its_button_in_every_format(revisit, tmp_path, format):
    page = revisit(query="tab=Geometry")
    page.get_by_role("button", name="Save", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Format").select_option(format)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == f"emoviz-geometry-matrices.{format}"
    download.value.save_as(tmp_path / "figure")
    content = (tmp_path / "figure").read_bytes()
    start = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "html": b"<!doctype html>", "csv": b"series,name"}
    assert content.startswith(start[format])
    if format == "csv":
        assert b"blissful, calm" in content
    if format in ("svg", "html"):
        assert b"tab=Geometry" in content, "the view's link is the last line"
    page.locator("#ez-download").get_by_text(f"{format} is saved").wait_for()


def test_escape_leaves_the_dialog_and_saves_nothing(visit):
    page = visit()
    page.get_by_role("button", name="Save", exact=True).first.click()
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert not page.get_by_role("dialog").is_visible() and page.locator("#ez-download").inner_text() == ""


@pytest.fixture(scope="module")
def server_without_chromium():
    with dashboard(BROWSER_PATH="/nowhere", PATH=str(Path(sys.executable).parent)) as started:
        yield started


@pytest.mark.parametrize("format", ["png", "svg"])
def test_where_the_server_has_no_chromium_the_browser_makes_the_picture_and_says_so(
    browser, server_without_chromium, tmp_path, format
):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(server_without_chromium[0])
    page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.get_by_role("dialog").get_by_label("Format").select_option(format)
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    download.value.save_as(tmp_path / "figure")
    content = (tmp_path / "figure").read_bytes()
    assert content.startswith(b"\x89PNG" if format == "png" else b"<svg") and len(content) > 20_000
    said = page.locator("#ez-download")
    said.get_by_text("made by the browser").wait_for()
    assert "need Chromium or Chrome" in said.inner_text()
    page.close()


@pytest.mark.parametrize("tab", [tab for tab, figures in TABS.items() if figures])
def test_figures_on_a_phone_are_as_wide_as_it_and_keep_their_words(revisit, tab):
    page = revisit(width=400, height=800, query=urlencode([("tab", tab)]))
    page.wait_for_function(
        """n => {
          const seen = [...document.querySelectorAll('.ez-figure')].filter((f) => f.offsetParent);
          return seen.length === n && seen.every((f) => f.scrollWidth <= f.clientWidth + 1);
        }""",
        arg=TABS[tab],
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 401
    assert [fault for fault in page.evaluate(_TEXT_FAULTS) if fault.startswith("outside")] == []


def test_the_arrow_of_a_fold_stands_beside_a_name_of_several_lines(revisit):
    page = revisit(width=400, height=800, query="tab=About")
    places = page.locator(".label-wrap:visible").evaluate_all(
        """folds => folds.map((fold) => {
          const [all, name, arrow] = [fold, ...fold.children].map((one) => one.getBoundingClientRect());
          return [name.height, arrow.left - name.right, arrow.right - all.right];
        })"""
    )
    assert len({height for height, *_ in places}) == 3, "of one, two and three lines"
    assert len({beyond for *_, beyond in places}) == 1 and min(between for _, between, _ in places) > 0


def test_a_finger_on_a_figure_scrolls_the_page(server, browser):
    page = browser.new_page(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page.goto(f"{server[0]}/?tab=Depth")
    page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
    page.wait_for_timeout(1500)
    box = page.locator(".ez-plot:visible .nsewdrag").first.bounding_box()
    finger = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen = "[...document.querySelectorAll('.ez-plot')].filter((p) => p.offsetParent)"
    ranges = f"{seen}.map((p) => p._fullLayout.xaxis.range)"
    before = page.evaluate(ranges)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 20 * step}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("() => window.scrollY > 100")
    page.wait_for_timeout(500)
    assert page.evaluate(ranges) == before and ("layers", "best") in query_of(page), "a swipe is neither zoom nor click"
    page.close()


@pytest.mark.parametrize(
    "tab", [*TABS, "Converse", "Dose response", "Verification", "Leak", "Side effects", "Vocabulary", "Many texts"]
)
def test_no_tab_breaks_a_rule_of_access_in_either_theme(revisit, tab):
    """WCAG 2.2 A and AA, and the order of headings, by axe-core."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (make install)")
    # A tab of parts opens at the one that was open last.
    part = {"Steer": "Texts", "Read": "One text"}.get(tab, tab)
    page = revisit(query=urlencode([("tab", part)]))
    until(page, "tab", part)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    rules = {"heading-order": {"enabled": True}, "empty-heading": {"enabled": True}}
    every = {"runOnly": {"type": "tag", "values": tags}, "rules": rules}
    # What passes is counted, not described, which takes longer than the rules.
    brief = {"resultTypes": ["violations"]}
    # The themes differ in their colours alone.
    for options, passes in ((every, 10), ({"runOnly": {"type": "rule", "values": ["color-contrast"]}}, 0)):
        found = axe.Axe().run(page, options=options | brief).response
        broken = [(one["id"], node["html"][:160]) for one in found["violations"] for node in one["nodes"]]
        assert broken == [] and len(found["passes"]) > passes
        page.locator("#ez-theme").click()
        # Colours fade from one theme to the other.
        page.wait_for_timeout(600)


def test_the_view_that_the_page_opens_with_has_its_layers_too(visit):
    page = visit()
    page.get_by_role("slider").first.focus()
    page.wait_for_function("() => window.emovizLayersReady?.()", timeout=10_000)


def test_the_slider_and_play_move_through_the_layers_without_the_server(visit):
    page = visit(query="tab=Geometry")
    page.wait_for_timeout(1000)
    slider = page.get_by_role("slider").first
    slider.focus()
    # The layers are fetched as soon as somebody reaches for the slider.
    page.wait_for_function("() => window.emovizLayersReady?.()")
    asked, rested = [], []

    def hear(request):
        # Other tabs are fetched while the page rests, whatever the slider does.
        if "predict" in request.url and '"view":' not in request.post_data:
            (rested if '"swept":true' in request.post_data else asked).append(request.post_data[-160:])

    page.on("request", hear)
    shown = "[...document.querySelectorAll('.ez-plot[data-drawn]')].find((plot) => plot.offsetParent)"
    heads = f"() => [...{shown}.querySelectorAll('.annotation text')].map((text) => text.textContent).join()"
    seen = []
    for _ in range(12):
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(60)
        seen.append(page.evaluate(heads))
    assert len(set(seen)) > 8 and asked == [], "figures move, and nothing is asked while the slider does"
    assert page.get_by_role("radio", name="same depth").is_checked()
    until(page, "layers", "depth")
    assert rested, "the link is brought up to date when the slider rests"
    asked.clear()
    page.get_by_role("button", name="Play the layers").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(900)
    assert asked == []
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play the layers").wait_for()
    depth = slider.input_value()
    page.wait_for_timeout(500)
    assert slider.input_value() == depth


@pytest.mark.parametrize(("tab", "which"), [("Geometry", 0), ("Geometry", 1), ("Depth", 0)])
def test_a_figure_on_its_way_through_the_layers_shows_what_it_shows_at_rest(revisit, tab, which):
    page = revisit(query=f"tab={tab}&layers=depth&depth=0.9")
    page.get_by_role("slider").first.focus()
    page.wait_for_function("() => window.emovizLayersReady?.()")
    way, rest = page.evaluate(
        """async (which) => {
          const slider = document.querySelector('#ez-sidebar input[type=range]');
          const plot = [...document.querySelectorAll('.ez-plot[data-drawn]')].filter((one) => one.offsetParent)[which];
          plot.scrollIntoView({ block: 'center' });
          const colours = async (image) => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 21, height: 21 });
            const pen = canvas.getContext('2d'), copy = new Image();
            copy.src = image.getAttribute('href') || image.getAttribute('xlink:href');
            await copy.decode();
            pen.drawImage(copy, 0, 0, 21, 21);
            return [...pen.getImageData(0, 0, 21, 21).data];
          };
          const look = async () => ({
            texts: [...plot.querySelectorAll('.annotation text, .xtitle, .gtitle')].map((text) => text.textContent),
            colours: (await Promise.all([...plot.querySelectorAll('.hm image')].map(colours))).flat(),
            points: [...plot.querySelectorAll('.points path')].map((path) => path.getAttribute('transform')),
          });
          for (const depth of [0.5, 0.6, 0.7]) {
            const drawn = plot.dataset.drawn;
            slider.value = depth;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            while (plot.dataset.drawn === drawn) await new Promise((done) => setTimeout(done, 2));
          }
          const way = await look();
          await new Promise((done) => setTimeout(done, 1500));
          return [way, await look()];
        }""",
        which,
    )
    assert way["texts"] == rest["texts"] and any("layer" in text for text in way["texts"])
    if which == 0 and tab == "Geometry":
        # One range of colours on the way, the layer's own at rest.
        difference = np.abs(np.subtract(way["colours"], rest["colours"], dtype=float))
        assert len(way["colours"]) == 2 * 21 * 21 * 4 and np.median(difference) < 12
    elif tab == "Depth":
        assert way["points"] == rest["points"]


_LABELS = """(plot) => [...plot.querySelectorAll('.points path, .textpoint, .textpoint text')].map((one) => (
  [...['transform', 'x', 'y', 'text-anchor'].map((name) => one.getAttribute(name)), one.textContent].join(' ')
))"""


@pytest.mark.parametrize("tab", ["Overview", "Geometry"])
def test_points_that_are_moved_without_plotly_stand_where_plotly_sets_them(visit, tab):
    page = visit(query=f"tab={tab}&layers=depth&depth=0.9", height=900)
    page.wait_for_timeout(1500)
    page.get_by_role("slider").first.focus()
    page.wait_for_function("() => window.emovizLayersReady?.()")
    ours, theirs, before = page.evaluate(
        f"""async () => {{
          const look = {_LABELS}, slider = document.querySelector('#ez-sidebar input[type=range]');
          const seen = [...document.querySelectorAll('.ez-plot')].filter((one) => one.offsetParent);
          const plot = seen.find((one) => one.layout.meta.kind === 'map'), before = look(plot);
          const step = window.emovizStep;
          let tree = null;
          window.emovizStep = (...given) => {{ if (given[0] === plot) tree = given[1].tree; return step(...given); }};
          plot.scrollIntoView({{ block: 'center' }});
          for (const depth of [0.5, 0.3]) {{
            const drawn = plot.dataset.drawn;
            slider.value = depth;
            slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
            while (plot.dataset.drawn === drawn) await new Promise((done) => setTimeout(done, 2));
          }}
          const ours = look(plot);
          await Plotly.react(plot, tree.data, {{ ...plot.layout, datarevision: 'again' }});
          return [ours, look(plot), before];
        }}"""
    )
    assert len(ours) == len(theirs) >= 2 * 3 * 20 and ours != before
    for one, other in zip(ours, theirs, strict=True):
        numbers, shown = ([float(n) for n in re.findall(r"-?\d+\.?\d*", text)] for text in (one, other))
        assert numbers == pytest.approx(shown, abs=0.02)
        assert re.sub(r"[-\d.]+", "", one) == re.sub(r"[-\d.]+", "", other)


@pytest.mark.parametrize("which", [0, 1])
def test_a_layer_that_is_come_back_to_looks_as_before(revisit, which):
    page = revisit(query="tab=Geometry&layers=depth&depth=0.9")
    slider = page.get_by_role("slider").first
    slider.focus()
    page.wait_for_function("() => window.emovizLayersReady?.()")
    settled(page, looks=50)
    plot = page.locator(".ez-plot:visible").nth(which)
    look = f"""(plot) => [...plot.querySelectorAll('.hm image')].map((one) => one.getAttribute('href')
      || one.getAttribute('xlink:href')).join() + ({_LABELS})(plot)"""

    def through(*depths, drawn=False):
        """One depth after another; drawn : each soon after the one before is drawn, before it is drawn whole."""
        plot.evaluate(
            """async (plot, [depths, drawn]) => {
              const slider = document.querySelector('#ez-sidebar input[type=range]');
              const until = (ms) => new Promise((done) => setTimeout(done, ms));
              for (const depth of depths) {
                const before = plot.dataset.drawn;
                slider.value = depth;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                while (drawn && plot.dataset.drawn === before) await until(2);
                await until(drawn ? 150 : 60);
              }
            }""",
            [depths, drawn],
        )
        settled(page, looks=50)
        return plot.evaluate(look)

    seen = [through(0.9), through(0.5, 0.9), through(0.5, 0.7, 0.9), through(0.5, 0.9, drawn=True)]
    assert seen == [seen[0]] * 4 and seen[0] != through(0.5)


def _focused(page, what="className"):
    return page.evaluate(f"document.activeElement.{what}")


def test_a_figure_is_reached_moved_and_left_by_the_keyboard_alone(visit):
    page = visit(query="tab=Geometry")
    settled(page)
    page.keyboard.press("Tab")
    assert _focused(page) == "ez-skip"
    page.keyboard.press("Enter")
    assert "ez-plot" in _focused(page) and _focused(page, "ariaLabel") == "Which emotions are represented alike?"
    assert page.locator(".ez-keys:visible").inner_text() == "← → layer, ↑ ↓ emotion, T table"
    ring = page.locator(".ez-figure:visible").first.evaluate("f => getComputedStyle(f).outline")
    assert "2px" in ring and "solid" in ring
    described = _focused(page, "getAttribute('aria-describedby')")
    assert "most alike: afraid and angry (0.48)" in page.locator(f"#{described}").text_content()
    # From the best layer, 18 of 30, three on: all tabs and the link follow.
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    until(page, "depth", "0.73")
    until(page, "layers", "depth")
    page.wait_for_function("() => document.querySelector('#ez-said').textContent.includes('layer 21')")
    page.keyboard.press("ArrowLeft")
    until(page, "depth", "0.7")
    page.keyboard.press("ArrowDown")
    until(page, "emotion", "angry")
    page.keyboard.press("ArrowUp")
    until(page, "emotion", "afraid")
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog")
    assert dialog.locator("caption").inner_text().endswith("924 rows.")
    assert dialog.bounding_box()["height"] <= 720 and "Inter" in dialog.evaluate("d => getComputedStyle(d).fontFamily")
    page.keyboard.press("Escape")
    assert not dialog.is_visible() and "ez-plot" in _focused(page)
    for _ in range(6):
        page.keyboard.press("Tab")
    assert not page.locator(".ez-plot:visible").first.evaluate("p => p.contains(document.activeElement)"), "trapped"


@pytest.mark.parametrize("tab", ["Depth", "Geometry"])
def test_the_table_of_a_figure_holds_the_rows_of_its_csv_file(revisit, tmp_path, tab):
    page = revisit(query=f"tab={tab}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Table", exact=True).first.click()
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = pd.read_csv(io.StringIO(page.evaluate("navigator.clipboard.readText()")))
    shown = page.locator(".ez-table-scroll tbody tr").count()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.get_by_role("dialog").get_by_label("Format").select_option("csv")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    download.value.save_as(tmp_path / "figure.csv")
    saved = pd.read_csv(tmp_path / "figure.csv")
    assert shown == len(saved)
    pd.testing.assert_frame_equal(copied, saved, rtol=1e-6)


def test_the_texts_behind_an_emotion_are_shown_for_the_one_that_is_clicked(visit):
    from emoviz.stimuli import load_corpus

    page = visit()
    open_tab(page, "Geometry")
    page.locator("#ez-passages button").first.click()
    panel = page.locator("#ez-passages")
    panel.get_by_text("afraid: 20 texts of the corpus that comes with emoviz").wait_for()
    _click(page, page.locator(".ez-plot:visible").first, "calm", "proud")
    panel.get_by_text(re.compile("(calm|proud): 20 texts of the corpus")).wait_for()
    clicked = panel.locator(".ez-group th").first.inner_text().split(":")[0]
    cells = panel.locator("tbody tr:not(.ez-group) td:nth-child(2)").all_text_contents()
    assert cells == [p.text for p in load_corpus().passages if p.emotion == clicked]
    assert panel.locator(".ez-group th").inner_text().count(f" of 20 as {clicked}") == 2


def test_with_colours_of_ones_own_ticks_tabs_buttons_and_focus_are_seen(visit):
    page = visit(query="tab=Geometry")
    page.emulate_media(forced_colors="active")
    page.wait_for_timeout(1200)

    def style(selector, name, pseudo=""):
        return page.locator(selector).first.evaluate(f"n => getComputedStyle(n, '{pseudo}').{name}")

    ticked, empty = (
        style(f"#ez-sidebar input[type=checkbox]:{state}", "backgroundColor") for state in ("checked", "not(:checked)")
    )
    assert ticked != empty
    chosen, other = (f"#ez-tabs button[role=tab][aria-selected={on}]" for on in ("true", "false"))
    assert style(chosen, "textDecorationLine") == "underline" != style(other, "textDecorationLine")
    assert style("#ez-theme", "borderTopWidth") == "1px"
    pill = ".ez-pills label:has(input:{})"
    assert style(pill.format("checked"), "backgroundColor") != style(pill.format("not(:checked)"), "backgroundColor")
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowLeft")
    assert style("#ez-sidebar input[type=range]", "outlineStyle") == "solid"


@pytest.mark.parametrize("width", [1280, 400])
def test_no_tab_jumps_when_it_is_opened_by_a_link(server, browser, width):
    page = counted(browser.new_page(viewport={"width": width, "height": 720 if width > 700 else 800}))
    page.add_init_script("""window.jumped = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.jumped += e.value; }))
          .observe({ type: 'layout-shift', buffered: true });""")
    # Gradio's own sign of loading moves once, while its style is fetched for the first time.
    page.goto(server[0])
    page.wait_for_selector(".ez-plot[data-drawn]", state="attached")
    for tab in TABS:
        page.goto(f"{server[0]}/?{urlencode([('tab', tab)])}")
        page.wait_for_selector("[role=tabpanel]:visible")
        settled(page, looks=20)
        assert page.evaluate("window.jumped") < 0.1, tab
    page.close()


def test_at_200_percent_nothing_is_cut_and_two_fingers_may_enlarge_the_page(server, browser):
    page = counted(browser.new_page(viewport={"width": 640, "height": 360}))
    for tab in TABS:
        page.goto(f"{server[0]}/?{urlencode([('tab', tab)])}")
        page.wait_for_selector("[role=tabpanel]:visible")
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 641, tab
        cut = page.evaluate(
            "[...document.querySelectorAll('.ez-figure')]"
            ".filter((f) => f.offsetParent && f.scrollWidth > f.clientWidth + 1).length"
        )
        assert cut == 0, tab
    allowed = page.locator("meta[name=viewport]").get_attribute("content")
    assert "user-scalable" not in allowed and "maximum-scale" not in allowed
    page.close()


def test_a_large_screen_is_used(server, browser):
    heights = []
    for size in ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080}):
        page = browser.new_page(viewport=size)
        page.goto(f"{server[0]}/?tab=Geometry")
        page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
        page.wait_for_timeout(1000)
        cells = page.locator(".ez-plot:visible .heatmaplayer image").first.bounding_box()
        heights.append(cells["height"])
        box = page.locator(".ez-figure:visible").first.bounding_box()
        assert box["y"] + box["height"] < size["height"], "seen whole without scrolling"
        page.close()
    assert heights[1] > 1.7 * heights[0]
    page = browser.new_page(viewport={"width": 1080, "height": 1920})
    page.goto(f"{server[0]}/?tab=Depth")
    page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
    settled(page)
    assert page.locator(".ez-plot:visible").first.bounding_box()["height"] <= 0.75 * 1080, "not stretched"
    page.close()


def test_a_report_and_an_archive_leave_the_page_and_can_be_cancelled(visit, tmp_path):
    page = visit()
    settled(page)
    told = page.locator("#ez-leaving-told")
    assert not told.is_visible()
    # It is pressed while the view that a link asks for is still to come.
    go_slowly(page, urlencode({"tab": "Overview", "set": GEMMA, "emotion": "calm"}))
    with page.expect_download() as download:
        page.locator("#ez-report").click()
    download.value.save_as(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text("utf-8")
    assert download.value.suggested_filename == "emoviz-report.html" and GEMMA in report and SMOL not in report
    assert "calm marked" in report and f"set={GEMMA}" in report, "the link of the view is in it"
    page.locator("#ez-leaving-end", has_text="Close").click()
    told.wait_for(state="hidden")
    page.locator("#ez-archive").click()
    told.get_by_text("drawing").wait_for()
    page.locator("#ez-leaving-end", has_text="Cancel").click()
    told.wait_for(state="hidden")
    page.wait_for_function("!document.querySelector('#ez-archive').disabled")


def test_texts_of_a_dose_are_saved_by_their_button(visit, tmp_path):
    page = visit(query=urlencode({"tab": "Dose response"}))
    save = page.locator(".ez-prompt-line:visible button").first
    save.click()
    dialog = page.locator(".ez-save-dialog:not(.ez-order-dialog)")
    assert dialog.get_by_role("heading").inner_text() == "Save these texts"
    for format, begins in (("md", b"# Steered texts"), ("csv", b"\xef\xbb\xbfmodel,"), ("png", b"\x89PNG")):
        if not dialog.is_visible():
            save.click()
        dialog.locator("select[name=format]").select_option(format)
        with page.expect_download() as download:
            dialog.get_by_role("button", name="Save").click()
        download.value.save_as(tmp_path / "texts")
        assert download.value.suggested_filename == f"emoviz-dose-texts-1.{format}"
        assert (tmp_path / "texts").read_bytes().startswith(begins)
    page.locator(".ez-save").locator("visible=true").first.click()
    assert dialog.get_by_role("heading").inner_text() == "Save this figure"
    dialog.get_by_role("button", name="Cancel").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_talk_is_put_together_kept_in_the_link_shown_and_left_by_the_keyboard(visit, theme):
    page = visit(theme, query="tab=Geometry&layers=depth&depth=0.5&talk=anisotropy,cake,map")
    page.wait_for_selector("#ez-notice:visible")
    assert "figure 'cake' of the talk is unknown" in page.locator("#ez-notice").inner_text()
    until(page, "talk", "anisotropy,map")
    page.get_by_role("button", name="+ Talk", exact=True).first.click()
    until(page, "talk", "anisotropy,map,rdm@0.5")
    opener = page.get_by_role("button", name="Talk", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Talk")
    assert dialog.get_by_role("listitem").all_inner_texts()[2].startswith("3. RDM, depth 0.50")
    dialog.get_by_role("button", name="Move up: RDM, depth 0.50").focus()
    page.keyboard.press("Enter")
    until(page, "talk", "anisotropy,rdm@0.5,map")
    page.keyboard.press("ArrowUp")
    until(page, "talk", "rdm@0.5,anisotropy,map")
    # The keyboard went up with it, where only the way down is left.
    assert page.evaluate("document.activeElement.ariaLabel") == "Move down: RDM, depth 0.50"
    dialog.get_by_role("button", name="Remove: Anisotropy, dials").click()
    until(page, "talk", "rdm@0.5,map")
    dialog.get_by_label("Add a figure").select_option("valence")
    until(page, "talk", "rdm@0.5,map,valence")
    page.reload()
    page.wait_for_selector(".ez-plot[data-drawn]:visible", timeout=30_000)
    opener.click()
    dialog.get_by_role("listitem").nth(2).wait_for()
    assert dialog.get_by_role("listitem").count() == 3
    page.keyboard.press("Enter")
    shown = "what => document.querySelector('.ez-talk')?.dataset.shown === what"
    page.wait_for_function(shown, arg="wide 0", timeout=30_000)
    assert page.evaluate("Boolean(document.fullscreenElement)")
    slide = page.locator(".ez-talk .js-plotly-plot")
    assert slide.evaluate("p => p._fullLayout.paper_bgcolor") == ("#15181f" if theme == "dark" else "#ffffff")
    assert "layer 14 of 30 (depth 0.50)" in slide.text_content()
    for key, number in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0)):
        page.keyboard.press(key)
        page.wait_for_function(shown, arg=f"wide {number}")
    page.keyboard.press("Escape")
    page.wait_for_selector(".ez-talk", state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Start"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "ez-talk"
    page.keyboard.press("Enter")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "emoviz-talk.html"
    assert "emovizTalk" in Path(download.value.path()).read_text("utf-8")


def test_a_figure_over_the_layers_is_saved_from_its_corner_and_can_be_cancelled(visit, tmp_path):
    page = visit(query=f"tab=Anisotropy&set={GEMMA}")
    until(page, "tab", "Anisotropy")
    page.wait_for_timeout(500)

    def ask():
        page.locator(".ez-save:visible").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Format").select_option("gif")
        assert dialog.locator("option[value=paper]").is_disabled()
        dialog.get_by_role("button", name="Save").click()

    ask()
    page.get_by_role("button", name="Cancel").click()
    assert "is cancelled" in page.locator("#ez-download").inner_text()
    # The server must have heard of it: what is asked for while a file is still made is not made.
    page.wait_for_timeout(2000)
    with page.expect_download(timeout=60_000) as download:
        ask()
    assert download.value.suggested_filename == "emoviz-anisotropy-dials.gif"
    with Image.open(download.value.path()) as film:
        assert film.size == (1280, 720) and film.n_frames == 18
    open_tab(page, "Methods")
    page.locator(".ez-save:visible").first.click()
    assert page.get_by_role("dialog").locator("option[value=gif]").is_disabled(), "it is the same at every layer"
