"""Steered texts as Markdown, CSV and slides: whatever a model wrote stays text."""

import csv
import io
import re
import zipfile

import numpy as np
import pytest

import emoviz as ez
from emoviz.app.download import downloaded_texts
from emoviz.app.steer.stored_texts import sheet_at
from emoviz.errors import InputError
from emoviz.plots.canvas import Canvas
from emoviz.plots.export import PRESETS, SLIDE_TEXT
from emoviz.plots.text_slide import Block, text_slides
from emoviz.share.texts import Cell, Column, Sheet, markdown, save_texts, texts_file, texts_files
from emoviz.types import Generation, Verdict

from .chromium import find

pictures = pytest.mark.skipif(find() is None, reason="no Chromium on this machine; install chromium and run again")
HOSTILE = {
    "markup": "<script>alert(1)</script> <img src=x onerror=alert(2)>",
    "table": "a | b \\| c\n\n| --- |\n# heading\n- item\n1. item",
    "link": "![x](http://evil.example/x.png) www.evil.example https://evil.example `code` *bold* ~~gone~~ $x$",
    "formula": "=1+1",
    "other scripts": "she said שלום עולם and 恐惧 and мир",
    "emoji": "🧭👩‍👩‍👧 🇩🇪",
    "empty": "",
}


def _verdict(regime="surgical"):
    return Verdict(regime, "changed and readable", 3.2, 0.1, 0.0, 40)


def _sheet(*texts, prompt="Write | of <b>, it"):
    cells = [Cell("unsteered", 0.0, "The kitchen was quiet.", _verdict("unchanged"))]
    cells += [
        Cell("afraid", 0.02 * k, text, _verdict(), 0.001, "witness: afraid 0.4") for k, text in enumerate(texts, 1)
    ]
    return Sheet(prompt, (Column("m_1", "m_1_emoviz", "recipe emoviz, seed 7", tuple(cells)),))


def _table(text):
    """The rows of the one table of a Markdown text, cut at pipes that are not escaped."""
    return [re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]


def test_markdown_has_a_row_per_text_and_no_markup_of_a_model():
    text = texts_files(_sheet(*HOSTILE.values()), "md", link="http://localhost/?a")[0].decode()
    rows = _table(text)
    assert len(rows) == 2 + 1 + len(HOSTILE) and {len(row) for row in rows} == {7}
    assert re.findall(r"(?<!\\)<(?!http://localhost)", text) == [] and re.findall(r"(?<!\\)!\[", text) == []
    assert "www.evil" not in text and "https://" not in text and "⟦שלום עולם⟧" in text and "⟦мир⟧" in text
    assert "seed 7" in text and "● surgical" in text and "3.2" in text and "🧭" in text


def test_markdown_of_plain_words_reads_as_they_are():
    assert markdown("She said: “no” (twice), then left; why?") == "She said: “no” (twice), then left; why?"


def test_csv_comes_back_as_it_was_but_for_formulas():
    content = texts_files(_sheet(*HOSTILE.values(), "-5 degrees", "+x", "@me", "-1"), "csv")[0]
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    texts = [row["text"] for row in rows][1:]
    assert texts == [
        *("'=1+1" if text == "=1+1" else text for text in HOSTILE.values()),
        *("'-5 degrees", "'+x", "'@me", "-1"),
    ]
    assert rows[1]["ppl_ratio"] == "3.2" and rows[1]["recipe"] == "recipe emoviz, seed 7"
    assert rows[5]["leaked"] == "שלום עולם 恐惧 мир" and content.startswith(b"\xef\xbb\xbf")


def test_a_slide_has_18_pixels_and_marks_what_leaked_by_more_than_colour():
    width, height = PRESETS["slide"].canvas
    blocks = [Block("unsteered", "a <b> text", "= unchanged", "unchanged", "")]
    blocks += [
        Block(f"dose {k}", "she ⟦мир и⟧ " + "word " * 60 * k, "● surgical", "surgical", "why") for k in range(1, 6)
    ]
    slides = text_slides([("m, towards <i>", ["recipe, seed 7"], blocks)], "the <u> prompt", Canvas(width, height))
    assert [len(slide.data[0].text) for slide in slides] == [4, 3], "the unsteered text stands on every slide"
    for slide in slides:
        sizes = [slide.data[0].textfont.size, *(note.font.size for note in slide.layout.annotations)]
        assert min(sizes) * PRESETS["slide"].magnified >= SLIDE_TEXT - 1e-9
        inside = height - slide.layout.margin.t - slide.layout.margin.b
        for text in slide.data[0].text:
            assert (text.count("<br>") + 1) * 1.3 * slide.data[0].textfont.size <= inside
            assert "<b>text" not in text
        words = " ".join(slide.data[0].text)
        assert "a &lt;b&gt; text" in words and "<b><u>⟦мир" in words and "<b>surgical</b>" in words
        assert "m, towards &lt;i&gt;" in slide.layout.title.text
        notes = " ".join(note.text for note in slide.layout.annotations)
        assert "seed 7" in notes and "the &lt;u&gt; prompt" in notes
    assert "cut here" in " ".join(note.text for note in slides[1].layout.annotations)


def test_words_without_a_space_are_broken_and_none_is_lost():
    body = "恐" * 200 + "x" * 100
    blocks = [Block("unsteered", body, "", None, ""), Block("dose 1", "a", "", None, "")]
    slide = text_slides([("m", [], blocks)], "p", Canvas(*PRESETS["slide"].canvas))[0]
    assert re.sub("<[^>]+>", "", slide.data[0].text[0]).removeprefix("unsteered") == body


def test_several_slides_are_one_file_on_the_page_and_several_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("emoviz.share.texts.export", lambda *_: b"picture")
    name, content = texts_file(_sheet(*"abcde"), "texts", "png")
    assert name == "texts.zip" and zipfile.ZipFile(io.BytesIO(content)).namelist() == ["texts-1.png", "texts-2.png"]
    assert texts_file(_sheet("a"), "texts", "png") == ("texts.png", b"picture")
    made = save_texts(_sheet(*"abcde"), tmp_path / "t.png")
    assert [path.name for path in made] == ["t.png", "t-2.png"] and all(path.read_bytes() for path in made)


def test_a_stored_run_leaves_with_its_numbers():
    run = ez.list_dose_responses()[0]
    dose = run.doses[3]
    found = sheet_at(run, "afraid", dose, 0).columns[0]
    assert [one.direction for one in found.cells] == ["unsteered", "afraid", *run.controls]
    wanted = next(t for t in run.texts if (t.direction, t.dose, t.prompt) == ("afraid", dose, 0))
    assert found.cells[1].verdict == wanted.verdict and found.cells[1].text == wanted.text.strip()
    assert found.set == run.set and "witness" in found.cells[1].witness and "layers" in found.note


def test_generations_are_saved_judged_or_not(tmp_path):
    def made(direction, dose, verdict):
        return Generation(
            "m", "m_emoviz", direction, dose, "p", f"{direction} text", (1, 2), (0.1, 0.2), True, False, verdict
        )

    texts = [made("unsteered", 0.0, None), made("calm", 0.04, _verdict())]
    assert ez.save_texts(texts, tmp_path / "t.csv") == [tmp_path / "t.csv"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig"))))
    assert [row["regime"] for row in rows] == ["", "surgical"] and rows[0]["leak_mass"] == "0.2"
    assert np.isclose(float(rows[1]["ppl_ratio"]), 3.2)


@pytest.mark.parametrize(
    ("name", "said"), [("t.gif", "format 'gif' is unknown for texts; md, csv, png"), ("t", "format ''")]
)
def test_another_ending_is_refused(tmp_path, name, said):
    with pytest.raises(InputError, match=said):
        save_texts(_sheet("a"), tmp_path / name)
    with pytest.raises(InputError, match="no texts were given"):
        save_texts([], tmp_path / "t.md")


@pytest.mark.parametrize("posted", [None, "md", {}, {"format": "exe"}, {"format": "png", "theme": "<b>"}])
def test_what_a_browser_posts_is_checked(posted):
    assert "is unknown" in downloaded_texts(_sheet("a"), "t", posted)["problem"]
    assert "no texts yet" in downloaded_texts(None, "t", {"format": "md"})["problem"]


@pytest.mark.browser
@pictures
def test_a_slide_of_hostile_texts_is_a_picture_with_their_letters():
    found = texts_files(_sheet(*list(HOSTILE.values())[:3]), "svg", theme="dark", link="http://localhost/?a")
    drawn = found[0].decode()
    assert "&#60;script&#62;" in drawn and "<script" not in drawn and "<img" not in drawn and "localhost/?a" in drawn
