"""Numbers that are not finite and vectors without a direction: named, shown as missing, and the rest goes on."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz import compare, plot, vocabulary_lens
from emoviz.app.steer.writing import fill
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.experiments.dose_curves import broken_off, curves
from emoviz.experiments.dose_response import dose_response
from emoviz.experiments.effects_summary import effect_words, effects
from emoviz.experiments.leak import leak_run
from emoviz.experiments.leak_summary import leak_peak, summary
from emoviz.experiments.side_effects import side_effects
from emoviz.extract.make import extract
from emoviz.geometry import depth_curves, held_out_accuracy, pca_map, preferred_layer, rdm, rdm_of
from emoviz.judge.replies import judged_replies
from emoviz.judge.texts import judge_texts
from emoviz.models.load import load_model
from emoviz.readout.reading import read_text
from emoviz.share.figures import drawings, view_of
from emoviz.share.transcript import save_transcript
from emoviz.steer.conversation import converse
from emoviz.steer.generate import generate, steer_texts
from emoviz.steer.injection import offsets
from emoviz.steer.recipes import recipe, recipe_notes
from emoviz.store import save_set
from emoviz.store.effects import load_side_effects, save_side_effects
from emoviz.store.leaks import load_leak_run, save_leak_run
from emoviz.store.responses import load_dose_response, save_dose_response
from emoviz.types import Decoding, Question, VectorSet

from .conftest import make_set
from .test_tokenizers import ROWS


def _flat_at(vectors, layer: int):
    """The set with one and the same mean of all classes at one layer."""
    means = vectors.class_means.copy()
    means[layer] = means[layer, 0]
    return replace(vectors, class_means=means)


@pytest.fixture
def made(llama):
    return extract(llama, [*ROWS, *(("even", text.replace("ran", "under"), t) for _, text, t in ROWS[:4])],
                   save=False, progress=False)  # fmt: skip


def test_a_text_ends_where_logits_are_not_finite_and_the_other_rows_go_on(llama, made, caplog):
    calls = []

    def spoil(_module, _inputs, logits):
        calls.append(1)
        logits = logits.clone()
        if len(calls) >= 3 and len(logits) > 1:
            logits[1] = torch.nan
        return logits

    whole = steer_texts(llama, made, "up", 0.3, "the cat", decoding=Decoding(6))
    hook = llama.model.lm_head.register_forward_hook(spoil)
    with caplog.at_level(logging.WARNING, "emoviz"):
        cut = steer_texts(llama, made, "up", 0.3, "the cat", decoding=Decoding(6))
    hook.remove()
    assert cut[0].ids == whole[0].ids and cut[1].ids == whole[1].ids[:2]
    assert "1 of 2 texts end at token 3" in caplog.text and "fp32" in caplog.text
    said = "ends at token 3, where the numbers are no longer finite in fp32"
    assert [one.broken for one in cut] == ["", said] and not cut[1].finished and len(cut[1].leak_mass) == 2
    plain, pushed = judge_texts(llama, cut)
    assert pushed.verdict.reason.endswith(f"; {said}") and pushed.verdict.broken and not plain.verdict.broken
    assert cut.to_frame()["broken"].tolist() == ["", said]


def test_a_text_of_a_model_without_an_end_token_ends_there_too(llama, made, monkeypatch):
    calls = []

    def spoil(_module, _inputs, logits):
        calls.append(1)
        return torch.where(torch.arange(len(logits))[:, None, None] == (1 if len(calls) > 2 else -1), torch.nan, logits)

    monkeypatch.setattr(type(llama), "end_tokens", ())
    hook = llama.model.lm_head.register_forward_hook(spoil)
    plain, pushed = steer_texts(llama, made, "up", 0.3, "the cat", decoding=Decoding(6))
    hook.remove()
    assert len(plain.ids) == 6 and len(pushed.ids) == 2
    assert pushed.text == llama.tokenizer.decode(pushed.ids, skip_special_tokens=True)


def test_an_enormous_push_in_fp16_leaves_an_empty_text_and_the_unsteered_one(llama_folder, made):
    half = load_model(str(llama_folder), precision="fp16")
    # Beyond the largest number of the type.
    huge = replace(made, residual_norm=np.full(made.n_layers, 1e6))
    plain, pushed = judge_texts(half, steer_texts(half, huge, "up", 1.0, "the cat", decoding=Decoding(4)))
    assert len(plain.ids) > 0 and pushed.ids == () and pushed.text == ""
    assert pushed.verdict.regime == "empty" and np.isnan(pushed.verdict.ppl_ratio)


BROKEN = "the numbers are no longer finite in fp16"


@pytest.fixture
def half(llama_folder):
    """A model in fp16, and a set of it whose dose 1 is beyond the largest number of the type."""
    loaded = load_model(str(llama_folder), precision="fp16")
    vectors = make_set(layers=4, width=16, classes=("calm", "neutral", "sad"), model=loaded.name)
    of_it = replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin)
    return loaded, replace(vectors, provenance=of_it, residual_norm=np.full(4, 3e5))


def test_runs_go_on_where_texts_break_off_and_say_so_when_they_are_opened_again(half, tmp_path):
    given = {"directions": ["calm"], "doses": [0.01, 1.0], "controls": ("random",), "prompts": ("the cat",)}
    given["decoding"] = Decoding(4)
    doses = load_dose_response(save_dose_response(dose_response(*half, **given), tmp_path))
    curve = curves(doses, "calm")
    said = [broken_off(curve, d, doses.precision) for d in range(3)]
    assert said == ["", "", f"1 of 1 text broke off: {BROKEN}"] and np.isnan(curve.ppl_ratio.mean[2])
    leaks = load_leak_run(save_leak_run(leak_run(*half, **given, recipes=["emoviz"]), tmp_path))
    at = {(t.direction, t.dose): t for t in leaks.texts}
    assert at["calm", 1.0].broken == f"ends at token 1, where {BROKEN}" and not at["calm", 0.01].broken
    assert np.isnan(at["calm", 1.0].peak) and leaks.lens is None
    peak = leak_peak(summary(leaks), leaks.controls, "calm", "emoviz")
    assert peak.dose == 0.01 and np.isfinite([peak.hidden, peak.control]).all()
    asked = {"passages": ("the cat sat on a mat",), "samples": 1}
    asked["questions"] = (Question("fact", "the cat sat on", ("the mat", "a tree"), 0),)
    run = load_side_effects(save_side_effects(side_effects(*half, **given, **asked), tmp_path))
    found = effects(run)
    assert found["calm", 1.0].broken == f"1 of 1 passage, 1 of 1 question, 1 of 1 text: {BROKEN}"
    assert np.isnan([found["calm", 1.0].loss.after, found["calm", 1.0].accuracy.after, found["calm", 1.0].length]).all()
    assert not found["calm", 0.01].broken and np.isfinite(found["calm", 0.01].accuracy.after)
    assert BROKEN in effect_words(run, "calm", 1.0, "projection")[0]
    for figure in (plot.side_effects(run), plot.off_target(run), plot.dose_response(doses), plot.leak([leaks], "calm")):
        assert "NaN" not in figure.to_json() and "nan" not in figure.to_json().split()


def test_a_conversation_goes_on_where_an_answer_breaks_off(half, tmp_path):
    made = converse(*half, "calm", [0.01, 1.0], ["the cat", "a dog"], decoding=Decoding(4))
    for turn in (0, 1):
        plain, pushed, broken = judged_replies(made, turn)
        assert not plain.broken and not pushed.broken and len(pushed.ids) > 0
        assert BROKEN in broken.broken and broken.verdict.reason.endswith(broken.broken)
    lines = save_transcript([judged_replies(made, 0)], tmp_path / "said.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line, parse_constant=_no_constant)["broken"] != "" for line in lines] == [False, False, True]


def test_the_page_says_beside_a_text_that_it_broke_off(half):
    loaded, vectors = half
    rows = [("unsteered", 0.0), ("calm", 1.0)]
    *_, last = generate(loaded, "the cat", offsets(vectors, rows, recipe(vectors)), Decoding(4))
    cells = [{"text": "", "state": "", "leaks": []} for _ in rows]
    fill(cells, last, frozenset({"Latin"}), unfinished="stopped")
    assert [cell["state"] for cell in cells] == ["stopped", "broken off"]


def test_a_layer_without_directions_leaves_the_others_readable(llama, made):
    best = preferred_layer(made)
    other = next(k for k in made.finite_layers if k != best)
    reading = read_text(llama, _flat_at(made, other), "the dog ran on")
    assert np.isnan(reading.scores[other]).all() and "'down' is zero" in reading.unread_layers[other]
    np.testing.assert_array_equal(reading.scores[best], read_text(llama, made, "the dog ran on").scores[best])
    assert not reading.unread_tokens
    with pytest.raises(InputError, match=f"stands for .* cannot be read: layer {best} of .*: the vector of 'down' is"):
        read_text(llama, _flat_at(made, best), "the dog ran on")


def test_a_text_whose_states_are_not_finite_is_not_said_to_be_too_short(llama, made):
    hook = llama.blocks[0].register_forward_hook(lambda _module, _inputs, out: out * torch.nan)
    with pytest.raises(InputError, match="no state of this text is finite at layer . of tiny-llama in fp32"):
        read_text(llama, made, "the dog ran on")
    hook.remove()


def test_two_classes_of_the_same_vectors_are_at_no_distance_and_alike_to_the_third(made):
    means = made.class_means[preferred_layer(made)].copy()
    assert made.classes == ("down", "even", "up")
    means[2] = means[0]
    down_even, down_up, even_up = rdm_of(means, made.classes, "class")[0]
    assert down_up == pytest.approx(0, abs=1e-6) and down_even == pytest.approx(even_up) and down_even > 1


# Sets that no number can be had of somewhere. Their halves are spoilt as they are.

CLASSES = ("afraid", "calm", "happy", "neutral", "sad")


def _spoilt(spoil: Callable[[np.ndarray], object], **options) -> VectorSet:
    """A set of 4 layers whose means and those of its halves, (L, C, D) each, were changed in place."""
    made = make_set(layers=4, width=16, classes=CLASSES, **options)
    for means in (made.class_means, *made.half_means):
        spoil(means)
    return made


def _put(*place, value=0.0):
    return lambda means: means.__setitem__(place, value)


KINDS = {
    "all alike": lambda: _spoilt(lambda means: means.__setitem__(slice(None), means[:, :1])),
    "alike at a layer": lambda: _spoilt(lambda means: means.__setitem__(1, means[1, 0])),
    "a class in the middle": lambda: _spoilt(lambda m: m.__setitem__(np.s_[:, 1], m[:, [0, 2, 3, 4]].mean(1))),
    "two alike": lambda: _spoilt(lambda means: means.__setitem__(np.s_[:, 4], means[:, 0])),
    "equally far apart": lambda: _spoilt(lambda means: means.__setitem__(slice(None), np.eye(5, 16))),
    "zero": lambda: _spoilt(_put(slice(None))),
    "a zero class": lambda: _spoilt(_put(slice(None), 1)),
    "a layer not finite": lambda: _spoilt(_put(1, value=np.nan)),
    "a class not finite": lambda: _spoilt(_put(slice(None), 1, value=np.nan)),
    "an infinite class": lambda: _spoilt(_put(slice(None), 1, value=np.inf)),
    "nothing finite": lambda: _spoilt(_put(slice(None), value=np.nan)),
    "very long": lambda: _spoilt(lambda means: means.__imul__(1e30)),
    "one class": lambda: make_set(layers=4, width=16, classes=CLASSES[:1]),
    "two classes": lambda: make_set(layers=4, width=16, classes=CLASSES[:2]),
    "one layer": lambda: make_set(layers=1, width=16, classes=CLASSES),
    "no norms": lambda: replace(make_set(layers=4, width=16, classes=CLASSES), residual_norm=np.zeros(4)),
}
FULL = make_set("full", layers=4, width=16, classes=CLASSES, seed=1)


@pytest.fixture(params=KINDS)
def spoilt(request):
    return replace(KINDS[request.param](), name="spoilt")


def test_every_curve_and_comparison_has_a_number_or_a_reason(spoilt):
    for curve in depth_curves(spoilt).values():
        assert not np.isinf(curve.values).any() and (curve.reason or np.isfinite(curve.values).all()), curve.name
    for centring in ("class", "neutral", "none"):
        found = compare([spoilt, FULL], centring=centring, n_permutations=9, n_bootstrap=9)
        assert np.isfinite(found.rho[0, 1]) or "rho" in {one.number for one in found.missing}


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a full set"])
def test_every_figure_is_drawn_without_what_is_missing_or_says_why_not(spoilt, beside):
    for name, drawing in drawings(view_of([spoilt, FULL] if beside else [spoilt])).items():
        try:
            figure = drawing.draw_some()
        except InputError as error:
            assert str(error).endswith(".") and "nan" not in str(error).split(), name
        else:
            assert "NaN" not in figure.to_json() and "Infinity" not in figure.to_json(), name
            assert "nan" not in figure.layout.meta["description"].lower().split(), name


def _no_constant(name: str):
    pytest.fail(f"{name} is no JSON")


# What a command is refused for.
LACKING = ("and a cosine needs a direction", "an RDM needs at least 2", "(1 layers x 16), the loaded model is")


def _answer(words: list[str], capsys) -> dict | str:
    """What a command answers, or the one line in which it refuses."""
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    if code == 0:
        assert main(words) == 0 and " nan" not in capsys.readouterr().out.lower()
        return json.loads(out, parse_constant=_no_constant)
    assert code == 2 and "Traceback" not in err
    return err.strip().split("\n")[-1]


def test_every_command_answers_or_says_in_a_line_what_is_missing(
    spoilt, llama, llama_folder, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr("emoviz.models.load.load_model", lambda *_args, **_options: llama)
    for vectors in (spoilt, FULL):
        of_it = replace(vectors.provenance, model=llama.name, revision=llama.revision, origin=llama.origin)
        save_set(replace(vectors, provenance=of_it))
    pushed, short = ["--emotion", "afraid", "--dose", "0.1"], ["--max-new-tokens", "2"]
    commands = {
        "show": [], "rdm": [], "compare": ["full", "--permutations", "9", "--bootstrap", "9"],
        "lens": ["--emotion", "afraid"], "export": ["--format", "npz", "--out", str(tmp_path / "out.npz")],
        "read": ["--text", "the cat sat on a mat"], "vary": ["--template", "the {n} cat sat", "--values", "1, 2"],
        "steer": [*pushed, *short, "--prompt", "the cat", "--witness", "none"],
        "chat": [*pushed, *short, "--say", "the cat", "--witness", "none"],
        "leak": [*pushed, *short, "--prompt", "the cat"],
    }  # fmt: skip
    for name, words in commands.items():
        model = name in ("read", "vary", "steer", "leak", "chat")
        answer = _answer([name, *([str(llama_folder), "--set", "spoilt"] if model else ["spoilt"]), *words], capsys)
        assert isinstance(answer, dict) or any(why in answer for why in LACKING), f"{name}: {answer}"


@pytest.mark.parametrize("kind", ["all alike", "a class in the middle"])
def test_what_rounding_leaves_of_a_vector_is_no_direction(kind):
    vectors = KINDS[kind]()
    with pytest.raises(InputError, match="the vector of '.*' is zero, and a cosine needs a direction"):
        rdm(vectors, 2)
    curves = depth_curves(vectors)
    for name in ("mean_cosine", "rdm_std", "participation_ratio", "valence_r", "split_half_rho"):
        assert np.isnan(curves[name].values).all() and "is zero" in curves[name].reason


def test_where_all_pairs_are_equally_far_apart_nothing_correlates():
    curves = depth_curves(KINDS["equally far apart"]())
    assert np.isnan(curves["split_half_rho"].values).all() and "no spread" in curves["split_half_rho"].reason
    # Their principal axes can be turned at will.
    assert np.isnan(curves["valence_r"].values).all() and "as far as along another" in curves["valence_r"].reason
    assert np.isnan(pca_map(KINDS["equally far apart"](), 1).params["valence_r"])
    np.testing.assert_allclose(curves["mean_cosine"].values, -1 / 4, atol=1e-6)


def test_two_classes_lie_on_no_axis_by_chance_or_otherwise():
    curve = depth_curves(make_set(layers=2, classes=("happy", "sad")))["valence_r"]
    assert np.isnan(curve.values).all() and "fewer than 3 classes" in curve.reason


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_no_length_of_vectors_is_too_small_or_too_large(scale):
    plain, scaled = make_set(seed=2), make_set(seed=2, scale=scale)
    assert compare([scaled, FULL], (1, 1)).rho[0, 1] == pytest.approx(compare([plain, FULL], (1, 1)).rho[0, 1])
    np.testing.assert_allclose(rdm(scaled, 1).condensed, rdm(plain, 1).condensed, atol=1e-5)


def test_a_layer_without_directions_is_left_out_of_steering_and_of_the_lens(llama, made):
    flat = _flat_at(made, 1)
    found = recipe(flat)
    assert recipe(made).layers == (1, 2) and found.layers == (2,)
    assert "layer 1 of" in recipe_notes(found, flat)["left out"] and "left out" not in recipe_notes(recipe(made), made)
    assert list(vocabulary_lens(llama, flat, "up", top=2).raised) == [0, 2, 3]
    with pytest.raises(InputError, match="layer 1 of .*: the vector of 'down' is zero"):
        steer_texts(llama, flat, "up", 0.3, "the cat", recipe(flat, layers=1))


def test_passages_that_are_all_alike_or_of_one_topic_are_not_decoded():
    states = np.random.default_rng(0).normal(size=(6, 4))
    emotions, topics = ("up", "down") * 3, ("a", "a", "b", "b", "c", "c")
    assert held_out_accuracy(states, emotions, topics) >= 0
    assert np.isnan(held_out_accuracy(np.tile(states[0], (6, 1)), emotions, topics))
    assert np.isnan(held_out_accuracy(states, emotions, ("a",) * 6))
