"""Names and texts that try to be more than text: none of them is ever an element, a request, a formula or code."""

import ast
import csv
import html
import io
import json
import re
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest

from emoviz.app.selection import first_selection
from emoviz.app.tabs.steer import converse, texts
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.models.dialogue import pieces_of
from emoviz.plots.export import export
from emoviz.plots.heat_map import heat_map_figure
from emoviz.plots.talk import slide_data, talk_page
from emoviz.plots.token import token_figure
from emoviz.share.figures import drawings, view_of
from emoviz.share.report import report
from emoviz.share.steps import finished
from emoviz.share.texts import Cell, Column, Sheet, texts_files
from emoviz.share.transcript import transcript
from emoviz.steer.generate import checked_ids
from emoviz.store import save_set, sets_folder
from emoviz.store.spreadsheet import csv_bytes
from emoviz.types import Decoding, Reading, Reply

from .chromium import find
from .conftest import make_set, with_intervals
from .dashboard import dashboard

HOST = "planted.invalid"
RUN = "window.__planted=1"
# As classes are called; each with its number, by which it is found again.
NAMES = (
    f'Q0Z<img src="//{HOST}/0" onerror={RUN}>',
    f'Q1Z<a href="http://{HOST}/1">joy</a>',
    f"Q2Z![x](http://{HOST}/2) [y](javascript:{RUN})",
    'Q3Z<b>bold</b>&lt;i&gt;"%{x}',
    "=Q4Z|' /C calc'!A0",
    f"Q5Z${{{RUN}}}`{RUN}`",
    f"Q6Z</script><script>{RUN}</script>",
    "Q7Z\x1b[31mred\x07 \u202eexe.gnp",
    "neutral",
)
MODEL, CORPUS = f"QmZ<img src=x onerror={RUN}><b>m", f"QcZ<svg onload={RUN}>"
# What a payload would be, were it markup: no page of ours has an image or a frame that is asked for elsewhere.
FAULTS = """() => [
  ...(window.__planted ? ['something was run'] : []),
  ...[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes].filter(({ name, value }) =>
    /^on/.test(name) || (/^(src|srcset|href|xlink:href|action|data)$/.test(name)
      && /^\\s*(javascript:|\\w*:?\\/\\/planted)/.test(value)))
    .map(({ name, value }) => `${one.tagName} ${name}=${value}`)),
]"""
_OURS = re.compile(r"</?(?:b|i|u|extra|sup)>|<span style=\"color:#\w+\">|</span>|<br>")


@pytest.fixture(scope="module")
def planted():
    """Two made-up sets whose names are all hostile."""

    def one(seed):
        vectors = with_intervals(make_set(f"{MODEL}{seed}_00000000", seed=seed, classes=NAMES, model=f"{MODEL}{seed}"))
        return replace(vectors, provenance=replace(vectors.provenance, corpus=CORPUS, revision=f"QrZ{RUN}<b>"))

    return [one(0), one(1)]


def _strings(value, path=()):
    """Everything in a figure that plotly shows, with its place."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in ("bdata", "customdata", "meta", "template", "uirevision"):
                yield from _strings(part, (*path, name))
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part, path)
    elif isinstance(value, str):
        yield path, value


def _check(figure):
    """Of each name that is shown, the whole stands there as it was given, once plotly has read its markup."""
    found = 0
    for path, text in _strings(json.loads(figure.to_json())):
        seen = html.unescape(_OURS.sub("", text.replace("%{", "") if path[-1] == "hovertemplate" else text))
        for name in NAMES[:-1]:
            number = re.search(r"Q\dZ", name)[0]
            if number in seen:
                found += 1
                told = name.replace("\x1b", "\\u001b").replace("\x07", "\\u0007").replace("\u202e", "\\u202e")
                assert told in seen, (path, text)
        assert "QmZ" not in seen or "QmZ<img src=x" in seen, (path, text)
        assert "<a href" not in text and "<img" not in text and "<svg" not in text, (path, text)
    return found


def test_every_figure_of_a_set_shows_names_as_they_are_given(planted):
    view = view_of(planted, emotion=NAMES[3])
    found = {name: _check(one.draw()) for name, one in drawings(view).items()}
    assert found["map"] == 32 and all(found[name] for name in ("rdm", "pair_1_2", "difference_1_2", "cosines"))


def test_figures_of_a_reading_show_names_and_tokens_as_they_are_given(planted):
    scores = np.random.default_rng(0).normal(size=(planted[0].n_layers, 3, len(NAMES)))
    tokens = ("<b>the</b>", "&lt;", "%{x}")
    places = ((0, 10), (10, 14), (14, 18))
    reading = Reading(MODEL, planted[0].name, "".join(tokens), tokens, places, NAMES, scores, 2)
    made = heat_map_figure(reading, planted[0], 2, NAMES[3])
    assert _check(made) > 2 * len(NAMES) and made.layout.xaxis.ticktext == (
        "&lt;b&gt;the&lt;/b&gt;",
        "&amp;lt;",
        "%&#123;x}",
    )
    assert _check(token_figure(reading, planted[0], 1, NAMES[3], 2))


def test_python_that_is_copied_holds_what_came_with_a_link_as_text():
    given = f"0.04]; __import__('os').system('touch {HOST}') #"
    how = dict.fromkeys(("preset", "layers", "scope", "norm", "tokens", "temperature", "seed", "cleaning"), given)
    lists = {"chosen": [given], "controls": ["random"], "doses": given}
    view = first_selection()
    for code in (
        texts.python(view, prompt=given, chat=False, **lists, **how),
        converse.python(view, system=given, **lists, **how),
    ):
        tree = ast.parse(code)
        assert "__import__" not in {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
        assert given in {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
    assert "doses = [0.0, 0.03]" in texts.python(view, prompt="a", chat=False, **{**lists, "doses": "0, 0.03"}, **how)


def test_no_cell_of_a_table_is_a_formula_in_any_country_and_numbers_stay_numbers():
    given = [
        "=1+1",
        "+1",
        "-0.03",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "a;=1+1",
        "a\t=1",
        "-x",
        'say "=1"',
        "1e-5",
    ]
    content = csv_bytes(["name", "number"], [[text, -0.03] for text in given]).decode()
    back = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert {row[1] for row in back} == {"-0.03"}
    assert [row[0].removeprefix("'") for row in back] == given
    assert [text for text, row in zip(given, back, strict=True) if text == row[0]] == [
        *("+1", "-0.03", "a;=1+1", "a\t=1", 'say "=1"', "1e-5"),
    ]
    for separator in (";", "\t"):
        cells = [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator) for cell in row]
        assert not [one for one in cells if one.lstrip("\n").startswith(("=", "@", "\t", "\r"))]


def test_markdown_of_texts_and_conversations_has_no_element_of_theirs():
    from markdown_it import MarkdownIt

    said = "\n".join([*NAMES, "```", "# head", "> quote"])
    reply = Reply(MODEL, CORPUS, 0, NAMES[2], 0.04, 0, said, said, (), (), True)
    cells = Sheet(said, (Column(MODEL, CORPUS, said, (Cell(NAMES[1], 0.04, said, None, witness=said),)),))
    for made in (transcript([[reply]], [said]), texts_files(cells, "md")[0].decode()):
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made)
        inline = [child for one in tokens for child in one.children or []]
        kinds = {one.type for one in (*tokens, *inline)}
        assert not kinds & {"html_block", "html_inline", "link_open", "image", "blockquote_open"}, kinds
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", made)


def test_the_terminal_and_its_errors_get_no_control_characters_and_json_stays_what_it_was(capsys):
    vectors = replace(make_set("m_00000000", classes=NAMES, model="m\x1b]0;title\x07\u202e"), path=None)
    save_set(vectors, sets_folder())
    assert main(["list"]) == 0 and main(["show", "m_"]) == 0
    assert main(["rdm", "m_", "--json"]) == 0 and main(["show", "\x1b[2J\u202e"]) == 2
    said = capsys.readouterr()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said.out + said.err)
    assert "m\\u001b]0;title" in said.out and said.err.count("\n") == 1
    assert NAMES[7] in json.loads(said.out.splitlines()[-1])["classes"]


def test_half_of_a_surrogate_pair_is_refused_in_one_line_before_a_model_reads(llama):
    for taken in (
        lambda text: checked_ids(llama, text, Decoding(4)),
        lambda text: pieces_of(llama, [text]),
    ):
        with pytest.raises(InputError, match="half of a surrogate pair, which is not UTF-8"):
            taken("the cat \ud83d sat")


# A browser from here on.
needs_browser = pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again")


@pytest.fixture
def watched(browser):
    """Opens a page; fails the test for what a name or a text made of itself in any of them, and for its requests."""
    faults, context = [], browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)

    def opened(address):
        page = context.new_page()
        page.on("request", lambda asked: faults.append(asked.url) if HOST in asked.url.split("?")[0] else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for page in context.pages:
        faults += page.evaluate(FAULTS)
    context.close()
    assert faults == []


@pytest.mark.browser
@needs_browser
def test_pages_and_drawings_that_leave_are_opened_and_nothing_in_them_runs(planted, watched, tmp_path):
    view = view_of(planted, emotion=NAMES[3])
    known = drawings(view)
    files = {
        "map.html": export(known["map"].draw, "html"),
        "rdm.svg": export(known["rdm"].draw, "svg"),
        "report.html": finished(report(view)).encode(),
        "talk.html": talk_page([slide_data(known[name].draw) for name in ("pair_1_2", "map")]).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        page = watched((tmp_path / name).as_uri())
        if name == "talk.html":
            page.wait_for_selector("[data-shown]")
        elif name.endswith("html"):
            page.locator(".gtitle").first.wait_for()
        seen = page.locator(":root").evaluate("root => root.textContent")
        assert name == "talk.html" or (NAMES[1] in seen and NAMES[3] in seen), name
        assert page.locator("img, iframe, object, [onerror], [onload], a[href*=planted]").count() == 0, name
    assert b"\x1b" not in files["rdm.svg"] and export(known["map"].draw, "pdf").startswith(b"%PDF")


TABS = ("Depth", "Geometry", "Models", "Anisotropy", "Methods", "Library", "About")


@pytest.mark.browser
@needs_browser
def test_every_tab_of_the_page_shows_planted_names_as_text(planted, watched, tmp_path):
    save_set(planted[0], tmp_path / "sets")
    with dashboard(EMOVIZ_HOME=str(tmp_path)) as (url, _):
        typed = f"<img src=x onerror={RUN}>![a](http://{HOST}/t)"
        given = [("set", planted[0].name), ("emotion", NAMES[3]), ("emotions", NAMES[1]), (typed, typed)]
        page = watched(f"{url}/?{urlencode([*given, ('texts.layers', typed), ('texts.doses', typed), ('pin', typed)])}")
        page.wait_for_selector(".ez-plot[data-drawn]", timeout=60_000)
        page.locator("#ez-notice").get_by_text("of the link is not known").wait_for(timeout=60_000)
        assert typed[:40] in page.locator("#ez-notice").inner_text()
        assert MODEL in page.locator("body").inner_text()
        assert NAMES[1] in page.locator("#ez-select-emotions").inner_text()
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            page.wait_for_timeout(500)
            assert page.evaluate(FAULTS) == [], tab
