"""The corpus is an instrument; these are its tolerances."""

import json
import re

import numpy as np
import pytest

from emoviz.emotions import CLASSES, arousal, quadrant, valence
from emoviz.errors import InputError
from emoviz.stimuli import lint_corpus, load_corpus
from emoviz.stimuli.labels import alike, look
from emoviz.stimuli.segments import words_in

from .conftest import write_passages


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


def test_every_class_has_one_passage_on_every_topic(corpus):
    assert corpus.classes == CLASSES and len(CLASSES) == 21
    assert len(corpus.topics) == 20
    assert len({(p.emotion, p.topic) for p in corpus.passages}) == len(corpus.passages) == 420
    assert len(corpus.neutral_sentences) == 20


def test_the_shipped_corpus_is_clean(corpus):
    assert lint_corpus(corpus) == []


def test_person_and_dialogue_are_balanced_over_the_two_halves(corpus):
    for half in (0, 1):
        topics = [t for k, t in enumerate(corpus.topics) if k % 2 == half]
        happy = {p.topic: p.text for p in corpus.passages if p.emotion == "happy"}
        assert sum('"' in happy[t] for t in topics) == 5
        first = [t for t in topics if {"i", "my", "me"} & set(words_in(re.sub('"[^"]*"', "", happy[t]).lower()))]
        assert len(first) == 5


def test_punctuation_cannot_tell_the_classes(corpus):
    marks = {c for p in corpus.passages for c in p.text if not c.isalnum() and c != " "}
    assert marks == set(".,'\"")
    for name in CLASSES:
        texts = [p.text for p in corpus.passages if p.emotion == name]
        assert sum('"' in t for t in texts) == 10
        assert 3.5 <= np.mean([t.count(".") for t in texts]) <= 4.5


def test_a_bag_of_words_cannot_tell_the_classes_on_unseen_topics(corpus):
    """Nearest TF-IDF centroid, topics left out. The first version of the corpus reached 0.74; chance is 0.048."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    from emoviz.geometry import held_out_accuracy

    rows = TfidfVectorizer(sublinear_tf=True).fit_transform([p.text for p in corpus.passages]).toarray()
    accuracy = held_out_accuracy(
        rows, tuple(p.emotion for p in corpus.passages), tuple(p.topic for p in corpus.passages)
    )
    assert accuracy < 0.25


def test_quadrants_cover_the_twenty_emotions_once():
    assert sum(valence(c) > 0 for c in CLASSES) == 9 and sum(valence(c) < 0 for c in CLASSES) == 11
    assert sum(arousal(c) > 0 for c in CLASSES) == 11 and sum(arousal(c) < 0 for c in CLASSES) == 9
    assert (quadrant("neutral"), valence("neutral"), arousal("neutral")) == ("neutral", 0, 0)


def _passage(text, emotion="sad", topic="letter"):
    return {"emotion": emotion, "text": text, "topic": topic}


FILLER = "She walked to the window of the old house and looked at the road that went down to the river and the mill"


@pytest.mark.parametrize(
    ("rows", "check", "words_in_message"),
    [
        ([_passage(FILLER + " in grief."), _passage(FILLER + " alone now.", "angry")], "banned word", "'grief'"),
        ([_passage("Too short."), _passage(FILLER, "angry")], "length", "2 words"),
        ([_passage(FILLER), _passage(FILLER, "angry")], "duplicate", "100%"),
        ([_passage(FILLER), _passage(FILLER + " and sat by the water.", "angry")], "near-duplicate", "%"),
        (
            [_passage(FILLER), _passage("I " + FILLER.lower(), "angry"), _passage(FILLER, "calm")],
            "person",
            "third person",
        ),
        ([_passage(FILLER), _passage(FILLER * 3, "angry")], "length balance", "overall"),
    ],
)
def test_linter_finds_planted_faults(tmp_path, rows, check, words_in_message):
    rows = rows + [{**row, "topic": "bus"} for row in rows]
    findings = lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows)))
    assert any(f.check == check and words_in_message in f.message for f in findings), findings


def test_linter_finds_a_missing_cell(tmp_path):
    rows = [_passage(FILLER, e, t) for e in ("sad", "angry") for t in ("letter", "bus", "pool")][:-1]
    findings = lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows)))
    assert [f.where for f in findings if f.check == "completeness"] == ["angry / pool"]


def test_own_class_names_are_banned_in_other_corpora(tmp_path):
    rows = [
        _passage("the quick brown fox is zen", "zen"),
        _passage("a slow fox", "zen"),
        _passage("zen", "no"),
        _passage("x", "no"),
    ]
    findings = lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows)))
    assert [f.where for f in findings if f.check == "banned word"] == ["zen / letter"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no passages"),
        ("not json\n", "line 1 is not JSON"),
        ('["a"]\n', "line 1 is a list, not an object"),
        ('{"emotion": "sad", "text": "\\ud800"}\n', "line 1 is not JSON .surrogates not allowed"),
        ("9" * 5000, "line 1 is not JSON"),
        ("[" * 200_000, "line 1 is not JSON"),
        ('{"emotion": "sad"}\n', "line 1 has no 'text'"),
        ('{"emotion": "sad", "text": "  "}\n', "line 1 has no 'text', or an empty one"),
        ('{"emotion": "sad", "text": "a", "topic": [3]}\n', "topic that is neither text nor a number"),
        ('{"emotion": "sad", "text": "a", "topic": true}\n', "topic that is neither text nor a number"),
        ('{"emotion": "sad", "text": "a"}\n{"emotion": "sad", "text": "b"}\n', r"has 1 class; 2 to 500"),
        ('{"emotion": "sad", "text": "a"}\n{"emotion": "mad", "text": "b"}\n', "class 'sad' has one passage"),
    ],
)
def test_bad_passage_files_are_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "p.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        load_corpus(path)


def test_line_separators_inside_a_text_and_a_byte_order_mark_are_read(tmp_path):
    rows = [{"emotion": e, "text": f"one\u2028two\u0085 {e} {k}"} for e in ("up", "down") for k in "ab"]
    path = tmp_path / "p.jsonl"
    path.write_text("\ufeff" + "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in rows), "utf-8")
    assert len(load_corpus(path).passages) == 4


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_corpus(tmp_path / "none.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_corpus(tmp_path / "b.jsonl")


def test_corpus_hash_changes_with_any_text_and_not_with_the_file_name(tmp_path):
    rows = [_passage("one", e, t) for e in ("up", "down") for t in ("a", "b")]
    first = load_corpus(write_passages(tmp_path / "a.jsonl", rows)).hash
    assert load_corpus(write_passages(tmp_path / "b.jsonl", rows)).hash == first
    rows[0]["text"] = "two"
    assert load_corpus(write_passages(tmp_path / "a.jsonl", rows)).hash != first


def test_rows_without_topics_are_dealt_to_both_halves(tmp_path):
    rows = [{"emotion": e, "text": f"{e} {k}"} for e in ("up", "down") for k in range(4)]
    corpus = load_corpus(write_passages(tmp_path / "p.jsonl", rows))
    assert corpus.topics == ("row 1", "row 2", "row 3", "row 4")
    assert json.dumps(corpus.classes) == '["down", "up"]'


def test_topics_that_are_numbers_or_none_are_taken(tmp_path):
    rows = [{"emotion": e, "text": f"{e} {k}", "topic": k} for e in ("up", "down") for k in (1, 2.5, None, "")]
    corpus = load_corpus(write_passages(tmp_path / "p.jsonl", rows))
    assert corpus.topics == ("1", "2.5", "row 3", "row 4")


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv"])
def test_a_byte_order_mark_between_files_that_were_put_together_is_no_text(tmp_path, name):
    parts = [[{"emotion": e, "text": f"{e} {k}"} for k in "ab"] for e in ("up", "down")]
    if name == "p.jsonl":
        lines = ["".join(f"{json.dumps(row)}\n" for row in rows) for rows in parts]
    else:
        lines = ["".join(f"{row['emotion']},{row['text']}\n" for row in rows) for rows in parts]
        lines[0] = f"emotion,text\n{lines[0]}"
    (tmp_path / name).write_text("\ufeff" + "\ufeff".join(lines), "utf-8")
    assert load_corpus(tmp_path / name).classes == ("down", "up")


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("Afraid", "afraid", "capitals"),
        ("fierte\u0301", "fiert\u00e9", "how their accents are stored"),
        ("angry", "angry\u200b", "invisible characters or blanks"),
        ("be calm", "be\u00a0calm", "invisible characters or blanks"),
        ("calm", "calm\u3164", "invisible characters or blanks"),
        ("joy", "\uff4aoy", "the width or form of their letters"),
        ("mean", "m\u0435an", "letters of another script that are drawn alike"),
    ],
)
def test_labels_that_look_alike_are_found_and_what_they_differ_in(tmp_path, one, other, difference):
    rows = [_passage(f"{FILLER} {k}", label, t) for k, label in enumerate((one, other)) for t in ("letter", "bus")]
    (found,) = [f for f in lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows))) if "alike" in f.check]
    assert found.message.endswith(f"differ only in {difference}. Write them alike.") and found.message.isascii()
    assert alike([one, "sad", "joyful"]) == [] and look(one) == look(other)


def test_words_are_counted_and_the_person_is_told_as_the_language_has_them(tmp_path):
    line = (
        "渡船又晚点了，我们坐在码头的石墙上，吃姨妈为路上准备的三明治，"
        "一只海鸥站在木桩上看着我们，等着谁先把头转开，后来天黑了。"
    )
    cells = [(label, topic) for label in ("忧", "乐") for topic in ("letter", "bus")]
    rows = [_passage(f"{line}{label}", label, topic) for label, topic in cells]
    assert not [f for f in lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows))) if f.check == "length"]
    spanish = "La tarde me dio miedo y la noche nos dio frio, pero nadie en la casa quiso hablar de lo que paso"
    rows = [_passage(f"{spanish} {extra}", label) for label, extra in (("triste", "a mi"), ("feliz", "a ella"))]
    rows += [{**row, "topic": "bus", "text": row["text"].replace(" me ", " te ")} for row in rows]
    assert not [f for f in lint_corpus(load_corpus(write_passages(tmp_path / "q.jsonl", rows))) if f.check == "person"]


def test_repetition_is_named_once_for_each_passage_and_missing_cells_once_for_each_topic(tmp_path):
    rows = [_passage(FILLER, e, t) for e in ("sad", "angry", "calm") for t in ("letter", "bus", "pool")]
    rows = [row for row in rows if row["topic"] != "pool" or row["emotion"] == "sad"]
    found = lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows)))
    missing = [f for f in found if f.check == "completeness"]
    assert [(f.where, f.message[:18]) for f in missing] == [("pool", "2 of 3 classes hav")]
    assert "angry, calm" in missing[0].message
    assert [f.check for f in found].count("duplicate") == len(rows) - 1
    assert [f.check for f in found].count("shared phrase") == len(rows) - 1


def test_near_duplicates_are_those_of_a_plain_loop(tmp_path):
    rng = np.random.default_rng(0)
    vocabulary = [f"word{chr(97 + a)}{chr(97 + b)}" for a in range(5) for b in range(5)]
    texts = [" ".join(rng.choice(vocabulary, 14)) for _ in range(60)]
    rows = [_passage(text, ("sad", "angry")[k % 2], f"t{k // 2}") for k, text in enumerate(texts)]
    found = lint_corpus(load_corpus(write_passages(tmp_path / "p.jsonl", rows)))
    sets = [set(text.split()) for text in texts]
    again = [k for k in range(60) if any(len(sets[k] & s) / len(sets[k] | s) > 0.5 for s in sets[:k])]
    named = [f.where for f in found if f.check == "near-duplicate"]
    assert named == [f"{rows[k]['emotion']} / {rows[k]['topic']}" for k in again] and len(again) > 3
