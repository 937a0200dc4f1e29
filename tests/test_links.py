"""The address of a view: what it holds comes back, what it cannot give is said, its Python makes the same figures."""

from contextlib import contextmanager
from dataclasses import replace

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest

from emoviz.app import page as page_module
from emoviz.app.library import library
from emoviz.app.link import decode, encode, from_query, key, to_query
from emoviz.app.selection import SAME_DEPTH, checked, first_selection
from emoviz.app.tabs import TABS
from emoviz.app.views import address_of
from emoviz.errors import InputError

from .test_app import drawn_by


def _all(tabs=TABS):
    return [one for tab in tabs for one in (tab, *_all(tab.parts))]


@pytest.fixture(scope="module")
def parts():
    """Every part that a link keeps, by its key."""
    with gr.Blocks():
        return {key(tab, n): part for tab in _all() for n, part in tab.lay(first_selection()).in_link.items()}


def _another(part):
    """A value that the part does not have at first."""
    if isinstance(part, gr.Checkbox):
        return not part.value
    if isinstance(part, (gr.Slider, gr.Number)):
        return 3.0
    if isinstance(part, gr.Textbox):
        return "0.1, -2 & <b>ünï</b> = 5%+"
    known = [value for _, value in part.choices]
    many = isinstance(part, gr.CheckboxGroup) or getattr(part, "multiselect", False)
    if getattr(part, "allow_custom_value", False):
        known = ["my own + words"]
    return known[:2] if many else next((value for value in known if value != part.value), part.value)


def test_every_control_comes_back_from_a_link(parts):
    assert len(parts) > 20
    view = replace(first_selection(), layer_mode=SAME_DEPTH, depth=0.34, centring="none", emotion="calm")
    view = replace(view, emotions=("proud", "sad"), pin=view.sets[1])
    for tab in _all():
        values = {name: _another(part) for name, part in parts.items()}
        asked = from_query(f"?{to_query(tab, view, values)}&__theme=dark")
        assert asked.tab == tab.title and checked(asked.selection) == (view, [])
        assert {name: decode(parts[name], texts) for name, texts in asked.controls.items()} == values
        assert page_module._path(asked.tab)[1] == []


def test_lists_that_are_empty_come_back_empty(parts):
    for name, part in parts.items():
        if isinstance(part, gr.CheckboxGroup) or getattr(part, "multiselect", False):
            assert decode(part, encode([])) == [], name
    empty = replace(first_selection(), sets=())
    assert checked(from_query(to_query(TABS[0], empty, {})).selection) == (empty, [])


@pytest.mark.parametrize(
    ("control", "given", "said"),
    [
        ("geometry.order", "size", "quadrant, clustering, alphabet are allowed"),
        ("depth.published", "maybe", "yes or no is allowed"),
        ("verification.opening", "<b>", "are allowed"),
    ],
)
def test_a_value_that_a_control_cannot_have_is_refused_with_what_it_can(parts, control, given, said):
    with pytest.raises(InputError, match=said):
        decode(parts[control], [given])


def test_a_link_of_nonsense_opens_the_first_view():
    for query in ("", "?", "?&&&=", "?set=", "?%ff=%ff", "?" + "a=b&" * 2000):
        asked = from_query(query)
        assert asked.tab is None and checked(asked.selection)[0].layer_mode == first_selection().layer_mode
    title, notes = page_module._path("<script>")
    assert title == {"": "Overview"} and notes == ["tab '<script>' is unknown; Overview is shown."]


@contextmanager
def _collected(monkeypatch):
    figures = []
    monkeypatch.setattr(go.Figure, "show", lambda figure: figures.append(figure))
    yield figures


@pytest.mark.parametrize("tab", [tab for tab in _all() if tab.python is not None], ids=lambda tab: tab.title)
def test_the_python_of_a_tab_makes_its_figures(tab, monkeypatch):
    view = replace(first_selection(), layer_mode=SAME_DEPTH, depth=0.4, centring="none", emotion="calm")
    view = replace(view, emotions=("proud", "sad"), pin=view.sets[1])
    with gr.Blocks():
        laid = tab.lay(view)
    code = tab.python(view, **{name: part.value for name, part in laid.in_link.items()})
    compiled = compile(code, tab.title, "exec")
    if "load_model" in code:
        # It runs a model; `test_the_python_of_a_tab_runs_its_models` does.
        return
    with _collected(monkeypatch) as figures:
        exec(compiled, {})
    shown = [value for value in drawn_by(tab, view).values() if isinstance(value, go.Figure)]
    assert len(figures) == len(shown)
    for made, there in zip(figures, shown, strict=True):
        assert made.layout.title.text == there.layout.title.text and len(made.data) == len(there.data)
        for a, b in zip(made.data, there.data, strict=True):
            for axis in ("x", "y", "z"):
                if axis in a and a[axis] is not None:
                    assert np.array_equal(np.asarray(a[axis], object), np.asarray(b[axis], object)) or np.allclose(
                        np.asarray(a[axis], float), np.asarray(b[axis], float), equal_nan=True
                    )


@pytest.mark.models
@pytest.mark.parametrize("title", ["Texts", "Vocabulary", "One text", "Numbers", "Dialogue"])
def test_the_python_of_a_tab_runs_its_models(title, monkeypatch, capsys):
    tab = next(tab for tab in _all() if tab.title == title)
    view = first_selection()
    with gr.Blocks():
        laid = tab.lay(view)
    values = {name: part.value for name, part in laid.in_link.items()}
    if title == "Texts":
        view = replace(view, sets=view.sets[:1])
        values |= {"tokens": 3, "doses": "0, 0.04"}
    with _collected(monkeypatch) as figures:
        exec(tab.python(view, **values), {})
    printed = capsys.readouterr().out
    assert figures or all(word in printed for word in ("unsteered", "afraid", "regime"))


def test_a_tab_without_sets_has_no_python_and_no_error():
    view = replace(first_selection(), sets=())
    for tab in _all():
        with gr.Blocks():
            kept = {name: part.value for name, part in tab.lay(view).in_link.items()}
        assert isinstance(address_of("", tab, view, kept)["python"], str)
    assert library().sets
