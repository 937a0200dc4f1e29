"""The Texts part of the Steer tab without a browser: what it writes, keeps, refuses and lets go."""

import re
import threading
import time
from collections import deque
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from emoviz.app import memory
from emoviz.app.library import library
from emoviz.app.selection import first_selection
from emoviz.app.steer import witnessing, writing
from emoviz.app.steer.writing import Job, run
from emoviz.app.tabs import library as library_tab
from emoviz.app.tabs.steer import texts
from emoviz.app.uploading import Upload
from emoviz.errors import InputError
from emoviz.judge.regimes import REGIMES
from emoviz.steer.recipes import PRESETS, recipe
from emoviz.store import save_set, sets_folder
from emoviz.types import Decoding, Generation, WitnessCard

from .conftest import finished, make_set, write_passages

FIELDS = {
    "prompt": "the cat", "chosen": ["up"], "controls": [], "doses": "0.1", "models": ["tiny-llama"], "preset": "emoviz",
    "layers": "all", "scope": "all", "norm": "fixed", "tokens": 6, "temperature": 0, "seed": 0, "chat": False,
}  # fmt: skip


def _run(job=None, **changes):
    return run(**{**FIELDS, **changes}, job=Job() if job is None else job)


def _last(**changes):
    return deque(_run(**changes), maxlen=1).pop()


def _texts(shown, k=0):
    row = shown["rows"][k]
    return [row["baseline"]["text"], *(cell["text"] for line in row["lines"] for cell in line["cells"])]


@pytest.fixture(autouse=True)
def every_update_and_no_witness(monkeypatch):
    """Each token is an update; the witness, which is trained for a minute, has tests of its own."""
    monkeypatch.setattr(writing, "_UPDATES_PER_SECOND", 1e9)
    for name in ("witnessed", "outside_witnessed"):
        monkeypatch.setattr(writing, name, lambda _loaded, rows, *_: ("nobody", [""] * len(rows)))


@pytest.fixture
def tiny(llama):
    """A set of the tiny model in the library."""
    vectors = make_set("tiny", layers=4, width=16, model=llama.name, classes=("down", "neutral", "up"), scale=100)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision, origin=llama.origin))
    save_set(vectors, sets_folder())
    memory.LOADED["tiny-llama"] = llama
    yield vectors
    memory.free("tiny-llama")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"doses": "much"}, "doses 'much' were given"),
        ({"doses": "0.1, 7"}, "dose 7 was given"),
        ({"doses": "0.1, nan"}, "'nan' is no number"),
        ({"doses": "1e999"}, "'1e999' is no number"),
        ({"doses": "0,1"}, "'0,1' may be the number 0.1 or the two 0, 1"),
        ({"tokens": "1.000"}, "number of tokens '1.000' was given, which may be 1 or 1000"),
        ({"tokens": "forty"}, "number of tokens 'forty' was given; a whole number is allowed"),
        ({"temperature": "hot"}, "temperature 'hot' was given; a number is allowed"),
        ({"seed": "0.5"}, "seed '0.5' was given; a whole number"),
        ({"models": []}, "no model is chosen"),
        ({"prompt": "   "}, "the prompt is empty"),
        ({"prompt": "cat " * 100}, "reads at most 64. Shorten it"),
        ({"models": ["nonsense"]}, "model 'nonsense' is unknown"),
        ({"chosen": [], "controls": []}, "no emotion is chosen"),
        ({"chosen": ["proud"]}, "emotion 'proud' is not in tiny"),
        ({"chosen": ["0.5 proud + 0.5 up"]}, "emotion 'proud' is not in tiny"),
        ({"chosen": ["up - up"]}, "'up - up' is no emotion or mixture"),
        ({"chosen": ["<b>"]}, "emotion '<b>' is not in tiny"),
        (
            {"doses": ",".join(f"0.{k:03}" for k in range(1, 70))},
            "70 texts with the baselines are asked for; a run on this page takes up to 64",
        ),
        ({"layers": "9"}, "layers '9' were asked for"),
        ({"scope": "some"}, "scope 'some' is unknown"),
        ({"norm": "long"}, "norm 'long' is unknown"),
        ({"preset": "mine"}, "recipe 'mine' is unknown"),
        ({"tokens": None}, "the number of tokens is empty"),
        ({"tokens": 0}, "0 new tokens were asked for"),
        ({"tokens": 4000}, "4000 new tokens were asked for"),
        ({"temperature": None}, "the temperature is empty"),
        ({"temperature": 9}, "temperature 9.0 was given"),
        ({"seed": None}, "the seed is empty"),
        ({"seed": -1}, "seed -1 was given"),
        ({"chat": True}, "chat template"),
        ({"prompt": "a " * 1001}, "a prompt of 2,002 letters was given; up to 2,000 are allowed"),
    ],
)
def test_wrong_input_ends_as_one_line_and_leaves_the_texts_that_were_written_before(tiny, changes, message):
    shown, status = _last(**changes)
    assert status.startswith("**Cannot steer.**") and message in status and "\n" not in status
    assert shown == gr.skip()


def test_a_set_of_another_model_is_refused_by_name(tiny):
    other = replace(tiny, name="other", provenance=replace(tiny.provenance, revision="f" * 16))
    save_set(other, sets_folder())
    (sets_folder() / "tiny.safetensors").unlink()
    shown, status = _last()
    assert shown == gr.skip() and "there is no vector set of tiny-llama" in status


def test_emotions_mixtures_and_controls_are_lines_of_one_batch_as_the_engine_writes_it(tiny, llama):
    from emoviz.steer.generate import steer_texts

    chosen, controls, doses = ["up", "0.7 up + 0.3 down", "1 up"], ["random", "mean"], (-0.3, 0.2, 0.5)
    shown, status = _last(chosen=chosen, controls=controls, doses="0.5, 0.2, 0, -0.3, 0.2")
    assert status.startswith("done: 13 texts")
    (row,) = shown["rows"]
    names = [("up", False), ("0.7 up + 0.3 down", False), ("random direction", True), ("mean of the emotions", True)]
    assert [(line["label"], line["control"]) for line in row["lines"]] == names
    for line in row["lines"]:
        assert [cell["label"] for cell in line["cells"]] == ["dose \u22120.3", "dose 0.2", "dose 0.5"]
    asked = ["up", "0.7 up + 0.3 down", "random", "mean"]
    made = steer_texts(llama, tiny, asked, doses, "the cat", recipe(tiny, layers="all"), Decoding(6))
    assert _texts(shown) == [one.text.strip() for one in made]
    assert row["set"] == "tiny" and "recipe emoviz, changed: layers 0-3, all positions, fixed norm" in row["note"]
    assert "greedy, no chat template, up to 6 tokens" in row["note"] and "in fp32" in row["note"]
    assert row["baseline"]["regime"] == "unchanged" and "perplexity × 1" in row["baseline"]["numbers"]
    cells = [cell for line in row["lines"] for cell in line["cells"]]
    assert all(cell["regime"] in REGIMES and cell["reason"] for cell in cells)


@pytest.fixture
def slowly(monkeypatch):
    """A model that takes its time, so that the page shows every token."""
    advance = writing._Batch.advance

    def wait_and_advance(batch):
        time.sleep(0.1)
        advance(batch)

    monkeypatch.setattr(writing._Batch, "advance", wait_and_advance)
    monkeypatch.setattr(writing, "_UPDATES_PER_SECOND", 40)


def test_texts_are_on_the_page_before_they_are_judged(tiny, slowly):
    judged = [
        ["reason" in cell for cell in (shown["rows"][0]["baseline"], *shown["rows"][0]["lines"][0]["cells"])]
        for shown, status in _run()
        if shown != gr.skip()
    ]
    assert len(judged) >= 8 and not any(judged[0]) and not any(judged[5]) and all(judged[-1])


def test_stop_keeps_what_was_written_and_judges_it(tiny, slowly):
    job, said = Job(), []
    for update in _run(job, doses="0.1, 0.4", tokens=20):
        said.append(update)
        job.stopped = job.stopped or "token 3 of 20" in update[1]
    shown, status = said[-1]
    written = int(re.match(r"stopped after (\d+) of 20 tokens", status)[1])
    assert 3 <= written <= 5
    short, _ = _last(doses="0.1, 0.4", tokens=written)
    assert _texts(shown) == _texts(short) and any(_texts(shown))
    cells = [shown["rows"][0]["baseline"], *shown["rows"][0]["lines"][0]["cells"]]
    assert all(cell["regime"] in REGIMES and cell["state"] in ("stopped", "ended") for cell in cells)


def test_stop_before_the_first_token_says_so():
    assert deque(_run(Job(stopped=True), models=["SmolLM2-135M-Instruct"]), maxlen=1).pop() == (
        gr.skip(),
        "stopped before anything was written",
    )


def test_stop_while_texts_are_judged_leaves_out_what_is_still_to_come(tiny, monkeypatch):
    job, asked, said = Job(), [], []
    monkeypatch.setattr(writing, "witnessed", lambda *_: asked.append(1))
    for update in _run(job):
        said.append(update)
        job.stopped = job.stopped or "judges its texts" in update[1]
    shown, status = said[-1]
    assert shown["rows"][0]["lines"][0]["cells"][0]["text"] and not asked and status.startswith("done")


def test_two_visitors_at_once_each_get_their_own_texts_and_their_own_stop(tiny):
    alone = [
        _texts(_last(chosen=[e], doses="0.3, 0.6", seed=s, temperature=1, tokens=12)[0])
        for e, s in (("up", 1), ("down", 2))
    ]
    jobs, ends = (Job(), Job()), {}

    def visit(k, emotion, seed):
        steps = _run(jobs[k], chosen=[emotion], doses="0.3, 0.6", seed=seed, temperature=1, tokens=12)
        ends[k] = deque(steps, maxlen=1).pop()

    threads = [threading.Thread(target=visit, args=given) for given in ((0, "up", 1), (1, "down", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [_texts(ends[k][0]) for k in (0, 1)] == alone and alone[0] != alone[1]
    first, second = _run(jobs[0], tokens=50, seed=1), _run(jobs[1], tokens=12, seed=2)
    # How many of its tokens are told depends on the machine; one is enough.
    next(status for _, status in first if "token" in status)
    jobs[0].stopped = True
    assert deque(first, maxlen=1).pop()[1].startswith("stopped after")
    assert deque(second, maxlen=1).pop()[1].startswith("done")


def test_a_model_that_is_let_go_in_mid_run_still_writes_right_and_is_loaded_again(tiny):
    whole = _texts(_last(tokens=10)[0])
    assert dict(memory.in_memory())["tiny-llama"] > 1000
    said = []
    for update in _run(tokens=10):
        said.append(update)
        if "token 4 of 10" in update[1]:
            memory.free("tiny-llama")
            assert "tiny-llama" not in dict(memory.in_memory())
    shown, _ = said[-1]
    assert _texts(shown) == whole and shown["rows"][0]["baseline"]["regime"] == "unchanged"
    again = [status for _, status in _run(tokens=10)]
    assert "tiny-llama" in dict(memory.in_memory()) and again[-1].startswith("done")


def test_a_model_that_is_being_loaded_holds_up_nobody_whose_model_is_there(tiny, monkeypatch):
    _last()
    loaded = threading.Event()
    monkeypatch.setattr(memory, "_load", lambda *_: loaded.wait(10))
    waiting = _run(models=["SmolLM2-135M-Instruct"], chosen=["sad"])
    assert next(waiting)[1].startswith("SmolLM2-135M-Instruct: loading")
    assert _last()[1].startswith("done")
    waiting.close()
    loaded.set()


def test_a_failing_pass_leaves_no_hook_and_later_texts_are_as_before(tiny, monkeypatch):
    before = _texts(_last()[0])
    loaded = memory.LOADED["tiny-llama"]
    steps = _run()
    for _, status in steps:
        if "token " in status:
            break
    with monkeypatch.context() as broken:
        broken.setattr(loaded.model.lm_head, "forward", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(steps)
    assert all(not block._forward_hooks for block in loaded.blocks)
    assert _texts(_last()[0]) == before


def test_presets_fill_the_fields_with_what_they_mean():
    for name in PRESETS:
        doses, layers, scope, norm, temperature, chat = texts.fill_preset(name)
        for vectors in library().steerable.values():
            assert recipe(vectors, name, layers=layers, scope=scope, norm=norm) == recipe(vectors, name)
        assert (temperature, chat) == (0, False) and doses.startswith("0, ")
    said = texts.summary("jeong2026a", "all", "all", "live", 40, 0.7, 3, True)
    assert said == (
        "Recipe and decoding: jeong2026a \u00b7 layers all \u00b7 scope all \u00b7 live norm \u00b7 "
        "temperature 0.7, seed 3 \u00b7 "
        "40 tokens \u00b7 chat template"
    )
    assert "greedy" in texts.summary("emoviz", "window", "all", "fixed", 40, 0, 0, False)


def test_the_emotion_on_the_left_is_followed_until_others_are_chosen():
    assert texts.follow("calm", ["sad"], "sad") == (["calm"], "calm")
    skipped = type(texts.follow("calm", ["sad", "up"], "sad")[0])
    for emotion, chosen in (("calm", ["sad", "up"]), ("calm", ["up"]), ("calm", []), ("sad", ["sad"])):
        assert all(type(part) is skipped for part in texts.follow(emotion, chosen, "sad"))


def test_leaks_are_marked_in_characters():
    own = frozenset({"Latin"})
    assert writing.leaks("she said 你好 and 🙂 да", own) == [[9, 11, "Han"], [18, 20, "Cyrillic"]]
    assert writing.leaks("she said nothing", own) == []
    assert writing.leaks("she", frozenset({"Han"})) == [[0, 3, "Latin"]]


def test_a_hidden_leak_is_said_with_its_step_and_noise_only_in_the_hover():
    made = Generation("m", "s", "sad", 0.1, "p", "t", (1, 2, 3), (0.001, 0.25, float("nan")), False)
    line, hover = writing.hidden_leak(made.leak_mass)
    assert line == "hidden leak 25 % at token 2" and hover.endswith("25 % at token 2 of 3")
    line, hover = writing.hidden_leak((0.001, 0.002))
    assert line == "" and hover.endswith("0.2 % at token 2 of 2")
    assert writing.hidden_leak(())[0] == ""


class _Event:
    def __init__(self, data):
        self._data = data


def test_a_text_is_sent_to_the_read_tab_and_other_values_are_not(tiny):
    view = replace(first_selection(), sets=("other", "tiny"), pin="other")
    text, sets, pin, tabs, part = texts.text_to_read(_Event({"text": "the cat <b>sat", "set": "tiny"}), view)
    assert (text, sets, pin) == ("the cat <b>sat", ["tiny", "other"], None)
    assert (tabs.selected, part.selected) == ("Read", "One text")
    skipped = type(texts.text_to_read(_Event(None), view)[0])
    for data in (
        None,
        "x",
        {},
        {"text": 1, "set": "tiny"},
        {"text": "x", "set": "../x"},
        {"text": "x", "set": ["tiny"]},
    ):
        assert all(type(part) is skipped for part in texts.text_to_read(_Event(data), view)), data


def test_only_models_in_memory_are_let_go(tiny):
    _last()
    assert [m["name"] for m in texts.models_in_memory()["models"]] == ["tiny-llama"]
    for data in (None, {"free": 3}, {"free": "else"}):
        assert len(texts.let_go(_Event(data))["models"]) == 1
    left = texts.let_go(_Event({"free": "tiny-llama"}))
    assert left["models"] == [] and left["held"].endswith(" GB")


def test_the_witness_says_what_rose_and_what_it_takes_controls_for(tiny, llama, monkeypatch):
    found = np.array([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [np.nan] * 3])

    class Fake:
        card = WitnessCard("head", ("up", "down", "even"), 0.5, 1 / 3, "a corpus")

        def probabilities(self, given):
            return found[: len(given)]

    monkeypatch.setattr(witnessing, "_witness", lambda model, revision: Fake())
    rows = [("unsteered", 0.0), ("up", 0.1), ("0.5 up - 1 down", 0.1), ("random", 0.1), ("up", 0.2)]
    who, lines = witnessing.witnessed(llama, rows, ["t"] * 5, ("up", "down"))
    assert who == "witness: head, accuracy 0.50 on full passages from held-out topics (chance 0.33)"
    assert lines == [
        "witness: down 0.70",
        "witness: up 0.60 (unsteered 0.10)",
        "witness: 0.5 up \u2212 1 down \u22120.20 (unsteered \u22120.65)",
        "witness: even 0.80",
        "witness: nothing that it can read",
    ]

    def nobody(*_):
        raise InputError("no witness is at hand")

    monkeypatch.setattr(witnessing, "_witness", nobody)
    assert witnessing.witnessed(llama, rows[:1], ["t"], ("up", "down")) == ("no witness: no witness is at hand", [""])


def test_a_model_that_was_read_from_a_folder_can_be_steered_by_its_name(llama_folder, tmp_path):
    rows = [
        {"emotion": e, "text": f"the {w} {n} sat on a mat .", "topic": n}
        for e, w in (("up", "joyous"), ("down", "grim"), ("even", "red"))
        for n in ("cat", "dog", "tree", "mat")
    ]
    passages = str(write_passages(tmp_path / "mine.jsonl", rows))
    _, last = finished(library_tab.extract(str(llama_folder), "emoviz", "fp32", Upload(passages)))
    assert "is in the library" in last and "tiny-llama" in library().steerable and "even" in library().classes
    shown, status = _last(tokens=3)
    assert status.startswith("done: 2 texts") and shown["rows"][0]["title"] == "tiny-llama"
    memory.free("tiny-llama")
