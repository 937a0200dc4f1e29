"""Vectors of other tools, which come without halves, norms or passages: what they have is used, what they lack is said.

Their directions are those of shipped sets, so that every answer is known.
"""

import importlib
import json
from dataclasses import replace

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest

from emoviz import compare, contrasts, find_set, list_sets, save_set
from emoviz.app.components import Figure
from emoviz.app.selection import first_selection
from emoviz.app.tabs import TABS
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.extract.norms import fitting
from emoviz.geometry import best_layers, depth_curves, preferred_layer
from emoviz.geometry.layers import layer_note
from emoviz.models.fit import check_fit
from emoviz.readout.reading import read_text
from emoviz.share.figures import drawings, view_of
from emoviz.steer.injection import offsets
from emoviz.steer.recipes import recipe, recipe_notes, recipe_words, usual_layers
from emoviz.store.choice import lacking, set_for
from emoviz.words import ranges
from tests.conftest import as_imported, make_set

# `emoviz.extract` is a function to those who import it by its place.
norms = importlib.import_module("emoviz.extract.norms")

FULL = "SmolLM2-135M-Instruct_emoviz_fp32_b1164d71"
# What may be missing: all but directions; all classes but one; all layers but one, within the window or not; neutral.
KINDS = {
    "bare": {},
    "one class": {"classes": ("afraid",)},
    "one layer": {"layers": (18,)},
    "early layers": {"layers": (2, 3)},
    "without neutral": {"classes": ("afraid", "calm", "happy", "sad")},
}


@pytest.fixture(scope="module")
def full():
    return find_set(FULL)


@pytest.fixture(scope="module", params=KINDS)
def partial(request, full):
    return as_imported(full, **KINDS[request.param])


def test_rho_is_that_of_the_set_with_all_its_parts(full):
    other = find_set("gemma-3-270m_emoviz")
    known = compare([full, other], (18, 10), intervals=False, n_permutations=99)
    for bare in (as_imported(full), as_imported(full, layers=(18,))):
        found = compare([bare, other], (18, 10), intervals=False, n_permutations=99)
        assert found.rho[0, 1] == pytest.approx(known.rho[0, 1], abs=1e-6)
        assert found.p[0, 1] == known.p[0, 1]
        assert np.isnan([found.ceiling[0, 1], found.rho_disjoint[0, 1], found.rho_partial_lexical[0, 1]]).all()
        why = {one.number: one.why for one in found.missing}
        assert why["ceiling"] == why["rho_disjoint"] == f"{bare.name} has no halves"
        assert "are not known" in why["rho_partial_lexical"] and "not asked for" in why["ci"]


def test_two_sets_of_unknown_passages_are_not_taken_for_sets_of_the_same():
    halves = make_set()
    unknown = [replace(s, provenance=replace(s.provenance, corpus_hash="")) for s in (halves, make_set(seed=1))]
    found = compare(unknown, (1, 1), n_permutations=9)
    assert np.isnan(found.rho_disjoint[0, 1]) and np.isfinite(found.ceiling[0, 1])


def test_offsets_are_those_of_the_full_set_where_the_norms_are(full):
    bare = replace(as_imported(full), residual_norm=full.residual_norm)
    rows = [("afraid", 0.05), ("0.7 calm + 0.3 happy", 0.1), ("ablate afraid", 1.0), ("when sad > 0.1 add calm", 0.04)]
    rows += [("random", 0.05)]
    found, known = (offsets(s, rows, recipe(s)) for s in (bare, full))
    assert list(found.by_layer) == list(known.by_layer) == list(range(10, 21))
    for layer, added in known.by_layer.items():
        np.testing.assert_allclose(found.by_layer[layer], added, atol=2e-4 * np.abs(added).max())
        np.testing.assert_allclose(found.projected[layer].units, known.projected[layer].units, atol=2e-4)
    one = replace(as_imported(full, classes=("afraid",)), residual_norm=full.residual_norm)
    alone = offsets(one, rows[:1], recipe(one)).by_layer
    assert all(np.array_equal(alone[layer][0], found.by_layer[layer][0]) for layer in alone)


def test_nothing_is_added_that_is_not_a_number(full):
    with pytest.raises(InputError, match="has no residual norm at layer 10"):
        offsets(as_imported(full), [("afraid", 0.05)], recipe(as_imported(full)))


@pytest.mark.parametrize(
    ("layers", "used", "words"),
    [
        ((2, 3), (2, 3), "no vectors in the middle third (layers 10-20); those that it has are used"),
        ((3, 12, 18, 25), (12, 18), ""),
    ],
)
def test_steering_takes_the_layers_that_there_are(full, layers, used, words):
    bare = as_imported(full, layers=layers)
    assert usual_layers(bare) == recipe(bare).layers == recipe(bare, layers="window").layers == used
    assert recipe_notes(recipe(bare), bare).get("layers", "") == (f"the set has {words}" if words else "")
    assert words in recipe_words(recipe(bare), bare) and f"layers {ranges(used)}" in recipe_words(recipe(bare), bare)
    with pytest.raises(InputError, match="layer 7 of .* is missing: the files have no vectors for it. It has layers"):
        recipe(bare, layers=7)
    # One layer's vectors reach every layer of the model.
    assert recipe(bare, "jeong2026a").layers == tuple(range(30))


def test_the_layer_of_a_set_is_that_of_a_rule_it_has_the_numbers_for(full):
    one = as_imported(full, layers=(2, 3))
    assert best_layers(one) == {"decoding": None, "reliability": None, "separation": preferred_layer(one)}
    assert (
        layer_note(one)
        == f"the set has no vectors in the middle, so layer {preferred_layer(one)} is that of separation"
    )
    single = as_imported(full, classes=("afraid",), layers=(2, 3))
    assert preferred_layer(single) == 3 and layer_note(single).endswith(
        "layer 3 is the middle one of those with vectors"
    )
    assert preferred_layer(as_imported(full)) == 15 and layer_note(as_imported(full)) == ""
    # Two centred vectors are opposite at every layer.
    assert best_layers(as_imported(full, classes=("happy", "sad")))["separation"] is None


def test_every_curve_has_values_or_a_reason(partial):
    for curve in depth_curves(partial).values():
        assert curve.reason or np.isfinite(curve.values).all(), curve.name
    assert depth_curves(partial)["residual_norm"].reason == "the passages that the vectors were made from are not known"


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a full set"])
def test_every_figure_is_drawn_or_says_why_not(partial, full, beside):
    sets = [partial, full] if beside else [partial]
    for name, drawing in drawings(view_of(sets)).items():
        try:
            figure = drawing.draw_some()
        except InputError as error:
            assert str(error).endswith("."), name
            assert not beside or name.startswith(("rsa", "pair", "difference")), "a partial set hides a full one"
        else:
            assert "nan" not in figure.layout.meta["description"].lower(), name


@pytest.mark.parametrize("kind", ["one class", "one layer"])
@pytest.mark.parametrize("tab", [tab for tab in TABS if tab.ahead], ids=lambda tab: tab.title)
def test_every_tab_draws_it_beside_a_full_set(full, tab, kind):
    save_set(bare := as_imported(full, **KINDS[kind]))
    view = replace(first_selection(), sets=(bare.name, FULL))
    with gr.Blocks():
        laid = tab.lay(view)
    drawn = tab.draw(view, **{name: part.value for name, part in laid.controls.items()})
    figures = {name: one for name, one in drawn.items() if isinstance(laid.outputs.get(name), Figure)}
    missing = {name for name, one in figures.items() if not isinstance(one, go.Figure)}
    # Two sets have a number in place of a matrix, and one class has no geometry that could agree.
    none = {"matrix", "dots", "difference"} if kind == "one class" else {"matrix"}
    assert missing <= (none if tab.title == "Models" else set()), {name: drawn[name] for name in missing}


def test_what_is_left_out_of_a_figure_is_said_in_it(full):
    figure = drawings(view_of([as_imported(full, classes=("afraid",)), full]))["map"].draw_some()
    assert "left out: SmolLM2-135M-Instruct · imported, mine: 1 class" in figure.layout.annotations[-1].text.replace(
        "<br>", " "
    )


@pytest.mark.parametrize("command", ["show", "rdm", "compare", "list", "claims", "report"])
def test_every_command_takes_it(partial, command, tmp_path, capsys):
    save_set(partial)
    given = {
        "compare": [partial.name, FULL, "--permutations", "9", "--bootstrap", "2"],
        "list": [],
        "report": [partial.name, "--out", str(tmp_path / "report.html")],
    }.get(command, [partial.name])
    code = main([command, *given, "--json"])
    out, err = capsys.readouterr()
    if command == "rdm" and len(partial.classes) == 1:
        assert code == 2 and err.count("\n") == 1 and "an RDM needs at least 2" in err
        return
    assert code == 0
    result = json.loads(out)
    if command == "show":
        assert set(result["depth"]["residual_norm"]) == {None} and result["reasons"]["halves"]
        assert result["layer"] == preferred_layer(partial)
    if command == "report":
        page = (tmp_path / "report.html").read_text("utf-8")
        assert "not known (mine)" in page and ">nan<" not in page


def test_our_own_sets_come_first_and_a_set_of_an_unknown_revision_goes_by_its_name(llama):
    own = make_set("m", model=llama.name, layers=llama.n_layers, width=llama.d_model, classes=("happy", "sad"))
    own = replace(own, provenance=replace(own.provenance, revision=llama.revision))
    bare = as_imported(replace(own, classes=("happy", "awed")), name="bare")
    bare = replace(bare, provenance=replace(bare.provenance, revision="", created="2030-01-01T00:00:00+00:00"))
    save_set(bare)
    assert set_for(llama).name == "bare"
    save_set(own)
    assert set_for(llama).name == "m" and set_for(llama, lacking(["awed"])).name == "bare"
    check_fit(bare, llama)
    other = replace(bare, provenance=replace(bare.provenance, model="another"))
    with pytest.raises(InputError, match="was made from another, revision unknown"):
        check_fit(other, llama)


def test_norms_are_measured_once_and_the_set_says_so(llama, monkeypatch):
    own = make_set("m", model=llama.name, layers=llama.n_layers, width=llama.d_model)
    bare = as_imported(replace(own, provenance=replace(own.provenance, revision=llama.revision)), layers=(1, 2))
    found = fitting(bare, llama)
    np.testing.assert_array_equal(found.residual_norm, norms.measured_norms(llama))
    assert found.notes["residual_norm"].startswith(f"measured on {llama.name} with 20 neutral sentences")
    assert fitting(found, llama) is found
    monkeypatch.setattr(norms, "measured_norms", lambda loaded: pytest.fail("measured twice"))
    fitting(bare, llama)
    reading = read_text(llama, bare, "the joyous cat ran and the grim dog sat .")
    assert np.isfinite(reading.scores[1:3, 1:]).all() and np.isnan(reading.scores[[0, 3]]).all()
    assert "is missing: the files have no vectors for it" in reading.unread_layers[0]


def test_the_command_line_reads_where_there_are_vectors_and_says_so(llama, llama_folder, capsys):
    own = make_set("m", model=llama.name, layers=llama.n_layers, width=llama.d_model)
    own = replace(own, provenance=replace(own.provenance, revision=llama.revision))
    save_set(as_imported(own, name="early", layers=(1,)))
    given = [str(llama_folder), "--set", "early", "--text", "the joyous cat ran and the grim dog sat .", "--json"]
    assert main(["read", *given]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["layer"] == 1 and np.isfinite(result["scores"][1]).all()
    assert result["reasons"]["layer"] == "the set has no vectors in the middle, so layer 1 is that of separation"
    assert result["reasons"]["z"] == "the passages of early are not known"


@pytest.mark.models
def test_measured_norms_are_close_to_those_of_the_passages(full):
    from emoviz.models.load import load_model

    loaded = load_model("SmolLM2-135M-Instruct")
    ratio = norms.measured_norms(loaded) / full.residual_norm
    print(f"measured / stored: {ratio.min():.3f} to {ratio.max():.3f}")
    assert ratio.min() > 0.8 and ratio.max() < 1.2
    known, found = (
        read_text(loaded, s, "She could not stop crying after the funeral.") for s in (full, as_imported(full))
    )
    # Nothing is taken off the states: all scores of a class at a layer move together.
    moved = (known.scores - found.scores)[:, 1:]
    assert np.nanmax(np.nanstd(moved, axis=1)) < 1e-4


def test_a_partial_set_hides_no_other(full):
    before = len(list_sets())
    for name in KINDS:
        save_set(as_imported(full, name=f"SmolLM2-135M-Instruct_imported_{name.replace(' ', '-')}", **KINDS[name]))
    sets = list_sets()
    assert len(sets) == before + len(KINDS)
    assert contrasts(sets) == contrasts([s for s in sets if s.shipped])
