"""The selection as a visitor makes it, with 30 sets at hand: the picker, marks, the pin, and what is greyed."""

import json
from urllib.parse import urlencode

import pytest

from emoviz.store import save_set

from . import test_browser
from .conftest import make_set
from .dashboard import dashboard, go_slowly, settled
from .test_browser import GEMMA, PLACE, SMOL, open_tab, query_of, until

pytestmark, visit = test_browser.pytestmark, test_browser.visit
kept, revisit = test_browser.kept, test_browser.revisit
_OWN = [f"own_{k:02d}" for k in range(25)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """35 sets: ten shipped, three each of eight models, and one more."""
    home = tmp_path_factory.mktemp("home")
    for k, name in enumerate(_OWN):
        save_set(make_set(name, seed=k, model=f"a-model-{k // 3}", layers=6 + k % 3), home / "sets")
    with dashboard(EMOVIZ_HOME=str(home)) as started:
        yield started


def _sets(page):
    return [value for name, value in query_of(page) if name == "set"]


def _marked(page):
    return {value for name, value in query_of(page) if name == "emotions"}


def _ask(page, wanted, what):
    """Waits until the address bar holds these sets or emotions."""
    page.wait_for_function(
        "([name, wanted]) => JSON.stringify(new URLSearchParams(location.search).getAll(name)) === wanted",
        arg=[what, json.dumps(wanted, separators=(",", ":"))],
    )


def _axe(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (make install)")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}}).response
    return [(one["id"], node["html"][:160]) for one in found["violations"] for node in one["nodes"]]


def test_sets_are_searched_chosen_put_in_order_and_taken_out_by_keyboard(visit):
    page = visit()
    settled(page)
    search = page.get_by_label("Search sets")
    search.focus()
    page.keyboard.type("model-7 made")
    page.wait_for_function("() => document.querySelectorAll('.ez-picker-list input').length === 3")
    assert page.locator(".ez-picker-group p").all_inner_texts() == ["a-model-7"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    _ask(page, [SMOL, GEMMA, "own_22"], "set")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.key") == "own_22", "the focus stays where it was"
    rows = page.locator(".ez-picker-chosen li")
    assert rows.locator("b").all_text_contents() == ["A", "B", "C"]
    page.get_by_role("button", name="Move a-model-7").press("Enter")
    _ask(page, ["own_22", SMOL, GEMMA], "set")
    assert "a-model-7" in rows.first.inner_text()
    page.get_by_role("button", name="Take out SmolLM2").press("Space")
    _ask(page, ["own_22", GEMMA], "set")
    search.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('.ez-picker-list input').length === 35")
    search.fill("nothing like it")
    page.get_by_text("No set has nothing and like and it in its name").wait_for()
    page.get_by_role("button", name="Clear all sets").press("Enter")
    page.wait_for_selector("#ez-notice:visible")
    assert _sets(page) == [""]
    search.fill("")
    part = page.locator("#ez-select-sets [data-part]").get_attribute("data-part")
    page.evaluate("part => window.emovizParts.send(part, JSON.stringify({ sets: [] }))", part)
    page.get_by_text("No vector set is stored yet. Extract one in the Library.").wait_for()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (400, 800)])
def test_thirty_chosen_sets_leave_room_for_the_rest_and_every_button_can_be_hit(visit, width, height):
    everything = [("set", name) for name in [SMOL, GEMMA, *_OWN]]
    page = visit(width=width, height=height, query=urlencode([("tab", "Depth"), *everything, ("pin", "own_03")]))
    until(page, "pin", "own_03")
    settled(page)
    if width < 768:
        page.locator("#ez-sidebar .toggle-button").click()
        # It slides in.
        page.wait_for_timeout(600)
    assert page.locator(".ez-picker-count").inner_text() == "27 of 35"
    assert page.locator(".ez-picker-name").first.inner_text() == "a-model-1 · emoviz, made-up, reference"
    assert page.locator(".ez-picker").bounding_box()["height"] < 400
    small = """() => [...document.querySelectorAll('.ez-picker button, .ez-picker label')].filter((b) => {
      const box = b.getBoundingClientRect();
      return box.width && (box.height < 24 || box.width < 24);
    }).length"""
    assert page.evaluate(small) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width + 1
    dashes = page.evaluate("[...document.querySelectorAll('.ez-picker-chosen line')].map((l) => l.outerHTML)")
    assert len(set(dashes[:4])) == 4, "a set is told apart by colour and dash"
    assert _axe(page) == []
    page.locator("#ez-theme").click()
    page.wait_for_timeout(600)
    assert _axe(page) == []


@pytest.mark.parametrize("n_sets", [1, 2, 3, 4, 30])
def test_every_tab_is_drawn_with_any_number_of_sets(revisit, n_sets):
    names = [SMOL, GEMMA, *_OWN][:n_sets]
    if n_sets == 30:
        names = revisit().locator(".ez-picker-list input").evaluate_all("boxes => boxes.map((b) => b.dataset.key)")
    page = revisit(query=urlencode([("tab", "Depth"), *(("set", name) for name in names)]))
    _ask(page, names, "set")
    page.get_by_role("tab", name="Depth", exact=True, selected=True).wait_for()
    for tab in ("Overview", "Geometry", "Anisotropy", "Depth"):
        page.get_by_role("tab", name=tab, exact=True).click()
        until(page, "tab", tab)
        page.wait_for_function(
            "() => [...document.querySelectorAll('.ez-plot[data-drawn]')].some((p) => p.offsetParent)"
        )
        settled(page)
        assert not page.locator("#ez-notice").is_visible()
    # A legend of 30 sets would be all of the figure.
    seen = "[...document.querySelectorAll('.ez-plot')].find((p) => p.offsetParent)"
    assert page.evaluate(f"{seen}._fullLayout._size.h") > 150
    assert page.evaluate(f"{seen}.querySelectorAll('.legend .traces').length") == (0 if n_sets == 30 else n_sets)


def _at(page, plot, name):
    """Where an emotion lies in a map, on the screen."""
    plot.scroll_into_view_if_needed()
    page.mouse.move(2, 2)
    return plot.evaluate(PLACE, [name])[1:]


def test_shift_click_a_box_and_rows_mark_emotions_and_escape_and_a_button_clear_them(visit):
    page = visit(height=900)
    open_tab(page, "Geometry", figures=3)
    page.get_by_label("PCA", exact=True).click()
    until(page, "geometry.method", "PCA")
    settled(page)
    plot = page.locator(".ez-plot:visible").nth(1)
    drawn = int(plot.get_attribute("data-drawn"))
    page.keyboard.down("Shift")
    page.mouse.click(*_at(page, plot, "proud"))
    page.keyboard.up("Shift")
    _ask(page, ["proud"], "emotions")
    settled(page)
    assert dict(query_of(page))["emotion"] == "afraid", "the first one stays"
    assert int(plot.get_attribute("data-drawn")) == drawn + 1, "one change is drawn once"
    bold = "p => p.data.flatMap((t) => t.text || []).filter((t) => t.startsWith('<b>')).length"
    assert plot.evaluate(bold) == 4, "two emotions in two panels"
    table = page.locator(".ez-compact tbody tr:not(.ez-group)")
    assert table.count() == 2

    x, y = _at(page, plot, "hopeful")
    page.mouse.move(x - 12, y - 12)
    page.mouse.down()
    page.mouse.move(x + 12, y + 12, steps=5)
    page.mouse.up()
    page.wait_for_function("() => new URLSearchParams(location.search).getAll('emotions').includes('hopeful')")
    settled(page)
    assert "proud" not in _marked(page), "a box chooses anew"
    assert table.count() == 1 + len(_marked(page))
    assert plot.evaluate("p => p.querySelectorAll('.selectionlayer path').length") == 0, "the box has done its work"
    page.keyboard.press("Escape")
    _ask(page, [], "emotions")
    page.wait_for_function("() => document.querySelectorAll('.ez-compact tbody tr:not(.ez-group)').length === 21")

    row = page.locator(".ez-compact .ez-pick", has_text="calm")
    row.focus()
    page.keyboard.press("Shift+Enter")
    _ask(page, ["calm"], "emotions")
    page.wait_for_function("() => document.activeElement.textContent === 'calm'")
    assert row.get_attribute("aria-pressed") == "true"
    page.get_by_label("Mark another emotion").fill("sad")
    page.keyboard.press("Enter")
    _ask(page, ["calm", "sad"], "emotions")
    page.get_by_role("button", name="Clear all marked emotions").click()
    _ask(page, [], "emotions")
    page.locator(".ez-compact .ez-pick", has_text="proud").click()
    until(page, "emotion", "proud")


def test_a_pair_that_is_clicked_in_the_table_of_disagreements_is_marked(visit):
    page = visit(query="tab=Models")
    row = page.locator(".ez-pick").first
    row.wait_for()
    first, second = row.inner_text().split(" and ")
    row.press("Enter")
    until(page, "emotion", first)
    assert _marked(page) == {second}


def test_a_pinned_set_comes_first_in_every_view_and_in_the_link(visit):
    page = visit()
    settled(page)
    # It is pinned while the view that a link asks for is still to come.
    go_slowly(page, "tab=Models")
    page.get_by_role("button", name="Pin gemma-3-270m").click()
    until(page, "pin", GEMMA)
    settled(page)
    assert page.locator(".ez-picker-name").first.inner_text() == "gemma-3-270m · emoviz, reference"
    page.get_by_text("with the reference, A").wait_for()
    page.goto(page.url)
    page.get_by_text("with the reference, A").wait_for(timeout=30_000)
    page.get_by_role("tab", name="Overview", exact=True).click()
    page.get_by_text("reference, pinned").first.wait_for()
    assert page.locator(".ez-card h2").first.inner_text() == "gemma-3-270m"
    page.get_by_role("button", name="Take out gemma-3-270m").click()
    _ask(page, [SMOL], "set")
    assert "pin" not in dict(query_of(page)) and not page.locator("#ez-notice").is_visible()


def test_a_hidden_curve_stays_hidden_when_the_layer_changes(visit):
    page = visit(query="tab=Depth&layers=depth&depth=0.5")
    until(page, "depth", "0.5")
    settled(page)
    plot = page.locator(".ez-plot:visible").first
    plot.locator(".legendtoggle").first.click()
    page.wait_for_timeout(800)
    hidden = "p => p._fullData.filter((t) => t.visible === 'legendonly').map((t) => t.name)"
    before = plot.evaluate(hidden)
    assert len(before) == 1
    drawn = int(plot.get_attribute("data-drawn"))
    page.get_by_label("number input for Depth").fill("0.7")
    page.keyboard.press("Tab")
    page.wait_for_function("([p, n]) => Number(p.dataset.drawn) > n", arg=[plot.element_handle(), drawn])
    assert plot.evaluate(hidden) == before


def test_what_a_tab_does_not_use_is_greyed_and_says_so(visit):
    page = visit()
    state = """() => Object.fromEntries([...document.querySelectorAll('[id^=ez-select-]')].map((block) => {
      const inputs = [...block.querySelectorAll('input')], said = inputs[0].getAttribute('aria-describedby');
      const all = inputs.every((i) => i.disabled), none = inputs.every((i) => !i.disabled);
      const note = said && document.getElementById(said).textContent;
      return [block.id.replace('ez-select-', ''), all ? note : none ? '' : 'some'];
    }))"""
    names = ["sets", "layer_mode", "depth", "centring", "emotion", "emotions"]
    used = {"Overview": {*names} - {"centring"}, "Depth": {*names[:4]}, "Geometry": {*names}, "Methods": set()}
    for tab, names_used in used.items():
        page.get_by_role("tab", name=tab, exact=True).click()
        until(page, "tab", tab)
        said = {name: "" if name in names_used else f"not used in {tab}" for name in names}
        page.wait_for_function(f"said => JSON.stringify(({state})()) === JSON.stringify(said)", arg=said)
    assert _axe(page) == []
