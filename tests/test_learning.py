"""The words, the tour and the foot of the page, without a browser."""

import json
import re
from dataclasses import replace
from urllib.parse import urlencode

import gradio as gr

from emoviz import __version__, citation
from emoviz.app.footer import data_hash, footer
from emoviz.app.glossary import TEXTS, glossary
from emoviz.app.library import library
from emoviz.app.link import decode, from_query, key
from emoviz.app.selection import checked, first_selection
from emoviz.app.server import launch_options
from emoviz.app.tabs import TABS, about
from emoviz.app.tour import steps
from emoviz.geometry.curves import CURVES

from .conftest import ROOT


def _all(tabs=TABS):
    return [one for tab in tabs for one in (tab, *_all(tab.parts))]


def test_every_word_of_the_about_tab_and_every_curve_is_in_the_glossary():
    found = glossary()
    words = re.findall(r"^\| (.+?) \|", (TEXTS / "words.md").read_text("utf-8"), re.MULTILINE)[1:]
    assert len(words) > 30 and all(word in found for line in words[1:] for word in line.split(", "))
    assert all(curve.aid in found[curve.label.lower()] for curve in CURVES.values())
    asked = "reliability, split-half rho, anisotropy, noise ceiling, RDM, centring, Procrustes residual, surgical, leak"
    assert set(asked.split(", ")) <= set(found)
    assert not [text for text in found.values() if "**" in text or "<" in text], "plain text"


def test_the_steps_of_the_tour_are_links_that_the_page_understands():
    with gr.Blocks():
        parts = {key(tab, n): part for tab in _all() for n, part in tab.lay(first_selection()).in_link.items()}
    found = steps()
    assert 6 <= len(found) <= 8 and len({step.title for step in found}) == len(found)
    for step in found:
        asked = from_query(urlencode(step.go, doseq=True))
        assert asked.tab in {tab.title for tab in _all()}
        assert checked(asked.selection)[1] == []
        for name, texts in asked.controls.items():
            decode(parts[name], texts)
    gemma = found[1].go["set"]
    assert [library().sets[name].provenance.model for name in gemma] == ["gemma-3-270m"]


def test_without_shipped_sets_the_tour_still_stands(monkeypatch, tmp_path):
    for place in ("emoviz.store.catalog", "emoviz.app.library"):
        monkeypatch.setattr(f"{place}.shipped_folder", lambda: tmp_path)
    assert len(steps()) == 8


def test_what_the_page_is_given_in_a_script_cannot_end_it():
    head = launch_options()["head"]
    script = head[head.index("window.emovizWords") : head.index("</script>", head.index("window.emovizWords"))]
    assert "window.emovizTour = [" in script and "<" not in script.replace("<\\/", "")
    words = json.loads(script[script.index("{") : script.index("; window.emovizTour")])
    assert words == glossary()


def test_the_foot_has_version_data_licence_and_a_citation_of_one_home():
    html = footer().value
    assert f"emoviz {__version__}" in html and data_hash() in html and "Apache-2.0" in html
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert citation.plain() in html and "@software{emoviz2026," in html
    assert citation.bibtex().count("{") == citation.bibtex().count("}")
    said = [b.value for b in _laid(about).blocks.values() if isinstance(b, gr.Markdown) and "To cite" in str(b.value)]
    assert len(said) == 1 and citation.plain() in said[0]


def test_the_data_hash_follows_the_shipped_sets_alone(monkeypatch):
    before = data_hash()
    sets = list(library().sets.values())
    other = type("Other", (), {"sets": {s.name: s for s in sets[1:]}})
    mine = type("Mine", (), {"sets": {**library().sets, "mine": replace(sets[0], name="mine", shipped=False)}})
    monkeypatch.setattr("emoviz.app.footer.library", lambda: mine)
    assert data_hash() == before
    monkeypatch.setattr("emoviz.app.footer.library", lambda: other)
    assert data_hash() != before


def _laid(tab):
    with gr.Blocks() as blocks:
        tab.lay(first_selection())
    return blocks
