"""Passages out of every usual kind of table, under every usual name of a column."""

import json
import sys

import pandas as pd
import pytest

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.stimuli import load_corpus
from emoviz.stimuli.corpus import corpus_of
from emoviz.stimuli.tables import read_labels

ROWS = [
    ("glad", "It snows, at last."),
    ("sad", 'He said "no".'),
    ("glad", "She sang\nall day."),
    ("sad", "Grüße; 走了"),
]
PASSAGES = [(label, text.strip()) for label, text in ROWS]
NAMES = [("emotion", "text"), ("label", "sentence"), ("Class", "Utterance"), ("LABEL", "passage")]


def _write(path, frame: pd.DataFrame, encoding="utf-8"):
    kind = path.suffix
    if kind == ".parquet":
        frame.to_parquet(path)
    elif kind in (".csv", ".tsv"):
        frame.to_csv(path, sep="," if kind == ".csv" else "\t", index=False, encoding=encoding)
    else:
        text = frame.to_json(orient="records", lines=kind == ".jsonl", force_ascii=False)
        path.write_text(text, encoding)
    return path


def _read(path, **how):
    return [(passage.emotion, passage.text) for passage in load_corpus(path, **how).passages]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_every_kind_of_file_gives_the_same_passages_under_every_usual_name(tmp_path, kind, names):
    path = _write(tmp_path / f"mine.{kind}", pd.DataFrame(ROWS, columns=names).assign(more=1))
    assert _read(path) == PASSAGES


@pytest.mark.parametrize("names", NAMES)
def test_a_dataframe_gives_the_same_passages_under_every_usual_name(names):
    table = pd.DataFrame(ROWS, columns=names).assign(more=1)
    for corpus in (load_corpus(table), corpus_of(table)):
        assert [(passage.emotion, passage.text) for passage in corpus.passages] == PASSAGES


def test_a_dataframe_has_columns_and_numbers_named_as_a_file_has():
    table = pd.DataFrame([(1, "a b"), (0, "c"), (1, "d"), (0, "e")], columns=["mood", "said"])
    how = {"text_column": "said", "label_column": "mood"}
    assert _read(table, labels=["sad", "glad"], **how)[:2] == [("glad", "a b"), ("sad", "c")]
    with pytest.raises(InputError, match="diary, row 0 has the number 1 as label. Name the labels, from 0"):
        load_corpus(table, name="diary", **how)
    with pytest.raises(InputError, match="the DataFrame has no column 'text'; it has mood, said"):
        load_corpus(table, text_column="text")
    with pytest.raises(InputError, match="7 was given; the path of a file or a DataFrame is needed"):
        load_corpus(7)


@pytest.mark.parametrize("mark", [",", "\t"])
def test_a_column_that_is_there_twice_is_refused(tmp_path, mark):
    path = tmp_path / ("mine.csv" if mark == "," else "mine.tsv")
    path.write_text(f"text{mark}label{mark}text\nx{mark}sad{mark}y\n", "utf-8")
    with pytest.raises(InputError, match="has the column 'text' more than once. Keep one of these columns"):
        load_corpus(path)


def test_a_file_has_the_hash_of_the_shipped_kind_whatever_it_is_written_in(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["emotion", "text"])
    hashes = {load_corpus(_write(tmp_path / f"a.{kind}", frame)).hash for kind in ("jsonl", "json", "csv", "tsv")}
    assert len(hashes) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_may_be_utf8_or_utf16(tmp_path, kind, encoding):
    path = _write(tmp_path / f"mine.{kind}", pd.DataFrame(ROWS, columns=["emotion", "text"]))
    text = path.read_text("utf-8")
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    path.write_bytes((mark + text).encode(encoding))
    assert _read(path) == PASSAGES


def test_semicolons_part_a_table_where_no_comma_does(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("emotion;text\nglad;It snows, at last\nsad;No\nglad;Yes\nsad;Rain\n", "utf-8")
    assert _read(path)[0] == ("glad", "It snows, at last")


def test_columns_of_other_names_and_numbered_labels_are_read_as_asked(tmp_path, capsys):
    frame = pd.DataFrame([(1, "a b"), (0, "c"), (1, "d"), (0, "e")], columns=["mood", "said"])
    path = _write(tmp_path / "mine.csv", frame)
    labels = tmp_path / "labels.txt"
    labels.write_text("sad\nglad\n", "utf-8")
    how = ["--text-column", "said", "--label-column", "mood", "--labels", str(labels)]
    assert main(["lint", str(path), *how, "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["classes"] == ["glad", "sad"]
    named = {"text_column": "said", "label_column": "mood", "labels": read_labels(labels)}
    assert _read(path, **named) == [("glad", "a b"), ("sad", "c"), ("glad", "d"), ("sad", "e")]
    labels.write_text('["sad", "glad"]', "utf-8")
    assert read_labels(labels) == ("sad", "glad")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "mood,said\nglad,x\n", "has the columns mood, said; one of texts is needed"),
        ("a.csv", "text,mood\nx,glad\n", "one of labels is needed .emotion, label, class.*--label-column"),
        (
            "a.csv",
            "text,label\nx,3\n",
            "a.csv, line 2 has the number 3 as label. Name the labels, from 0, with --labels",
        ),
        ("a.csv", 'text,label\n"x,glad\n', "cannot be read as a table"),
        ("a.csv", "text,label\nx,glad,more\n", "line 2 has another number of columns than the first line"),
        ("a.csv", "text,label\nx\n", "line 2 has another number of columns than the first line"),
        ("a.csv", "text,label\n,glad\n", "line 2 has no 'text', or an empty one"),
        ("a.csv", "", "holds no passages"),
        ("a.tsv", "text\tlabel\n", "holds no passages"),
        ("a.json", '{"text": "x"}', "is a dict, not a list"),
        ("a.json", "[1]", "item 0 is a int, not an object"),
        ("a.json", "[", "is not JSON"),
        ("a.jsonl", '{"text": "x", "label": true}', "line 1 has no 'emotion'"),
    ],
)
def test_a_table_that_cannot_be_used_says_where_and_why(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        load_corpus(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("glad\nsad\nglad\n", "names the class 'glad' twice. Name each class once"),
        ("glad\n\nsad\n", "has an empty label"),
        ('["glad", 3]', "has an empty label"),
        ("[glad", "is not JSON"),
    ],
)
def test_a_file_of_labels_that_cannot_be_used_says_why(tmp_path, content, message):
    (tmp_path / "labels").write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path / "labels")


@pytest.mark.parametrize(
    ("label", "message"),
    [("7", "has the label 7; 2 are named, from 0 to 1"), ("cross", "has the label 'cross', which is none of those")],
)
def test_a_label_without_a_name_is_refused(tmp_path, label, message):
    (tmp_path / "a.csv").write_text(f"text,label\nx,{label}\n", "utf-8")
    with pytest.raises(InputError, match=message):
        load_corpus(tmp_path / "a.csv", labels=("sad", "glad"))


def test_a_column_that_is_not_there_and_columns_without_a_file_are_refused(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text,label\nx,glad\n", "utf-8")
    with pytest.raises(InputError, match=r"has no column 'said'; it has text, label. Give one of these as text"):
        load_corpus(tmp_path / "a.csv", text_column="said")
    assert main(["lint", "--text-column", "said"]) == 2
    assert "columns or labels were given without a file" in capsys.readouterr().err


def test_parquet_without_pyarrow_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"needs pyarrow: pip install 'emoviz\[parquet\]'"):
        load_corpus(tmp_path / "a.parquet")
