"""A model on several devices gives what it gives on one, and nothing mixes tensors of two of them."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import emoviz as ez
from emoviz.models import load as load_module
from emoviz.models.load import load_model
from emoviz.readout.neighbours import latin_neighbours

from .conftest import ROOT

WORDS = ("up", "joyous"), ("down", "grim")
ROWS = [(name, f"the {word} {thing} sat .", thing) for name, word in WORDS for thing in ("cat", "dog", "mat", "tree")]


@pytest.fixture(scope="module")
def computed(llama_folder, tmp_path_factory):
    """What `two_devices` prints of a small model."""
    folder = shutil.copytree(llama_folder, tmp_path_factory.mktemp("spread") / "tiny")
    call = [sys.executable, "-m", "tests.two_devices", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_model_was_on_two_devices(computed):
    assert (computed["one"]["devices"], computed["two"]["devices"]) == (["cpu"], ["pretend:0", "pretend:1"])


@pytest.mark.parametrize(
    "what",
    [
        "states, mean",
        "states, last",
        "texts, fixed norm",
        "texts, live norm",
        "generate inside steering",
        "reading",
        "lens",
        "table of texts",
        "conversation",
        "perplexity",
        "likelihood",
    ],
)
def test_a_model_that_accelerate_spread_over_two_devices_gives_what_it_gives_on_one(computed, what):
    one, two = computed["one"][what], computed["two"][what]
    if what in ("texts, fixed norm", "texts, live norm", "conversation"):
        assert one == two and any(one)
    else:
        np.testing.assert_allclose(np.array(two, float), np.array(one, float), rtol=1e-5, atol=1e-7)
        assert np.abs(np.nan_to_num(np.array(one, float))).max() > 0


@pytest.fixture
def offloaded(llama_folder, tmp_path, monkeypatch):
    """The small model with its embedding, a block and its head on the disk; accelerate brings them where needed."""
    places = {f"model.{part}": "cpu" for part in ("layers.0", "layers.1", "layers.3", "norm", "rotary_emb")}
    places |= dict.fromkeys(("model.embed_tokens", "model.layers.2", "lm_head"), "disk")
    options = load_module._options
    monkeypatch.setattr(
        load_module,
        "_options",
        lambda *given: {**options(*given), "device_map": places, "offload_folder": str(tmp_path / "off")},
    )
    return load_model(str(llama_folder))


def test_a_model_that_lies_partly_on_the_disk_gives_what_it_gives_in_memory(llama, offloaded):
    assert {str(weights.device) for weights in offloaded.model.parameters()} == {"cpu", "meta"}
    assert offloaded.device.type == "cpu" and offloaded.revision == llama.revision
    one, two = (ez.extract(model, ROWS, save=False, progress=False) for model in (llama, offloaded))
    np.testing.assert_array_equal(two.class_means, one.class_means)
    np.testing.assert_array_equal(two.control_rdms["token embeddings"], one.control_rdms["token embeddings"])
    how = ["up", "ablate up"], [0.4], "the cat sat", "emoviz", ez.Decoding(5)
    assert ez.steer_texts(offloaded, one, *how) == ez.steer_texts(llama, one, *how)
    for read in (lambda model: ez.read_text(model, one, "a dog ran").scores, lambda model: _raised(model, one)):
        np.testing.assert_allclose(read(offloaded), read(llama), rtol=1e-5)
    assert latin_neighbours(offloaded, ["cat", "dog"]) == latin_neighbours(llama, ["cat", "dog"])


def _raised(model, vectors):
    found = ez.vocabulary_lens(model, vectors, "up", top=3).raised
    return [[change.change for change in found[layer]] for layer in sorted(found)]
