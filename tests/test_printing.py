"""Tables, strict JSON, and how far a long run is."""

import json

import numpy as np

from emoviz.commands.printing import table
from emoviz.extract import progress
from emoviz.extract.progress import Progress
from emoviz.store.jsonable import plain


def test_what_is_not_finite_becomes_null_so_that_json_stays_strict():
    value = {"a": np.array([1.0, np.nan]), "b": (np.float32(2), float("inf")), 3: {"c": np.int64(4)}}
    assert json.dumps(plain(value), allow_nan=False) == '{"a": [1.0, null], "b": [2.0, null], "3": {"c": 4}}'


def test_columns_are_aligned():
    assert table([{"a": 1, "b": "x"}, {"a": 100, "b": "y"}]).splitlines() == ["a    b", "1    x", "100  y"]


def test_a_log_gets_a_line_a_second_and_work_of_an_earlier_run_is_not_speed(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    show = Progress()
    show("reading", 0, 1000)
    show("reading", 600, 1000)  # read by an earlier run, reported at once
    for done in (620, 640, 700):
        now[0] += 0.5
        show("reading", done, 1000)
    show.close()
    assert capsys.readouterr().err.splitlines() == [
        "reading: 0 of 1000 tokens",
        "reading: 640 of 1000 tokens, 40 tokens/s, 9 s left",
    ]


def test_each_stage_counts_anew_and_its_end_is_always_told(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    show = Progress()
    for stage, done in (("writing", 0), ("writing", 10), ("reading", 0), ("reading", 5)):
        now[0] += 0.25
        show(stage, done, 10 if stage == "writing" else 5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "reading: 5 of 5 tokens, 20 tokens/s, 0 s left" and "writing: 10 of 10 tokens" in lines[1]
