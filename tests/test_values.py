"""Values are fit for a prompt: one line each, tables with a row an observation, equality by content."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest

from emoviz import types
from emoviz.errors import InputError
from emoviz.geometry import depth_curves, rdm
from emoviz.judge.texts import judge_texts
from emoviz.readout.lens import vocabulary_lens
from emoviz.readout.reading import read_text
from emoviz.stats import compare
from emoviz.steer.generate import steer_texts
from emoviz.stimuli import load_corpus
from emoviz.stimuli.corpus import corpus_of
from emoviz.store import find_set, list_verifications
from emoviz.store.responses import list_dose_responses
from emoviz.types import Value

from .conftest import make_set, with_intervals, write_passages

A, B = with_intervals(make_set("one")), with_intervals(make_set("two", seed=1))


@pytest.fixture
def of_a_model(llama):
    """What only a model gives: steered and judged texts, a reading, a vocabulary lens."""
    vectors = make_set("tiny", layers=llama.n_layers, width=llama.d_model, model=llama.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision))
    made = steer_texts(llama, vectors, ["sad", "random"], [0.2, -0.2], "the cat sat")
    return {
        "texts": judge_texts(llama, made),
        "reading": read_text(llama, vectors, "the cat sat on a mat"),
        "lens": vocabulary_lens(llama, vectors, "sad", top=4),
    }


def test_curves_are_a_row_a_layer_with_interval_and_reference():
    curve = depth_curves(A)["decoding_accuracy"]
    frame = curve.to_frame()
    assert list(frame) == ["set", "curve", "layer", "depth", "value", "low", "high", "reference"]
    np.testing.assert_array_equal(frame["value"], curve.values)
    np.testing.assert_array_equal(frame["low"], curve.low)
    together = depth_curves(A).to_frame()
    assert len(together) == A.n_layers * len(depth_curves(A))
    assert together.groupby("curve").size().eq(A.n_layers).all()


def test_an_rdm_is_a_row_a_pair_in_the_order_of_its_values():
    found = rdm(A, 2)
    frame = found.to_frame()
    assert len(frame) == len(found.condensed) == 210
    square = pd.DataFrame(found.square(), index=found.classes, columns=found.classes)
    for _, row in frame.iloc[::17].iterrows():
        assert row["dissimilarity"] == square.loc[row["class_a"], row["class_b"]]
    assert set(frame["layer"]) == {2} and set(frame["set"]) == {"one"}


def test_a_comparison_is_a_row_a_pair_with_its_numbers_and_what_is_missing():
    found = compare([A, B, make_set("three", seed=2)], (1, 2, 3), n_permutations=50)
    frame = found.to_frame()
    assert [(r.set_a, r.set_b) for r in frame.itertuples()] == [("one", "two"), ("one", "three"), ("two", "three")]
    assert frame.loc[1, "rho"] == found.rho[0, 2] and frame.loc[1, "layer_b"] == 3
    assert np.isnan(frame.loc[0, "ci_low"]) and "ci: no stored activations" in frame.loc[0, "missing"]


def test_texts_readings_and_lenses_are_tables(of_a_model):
    texts, reading, lens = of_a_model["texts"], of_a_model["reading"], of_a_model["lens"]
    frame = texts.to_frame()
    assert len(frame) == 5 and list(frame["direction"]) == ["unsteered", "sad", "sad", "random", "random"]
    assert list(frame["regime"]) == [one.verdict.regime for one in texts] and frame["n_tokens"].ge(0).all()
    tokens = reading.to_frame(2)
    assert len(tokens) == len(reading.tokens) * len(reading.classes) and set(tokens["layer"]) == {2}
    last = tokens[(tokens["token"] == len(reading.tokens) - 1) & (tokens["class"] == "sad")]
    assert last["score"].item() == reading.scores[2, -1, reading.classes.index("sad")]
    assert len(lens.to_frame()) == 2 * 4 * len(lens.raised)


def test_a_dose_response_is_a_row_a_text_and_a_verification_a_row_a_scenario_and_control():
    run, found = list_dose_responses()[0], list_verifications()[0]
    frame = run.to_frame()
    assert len(frame) == len(run.texts)
    best = frame[(frame["direction"] == "afraid") & (frame["dose"] == 0.05)]
    stored = [t for t in run.texts if (t.direction, t.dose) == ("afraid", 0.05)]
    column = list(run.witness.classes).index("afraid")
    assert list(best["witness afraid"]) == [t.probabilities[column] for t in stored]
    scenarios = found.to_frame()
    assert len(scenarios) == found.n + len(found.controls)
    assert scenarios.loc[~scenarios["control"], "confirmed"].sum() == found.k
    assert scenarios.loc[scenarios["control"], "confirmed"].sum() == found.control_k


def _shown(of_a_model):
    run, found = list_dose_responses()[0], list_verifications()[0]
    curves, texts = depth_curves(A), of_a_model["texts"]
    made = [A, A.provenance, curves, curves["mean_cosine"], rdm(A, 1), compare([A, B], n_permutations=20), texts]
    return [*made, texts[1], of_a_model["reading"], of_a_model["lens"], run, found, found.witness, load_corpus()]


def test_what_is_shown_at_a_prompt_is_one_short_line_without_numbers_of_arrays(of_a_model):
    for value in _shown(of_a_model):
        line = repr(value)
        assert "\n" not in line and 10 < len(line) <= 200 and "array(" not in line, line
        assert type(value).__name__ in line


def test_notebooks_show_tables_that_nobody_wrote_markup_into(of_a_model):
    for value in (A, rdm(A, 1), compare([A, B], n_permutations=20), of_a_model["texts"]):
        assert "<table" in value._repr_html_()
    named = replace(A, name="<script>alert(1)</script>", provenance=replace(A.provenance, corpus="<b>x"))
    assert "<script>" not in named._repr_html_() and "<b>x" not in named._repr_html_()


def test_equality_is_by_content_and_never_raises():
    again, other = with_intervals(make_set("one")), make_set("one", nonfinite=(1,))
    assert again == A and hash(again) == hash(A) and A != B and other == make_set("one", nonfinite=(1,))
    assert A != "one" and A is not None and rdm(A, 1) == rdm(again, 1) != rdm(A, 2)
    assert depth_curves(A)["mean_cosine"] == depth_curves(again)["mean_cosine"]
    assert compare([A, B], n_permutations=20) == compare([again, B], n_permutations=20)
    assert find_set("gemma-3-270m_emoviz") == find_set("gemma-3-270m_emoviz")
    assert replace(A, class_means=A.class_means + 1) != A


def test_every_type_that_holds_arrays_compares_by_content():
    made = [found for found in vars(types).values() if isinstance(found, type) and is_dataclass(found)]
    arrays = [found for found in made if any("ndarray" in str(f.type) for f in fields(found))]
    assert len(arrays) >= 10 and all(issubclass(found, Value) and found.__eq__ is Value.__eq__ for found in arrays)


# Passages in every form.

ROWS = [(e, f"the {w} cat sat on {n} .", n) for e, w in (("up", "joyous"), ("down", "grim")) for n in ("a", "b", "c")]


def test_a_file_a_table_and_tuples_give_the_same_corpus(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["emotion", "text", "topic"])
    lines = [dict(zip(("emotion", "text", "topic"), row, strict=True)) for row in ROWS]
    path = write_passages(tmp_path / "passages.jsonl", lines)
    made = [corpus_of(given) for given in (path, str(path), frame, ROWS, iter(ROWS), frame.assign(more=1))]
    assert all(one == made[0] for one in made) and made[0].name == "passages"
    assert corpus_of(made[0]) is made[0] and corpus_of(made[0].passages) == made[0]
    assert corpus_of(None) == load_corpus()


def test_topics_may_be_left_out_of_a_table_or_of_some_of_its_rows():
    frame = pd.DataFrame(ROWS, columns=["emotion", "text", "topic"])
    without = corpus_of(frame.drop(columns="topic"))
    assert without == corpus_of([row[:2] for row in ROWS])
    assert [p.topic for p in without.passages] == ["row 1", "row 2", "row 3"] * 2
    frame.loc[1, "topic"] = None
    assert [p.topic for p in corpus_of(frame).passages][:3] == ["a", "row 2", "c"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            pd.DataFrame({"mood": ["up"], "sentence": ["x"]}),
            "the DataFrame has the columns mood, sentence; one",
        ),
        (
            pd.DataFrame({"emotion": ["up"], "body": ["x"]}),
            "columns emotion, body; one of texts is needed",
        ),
        (pd.DataFrame({"emotion": ["up", "up"], "text": ["x", None]}), "passages, row 1 has no 'text'"),
        (pd.DataFrame({"emotion": [], "text": []}), "holds no passages"),
        ([("up", "x"), ("up",)], r"row 1 is \('up',\); \(emotion, text\)"),
        (["a text"], "row 0 is 'a text'"),
        ([("up", 3)] * 4, "row 0 has no 'text'"),
        (7, "passages are 7; the path of a JSONL file, a DataFrame"),
        ([("up", "x"), ("up", "y")], "has 1 class"),
    ],
)
def test_passages_that_cannot_be_used_are_named_with_what_was_found(given, message):
    with pytest.raises(InputError, match=message):
        corpus_of(given)
