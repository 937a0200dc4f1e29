"""Reading many texts: each as `read_text` reads it alone, whatever stands beside it, and no row that stops a run."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import emoviz as ez
from emoviz.cli import main
from emoviz.emotions import CLASSES
from emoviz.errors import InputError
from emoviz.plots.theme import class_colour
from emoviz.readout import many, windows
from emoviz.readout.reading import read_text
from emoviz.readout.summary import sentences, text_scores
from emoviz.stats.groups import OTHERS, chosen_groups, difference_of
from emoviz.stats.tops import Tops
from emoviz.stimuli.streams import scan, text_source
from emoviz.store import save_set, sets_folder
from emoviz.store.readings import load_readings
from emoviz.types import Activations, TextReadings, TopRow
from emoviz.types.texts import score_column, z_column

from .test_read import set_of, with_a_sink

TEXTS = [
    "the cat sat on a red mat . joyous dog ran",
    "a grim tree",
    "The dog ran.  The cat sat on the mat!\n\nA red tree.",
    "joyous",
    "red blue red blue red blue . grim , grim",
]


def made_readings(**changes):
    """What was read of 500 texts that no model read."""
    n = len(CLASSES)
    middle = np.random.default_rng(0).normal(size=n)
    values = {
        "model": "made-up",
        "set": "made-up_emoviz_fp32",
        "layer": 3,
        "classes": CLASSES,
        "texts": 500,
        "rows": 1500,
    }
    values |= {"unread": 4, "tokens": 9000, "columns": ("side",), "scale": None, "no_z": "the states are not kept"}
    values |= {"tokens_per_second": 100.0, "quantiles": middle + np.array([-2, -1, 0, 1, 2])[:, None]}
    rows = tuple(TopRow(f"text {k}", 0.2 - 0.1 * k, None, k, 0) for k in range(4))
    token = TopRow(" fled", 0.3, None, 1, 2, "and he", " at once")
    tops = {"texts": rows, "sentences": rows, "tokens": (token,)}
    values["tops"] = {what: dict.fromkeys(CLASSES, own) for what, own in tops.items()}
    return TextReadings(**{"path": Path("made-up.csv"), **values, **changes})


def made_difference():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 40, len(CLASSES)))
    first[:, 3] += 2
    return difference_of(first, second, CLASSES, "side", ("left", "right"), n_permutations=200, n_bootstrap=200)


def expected_of(loaded, vectors, text, layer):
    """What `read_text` says of a text and its sentences, (1 + sentences, C)."""
    reading = read_text(loaded, vectors, text)
    return np.stack([text_scores(reading, layer), *(s.scores for s in sentences(reading, layer))])


def scores_of(frame, classes, text_id):
    return frame.loc[frame["text_id"] == text_id, [score_column(name) for name in classes]].to_numpy()


def read(loaded, vectors, texts, **options):
    return ez.read_texts(loaded, vectors, texts, progress=False, **options)


@pytest.mark.parametrize("model", ["llama", "gpt2"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_every_text_and_sentence_has_the_scores_that_it_has_alone(model, layer, request, tmp_path):
    loaded = request.getfixturevalue(model)
    vectors = set_of(loaded)
    found = read(loaded, vectors, TEXTS, layer=layer, out=tmp_path / "t.parquet")
    frame = found.to_frame()
    for k, text in enumerate(TEXTS):
        expected = expected_of(loaded, vectors, text, layer)
        np.testing.assert_allclose(scores_of(frame, found.classes, k), expected, atol=2e-6)
    own = frame[frame["text_id"] == 2]
    assert own["sentence"].tolist() == [0, 1, 2, 3]
    assert own["text"].tolist()[1:] == ["The dog ran.", "The cat sat on the mat!", "A red tree."]
    assert own["tokens"].tolist()[0] == sum(own["tokens"].tolist()[1:])


def test_a_table_does_not_depend_on_what_is_read_together(llama, tmp_path):
    vectors = set_of(llama)
    tables = [
        read(llama, vectors, texts, out=tmp_path / f"{k}.parquet", batch_tokens=size).to_frame()
        for k, (texts, size) in enumerate([(TEXTS, 2048), (TEXTS, 1), (TEXTS[::-1], 16)])
    ]
    columns = [c for c in tables[0] if c.startswith("score ")]
    np.testing.assert_allclose(tables[1][columns], tables[0][columns], atol=2e-6)
    for k in range(len(TEXTS)):
        own = tables[2][tables[2]["text_id"] == len(TEXTS) - 1 - k][columns].to_numpy()
        np.testing.assert_allclose(own, tables[0][tables[0]["text_id"] == k][columns].to_numpy(), atol=2e-6)


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_sinks_are_left_out_as_in_a_single_reading_even_where_a_first_token_is_one_only_later(llama, layer, tmp_path):
    vectors = set_of(llama)
    texts = [text for text in TEXTS if len(text.split()) > 6]
    hooks = [with_a_sink(llama, 0, layer=2), with_a_sink(llama, 5, layer=1)]
    found = read(llama, vectors, texts, layer=layer, out=tmp_path / "t.parquet")
    for k, text in enumerate(texts):
        expected = expected_of(llama, vectors, text, layer)
        np.testing.assert_allclose(scores_of(found.to_frame(), found.classes, k), expected, atol=2e-6)
    for hook in hooks:
        hook.remove()
    frame = found.to_frame()
    n = len(read_text(llama, vectors, texts[0]).tokens)
    assert frame["tokens"][0] == n - (1 if layer == 0 else 2)


def test_z_is_against_the_passages_of_the_set(llama, tmp_path):
    vectors = set_of(llama)
    states = np.random.default_rng(0).normal(size=(len(vectors.classes), 1, 16)).astype(np.float32)
    kept = Activations(states, (2,), vectors.classes, ("a",) * len(vectors.classes))
    with_states = replace(vectors, activations=kept)
    found = read(llama, with_states, TEXTS, layer=2, out=tmp_path / "t.csv")
    mean, sd = found.scale
    frame = found.to_frame()
    for c, name in enumerate(found.classes):
        expected = (frame[score_column(name)] - mean[c]) / sd[c]
        np.testing.assert_allclose(frame[z_column(name)], expected, rtol=2e-4, atol=1e-4)
    without = read(llama, vectors, TEXTS, layer=1, out=tmp_path / "u.csv")
    assert without.scale is None and "not kept at layer 1" in without.no_z
    assert without.to_frame()[z_column("calm")].isna().all()


def test_rows_that_cannot_be_read_say_why_and_stop_nothing(llama, tmp_path):
    vectors = set_of(llama)
    rows = [
        json.dumps({"text": TEXTS[0], "id": 7, "mood": "up"}),
        json.dumps({"text": ""}),
        "{broken",
        json.dumps({"text": "the \ud800 cat"}),
        json.dumps(["no object"]),
        json.dumps({"text": 5}),
        json.dumps({"other": 1}),
        json.dumps({"text": "the cat sat . " * 60}),
        json.dumps({"text": "cat " * 25_000}),
        json.dumps({"text": "= joyous tree", "id": "x"}),
    ]
    path = tmp_path / "texts.jsonl"
    path.write_bytes("\n".join(rows).encode() + b'\n{"text": "the \xff cat"}')
    found = read(llama, vectors, path, out=tmp_path / "t.csv")
    frame = found.to_frame()
    whole = frame[frame["sentence"] == 0].set_index("text_id")
    notes = {
        1: "not read: no text",
        2: "not read: line 3 is not JSON",
        3: "half of a surrogate pair",
        4: "not read: line 5 is no object",
        5: "not read: 5 is no text",
        6: "not read: no text",
        7: "parts, since one pass takes 64 tokens",
        8: "parts, since one pass takes 64 tokens",
        10: "not UTF-8",
    }
    for k, note in notes.items():
        assert note in whole["note"][k], k
    unread = {1, 2, 3, 4, 5, 6, 10}
    assert found.texts == 11 and found.unread == len(unread)
    assert set(whole.index[whole[score_column("calm")].isna()]) == unread
    assert whole["tokens"][7] == 240 and whole["tokens"][8] == 25_000
    assert whole["text"][9] == "= joyous tree" and whole["note"][0] == whole["note"][9] == ""
    assert "'= joyous" in (tmp_path / "t.csv").read_text("utf-8-sig"), "a spreadsheet takes it for no formula"
    assert whole["id"].tolist()[0] == "7" and whole["id"][9] == "x" and whole["mood"].tolist()[:2] == ["up", ""]


def test_a_text_beyond_one_pass_has_the_sentences_that_its_windows_have_alone(llama, tmp_path, monkeypatch):
    vectors = set_of(llama)
    sentence = ["The cat sat on a mat. ", "A grim dog ran under the tree. ", "Joyous! "]
    text = "".join(sentence[k % 3] for k in range(30))
    monkeypatch.setattr(windows, "WINDOW", 48)
    found = read(llama, vectors, [text], layer=1, out=tmp_path / "t.csv")
    frame = found.to_frame()
    assert frame["text"].tolist()[1:] == [sentence[k % 3].strip() for k in range(30)]
    assert frame["tokens"][0] == len(llama.tokenizer(text)["input_ids"]) == frame["tokens"][1:].sum()
    # The first window is read as a text of its own is.
    reading = read_text(llama, vectors, "".join(sentence[k % 3] for k in range(3)))
    expected = np.stack([s.scores for s in sentences(reading, 1)])
    np.testing.assert_allclose(scores_of(frame, found.classes, 0)[1:4], expected, rtol=2e-5)


def test_a_sentence_longer_than_a_pass_is_cut_between_tokens_and_every_token_is_read(llama, tmp_path):
    vectors = set_of(llama)
    text = "cat dog " * 100
    found = read(llama, vectors, [text], out=tmp_path / "t.csv")
    assert found.to_frame()["tokens"].tolist() == [200, 200]


def test_a_text_in_another_script_is_read_and_said_so_where_the_passages_are_english(llama, tmp_path):
    vectors = set_of(llama)
    english = replace(vectors, provenance=replace(vectors.provenance, corpus="emoviz-420"))
    texts = ["Он ушёл . cat", "the cat – sat", "今天 很 好"]
    notes = read(llama, english, texts, out=tmp_path / "t.csv").to_frame().query("sentence == 0")["note"].tolist()
    assert notes == ["most letters are Cyrillic; the passages of the set are English", "", notes[2]]
    assert "Han" in notes[2]
    assert not read(llama, vectors, texts, out=tmp_path / "u.csv").to_frame()["note"].any()


def test_a_killed_run_goes_on_and_ends_with_the_table_of_one_left_alone(llama, tmp_path, monkeypatch):
    vectors = set_of(llama)
    monkeypatch.setattr(many, "_TEXTS", 2)
    alone = read(llama, vectors, TEXTS, out=tmp_path / "alone.csv")
    seen = []
    real = many.save_part

    def killed(folder, part):
        if part.first == 4:
            raise KeyboardInterrupt
        seen.append(part.first)
        real(folder, part)

    monkeypatch.setattr(many, "save_part", killed)
    with pytest.raises(KeyboardInterrupt):
        read(llama, vectors, TEXTS, out=tmp_path / "t.csv")
    assert seen == [0, 2] and not (tmp_path / "t.csv").exists()

    def kept(folder, part):
        seen.append(part.first)
        real(folder, part)

    monkeypatch.setattr(many, "save_part", kept)
    told = []
    found = ez.read_texts(llama, vectors, TEXTS, out=tmp_path / "t.csv", progress=lambda *step: told.append(step))
    assert seen == [0, 2, 4], "what was read is not read again"
    assert told[0] == ("reading texts", 4, 5)
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert replace(found, path=alone.path, tokens_per_second=alone.tokens_per_second) == alone
    assert not list((tmp_path / "home" / "work").glob("*")), "nothing half-done is left"


def test_the_same_texts_are_never_read_twice_and_others_are(llama, monkeypatch):
    vectors = set_of(llama)
    first = read(llama, vectors, TEXTS)
    monkeypatch.setattr(many, "save_part", None)
    assert read(llama, vectors, TEXTS) == first == load_readings(first.path)
    with pytest.raises(TypeError):
        read(llama, vectors, TEXTS[1:])


def test_a_batch_that_does_not_fit_is_halved_and_a_text_that_does_not_is_said(llama, tmp_path, monkeypatch):
    vectors = set_of(llama)
    whole = read(llama, vectors, TEXTS, out=tmp_path / "a.parquet").to_frame()
    forward = llama.decoder.forward

    def small(input_ids, **given):
        if input_ids.shape[0] > 1 and input_ids.shape[1] > 1 or input_ids.shape[1] > 12:
            raise RuntimeError("out of memory")
        return forward(input_ids=input_ids, **given)

    monkeypatch.setattr(llama.decoder, "forward", small)
    found = read(llama, vectors, TEXTS, out=tmp_path / "b.parquet")
    frame = found.to_frame()
    own = frame[frame["text_id"] == 2].reset_index()
    assert found.unread == 1 and "tokens not read: they do not fit into the memory" in own["note"][0]
    columns = [c for c in frame if c.startswith("score ")]
    others = frame["text_id"] != 2
    np.testing.assert_allclose(frame[others][columns], whole[others][columns], atol=2e-6)


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".tsv", ".parquet"])
def test_every_format_of_passages_gives_the_same_rows_and_brings_its_columns(tmp_path, kind):
    table = pd.DataFrame({"Sentence": ["one, two", "NA", '"three"\nfour'], "note": ["a", "b", "c"], "k": [1, 2, 3]})
    path = tmp_path / f"t{kind}"
    if kind == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    elif kind == ".json":
        table.to_json(path, orient="records")
    elif kind == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="," if kind == ".csv" else "\t")
    rows = list(text_source(path).rows())
    assert [row.text for row in rows] == table["Sentence"].tolist()
    assert [row.other["given note"] for row in rows] == ["a", "b", "c"], "its own `note` is told from the table's"
    assert [int(row.other["k"]) for row in rows] == [1, 2, 3]
    assert scan(text_source(path), "k").groups == Counter({"1": 1, "2": 1, "3": 1})
    with pytest.raises(InputError, match=r"has no column 'body'"):
        list(text_source(path, "body").rows())


def test_a_folder_brings_its_files_in_order_with_the_folder_below_it(tmp_path):
    (tmp_path / "pos").mkdir()
    (tmp_path / "pos" / "b.txt").write_text("good")
    (tmp_path / "a.txt").write_bytes("bad".encode("utf-16"))
    (tmp_path / "c.csv").write_text("text;x\nlast;1\n")
    (tmp_path / "d.png").write_bytes(b"no text")
    rows = list(text_source(tmp_path).rows())
    assert [(row.file, row.text) for row in rows] == [("a.txt", "bad"), ("c.csv", "last"), ("pos/b.txt", "good")]
    assert rows[2].other == {"folder": "pos"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", 'text\n"open\n', "cannot be read as a table"),
        ("t.csv", "a,b\n1,2\n", "has the columns a, b; one of texts is needed"),
        ("t.json", '{"text": 1}', "is a dict, not a list"),
        ("t.json", "[1,", "is not JSON"),
        ("t.jsonl", "\n\n", "holds no texts"),
        ("t.parquet", "x", "cannot be read as Parquet"),
        ("t.docx", "x", "is read"),
        ("gone.csv", None, "cannot be read"),
    ],
)
def test_what_is_no_file_of_texts_is_refused_before_anything_is_read(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        scan(text_source(tmp_path / name))


def test_rows_of_a_table_with_another_number_of_columns_are_told_and_the_rest_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,x\none,1\ntwo,2,3\n\nthree,4\n")
    rows = list(text_source(path).rows())
    assert [(row.text, row.why) for row in rows] == [
        ("one", ""),
        ("", "not read: line 3 has another number of columns than the first"),
        ("three", ""),
    ]


def test_columns_keep_their_types_in_parquet_and_mixed_ones_become_words(llama, tmp_path):
    rows = pd.DataFrame(
        {"text": ["a cat", "a dog", "a mat"], "n": [1, 2, 3], "x": [0.5, None, 2], "b": [True, False, None]}
    )
    rows["mixed"] = [1, "two", [3, "é"]]
    found = read(llama, set_of(llama), rows, out=tmp_path / "t.parquet").to_frame().query("sentence == 0")
    assert (
        found["n"].tolist() == [1, 2, 3] and found["x"].tolist()[::2] == [0.5, 2.0] and np.isnan(found["x"].tolist()[1])
    )
    assert found["b"].tolist() == [True, False, None] and found["mixed"].tolist() == ["1", "two", '[3, "é"]']


def test_the_highest_of_each_class_are_those_of_a_full_sort_with_each_text_once(llama, tmp_path, monkeypatch):
    vectors = set_of(llama)
    monkeypatch.setattr(many, "_TEXTS", 3)
    words = ["cat", "dog", "sat", "ran", "mat", "tree", "red", "blue", "joyous", "grim"]
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(words, size=9)) + " ." for _ in range(40)]
    texts += texts[:5]
    found = read(llama, vectors, texts, layer=1, out=tmp_path / "t.parquet")
    frame = found.to_frame()
    for what, rows in (("texts", frame[frame["sentence"] == 0]), ("sentences", frame[frame["sentence"] > 0])):
        for name in found.classes:
            sorted_rows = rows.drop_duplicates("text").sort_values(score_column(name), ascending=False)[:20]
            assert found.top(name, what)["text"].tolist() == sorted_rows["text"].tolist()
    readings = [read_text(llama, vectors, text) for text in texts]
    for c, name in enumerate(found.classes):
        best: dict[str, float] = {}
        for reading in readings:
            for token, score in zip(reading.tokens, reading.scores[1, :, c], strict=True):
                if np.isfinite(score):
                    best[token.strip()] = max(best.get(token.strip(), -9.0), float(score))
        tokens = found.top(name, "tokens")
        np.testing.assert_allclose(tokens["score"], sorted(best.values(), reverse=True)[:20], atol=2e-6)
        for row in tokens.to_dict("records"):
            assert row["before"] + row["text"] + row["after"] in texts[row["id"]]
    assert found.quantiles[2] == pytest.approx(
        frame[frame["sentence"] == 0][[score_column(n) for n in found.classes]].median().to_numpy(), abs=1e-6
    )


def test_a_text_of_few_tokens_is_in_the_table_but_not_among_the_highest(llama, tmp_path):
    found = read(llama, set_of(llama), ["a cat", "the cat sat on the mat ."], out=tmp_path / "t.csv")
    assert set(found.top("calm")["id"]) == {1} and found.rows == 4


def test_tops_keep_as_many_as_they_are_told_whatever_comes_in_which_order():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(500, 2))
    scores[3] = np.nan
    keys = [f"k{k}" for k in rng.integers(60, size=500)]
    tops, other = Tops(("a", "b"), 7), Tops(("a", "b"), 7)
    for start in range(0, 500, 13):
        part = slice(start, start + 13)
        own = Tops(("a", "b"), 7)
        for one in (tops, own):
            one.add(
                scores[part],
                lambda k, s=start: keys[s + k],
                lambda k, c, s=start: TopRow(keys[s + k], float(scores[s + k, c]), None, s + k, 0),
            )
        other.merge(own.kept())
    for c, name in enumerate(("a", "b")):
        frame = pd.DataFrame({"key": keys, "score": scores[:, c]}).dropna()
        expected = frame.groupby("key")["score"].max().nlargest(7)
        assert [row.score for row in tops.kept()[name].values()] == pytest.approx(expected.tolist())
        assert list(tops.kept()[name]) == expected.index.tolist() == list(other.kept()[name])


# What two groups differ in.


def samples(n=14, m=11, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, classes)) + np.array([0.9, 0, -0.3]), rng.normal(size=(m, classes)) * 1.3


def test_effect_sizes_and_corrected_p_equal_a_slow_loop():
    first, second = samples()
    found = difference_of(first, second, ("a", "b", "c"), n_permutations=400, n_bootstrap=300)

    def cohen(a, b):
        pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
        return (a.mean() - b.mean()) / np.sqrt(pooled)

    expected = [cohen(first[:, c], second[:, c]) for c in range(3)]
    np.testing.assert_allclose(found.d, expected, rtol=1e-12)
    rng = np.random.default_rng(5)
    rows = np.concatenate([first, second])
    reached = np.zeros(3)
    n = 2000
    for _ in range(n):
        order = rng.permutation(len(rows))
        a, b = rows[order[:14]], rows[order[14:]]
        largest = max(abs(cohen(a[:, c], b[:, c])) for c in range(3))
        reached += largest >= np.abs(expected)
    slow = (1 + reached) / (1 + n)
    error = np.sqrt(slow * (1 - slow) * (1 / 400 + 1 / n))
    assert (np.abs(found.p - slow) < 4 * error + 0.005).all(), (found.p, slow)


def test_p_of_a_single_class_is_that_of_scipy_and_the_interval_that_of_its_bootstrap():
    first, second = (group[:, 1:2] + shift for group, shift in zip(samples(seed=3), (0.5, 0.0), strict=True))
    found = difference_of(first, second, ("a",))

    def d(a, b, axis=-1):
        n, m = a.shape[axis], b.shape[axis]
        pooled = ((n - 1) * a.var(axis, ddof=1) + (m - 1) * b.var(axis, ddof=1)) / (n + m - 2)
        return (a.mean(axis) - b.mean(axis)) / np.sqrt(pooled)

    def size(a, b, axis=-1):
        return np.abs(d(a, b, axis))

    given = (first[:, 0], second[:, 0])
    known = stats.permutation_test(given, size, alternative="greater", vectorized=True, n_resamples=20_000, rng=1)
    assert found.p[0] == pytest.approx(known.pvalue, abs=0.015)
    known = stats.bootstrap(given, d, method="percentile", n_resamples=5000, rng=2).confidence_interval
    assert (found.low[0], found.high[0]) == pytest.approx((known.low, known.high), abs=0.12)


def test_p_is_corrected_no_difference_is_seldom_found_and_a_real_one_always():
    rng = np.random.default_rng(0)
    rejected = [
        difference_of(*rng.normal(size=(2, 20, 10)), tuple("abcdefghij"), n_permutations=199, n_bootstrap=100).p.min()
        <= 0.05
        for _ in range(100)
    ]
    # 5 % of the families, not of the classes: those would be 40 of 100.
    assert sum(rejected) <= 12
    real = rng.normal(size=(2, 40, 10))
    real[0, :, 4] += 2
    found = difference_of(*real, tuple("abcdefghij"))
    assert found.p[4] == pytest.approx(1 / 10_001) and found.to_frame()["class"][0] == "e"
    assert found.low[4] > 1 and (np.delete(found.p, 4) > 0.05).all()


def test_a_class_that_never_varies_has_no_effect_size_and_leaves_the_others_theirs():
    first, second = samples()
    first[:, 1] = second[:, 1] = 0.5
    found = difference_of(first, second, ("a", "b", "c"), n_permutations=100, n_bootstrap=100)
    assert np.isnan([found.d[1], found.low[1], found.p[1]]).all() and np.isfinite(found.p[[0, 2]]).all()


def test_the_groups_of_a_column_are_found_or_asked_for():
    counts = Counter({"joy": 5, "rage": 4, "x": 1})
    assert chosen_groups(Counter({"b": 2, "a": 3}), "c", None, None) == ("a", "b")
    assert chosen_groups(counts, "c", "joy", "rage") == ("joy", "rage")
    assert chosen_groups(counts, "c", "joy", None) == ("joy", OTHERS)
    for values, message in (
        ((None, None), r"has 3 values \(joy, rage, x\)"),
        (("joy", "sad"), "no value 'sad'"),
        (("joy", "joy"), "as both groups"),
        (("joy", "x"), "gives groups of 5 and 1 text"),
    ):
        with pytest.raises(InputError, match=message):
            chosen_groups(counts, "c", *values)


@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_groups_of_a_table_are_its_texts_by_a_column_and_unread_ones_do_not_count(llama, tmp_path, kind):
    rows = pd.DataFrame({"text": [*TEXTS, "", *TEXTS[::-1]], "side": [*"aaaab", "a", *"abbbb"]})
    found = read(llama, set_of(llama), rows, out=tmp_path / f"t{kind}")
    both = ez.compare_groups(found, "side")
    assert both.n == (5, 5) and both.names == ("a", "b")
    frame = found.to_frame().query("sentence == 0 and note == ''")
    sides = [frame.loc[frame["side"] == side, score_column("calm")] for side in "ab"]
    assert both.means[:, both.classes.index("calm")] == pytest.approx([side.mean() for side in sides], abs=1e-6)
    with pytest.raises(InputError, match="has no column 'mood'; side came with the texts"):
        ez.compare_groups(found, "mood")


# Figures.


def test_the_spread_is_drawn_from_its_quantiles_in_z_where_there_is_one():
    found = made_readings()
    scaled = replace(found, scale=np.stack([np.full(len(CLASSES), 0.5), np.full(len(CLASSES), 2.0)]), no_z="")
    for readings, change in ((found, lambda x: x), (scaled, lambda x: (x - 0.5) / 2)):
        figure = ez.plot.text_distribution(readings, "calm")
        marks = next(trace for trace in figure.data if trace.mode == "markers")
        for x, (name,) in zip(marks.x, marks.customdata, strict=True):
            own = change(found.quantiles[:, CLASSES.index(name)])
            assert x == pytest.approx(own[2])
            lines = [sorted(t.x) for t in figure.data if t.mode == "lines" and t.y[0] == name]
            assert lines == [pytest.approx(own[[0, 4]]), pytest.approx(own[[1, 3]])]
        assert list(marks.marker.color) == [class_colour(name) for (name,) in marks.customdata]
    assert "no z" in str(ez.plot.text_distribution(found).layout.annotations[-1].text)
    with pytest.raises(InputError, match="none of the 500 texts could be read"):
        ez.plot.text_distribution(replace(found, unread=500))


def test_differences_are_filled_where_they_are_significant_and_names_are_no_markup():
    found = replace(made_difference(), names=("<b>left</b>", "x" * 90))
    figure = ez.plot.group_difference(found)
    marks = next(trace for trace in figure.data if trace.mode == "markers")
    filled = {
        name: not symbol.endswith("-open")
        for (name,), symbol in zip(marks.customdata, marks.marker.symbol, strict=True)
    }
    assert filled == {name: bool(p <= 0.05) for name, p in zip(CLASSES, found.p, strict=True)} and filled[CLASSES[3]]
    assert "&lt;b&gt;left" in figure.layout.title.text and "x" * 41 not in figure.layout.title.text


# The command.


def test_read_many_texts_on_the_command_line(llama_folder, llama, capsys, tmp_path):
    save_set(set_of(llama), sets_folder())
    path = tmp_path / "texts.csv"
    pd.DataFrame({"body": [*TEXTS, ""], "side": [*"aabb", "b", "b"]}).to_csv(path, index=False)
    call = ["read", str(llama_folder), "--texts", str(path), "--text-column", "body", "--layer", "2", "--json"]
    out = tmp_path / "out.csv"
    assert main([*call, "--out", str(out), "--groups", "side"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert "reading texts: 6 of 6 texts" in captured.err
    assert found["table"] == str(out) and (found["texts"], found["unread"], found["layer"]) == (6, 1, 2)
    assert found["rows"] == len(load_readings(out).to_frame()) and found["tokens_per_second"] > 0
    assert found["groups"]["n"] == [2, 3] and len(found["groups"]["p"]) == len(found["classes"])
    assert set(found["top"]) == {"texts", "sentences", "tokens"} and found["peak_rss_mb"] > 0
    assert "not kept at layer 2" in found["reasons"]["z"]
    assert main([*call[:-1], "--groups", "side", "b"]) == 0
    text = capsys.readouterr().out
    assert "side: b (3 texts) less all others (2)" in text and "6 texts in" in text
    for argv, message in (
        (["--out", str(tmp_path / "x.txt")], "ends in .csv or .parquet"),
        (["--groups", "mood"], "has no column 'mood'; it has side"),
        (["--groups", "side", "c"], "has no value 'c'; it has b, a"),
        (["--layer", "9"], "layer 9"),
    ):
        assert main([*call, *argv]) == 2
        assert message in capsys.readouterr().err, argv
    assert main(["read", str(llama_folder), "--text", "cat", "--out", "x.csv"]) == 2
    assert "are for --texts" in capsys.readouterr().err


def test_a_process_that_is_killed_in_the_middle_leaves_parts_that_the_next_one_goes_on_from(
    llama_folder, llama, tmp_path
):
    save_set(set_of(llama), sets_folder())
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"the cat sat on mat {k} . joyous dog"}) + "\n" for k in range(60)))
    call = [sys.executable, "-m", "emoviz", "read", str(llama_folder), "--texts", str(path), "--batch-tokens", "4"]
    call += ["--out", str(tmp_path / "t.csv"), "--json"]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    work = tmp_path / "home" / "work"
    while process.poll() is None and len(list(work.glob("*/*.npz"))) < 3:
        pass
    process.kill()
    process.communicate()
    left = len(list(work.glob("*/*.npz")))
    assert left >= 3 and not (tmp_path / "t.csv").exists()
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["texts"] == 60 and not list(work.glob("*"))
    assert not done.stderr.startswith("reading texts: 0 of 60")
    frame = load_readings(tmp_path / "t.csv").to_frame()
    assert frame.query("sentence == 0")["text_id"].tolist() == list(range(60))
