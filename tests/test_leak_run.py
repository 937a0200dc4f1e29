"""Leak runs: what a steered model nearly writes, by script, beside what it writes, stored and opened again."""

import gzip
import json
import math
from dataclasses import replace

import numpy as np
import pytest

import emoviz as ez
from emoviz.cli import main
from emoviz.experiments.leak_summary import summary
from emoviz.store import responses_folder, save_set, sets_folder
from emoviz.store.leaks import SUFFIX, load_leak_run
from emoviz.types import Span

from .conftest import leaking_model, make_set

PROMPTS = ("the cat", "the cat the")
STEPS = ez.Decoding(3)


def _set_of(model):
    vectors = make_set("leaks", layers=4, width=16, model=model.name, classes=("down", "neutral", "up"), scale=100)
    provenance = replace(vectors.provenance, revision=model.revision, origin=model.origin)
    return replace(vectors, provenance=provenance)


def _run(tmp_path, push=-0.5, **changes):
    model = leaking_model(tmp_path, push)
    given = {"directions": ["up"], "doses": [0.2, 0.0, 0.1], "prompts": PROMPTS, "decoding": STEPS, **changes}
    return ez.leak_run(model, _set_of(model), **given)


@pytest.mark.parametrize("push", [-0.5, 0.5])
def test_a_leak_is_told_by_script_and_from_the_token_where_it_starts(tmp_path, push):
    run = _run(tmp_path, push)
    rows = [(t.recipe, t.prompt, t.direction, t.dose) for t in run.texts]
    one = [("unsteered", 0.0), ("up", 0.1), ("up", 0.2), ("random", 0.1), ("random", 0.2)]
    assert rows == [(recipe, k, *row) for recipe in ("emoviz", "jeong2026a") for k in (0, 1) for row in one]
    weights = np.exp([5.0, 5.0 + push, *[0.0] * 30])
    for text in run.texts:
        assert text.hidden == pytest.approx(
            {"Han": weights[1] / weights.sum(), "Cyrillic": 1 / weights.sum()}, rel=1e-4
        )
        assert list(text.hidden) == ["Han", "Cyrillic"]
        assert text.mass == pytest.approx([(weights[1] + 1) / weights.sum()] * 3, rel=1e-4)
        assert text.peak == pytest.approx(text.mass[0]) and text.starts == 1
        assert text.visible == ({"Han": 1.0} if push > 0 else {})
        assert text.pieces == (("安宁",) * 3 if push > 0 else ())
        assert text.spans == ((Span(0, len(text.text), "Han"),) if push > 0 else ())


def test_a_model_that_leaks_nothing_starts_nowhere(llama):
    run = ez.leak_run(llama, _set_of(llama), ["up"], [0.1], ["the cat"], ["emoviz"], STEPS, controls=())
    assert [(t.peak, t.starts, t.visible, t.hidden) for t in run.texts] == [(0.0, None, {}, {})] * 2
    assert run.to_frame()["script"].tolist() == [None, None]


def test_a_summary_is_the_mean_over_prompts_and_the_earliest_start(tmp_path):
    run = _run(tmp_path)
    texts = [
        replace(t, mass=(0.0, 0.02 * (1 + t.prompt), 0.3), starts=2 + t.prompt, hidden={"Han": 0.1 * (1 + t.prompt)},
                visible={"Han": 0.5} if t.prompt else {})
        for t in run.texts
    ]  # fmt: skip
    (row, *others) = summary(replace(run, texts=tuple(texts)))
    assert len(others) == 9 and (row["direction"], row["dose"], row["texts"], row["starts"]) == ("unsteered", 0.0, 2, 2)
    assert (row["visible"], row["hidden"]) == (0.25, 0.3) and row["scripts"] == pytest.approx({"Han": 0.15})


def test_a_run_comes_back_from_its_file_as_it_was(tmp_path):
    run = _run(tmp_path)
    path = ez.save_leak_run(run)
    (opened,) = [one for one in ez.list_leak_runs() if not one.shipped]
    assert [one.model for one in ez.list_leak_runs()[:3]] == [
        "Qwen2.5-Coder-0.5B-Instruct", "SmolLM2-135M-Instruct", "gemma-3-270m",
    ]  # fmt: skip
    assert path == responses_folder() / f"{run.name}{SUFFIX}" and repr(opened) == repr(run)
    for name in run.__slots__:
        if name != "texts":
            assert getattr(opened, name) == getattr(run, name), name
    for a, b in zip(opened.texts, run.texts, strict=True):
        assert replace(a, mass=(), hidden={}) == replace(b, mass=(), hidden={})
        np.testing.assert_allclose([*a.mass, *a.hidden.values()], [*b.mass, *b.hidden.values()], atol=1e-5)
    assert path.read_bytes() == ez.save_leak_run(opened, tmp_path / "again").read_bytes()
    data = json.loads(gzip.decompress(path.read_bytes()))
    for broken, message in (
        ({**data, "format": "other"}, "something else"),
        ({**data, "schema_version": 9}, "version 9"),
    ):
        path.write_bytes(gzip.compress(json.dumps(broken).encode()))
        with pytest.raises(ez.InputError, match=rf"cannot be read as a leak run .*{message}.*Run emoviz leak again"):
            load_leak_run(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompts": []}, "prompts .* were given. Name one or more, each once"),
        ({"prompts": ["the cat"] * 2}, "prompts .* each once"),
        ({"directions": ["up", "random"]}, "directions and controls .* each once"),
        ({"recipes": []}, "recipes .* Name one or more"),
        ({"recipes": ["loud"]}, "recipe 'loud'"),
        ({"doses": [0.0]}, "no dose but 0"),
        ({"doses": [math.nan]}, "dose"),
        ({"directions": ["sideways"]}, "sideways"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_written(llama, changes, message, monkeypatch):
    monkeypatch.setattr("emoviz.experiments.leak.generate", None)
    given = {"directions": ["up"], "doses": [0.1], "prompts": PROMPTS, **changes}
    with pytest.raises(ez.InputError, match=message):
        ez.leak_run(llama, _set_of(llama), **given)


def test_an_interrupted_run_goes_on_after_its_last_batch(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    whole = _run(tmp_path / "a", work=work)
    monkeypatch.setattr("emoviz.experiments.leak.generate", None)
    again = _run(tmp_path / "b", work=work)
    assert again.texts == whole.texts


def test_the_command_makes_a_run_and_opens_it_again(capsys, llama, llama_folder):
    save_set(_set_of(llama), sets_folder())
    words = ["leak", str(llama_folder), "--emotion", "up", "--dose", "0.1,0.2", "--prompt", *PROMPTS]
    words += ["--max-new-tokens", "3", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["computed"] and found["recipes"] == ["emoviz", "jeong2026a"] and found["threshold"] == 0.01
    assert len(found["rows"]) == 2 * 2 * 5 and len(found["summary"]) == 2 * 5
    contract = {"emotion", "dose", "recipe", "visible", "hidden", "by_script", "first_step", "text"}
    assert contract | {"control", "prompt", "gloss", "spans"} <= set(found["rows"][0])
    assert found["rows"][0]["emotion"] == "unsteered" and found["rows"][0]["prompt"] == PROMPTS[0]
    means = {"recipe", "direction", "dose", "visible", "hidden", "scripts", "starts", "texts", "broken"}
    assert means == set(found["summary"][0])
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert not again.pop("computed") and found.pop("computed") and again == found
    assert main(words[:-1]) == 0
    said = capsys.readouterr().out
    assert "recipe jeong2026a, hidden leak in %" in said and "random (control)" in said and "made before" in said
    assert main([*words, "--recipe", "loud"]) == 2
    assert "recipe 'loud' is unknown; emoviz, jeong2026a are allowed" in capsys.readouterr().err


def test_the_shipped_runs_open_without_their_models_and_show_where_the_leak_is_the_emotions_own(capsys, monkeypatch):
    monkeypatch.setattr("emoviz.models.load.load_model", None)
    found, most = {}, {}
    for model in ("Qwen2.5-Coder-0.5B-Instruct", "SmolLM2-135M-Instruct", "gemma-3-270m"):
        assert main(["leak", model, "--precision", "bf16", "--json"]) == 0
        run = json.loads(capsys.readouterr().out)
        assert not run["computed"] and len(run["summary"]) == 2 * (1 + 21 * 4) == len(run["rows"]) / 2
        found[model] = rows = [row for row in run["summary"] if row["recipe"] == "jeong2026a"]
        assert max(row["hidden"] for row in run["summary"] if row["recipe"] == "emoviz") < 0.05
        most[model] = {d: max(r["hidden"] for r in rows if r["direction"] == d) for d in {r["direction"] for r in rows}}
    qwen, smol, gemma = most.values()
    assert (
        qwen["unsteered"] < 0.02
        and qwen["random"] < 0.1
        and min(qwen[name] for name in ("calm", "gloomy", "happy")) > 0.6
    )
    loud = [row for row in found["Qwen2.5-Coder-0.5B-Instruct"] if row["hidden"] > 0.3]
    assert loud and all(next(iter(row["scripts"])) == "Han" for row in loud)
    assert max(smol.values()) < 0.1, "SmolLM2 leaks nothing worth the name"
    assert gemma["random"] > 0.3, (
        "in Gemma any push by this recipe breaks the script, so its leaks say nothing of emotions"
    )
