"""Many texts on the page: what is uploaded, read as a job, listed for its own browser alone, shown, saved, deleted."""

import re
from types import SimpleNamespace

import pandas as pd
import plotly.graph_objects as go
import pytest

from emoviz.app import own_readings
from emoviz.app.components import Refused
from emoviz.app.jobs import JOBS
from emoviz.app.selection import first_selection, picked
from emoviz.app.tabs.read import many
from emoviz.errors import InputError
from emoviz.readout.many import read_texts
from emoviz.stats.groups import OTHERS

from .conftest import finished
from .test_many_texts import TEXTS
from .test_read import set_of

ME, YOU = "a" * 32, "b" * 32


@pytest.fixture
def mine(llama, tmp_path):
    """A table of one browser: (its name, what was read)."""
    vectors = set_of(llama)
    path = tmp_path / "diary.csv"
    rows = [(text, side) for text, side in zip(TEXTS * 2, "aaaaabbbbb", strict=True)]
    pd.DataFrame([*rows, ("", "c")], columns=["text", "side"]).to_csv(path, index=False)
    file = own_readings.looked_at(str(path))
    out = own_readings.table_for(ME, file, vectors, 2)
    found = read_texts(llama, vectors, path, out=out, layer=2, progress=False)
    ((label, name),) = own_readings.own_readings(ME)
    assert label == "diary · tiny-llama, layer 2 · 11 texts"
    return name, found


def drawn(name, **changes):
    given = {"owner": ME, "table": name, "group": None, "first": None, "second": None}
    return many.draw(first_selection(), **{**given, **changes})


def test_a_file_is_looked_at_and_its_column_asked_for_where_no_name_is_usual(tmp_path):
    path = tmp_path / "mine.csv"
    pd.DataFrame({"body": ["one", "two"], "k": [1, 2]}).to_csv(path, index=False)
    file, said, go_button, remove, column = many.take(str(path))
    assert said.startswith("**mine.csv has the columns body, k.**") and not go_button["interactive"]
    assert column["choices"] == ["body", "k"] and column["visible"] and remove["visible"]
    file, said, go_button, *_ = many.take_as(file, "body")
    assert said == "**mine.csv** holds 2 texts." and go_button["interactive"] and file.column == "body"
    file, said, go_button, *_ = many.take_as(file, "gone")
    assert "has no column 'gone'" in said and str(tmp_path) not in said and not go_button["interactive"]
    assert many.take_none()[0] is None
    large = SimpleNamespace(_data={"name": "big.csv", "bytes": 10**8})
    assert "big.csv is too large" in many.take_too_large(large)[1]
    (tmp_path / "notes.txt").write_text("a text")
    assert many.take(str(tmp_path / "notes.txt"))[1] == "**notes.txt** holds 1 text."


def test_a_reading_begins_as_a_job_by_the_first_set_at_its_layer_and_into_the_folder_of_its_browser(
    tmp_path, monkeypatch
):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"text": "a cat"}\n')
    started = []
    monkeypatch.setattr(JOBS, "start", lambda kind, label, owner, work: started.append((kind, label, owner, work)))
    asked = []
    monkeypatch.setattr(many, "run_command", lambda words: _ran(asked, words))
    view = first_selection()
    file = many.take(str(path))[0]
    said, _ = many.begin(file, "text", view, ME)
    assert said.startswith("Begun")
    kind, label, owner, work = started[0]
    assert (kind, label, owner) == ("reading", "Texts read by SmolLM2-135M-Instruct", ME)
    _, result = finished(work())
    assert result == "1,200 texts read, 3 of them not, in 4 s. See Read, Many texts."
    words = asked[0]
    out = next(word.removeprefix("--out=") for word in words if word.startswith("--out="))
    assert re.search(r"readings/[0-9a-f]{32}/mine_SmolLM2-135M-Instruct_18_[0-9a-f]{8}\.csv$", out) and ME not in out
    assert words[:2] == ["read", "--json"] and words[-2:] == ["--", "SmolLM2-135M-Instruct"]
    assert {f"--texts={path}", "--layer=18", "--text-column=text"} <= set(words)
    assert "no file of texts is chosen" in many.begin(None, None, view, ME)[0]


def _ran(asked, words):
    asked.append(words)
    yield "reading texts: 1 of 1 texts"
    return {"texts": 1200, "unread": 3, "seconds": 4.2}


def test_why_a_reading_failed_is_said_without_the_folder_of_the_server(tmp_path, monkeypatch):
    def fails(_words):
        yield "loading"
        raise InputError(f"{tmp_path}/mine.csv holds no texts. Give one or more.")

    monkeypatch.setattr(many, "run_command", fails)
    with pytest.raises(InputError, match="^mine.csv holds no texts"):
        finished(many.make(["read"], f"{tmp_path}/mine.csv"))


def test_what_was_read_is_shown_for_the_selected_emotion(mine):
    name, found = mine
    shown = drawn(name)
    emotion = first_selection().emotion
    assert isinstance(shown["distribution"], go.Figure) and "11 texts" in shown["heading"]
    assert "1 of them not read" in shown["heading"] and "No z" in shown["heading"]
    for what in ("texts", "sentences", "tokens"):
        assert shown[what]["groups"] == {0: f"Highest {what} of {emotion}"}
        assert len(shown[what]["shares"]) == len(shown[what]["rows"]) <= 10
    top = found.top(emotion)
    assert [row[2] for row in shown["texts"]["rows"]] == [text.strip() for text in top["text"]][:10]
    token = found.tops["tokens"][emotion][0]
    assert f"⟦{token.text.strip()}⟧" in shown["tokens"]["rows"][0][2]
    assert shown["compare"]["visible"] and shown["difference"] is None and not shown["first"]["visible"]


def test_a_click_on_a_mark_chooses_its_emotion(mine):
    name, _ = mine
    shown = drawn(name, group="side")
    for figure in (shown["distribution"], shown["difference"]):
        kind = figure.layout.meta["kind"]
        for trace in (trace for trace in figure.data if trace.customdata is not None):
            for ids in trace.customdata:
                click = {"kind": kind, "ids": list(ids)}
                assert picked(click, many.TAB.picks, first_selection())["emotion"] == ids[0]


def test_two_groups_are_compared_by_the_menus_and_what_cannot_be_is_said(mine):
    name, found = mine
    shown = drawn(name, group="side")
    assert isinstance(shown["difference"], go.Figure) and "a and b" in shown["difference"].layout.title.text
    assert shown["first"]["choices"] == ["a", "b"] and shown["second"]["choices"] == [OTHERS, "b"]
    shown = drawn(name, group="side", first="b", second=OTHERS)
    assert f"b and {OTHERS}" in shown["difference"].layout.title.text
    assert drawn(name, group=["side"], first={}, second=3)["difference"] is None, "a visitor can post anything"


def test_a_table_is_shown_saved_and_deleted_by_nobody_but_its_browser(mine):
    name, found = mine
    assert own_readings.own_readings(YOU) == own_readings.own_readings("") == []
    for wrong in (None, 3, "../x", f"{name}/..", name.replace("/", "/../"), "b" * 32 + "/diary", ["x"]):
        assert own_readings.readings_named(wrong) is None
        assert "Cannot save" in next(many.save(wrong))[0] and "Cannot delete" in many.delete(wrong)
    other = drawn(name, owner=YOU)
    assert other["heading"] == many.NONE and other["texts"] is None and not other["read"]["visible"]
    steps = many.save(name)
    said, file = next(steps)
    assert file["label"] == found.path.name and "MB" in said
    assert pd.read_csv(file["value"], encoding="utf-8-sig").shape[0] == found.rows
    steps.close()
    assert "11 texts" in many.what_goes(name)
    assert many.delete(name) == "diary · tiny-llama, layer 2 · 11 texts is deleted."
    assert own_readings.own_readings(ME) == [] and not found.path.exists()


def test_a_table_whose_classes_lack_the_selected_emotion_shows_another(llama, tmp_path):
    vectors = set_of(llama, classes=("up", "down", "sideways"))
    file = own_readings.Texts("x.csv", hash="0" * 64)
    read_texts(llama, vectors, TEXTS, out=own_readings.table_for(ME, file, vectors, 1), layer=1, progress=False)
    shown = drawn(own_readings.own_readings(ME)[0][1])
    assert shown["texts"]["groups"] == {0: "Highest texts of down"} or "up" in shown["texts"]["groups"][0]
    assert not isinstance(shown["distribution"], Refused)
