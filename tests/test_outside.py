"""The outside witness: taught by people's labels, tested on others, silent on emotions that no label stands for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emoviz.cli import main
from emoviz.emotions import CLASSES, EMOTIONS
from emoviz.errors import InputError
from emoviz.experiments import dose_response
from emoviz.experiments.dose_curves import curves
from emoviz.experiments.verification import by_outside, confirmed
from emoviz.stimuli.labelled import read_labelled
from emoviz.store.heads import list_heads
from emoviz.store.responses import list_dose_responses
from emoviz.store.verifications import list_verifications
from emoviz.types import WitnessCard
from emoviz.witness import outside
from emoviz.witness.heads import train_tested_head
from emoviz.witness.targets import GOEMOTIONS_LABELS, GOEMOTIONS_MAPPING, judged, target_weights
from emoviz.witness.witness import Features, Witness

NOT_JUDGED = {"brooding", "calm", "desperate", "reflective"}


# ---- labelled texts


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_bare_tsv_is_read_in_every_encoding_and_several_labels_are_left_out(tmp_path, encoding):
    path = write(tmp_path / "a.tsv", 'so "glad\t0\tx1\nso sad\t1\tx2\nboth\t0,1\tx3\n\n', encoding)
    found = read_labelled(path, ("joy", "sadness"))
    assert found.texts == ('so "glad', "so sad") and found.labels == ("joy", "sadness") and found.skipped == 1


def test_a_table_with_names_of_columns_is_read_too(tmp_path):
    found = read_labelled(write(tmp_path / "a.tsv", "label\tSentence\njoy\tglad\nsadness\tlow\n"))
    assert found.texts == ("glad", "low") and found.labels == ("joy", "sadness")
    table = write(tmp_path / "a.csv", 'text,emotion\n"glad, very",0\nlow,1\n')
    assert read_labelled(table, ("joy", "sadness")).texts == ("glad, very", "low")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("glad\nsad\n", "line 1 has no label"),
        ("glad\t0\nsad\t \n", "line 2 has no label"),
        (" \t0\nsad\t1\n", "line 1 has no text"),
        ("glad\t0\nsad\t7\n", "has the label 7; 2 are named"),
        ("glad\t0\nsad\t0,7\n", "has the label 7; 2 are named"),
        ("glad\t0\nmerry\t0\n", "1 label(s); two or more"),
        ("", "0 label(s)"),
    ],
)
def test_labelled_texts_that_cannot_be_used_are_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
        read_labelled(write(tmp_path / "a.tsv", text), ("joy", "sadness"))


def test_numbers_without_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="the number 0 as label"):
        read_labelled(write(tmp_path / "a.tsv", "glad\t0\nsad\t1\n"))


def test_of_every_label_the_first_rows_are_taken():
    found = outside.Labelled(tuple("abcdef"), ("x", "y", "x", "x", "y", "z"), 0).at_most(2)
    assert found.texts == ("a", "b", "c", "e", "f") and found.labels == ("x", "y", "x", "y", "z")


# ---- what the labels say of our emotions


def test_every_class_is_judged_by_labels_that_exist_or_is_not_judged_with_a_reason():
    assert set(GOEMOTIONS_MAPPING) == set(CLASSES)
    for name, (weights, why) in GOEMOTIONS_MAPPING.items():
        assert why and set(weights) <= set(GOEMOTIONS_LABELS)
        assert (sum(weights.values()) == pytest.approx(1)) is (name not in NOT_JUDGED)
    assert set(EMOTIONS) - set(judged(GOEMOTIONS_LABELS)) == NOT_JUDGED


def test_an_emotion_without_a_label_is_never_guessed_and_says_why():
    assert dict(zip(GOEMOTIONS_LABELS, target_weights(GOEMOTIONS_LABELS, "guilty"), strict=True))["remorse"] == 1
    with pytest.raises(InputError, match=f"'calm' is not judged: {GOEMOTIONS_MAPPING['calm'][1]}"):
        target_weights(GOEMOTIONS_LABELS, "calm")


# ---- the head


def test_a_rare_label_counts_as_much_as_a_common_one():
    """Two labels whose features overlap, ten to one: what lies in the middle is a toss-up, not the common one."""
    rng = np.random.default_rng(0)
    labels = ["common"] * 1000 + ["rare"] * 100
    features = rng.normal(size=(1100, 1)) + np.array([[1.0 if name == "rare" else -1.0] for name in labels])
    head, _ = train_tested_head(features, labels, features[:5], labels[:5])
    assert head.probabilities(np.zeros((1, 1)))[0] == pytest.approx([0.5, 0.5], abs=0.08)


def test_the_check_is_of_the_test_rows_alone_and_counts_each_label():
    rng = np.random.default_rng(1)
    labels = ["a", "b", "c"] * 60
    place = {"a": [3, 0], "b": [0, 3], "c": [-3, -3]}
    features = np.array([place[name] for name in labels]) + rng.normal(size=(180, 2))
    tested, truth = np.array([[3, 0], [3, 0], [0, 3], [3, 0]]), ["a", "a", "b", "b"]
    head, check = train_tested_head(features, labels, tested, truth)
    assert check.n == 4 and check.topics == () and check.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert check.recall[:2].tolist() == [1, 0.5] and np.isnan(check.recall[2])
    assert check.balanced_accuracy == 0.75 and check.accuracy == 0.75
    again, _ = train_tested_head(features, labels, tested[::-1], truth[::-1])
    assert (again.weights == head.weights).all(), "the test shapes nothing"


# ---- training and choosing


def fake_parts(monkeypatch, seen):
    """Two kinds of features of made-up texts: 'joy 3' is read as its number, at the place of its word."""

    def read(texts):
        seen.extend(texts)
        rows = [[1.0, 0.0] if "joy" in text else [0.0, 1.0] for text in texts]
        return np.array([[np.nan] * 2 if "short" in text else row for text, row in zip(texts, rows, strict=True)])

    def noise(texts):
        return np.array([[float(len(text) % 4)] for text in texts])

    parts = [Features("model states", "m", lambda: None, read, "m"), Features("lengths", "n", lambda: None, noise)]
    monkeypatch.setattr(outside, "features_for", lambda corpus, model, *_: (parts[model == "m" :], {}))
    return parts


def labelled(n, first=0):
    rows = [(f"{name} number {k}", name) for k in range(first, first + n) for name in ("joy", "sadness")]
    return outside.Labelled(tuple(text for text, _ in rows), tuple(name for _, name in rows), 0)


def test_every_way_of_reading_has_a_head_and_the_steered_model_reads_nothing(monkeypatch):
    parts = fake_parts(monkeypatch, [])
    monkeypatch.setattr("emoviz.store.heads.shipped_folder", lambda: Path("nowhere"))
    made = outside.train_outside(labelled(20), labelled(5, 100), "test.tsv")
    assert [[part.name for part in one.parts] for one in made] == [
        ["model states"],
        ["lengths"],
        ["model states", "lengths"],
    ]
    assert len(list_heads("outside-")) == 2, "the best for any model, and for the one that is read"
    best, other = outside.outside_for("other"), outside.outside_for("m")
    assert parts[0] in best.parts and best.card.accuracy == 1 and best.card.chance == 0.5
    assert other.parts == (parts[1],), "never by what it reads itself"
    assert best.card.trained_on == "40 texts of test.tsv, labelled by people; tested on 10 others"
    assert best.probabilities(["all joy"])[0].argmax() == 0


def test_every_text_is_read_once_and_what_was_read_before_a_stop_is_kept(monkeypatch, tmp_path):
    seen = []
    fake_parts(monkeypatch, seen)
    monkeypatch.setattr(outside, "train_tested_head", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        outside.train_outside(labelled(20), labelled(5, 100), "t")
    monkeypatch.undo()
    monkeypatch.setenv("EMOVIZ_HOME", str(tmp_path / "home"))
    fake_parts(monkeypatch, seen)
    outside.train_outside(labelled(20), labelled(5, 100), "t")
    assert len(seen) == 50 == len(set(seen))
    assert not list((tmp_path / "home" / "work").glob("*")), "nothing is left behind"


def test_texts_that_cannot_be_read_teach_and_test_nothing(monkeypatch):
    fake_parts(monkeypatch, [])
    train = labelled(20)
    train = replace(train, texts=("short", *train.texts[1:]))
    made = outside.train_outside(train, labelled(5, 100), "t")
    assert made[0].card.trained_on.startswith("39 texts")


def test_a_test_with_a_label_of_its_own_is_refused_before_anything_is_read(monkeypatch):
    seen = []
    fake_parts(monkeypatch, seen)
    with pytest.raises(InputError, match="the label 'grief', which the training lacks"):
        outside.train_outside(labelled(5), outside.Labelled(("x", "y"), ("joy", "grief"), 0), "t")
    assert not seen


def test_without_a_head_there_is_none(monkeypatch):
    monkeypatch.setattr(outside, "list_heads", lambda beginning: [])
    assert outside.outside_for(None) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "x.txt"], "--labels was given without --train"),
        (["--train", "t.tsv", "--text", "x"], "--train was given with --for or --text"),
        (["--train", "missing.tsv"], "cannot be read"),
    ],
)
def test_the_command_refuses_what_does_not_go_together(words, said, capsys):
    assert main(["witness", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_command_refuses_labels_that_say_nothing_of_our_emotions(tmp_path, capsys):
    write(tmp_path / "train.tsv", "a\tspam\nb\tham\n")
    write(tmp_path / "test.tsv", "a\tspam\nb\tham\n")
    assert main(["witness", "--train", str(tmp_path / "train.tsv")]) == 2
    assert "has the labels ham, spam" in capsys.readouterr().err


def test_the_command_refuses_a_label_file_that_names_a_class_twice(tmp_path, capsys):
    write(tmp_path / "train.tsv", "a\t0\nb\t1\n")
    write(tmp_path / "labels.txt", "joy\njoy\n")
    assert main(["witness", "--train", str(tmp_path / "train.tsv")]) == 2
    assert "names the class 'joy' twice" in capsys.readouterr().err


# ---- what it says of steered texts


def keyword_witness():
    """Finds the emotion's label in every text that has an e, half of it in the others."""

    def read(texts):
        rows = np.full((len(texts), len(GOEMOTIONS_LABELS)), 1 / len(GOEMOTIONS_LABELS))
        for k, text in enumerate(texts):
            rows[k, GOEMOTIONS_LABELS.index("joy")] += 0.2 if "the" in text else 0.0
        return rows / rows.sum(1, keepdims=True)

    return Witness(WitnessCard("people", GOEMOTIONS_LABELS, 0.5, 1 / 28, "comments"), read)


def test_a_verification_is_counted_by_the_outside_witness_as_a_slow_loop_counts_it():
    found, judge = list_verifications()[0], keyword_witness()
    done = by_outside(found, judge)
    k = control = n = 0
    for rows, is_control in ((done.rows, False), (done.controls, True)):
        for row in rows:
            if row.emotion in NOT_JUDGED:
                assert row.outside_confirmed is None and np.isnan(row.outside_before)
                assert all(np.isnan(text.outside) for text in row.texts)
                continue
            label = GOEMOTIONS_LABELS.index(next(iter(GOEMOTIONS_MAPPING[row.emotion][0])))
            scores = [judge.probabilities([t.text])[0][label] for t in row.texts]
            before = [judge.probabilities([t])[0][label] for t in found.baselines[row.prompt]]
            assert row.outside_after == pytest.approx(np.nanmean(scores))
            assert row.outside_before == pytest.approx(np.nanmean(before))
            yes = confirmed(np.nanmean(before), np.nanmean(scores), row.surgical, found.plan)
            assert row.outside_confirmed is yes
            k, control, n = k + (yes and not is_control), control + (yes and is_control), n + (not is_control)
    assert (done.outside_k, done.outside_n, done.outside_control_k) == (k, n, control) and n == 32
    assert 0 < k < n, "the witness of this test confirms some"
    assert (done.k, done.check_k) == (found.k, found.check_k)


def test_a_dose_response_has_a_curve_by_the_outside_witness_with_its_controls():
    run, judge = list_dose_responses()[0], keyword_witness()
    done = dose_response.by_outside(run, judge)
    joy = GOEMOTIONS_LABELS.index("joy")
    curve = curves(done, "happy")
    first = curve.texts[1][0].text
    assert curve.outside.each[1, 0] == pytest.approx(judge.probabilities([first])[0][joy])
    assert set(curve.outside_controls) == set(run.controls)
    calm = curves(done, "calm")
    assert (
        np.isnan(calm.outside.mean).all()
        and "calm is not among the 17 classes of the outside witness" in calm.reasons["outside"]
    )
    assert curve.witness.mean == pytest.approx(curves(run, "happy").witness.mean)


# ---- what is shipped


def test_heads_on_goemotions_are_shipped_for_every_bundled_model_and_any_other():
    shipped = [header for own, _, header in list_heads("outside-") if not own]
    assert all(header["source"] == outside.GOEMOTIONS for header in shipped)
    models = [{key.split("_")[0] for key in header["parts"] if "layer" in key} for header in shipped]
    for steered in ("SmolLM2-135M-Instruct", "gemma-3-270m", "another"):
        assert any(steered not in reads and reads for reads in models)


def test_shipped_verifications_are_read_by_the_outside_witness():
    for found in (one for one in list_verifications() if one.shipped):
        assert found.outside is not None and found.outside_n == 32
        assert found.model not in found.outside.name
        assert found.outside_k == sum(row.outside_confirmed is True for row in found.rows)
        assert found.outside_control_k == sum(row.outside_confirmed is True for row in found.controls)


@pytest.mark.models
def test_the_command_shows_who_taught_the_outside_witness_and_what_it_judges(capsys):
    assert main(["witness", "--for", "SmolLM2-135M-Instruct", "--json"]) == 0
    taught = json.loads(capsys.readouterr().out)["outside"]
    assert "GoEmotions" in taught["trained_on"] and set(taught["not_judged"]) == NOT_JUDGED
    assert sum(taught["tested"].values()) == taught["n"] and taught["mean_recall"] > 5 * taught["chance"]
