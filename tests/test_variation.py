"""A number in a sentence: how numbers are written, what is read, and the interval over paraphrases."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.readout.reading import read_text
from emoviz.readout.summary import text_scores
from emoviz.readout.variation import parse_numbers, varied, vary
from emoviz.store import save_set, sets_folder

from .conftest import finished, make_set


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1, 10, 100", ["1", "10", "100"]),
        ("1,10,100", ["1", "10", "100"]),
        ("1,000, 2,000", ["1,000", "2,000"]),
        ("1,000; 2,000 ;", ["1,000", "2,000"]),
        ("1,000,000 2,500,000.5", ["1,000,000", "2,500,000.5"]),
        (" -1.5,  2e3, 2e3,", ["-1.5", "2e3"]),
        ("1 2\n3", ["1", "2", "3"]),
        (" 1, 2,3 ,", ["1", "2", "3"]),
        ("100,200", ["100", "200"]),
        ("0, 0.5", ["0", "0.5"]),
        ("1,000, 2,000, 4,000", ["1,000", "2,000", "4,000"]),
        ("1:3:1, 1,000", ["1", "2", "3", "1,000"]),
    ],
)
def test_numbers_are_read_as_they_are_meant(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("many", "'many' is no number"),
        ("1, two, 3", "'two' is no number"),
        ("1,00, 2", "'1,00' is no number"),
        ("1,000,2,000", "is no number"),
        ("1, inf", "'inf' is no number"),
        ("1,000", "2 to 20 different numbers"),
        ("7", "2 to 20 different numbers"),
        ("", "2 to 20 different numbers"),
        (", ".join(map(str, range(30))), "2 to 20 different numbers"),
    ],
)
def test_what_is_no_number_is_named(text, said):
    with pytest.raises(InputError, match=said):
        parse_numbers(text)


def _set_of(loaded):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin))


TEMPLATES = ["the cat sat on {n}", "a dog ran under {n} red", "{n} and the mat"]


@pytest.mark.parametrize("where", ["mean", "last"])
def test_scores_are_those_of_each_sentence_read_alone(llama, where):
    vectors = _set_of(llama)
    seen, found = finished(varied(llama, vectors, TEMPLATES, "1, 1,000", where=where, layer=2))
    for k, template in enumerate(TEMPLATES):
        for n, number in enumerate(("1", "1,000")):
            reading = read_text(llama, vectors, template.replace("{n}", number))
            alone = text_scores(reading, 2) if where == "mean" else reading.scores[2, -1]
            np.testing.assert_allclose(found.scores[k, n], alone)
    assert seen[-1] == (6, 6) and found.values.tolist() == [1.0, 1000.0]
    assert vary(llama, vectors, TEMPLATES, "1, 1,000", where=where, layer=2) == found
    frame = found.to_frame()
    assert len(frame) == 6 and frame["value"].tolist() == [1.0, 1000.0] * 3


def test_the_interval_over_paraphrases_is_that_of_scipy_and_ignores_their_levels(llama):
    vectors = _set_of(llama)
    # Its tokenizer knows no numbers: what they change is made up.
    found = vary(llama, vectors, TEMPLATES, "1, 2, 3", layer=2)
    found = replace(found, scores=np.random.default_rng(0).normal(size=found.scores.shape))
    change = found.scores - found.scores.mean(1, keepdims=True)
    low, high = stats.t.interval(0.95, 2, loc=change.mean(0), scale=stats.sem(change, axis=0))
    np.testing.assert_allclose(found.half_widths(), (high - low) / 2)
    shifted = replace(found, scores=found.scores + np.array([1.0, 5.0, -3.0])[:, None, None])
    np.testing.assert_allclose(shifted.half_widths(), found.half_widths())
    assert np.isnan(vary(llama, vectors, TEMPLATES[0], [1, 2], layer=2).half_widths()).all()


@pytest.mark.parametrize(
    ("templates", "options", "said"),
    [
        ("the cat", {}, "needs {n} once"),
        ("{n} cats {n}", {}, "needs {n} once"),
        ([], {}, "0 sentences were given"),
        ("{n}", {"where": "first"}, "where 'first' was given"),
        ("{n} cats", {"layer": 99}, "layer 99 does not exist"),
    ],
)
def test_what_cannot_be_varied_says_why(llama, templates, options, said):
    with pytest.raises(InputError, match=said):
        vary(llama, _set_of(llama), templates, "1, 2", **options)


def test_the_command_prints_changes_with_intervals(llama, llama_folder, capsys):
    save_set(_set_of(llama), sets_folder())
    words = ["vary", str(llama_folder), "--values", "1,000, 2,000", "--template", *TEMPLATES]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(row["number"], row["value"]) for row in result["rows"]] == [("1,000", 1000.0), ("2,000", 2000.0)]
    for row in result["rows"]:
        assert len(row["scores"]) == len(row["half_width"]) == len(row["change"]) == len(result["classes"])
    assert main([*words, "--emotion", "angry"]) == 0
    told = capsys.readouterr().out
    assert "of 3 sentences, 95 % interval" in told and "\u00b1" in told
    assert main([*words, "--emotion", "awe"]) == 2 and "emotion 'awe' is not in" in capsys.readouterr().err
