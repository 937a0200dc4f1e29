"""A page that strangers share: what it refuses, and that it says so before. A GPU that is lent."""

import os
import subprocess
import sys

import gradio as gr
import pytest

from emoviz.app import fetching, importing, memory
from emoviz.app.limits import OWN, check_model, limits, public_words
from emoviz.app.own_readings import looked_at
from emoviz.app.page import build
from emoviz.app.steer.request import request
from emoviz.app.tabs import library as library_tab
from emoviz.app.tabs.steer import effects, leak, texts, verification
from emoviz.commands.endpoints import steer
from emoviz.errors import InputError
from emoviz.store import save_set, sets_folder

from .conftest import ROOT, make_set

MODELS = ["SmolLM2-135M-Instruct", "gemma-3-270m"]
ASKED = {
    "prompt": "I opened the door and", "chosen": ["calm"], "controls": [], "doses": "0.02, 0.04", "models": MODELS,
    "preset": "emoviz", "layers": "window", "scope": "all", "norm": "fixed", "tokens": 40, "temperature": 0, "seed": 0,
    "chat": False,
}  # fmt: skip


@pytest.fixture(params=["SPACE_ID", "EMOVIZ_PUBLIC"])
def public(request, monkeypatch):
    monkeypatch.setenv(request.param, "1" if request.param == "EMOVIZ_PUBLIC" else "someone/emoviz")


def test_a_page_of_ones_own_has_no_limits_that_a_public_one_has():
    assert limits() == OWN and not public_words()
    assert request(**{**ASKED, "tokens": 400, "doses": ", ".join(f"0.0{k}" for k in range(1, 10))})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": 61}, "61 tokens of each text are asked for; a run on this page takes up to 60"),
        ({"doses": "0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08"}, "18 texts with the baselines .* up to 16"),
        ({"models": [*MODELS, "Qwen2.5-Coder-0.5B-Instruct"]}, "3 models are asked for; .* up to 2"),
        ({"prompt": "x" * 1001}, "1,001 letters was given; up to 1,000 are allowed"),
    ],
)
def test_a_public_page_names_the_limit_that_a_run_passes(public, changes, message):
    assert request(**ASKED)
    with pytest.raises(InputError, match=message):
        request(**{**ASKED, **changes})


def test_the_api_of_a_public_page_has_its_limits_too(public):
    for change, message in (({"max_new_tokens": 61}, "up to 60"), ({"prompt": "x" * 1001}, "up to 1,000")):
        with pytest.raises(InputError, match=message):
            steer(**{"models": MODELS, "emotions": ["calm"], "doses": [0.04], "prompt": "I", **change})


def test_every_limit_is_told_at_the_top_of_a_public_page(public):
    told = [part.value for part in build().blocks.values() if part.elem_id == "ez-told"]
    for limit in ("2 models", "600 million", "16 texts", "60 tokens", "1,000 letters", "200 texts", "200 kB"):
        assert limit in told[0]


def test_a_public_page_loads_no_large_model_and_reads_no_long_file(public, tmp_path):
    with pytest.raises(InputError, match="1,544 million parameters of Qwen.* are asked for; .* up to 600"):
        memory.model_named("Qwen2.5-Coder-1.5B-Instruct")
    assert "are asked for" in fetching.begin(["Qwen2.5-Coder-1.5B-Instruct"], "f" * 32)[0]
    check_model("Qwen2.5-Coder-0.5B-Instruct")
    many, long = tmp_path / "many.csv", tmp_path / "long.txt"
    many.write_text("text\n" + "a text\n" * 201)
    long.write_text("a text " * 30_000)
    assert "201 texts in one file are asked for; a run on this page takes up to 200" in looked_at(str(many)).problem
    assert "210 kB in one file are asked for; a run on this page takes up to 200" in looked_at(str(long)).problem


def test_a_public_page_makes_deletes_and_frees_nothing_that_all_see(public, monkeypatch):
    own = make_set("made-up", model="made-up")
    save_set(own, sets_folder())
    there = sorted(sets_folder().iterdir())
    owner, asked = "f" * 32, dict.fromkeys(importing.LABELS)
    for said in (
        library_tab.press("/etc", "emoviz", "auto", None, owner)[0],
        library_tab.begin("/etc", "emoviz", "auto", None, owner)[0],
        library_tab.delete("made-up"),
        importing.press(["/etc/hostname"], **asked)[0],
        list(importing.look(["/etc/hostname"], **asked))[-1][0],
        leak.OWN.begin(MODELS[0], [], owner)[0],
        effects.OWN.delete("anything"),
        verification.begin(MODELS[0], "auto", owner)[0],
    ):
        assert "on a page that many share" in said
    assert sorted(sets_folder().iterdir()) == there
    monkeypatch.setitem(memory.LOADED, "a", None)
    monkeypatch.setattr(texts, "in_memory", lambda: [])
    event = gr.EventData(None, {"free": "a"})
    assert texts.let_go(event)["shared"] and "a" in memory.LOADED


# A Space with ZeroGPU, without its server: a call runs in a process of its own, and what goes in and out is pickled.
_SPACES = """
import multiprocessing, pickle

def GPU(duration):
    def decorate(function):
        def call(*given):
            context = multiprocessing.get_context("fork")
            ours, theirs = context.Pipe()
            def work():
                for value in function(*pickle.loads(pickle.dumps(given))):
                    theirs.send(value)
                theirs.send(None)
            process = context.Process(target=work)
            process.start()
            while (value := ours.recv()) is not None:
                yield value
            process.join()
        return call
    return decorate
"""
_WRITES = """
import sys
from emoviz.app import gpu, memory
from emoviz.app.steer.lent import written
from emoviz.models.load import load_model
from emoviz.steer.generate import generate
from emoviz.steer.injection import offsets
from emoviz.types import Decoding
from tests.conftest import make_set

assert gpu.LENT
loaded = load_model(sys.argv[1])
memory.LOADED[loaded.name] = loaded
vectors = make_set(layers=4, width=16, model=loaded.name)
from emoviz.steer.recipes import recipe
added = offsets(vectors, [("unsteered", 0.0), ("calm", 0.5)], recipe(vectors, "emoviz"))
given = loaded, "the cat sat", added, Decoding(6)
lent, own = [[(one.texts, one.ids.tolist()) for one in write(*given)] for write in (written, generate)]
assert lent == own and len(lent) > 1
assert not any(module._forward_hooks for module in loaded.model.modules())
"""


def test_with_zerogpu_texts_are_written_in_the_process_that_has_the_gpu_and_are_the_same(tmp_path, llama_folder):
    (tmp_path / "spaces.py").write_text(_SPACES)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "SPACES_ZERO_GPU": "true", "OMP_NUM_THREADS": "2"}
    words = [sys.executable, "-c", _WRITES, str(llama_folder)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
