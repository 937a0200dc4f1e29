"""A dose-response run: the texts of single calls, killed and taken up again, stored and opened as it was."""

import gzip
import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from emoviz.app.components import EMPTY
from emoviz.app.library import Library, library
from emoviz.app.tabs.steer import doses as part
from emoviz.cli import main
from emoviz.emotions import EMOTIONS
from emoviz.errors import InputError
from emoviz.experiments.dose_response import dose_response
from emoviz.judge.regimes import COLLAPSE, EXPLOSIVE, SURGICAL
from emoviz.judge.texts import judge_batch
from emoviz.process import run_command
from emoviz.readout.projection import projections
from emoviz.steer.generate import steer_texts
from emoviz.steer.grammar import UNSTEERED
from emoviz.steer.recipes import recipe
from emoviz.stimuli.scenarios import dose_prompts
from emoviz.store import responses_folder, save_set, sets_folder
from emoviz.store.kept import read_kept, write_kept
from emoviz.store.responses import (
    SUFFIX,
    delete_dose_response,
    list_dose_responses,
    load_dose_response,
    response_name,
    response_path,
    save_dose_response,
)
from emoviz.types import Decoding, DoseResponse, SteeredText, Verdict, WitnessCard
from emoviz.witness.targets import GOEMOTIONS_LABELS
from emoviz.witness.witness import Witness
from emoviz.words import counted

from .conftest import ROOT, finished, make_set

QWEN = {"Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct"}
SHIPPED = {"SmolLM2-135M-Instruct", "gemma-3-270m", *QWEN}
PROMPTS = ("the cat sat", "a red dog")
DOSES = (0.1, -0.3, 0.6)
SHORT = Decoding(5)


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _witness() -> Witness:
    """Probabilities that say which text they are of."""
    card = WitnessCard("toy", ("happy", "sad"), 0.5, 0.5, "nothing")
    return Witness(card, lambda texts: np.array([[len(t) % 7 / 7, 1 - len(t) % 7 / 7] for t in texts]))


def _run(loaded, **options) -> DoseResponse:
    given = {"decoding": SHORT, "controls": ("random",), "witness": _witness(), **options}
    return dose_response(loaded, _set_of(loaded), ["happy", "0.5 sad + 0.5 calm"], DOSES, PROMPTS, **given)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("emoviz.steer.generate.MAX_ROWS", 4)


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_a_run_is_every_text_of_single_calls_with_its_verdict_and_numbers(model, request, small_batches):
    loaded = request.getfixturevalue(model)
    vectors, found = _set_of(loaded), _run(loaded)
    assert found.doses == (-0.3, 0.0, 0.1, 0.6) and found.layer in range(loaded.n_layers)
    by = {(t.direction, t.dose, t.prompt): t for t in found.texts}
    assert len(by) == len(found.texts) == 2 * (1 + 3 * 3)
    for k, prompt in enumerate(PROMPTS):
        ids = loaded.tokenizer(prompt)["input_ids"]
        for direction in ("0.5 sad + 0.5 calm", "random"):
            for dose in DOSES[1:]:
                twin, one = steer_texts(loaded, vectors, [direction], [dose], prompt, decoding=SHORT)
                verdicts = judge_batch(loaded, [twin, one])
                text = by[direction, dose, k]
                assert (text.text, text.verdict.regime) == (one.text, verdicts[1].regime)
                assert text.verdict.ppl_ratio == pytest.approx(verdicts[1].ppl_ratio, rel=1e-4, nan_ok=True)
                assert text.leak_mass == pytest.approx(max(one.leak_mass), abs=1e-6)
                alone = projections(loaded, vectors, found.layer, ids, [one.ids])[0]
                np.testing.assert_allclose(text.projections, alone, atol=1e-5)
                np.testing.assert_allclose(text.probabilities, _witness().probabilities([one.text])[0])
        assert by["unsteered", 0.0, k].verdict.regime in ("unchanged", "empty")


def test_a_killed_run_goes_on_after_the_batches_that_it_had_written(llama, tmp_path, small_batches, monkeypatch):
    whole, said = _run(llama), []

    def killed(stage, done, total):
        said.append((stage, done, total))
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(llama, work=tmp_path, progress=killed)
    assert [p.name for p in tmp_path.glob("prompt*")] == ["prompt0-batch0.json"]
    assert not any(block._forward_hooks for block in llama.blocks) and not llama.lock.locked()
    assert (
        said[0][:2] == ("steering", 0) and said[0][2] == 20 and [d for _, d, _ in said] == sorted(d for _, d, _ in said)
    )
    begun = []
    real = __import__("emoviz.experiments.dose_response", fromlist=["generate"]).generate
    monkeypatch.setattr(
        "emoviz.experiments.dose_response.generate", lambda *args: (begun.append(args[2].rows), real(*args))[1]
    )
    again = _run(llama, work=tmp_path)
    assert begun == [4, 2, 4, 4, 2], "the first batch of the first prompt is not written again"
    assert [t.text for t in again.texts] == [t.text for t in whole.texts]
    assert [t.leak_mass for t in again.texts] == [t.leak_mass for t in whole.texts]


def test_a_kept_batch_of_other_rows_is_not_taken(llama, tmp_path, small_batches):
    _run(llama, work=tmp_path)
    rows = read_kept(tmp_path / "prompt0-batch0.json")
    rows[1]["dose"], rows[1]["text"] = 0.9, "stale"
    write_kept(tmp_path / "prompt0-batch0.json", rows)
    assert "stale" not in {t.text for t in _run(llama, work=tmp_path).texts}


def test_a_kept_batch_that_was_damaged_since_is_written_again_and_said(llama, tmp_path, small_batches, caplog):
    whole = _run(llama, work=tmp_path)
    path = tmp_path / "prompt0-batch0.json"
    good = path.read_bytes()
    for bad in (good[:-20], good.replace(b'"text": "', b'"text": "stale', 1), b"\xff" * len(good), b"[]"):
        path.write_bytes(bad)
        caplog.clear()
        assert [t.text for t in _run(llama, work=tmp_path).texts] == [t.text for t in whole.texts]
        assert "prompt0-batch0.json of an earlier run is damaged: it is made again" in caplog.text
        assert path.read_bytes() == good


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directions": ["bored"]}, "emotion 'bored' is not in"),
        ({"directions": []}, "directions .* were given. Name one or more, each once"),
        ({"directions": ["sad", "sad"]}, "each once"),
        ({"directions": ["random"]}, "each once"),
        ({"prompts": ()}, "prompts .* one or more"),
        ({"prompts": ("a cat", " ")}, "the prompt is empty"),
        ({"doses": (0.0,)}, "no dose but 0"),
        ({"doses": (3.0,)}, "dose 3 was given"),
        ({"doses": (math.nan,)}, "dose nan was given"),
        ({"prompts": ("the " * 70,)}, "reads at most 64"),
    ],
)
def test_what_cannot_be_steered_is_refused_before_the_first_text(llama, changes, message, monkeypatch):
    monkeypatch.setattr("emoviz.experiments.dose_response.generate", None)
    given = {"directions": ["sad"], "doses": (0.1,), "prompts": PROMPTS, **changes}
    with pytest.raises(InputError, match=message):
        dose_response(llama, _set_of(llama), **given, decoding=SHORT, controls=("random",))


def test_a_run_without_a_witness_says_so(llama):
    found = _run(llama, witness=None)
    assert found.witness.name == "none" and found.witness.classes == () and math.isnan(found.witness.chance)
    assert {t.probabilities for t in found.texts} == {()}


def test_a_stored_run_opens_as_it_was(llama, tmp_path):
    for witness in (_witness(), None):
        found = _run(llama, witness=witness)
        path = save_dose_response(found, tmp_path)
        assert path.name == f"{found.name}{SUFFIX}" and found.name.startswith("tiny-llama_doses_")
        opened = load_dose_response(path)
        for name in DoseResponse.__slots__:
            if name not in ("texts", "witness"):
                assert getattr(opened, name) == getattr(found, name), name
        assert replace(opened.witness, chance=0.0) == replace(found.witness, chance=0.0)
        for a, b in zip(opened.texts, found.texts, strict=True):
            assert (a.direction, a.dose, a.prompt, a.text) == (b.direction, b.dose, b.prompt, b.text)
            assert (a.verdict.regime, a.verdict.reason, a.verdict.n_tokens) == (
                b.verdict.regime,
                b.verdict.reason,
                b.verdict.n_tokens,
            )
            for name in ("ppl_ratio", "repetition", "leak"):
                assert getattr(a.verdict, name) == pytest.approx(getattr(b.verdict, name), rel=1e-3, nan_ok=True)
            np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-4)
            np.testing.assert_allclose(a.projections, b.projections, atol=1e-4)
        assert path.read_bytes() == save_dose_response(opened, tmp_path / "again").read_bytes()


def test_names_are_of_what_was_asked_for():
    vectors = make_set()
    asked = {
        "recipe": recipe(vectors), "decoding": SHORT, "prompts": PROMPTS, "directions": ("sad",), "controls": (),
        "doses": (0.0, 0.1),
    }  # fmt: skip
    other = {
        "recipe": recipe(vectors, scope="prompt"), "decoding": replace(SHORT, seed=1), "prompts": PROMPTS[:1],
        "directions": ("happy",), "controls": ("mean",), "doses": (0.0, 0.2),
    }  # fmt: skip
    other |= {"precision": "bf16"}
    names = [response_name(vectors, **{**asked, key: value}) for key, value in other.items()]
    moved = replace(vectors, provenance=replace(vectors.provenance, revision="else"))
    names += [response_name(moved, **asked), response_name(replace(vectors, name="other"), **asked)]
    assert len({response_name(vectors, **asked), *names}) == 1 + len(names)
    assert response_name(vectors, **{**asked, "doses": [0, 0.1]}) == response_name(vectors, **asked)
    assert response_name(vectors, **asked, precision="fp32") == response_name(vectors, **asked)


def test_broken_and_foreign_files_are_named_and_left_out(llama, caplog):
    folder = responses_folder()
    path = save_dose_response(_run(llama), folder)
    data = json.loads(gzip.decompress(path.read_bytes()))
    broken = {
        "cut": path.read_bytes()[:-20],
        "plain": b"{}",
        "foreign": gzip.compress(b'{"format": "else"}'),
        "list": gzip.compress(b"[]"),
        "newer": gzip.compress(json.dumps({**data, "schema_version": 99}).encode()),
        "headless": gzip.compress(json.dumps({k: v for k, v in data.items() if k != "recipe"}).encode()),
        "pointing": gzip.compress(json.dumps({**data, "texts": []}).encode()),
    }
    for name, content in broken.items():
        (folder / f"{name}_doses_{SUFFIX}").write_bytes(content)
        with pytest.raises(InputError, match=f"{name}.*cannot be read as a dose-response run"):
            load_dose_response(folder / f"{name}_doses_{SUFFIX}")
    own = [r for r in list_dose_responses() if not r.shipped]
    assert [r.model for r in own] == ["tiny-llama"] and all(name in caplog.text for name in broken)
    assert response_path(own[0]) == path
    delete_dose_response(own[0])
    assert not path.exists()
    with pytest.raises(InputError, match="cannot be deleted"):
        delete_dose_response(own[0])


@pytest.fixture
def tiny_set(llama, monkeypatch):
    """A set of the tiny model that the command finds; training its witness takes longer than a test may."""
    save_set(replace(_set_of(llama), name="tiny-set"), sets_folder())
    monkeypatch.setattr("emoviz.witness.witness.witness_for", lambda model, revision: _witness())


def _command(capsys, *words) -> dict:
    code = main(["doses", "--json", *map(str, words)])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def _uniform(classes):
    card = WitnessCard("uniform", classes, 0.5, 1 / len(classes), "nothing")
    return Witness(card, lambda texts: np.full((len(texts), len(classes)), 1 / len(classes)))


def test_the_command_makes_a_run_and_opens_it_again(capsys, llama_folder, tiny_set, monkeypatch):
    words = [llama_folder, "--emotion", "sad", "0.5 happy + 0.5 calm", "--dose", "-0.4,0.4", "--prompt", *PROMPTS]
    words += ["--max-new-tokens", "4", "--controls", "random"]
    # The real witnesses take a minute to load their models.
    for name, classes in (
        ("witness.witness_for", ("sad", "happy", "calm")),
        ("outside.outside_for", GOEMOTIONS_LABELS),
    ):
        monkeypatch.setattr(f"emoviz.witness.{name}", lambda *_, classes=classes: _uniform(classes))
    found = _command(capsys, *words)
    assert found["outside"]["name"] == "uniform" and found["rows"][0]["outside"] == pytest.approx(1 / 28, abs=1e-4)
    assert found["computed"] and found["path"] == str(responses_folder() / f"{found['response']}{SUFFIX}")
    assert (found["model"], found["set"], found["doses"]) == ("tiny-llama", "tiny-set", [-0.4, 0, 0.4])
    names = ["sad", "0.5 happy + 0.5 calm", "random"]
    assert [(r["direction"], r["dose"]) for r in found["rows"]] == [(n, d) for n in names for d in (-0.4, 0, 0.4)]
    keys = {"ppl_ratio", "repetition", "classifier", "projection", "leak", "leak_mass", "regime", "regimes"}
    assert all(keys <= set(row) and sum(row["regimes"].values()) == 2 for row in found["rows"])
    assert [w["direction"] for w in found["windows"]] == names
    assert all({"low", "high", "words", "gain"} <= set(w) for w in found["windows"])
    assert set(found["reasons"]["random"]) == {"classifier", "projection", "outside"}
    assert set(found["reasons"]["0.5 happy + 0.5 calm"]) == {"outside"}, "people gave no label for calm"
    assert not list((responses_folder().parent / "work").iterdir())
    monkeypatch.setattr("emoviz.experiments.dose_response.generate", None)
    again = _command(capsys, *words)
    assert not again.pop("computed") and found.pop("computed") and again == found


def test_a_run_that_is_there_opens_without_its_model(capsys, monkeypatch):
    vectors = replace(make_set(model="SmolLM2-135M-Instruct"), name="known")
    monkeypatch.setattr("emoviz.store.choice.list_sets", lambda: [vectors])
    monkeypatch.setattr("emoviz.models.load.load_model", None)
    doses = (0.0, 0.1)
    asked = [recipe(vectors), Decoding(), ("a cat",), ("sad",), ("random", "mean"), doses]
    said = Verdict(None, "", math.nan, 0.0, 0.0, 1)
    plain = SteeredText(UNSTEERED, 0.0, 0, "sat", said, 0.0, (), (0.0,) * len(vectors.classes))
    made = DoseResponse(
        response_name(vectors, *asked), "SmolLM2-135M-Instruct", "known", "fp32", *asked[:2],
        WitnessCard("none", (), None, math.nan, ""), ("a cat",), ("sad",), ("random", "mean"), doses,
        vectors.classes, 3,
        (plain,), 1.0, "2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    save_dose_response(made, responses_folder())
    found = _command(capsys, "smollm2-135m-instruct", "--emotion", "sad", "--dose", "0.1", "--prompt", "a cat")
    assert found["response"] == made.name and not found["computed"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "model 'nonsense' is unknown"),
        (["SmolLM2-135M-Instruct", "--dose", "lots"], "doses 'lots' were given"),
        (["SmolLM2-135M-Instruct", "--emotion", "sad +"], "Write for example calm"),
        (["SmolLM2-135M-Instruct", "--emotion", "sad", "--recipe", "x"], "recipe 'x' is unknown"),
        (["SmolLM2-135M-Instruct", "--controls", "blue"], "control 'blue' is unknown"),
        (["SmolLM2-135M-Instruct", "--layers", "99"], "layers '99' were asked for"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_loaded(capsys, words, message, monkeypatch):
    monkeypatch.setattr("emoviz.models.load.load_model", None)
    assert main(["doses", *words]) == 2
    assert message in capsys.readouterr().err


def _shipped() -> list[DoseResponse]:
    return [r for r in list_dose_responses() if r.shipped]


def test_the_default_run_of_a_bundled_model_is_shipped_and_opens_without_torch():
    program = (
        "import sys, json\nfrom emoviz.cli import main\n"
        "main(['doses', 'SmolLM2-135M-Instruct', '--json'])\n"
        "print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    result, loaded = done.stdout.splitlines()
    assert loaded == "[]" and not json.loads(result)["computed"]


def test_shipped_runs_show_all_three_regimes_and_are_small():
    for found in _shipped():
        assert found.directions == EMOTIONS and found.prompts == dose_prompts() and len(found.doses) == 9
        assert {t.verdict.regime for t in found.texts} >= {SURGICAL, COLLAPSE, EXPLOSIVE}
        assert set(EMOTIONS) <= set(found.witness.classes) and found.model not in found.witness.name
        assert response_path(found).stat().st_size < 150_000
    assert {r.model for r in _shipped()} == SHIPPED


def test_the_part_draws_the_shipped_runs():
    names = part.shipped_choice()
    curve, regimes, *texts, said = part.show(names, "sad", None)
    assert (curve.layout.meta["kind"], regimes.layout.meta["kind"]) == ("dose-response", "regimes")
    assert [t == EMPTY for t in texts] == [False, False, True, True] and said.startswith("Click a dose")
    row = texts[0]["rows"][0]
    assert [c["label"] for c in row["lines"][0]["cells"]] == ["sad", "random", "mean"]
    assert texts[0]["prompt"] == dose_prompts()[0] and all(c["reason"] for c in row["lines"][0]["cells"])
    _, _, first, *_ = part.show(names, "sad", (names[0], 0.2))
    stored = {(t.direction, t.dose): t for t in library().runs[names[0]].texts if t.prompt == 0}
    assert first["rows"][0]["lines"][0]["cells"][0]["text"] == stored["sad", 0.2].text.strip()
    assert "0.2" in first["rows"][0]["title"]


@pytest.mark.parametrize(
    ("names", "direction", "message"),
    [([], "sad", "no run is chosen"), (["../../etc/passwd"], "sad", "no run is chosen")],
)
def test_what_cannot_be_drawn_leaves_nothing_behind(names, direction, message):
    *figures, said = part.show(names, direction, None)
    assert figures == [EMPTY] * (2 + part.MAX_PROMPTS) and message in said


def test_an_emotion_that_no_run_has_leaves_the_map_alone():
    curve, regimes, *texts, said = part.show(part.shipped_choice(), "awe", None)
    assert curve == EMPTY and regimes != EMPTY and set(texts) == {EMPTY} and said.startswith("No awe in the run of")


def test_clicks_are_checked_before_they_are_believed():
    name = part.shipped_choice()[0]
    assert part.TAB.picks == {"regimes": part.pick, "dose-response": part.pick}
    assert part.pick([name, "sad", 0.02], None) == {"at": (name, 0.02), "emotion": "sad"}
    assert part.pick([name, "random", 0], None) == {"at": (name, 0.0)}
    for ids in (
        [name],
        [name, "sad", 0.021],
        [name, "awe", 0.02],
        ["else", "sad", 0.02],
        [[1], {}, None],
    ):
        assert part.pick(ids, None) == {}


def _in_this_process(capsys):
    """Stands for `run_command`: the same command without a process of its own."""

    def run(words):
        yield "loading the model"
        code = main(words)
        captured = capsys.readouterr()
        if code:
            raise InputError(captured.err.strip().splitlines()[-1].removeprefix("emoviz: "))
        return json.loads(captured.out)

    return run


def _nobody(*_):
    raise InputError("no witness is at hand")


def test_a_run_of_ones_own_is_made_and_deleted_from_the_page(llama_folder, tiny_set, monkeypatch, capsys):
    vectors = library().steerable["tiny-llama"]
    origin = replace(vectors, provenance=replace(vectors.provenance, origin=str(llama_folder)))
    monkeypatch.setattr(Library, "steerable", {"tiny-llama": origin})
    monkeypatch.setattr("emoviz.app.steer.own_runs.run_command", _in_this_process(capsys))
    # Witnesses read by other models, which takes a minute, and have tests of their own.
    monkeypatch.setattr("emoviz.witness.witness.witness_for", _nobody)
    monkeypatch.setattr("emoviz.witness.outside.outside_for", lambda *_: None)
    with pytest.raises(InputError, match="^emotion 'bored' is not in"):
        finished(part.OWN.make(part.OWN.words("tiny-llama", part.options(["bored"], "0.1", "the cat"))))
    asked = part.OWN.words("tiny-llama", part.options(["sad"], "-0.1, 0.4", "the cat\na red dog\n"))
    said, last = finished(part.OWN.make(asked))
    (name,) = [n for _, n in part.OWN.choices()]
    assert said == ["loading the model"] and last.startswith(f"{name} is stored: made in")
    curve, _, first, second, *_ = part.show([name], "sad", (name, -0.1))
    assert curve.layout.meta["kind"] == "dose-response" and (first["prompt"], second["prompt"]) == (
        "the cat",
        "a red dog",
    )
    assert first["rows"][0]["title"] == "tiny-llama, dose \u22120.1"
    assert "it was there already" in finished(part.OWN.make(asked))[1]
    n = len(library().runs[name].texts)
    assert part.OWN.what_goes(name) == f"{counted(n, 'text')} with their verdicts are removed."
    for wrong in (part.shipped_choice()[0], None):
        with pytest.raises(InputError):
            part.OWN.what_goes(wrong)
    assert part.OWN.delete(part.shipped_choice()[0]).startswith("**Cannot delete.**")
    assert part.OWN.delete(name) == f"{name} is deleted." and part.OWN.choices() == []
    assert part.OWN.delete(name).startswith("**Cannot delete.**")


def test_a_command_of_its_own_process_gives_its_result_its_complaint_and_can_be_ended(monkeypatch):
    begun = []

    def remember(*args, **options):
        begun.append(real(*args, **options))
        return begun[-1]

    real = subprocess.Popen
    monkeypatch.setattr("emoviz.process.subprocess.Popen", remember)
    steps = run_command(["list", "--json"])
    said, result = finished(steps)
    assert said[0] == "loading the model" and set(result) == {"sets", "left_out"}
    with pytest.raises(InputError, match="^set 'nonsense' is unknown"):
        list(run_command(["show", "nonsense"]))
    steps = run_command(["doses", "SmolLM2-135M-Instruct", "--dose", "0.7", "--emotion", "sad"])
    next(steps)
    steps.close()
    assert begun[-1].wait(5) != 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((None, [], "0.1", "a cat"), "no model is chosen"),
        (("SmolLM2-135M-Instruct", [], "0.1", " \n "), "the prompts are empty"),
        (("SmolLM2-135M-Instruct", [], "0.1", "a\nb\nc\nd\ne"), "5 prompts were given; up to 4 fit"),
    ],
)
def test_a_wrong_run_ends_as_one_line_on_the_page(values, message):
    said, _ = part.begin(*values, owner="f" * 32)
    assert said.startswith("**Cannot run.**") and message in said


def test_nothing_that_is_shipped_beside_the_runs_is_taken_for_one(caplog):
    assert {response.model for response in list_dose_responses() if response.shipped} == SHIPPED
    assert "left out" not in caplog.text
