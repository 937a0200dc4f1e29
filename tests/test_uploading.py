"""Passages that are uploaded on the page: which columns are read, what numbers mean, and what is wrong with them."""

from argparse import ArgumentParser

import gradio as gr
import pandas as pd
import pytest

from emoviz.app import uploading
from emoviz.app.jobs import JOBS
from emoviz.app.tabs import library as library_tab
from emoviz.commands.arguments import add_passage_columns, passages_of
from emoviz.process import words_of
from emoviz.stimuli import load_corpus

ROWS = [(1, "a b"), (0, "c"), (1, "d"), (0, "e")]
NAMES = "sad\nglad"


def _file(folder, columns=("mood", "said"), rows=ROWS):
    path = folder / "mine.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return str(path)


def _shown(taken):
    """What a file leaves on the page, by name."""
    names = ("file", "said", "go", "upload", "remove", "columns", "text", "label", "names")
    return dict(zip(names, taken, strict=True))


@pytest.mark.parametrize("names", [("emotion", "text"), ("Class", "Utterance")])
def test_the_usual_columns_are_found_and_shown_in_menus_that_hold_all(tmp_path, names):
    rows = [("glad", "a", 1), ("sad", "b", 2), ("glad", "c", 3), ("sad", "d", 4)]
    shown = _shown(uploading.take(_file(tmp_path, (*names, "id"), rows)))
    assert shown["go"]["interactive"] and "4 passages of 2 emotions (glad, sad)" in shown["said"]
    assert shown["columns"]["visible"] and not shown["names"]["visible"]
    assert (shown["label"]["value"], shown["text"]["value"]) == names
    assert shown["text"]["choices"] == shown["label"]["choices"] == [*names, "id"]


def test_columns_of_other_names_are_asked_for_one_by_one_then_the_names_of_numbers(tmp_path):
    path = _file(tmp_path)
    shown = _shown(uploading.take(path))
    assert shown["said"].startswith("**mine.csv has the columns mood, said.** Choose above which holds the text;")
    shown = _shown(uploading.take_as(shown["file"], "said", None, ""))
    assert "which holds the emotion" in shown["said"] and not shown["go"]["interactive"]
    shown = _shown(uploading.take_as(shown["file"], "said", "mood", ""))
    assert shown["said"].startswith("**Column mood of mine.csv holds numbers.** Name them above;")
    assert shown["names"]["visible"] and not shown["go"]["interactive"]
    shown = _shown(uploading.take_as(shown["file"], "said", "mood", NAMES))
    assert "4 passages of 2 emotions (glad, sad)" in shown["said"] and shown["go"]["interactive"]
    expected = load_corpus(path, text_column="said", label_column="mood", labels=("sad", "glad"))
    assert shown["file"].corpus_hash == expected.hash
    assert uploading.take_as(shown["file"], "said", "mood", '["sad", "glad"]')[0].corpus_hash == expected.hash


@pytest.mark.parametrize(
    ("text", "label", "names", "message"),
    [
        ("said", "mood", "sad\nsad", "the list of names names the class 'sad' twice. Name each class once"),
        ("said", "mood", "sad\n\nglad", "the list of names has an empty label"),
        ("said", "mood", "sad", "line 2 has the label 1; 1 are named, from 0 to 0"),
        ("said", "mood", "[sad", "the list of names is not JSON"),
        ("gone", "mood", NAMES, "has no column 'gone'; it has mood, said"),
        ("said", "said", "", "has one passage"),
    ],
)
def test_what_cannot_be_read_so_is_said_without_the_folder_of_the_server(tmp_path, text, label, names, message):
    file = uploading.take(_file(tmp_path))[0]
    shown = _shown(uploading.take_as(file, text, label, names))
    assert message in shown["said"] and str(tmp_path) not in shown["said"]
    assert shown["said"].startswith("**mine.csv cannot be used.**") and not shown["go"]["interactive"]
    assert shown["columns"]["visible"], "another choice may do"


def test_a_file_that_cannot_be_read_at_all_has_no_menus(tmp_path):
    (tmp_path / "mine.csv").write_text("text,text,label\na,b,c\n")
    shown = _shown(uploading.take(str(tmp_path / "mine.csv")))
    assert "mine.csv has the column 'text' more than once" in shown["said"] and not shown["columns"]["visible"]
    assert uploading.take_as(shown["file"], "text", "label", "")[0] == gr.skip()
    assert not _shown(uploading.take_none())["columns"]["visible"]


def test_what_the_menus_say_last_counts_when_extract_is_pressed(tmp_path):
    file = uploading.take_as(uploading.take(_file(tmp_path))[0], "said", "mood", NAMES)[0]
    again = uploading.as_asked(file, "said", "mood", "calm\nglad")
    assert again.problem == "" and again.corpus_hash != file.corpus_hash
    assert uploading.as_asked(file, "said", "mood", NAMES) is file
    said = library_tab.press("SmolLM2-135M-Instruct", "emoviz", "auto", file, "f" * 32, "said", "mood", "calm")[0]
    assert said.startswith("**Cannot extract.** the file of passages cannot be used") and not JOBS.seen_by("f" * 32)


@pytest.mark.parametrize("column", ["said", "--labels", "a b"])
def test_the_command_line_reads_the_file_as_the_page_does(tmp_path, column):
    file = uploading.take_as(uploading.take(_file(tmp_path, ("mood", column)))[0], column, "mood", NAMES)[0]
    parser = ArgumentParser()
    parser.add_argument("--passages")
    add_passage_columns(parser)
    given = parser.parse_args(words_of("extract", "a model", **uploading.options(file, tmp_path))[2:-2])
    assert passages_of(given, given.passages).hash == file.corpus_hash != ""
