"""What figures say in words, what stands behind their points, and what a page shows at first sight."""

import gzip
import json

import gradio as gr
import numpy as np
import pytest

import emoviz as ez
from emoviz.app.components import EMPTY
from emoviz.app.passages import passages_table
from emoviz.app.selection import first_selection, step_emotion
from emoviz.app.tabs.read import text as read
from emoviz.app.tabs.steer import texts, vocabulary
from emoviz.errors import InputError
from emoviz.geometry import preferred_layer
from emoviz.plots.description import MAX_LETTERS, described, trend
from emoviz.plots.rdm import BOX
from emoviz.store.examples import load_examples, save_examples, shipped_examples

from .conftest import make_set
from .test_export import FIGURES, SETS

_LAYOUT = {"meta": {"kind": "depth"}, "xaxis": {"title": {"text": "depth (share of the layers passed)"}}}


@pytest.fixture(scope="module")
def sets():
    return [ez.find_set(name) for name in SETS]


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([0.21, 0.5, 0.81, 0.74], "rises from 0.21 at 0 to 0.81 at 2, then falls to 0.74 at 3"),
        ([0.9, 0.5, 0.1], "falls from 0.90 at 0 to 0.10 at 2"),
        ([0.5, 0.1, 0.9, 0.4], "falls from 0.50 at 0 to 0.10 at 1, then rises to 0.90 at 2, then falls to 0.40 at 3"),
        ([0.21, 0.2, 0.8], "rises from 0.20 at 1 to 0.80 at 2"),
        ([3.0, 3.0, 3.0], "stays at 3.00"),
    ],
)
def test_a_curve_is_told_by_its_extremes_and_turns(y, said):
    assert trend(np.array(y), str) == said


def test_curves_are_named_placed_and_counted_where_there_are_too_many():
    line = {"type": "scatter", "mode": "lines", "name": "SmolLM2", "x": [0.0, 0.5, 1.0], "y": [0.2, 0.8, 0.7]}
    said = "SmolLM2: rises from 0.20 at depth 0 to 0.80 at depth 0.5, then falls to 0.70 at depth 1."
    assert described([line], _LAYOUT) == said
    gap = {**line, "x": [0.0, None, 1.0]}
    band = {**line, "fill": "toself"}
    assert described([gap, band], _LAYOUT) == "", "an outline and a band are no curves"
    many = described([{**line, "name": f"set {k}"} for k in range(40)], _LAYOUT)
    assert len(many) < MAX_LETTERS + 40 and many.endswith("more in the table.")


def test_a_matrix_is_told_by_the_pairs_most_and_least_alike():
    z = [[np.nan, 0.04, 0.9], [0.04, np.nan, 1.3], [0.9, 1.3, np.nan]]
    names = ["calm", "content", "angry"]
    trace = {"type": "heatmap", "z": z, "customdata": [[[a, b] for b in names] for a in names]}
    said = described([trace], {"meta": {"kind": "rdm"}})
    assert said == "most alike: calm and content (0.04); least alike: content and angry (1.30)."


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_shows_in_bounded_length(sets, name):
    figure = FIGURES[name](sets)
    said = figure.layout.meta["description"]
    assert "<" not in said and "nan" not in said.split() and len(said) < MAX_LETTERS + 700
    if name == "rdm":
        for vectors in sets:
            found = ez.rdm(vectors)
            a, b = found.pairs[int(np.argmin(found.condensed))]
            assert f"{a} and {b}" in said or f"{b} and {a}" in said


def _luminance(colour):
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return np.dot(linear, (0.2126, 0.7152, 0.0722))


def _contrast(a, b):
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_box_around_an_emotion_stands_out_from_every_cell_and_both_papers():
    from plotly.colors import sample_colorscale

    cells = sample_colorscale("Viridis", np.linspace(0, 1, 50), colortype="tuple")
    shown = ["#" + "".join(f"{round(255 * c):02x}" for c in cell) for cell in cells] + ["#ffffff", "#15181f"]
    dark, light = (line["color"] for line in BOX)
    assert _contrast(dark, light) >= 3 and BOX[0]["width"] > BOX[1]["width"] + 2, "one line inside the other"
    assert min(max(_contrast(dark, cell), _contrast(light, cell)) for cell in shown) >= 3
    figure = ez.plot.rdm(ez.find_set(SETS[0]), emotion="calm")
    assert [shape.line.color for shape in figure.layout.shapes] == [dark, dark, light, light]


def test_the_texts_shown_are_those_of_the_corpus_and_told_right_as_often_as_the_set_says(sets):
    layers = [preferred_layer(s) for s in sets]
    shown = passages_table(sets, layers, "afraid")
    own = [p for p in ez.load_corpus().passages if p.emotion == "afraid"]
    assert [row[:2] for row in shown["rows"]] == [[p.topic, p.text] for p in own]
    assert "comes with emoviz" in shown["groups"][0] and len(shown["columns"]) == 4
    right = 0
    for emotion in sets[0].classes:
        rows = passages_table(sets[:1], layers[:1], emotion)["rows"]
        right += sum(row[2] == emotion for row in rows)
    assert right / 420 == pytest.approx(sets[0].decoding_accuracy[layers[0]], abs=1e-6)
    elsewhere = passages_table(sets[:1], [3], "afraid")
    assert elsewhere["columns"] == ["topic", "text"] and "kept at layer 18" in elsewhere["notes"][0]


def test_where_the_texts_come_from_is_said_for_stories_and_for_sets_that_keep_a_hash_alone():
    stories = ez.find_set("SmolLM2-135M-Instruct_emoviz-stories_fp32")
    shown = passages_table([stories], [10], "afraid")
    assert "wrote itself" in shown["groups"][0] and len(shown["rows"]) == 20
    nothing = passages_table([make_set()], [3], "afraid")
    assert nothing["rows"] == [] and "only the hash feedbeef is stored" in nothing["notes"][0]


def test_an_arrow_goes_to_the_next_emotion_and_round_the_ends():
    from dataclasses import replace

    view = first_selection()
    assert step_emotion([1], view) == {"emotion": "angry"}
    assert step_emotion([-1], view) == {"emotion": "sad"}
    assert step_emotion([1], replace(view, emotion="sad")) == {"emotion": "afraid"}
    for wrong in ([2], ["1"], [True], [None]):
        assert step_emotion(wrong, view) == {}
    assert step_emotion([1], replace(view, sets=())) == {}


def test_read_vocabulary_and_texts_show_a_stored_example_until_there_is_an_own():
    view = first_selection()
    own = "a text of one's own"
    shown = read.draw(view, own, read.STORED, None)
    assert shown["status"].startswith("**Stored example.** SmolLM2-135M-Instruct read")
    assert "".join(t["text"] for t in shown["tokens"]["tokens"]) == next(iter(read.EXAMPLES.values()))
    assert shown["made"] == "", "an example is no stale result"
    assert read.draw(view, own, None, None)["tokens"] == EMPTY, "after an error nothing stands in its place"
    shown = vocabulary.draw(view, vocabulary.STORED)
    assert shown["status"].startswith("**Stored example.** afraid in SmolLM2") and shown["table"]["rows"]
    assert vocabulary.draw(view, None) == {"figure": EMPTY, "table": EMPTY, "made": ""}
    with gr.Blocks():
        asked = {name: part.value for name, part in texts.lay(view).in_link.items()}
    shown = texts.draw(view, None, False, **asked)
    assert shown["status"].startswith("**Stored example.**") and len(shown["texts"]["rows"]) == 2
    assert all(row["lines"][0]["cells"][0]["verdict"] for row in shown["texts"]["rows"])
    assert "Towards afraid" in shown["status"] and "texts" not in texts.draw(view, None, True, **asked)
    chosen = texts.draw(view, None, False, **{**asked, "chosen": ["0.7 calm + 0.3 sad", "proud"]})
    assert "Towards proud" in chosen["status"], "the example follows what is asked for"


def test_examples_come_back_as_they_were_and_damage_is_said_in_one_line(tmp_path):
    first = shipped_examples()
    second = load_examples(save_examples(first, tmp_path).parent)
    np.testing.assert_array_equal(second.reading.scores, first.reading.scores)
    assert second.lens.raised == first.lens.raised and second.reading.offsets == first.reading.offsets
    assert second.made == first.made and second.reading.layer == preferred_layer(ez.find_set(first.reading.set))
    path = tmp_path / "examples.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"schema_version": 9}).encode()))
    with pytest.raises(InputError, match="another schema version"):
        load_examples(tmp_path)
