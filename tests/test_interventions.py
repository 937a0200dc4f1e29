"""What is done to a row beyond adding: how it is written, what it does to the states, and what it leaves alone."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.experiments.dose_response import dose_response
from emoviz.experiments.leak import leak_run
from emoviz.models.blocks import hidden_of
from emoviz.readout.projection import axes_of
from emoviz.steer.directions import directions
from emoviz.steer.generate import generate, steer_texts
from emoviz.steer.grammar import (
    amount_words,
    control_of,
    emotions_of,
    has_amount,
    is_control,
    is_plain,
    parse_intervention,
    rows_of,
    weights_of,
)
from emoviz.steer.injection import offsets
from emoviz.steer.recipes import recipe
from emoviz.steer.steering import steering
from emoviz.types import Condition, Decoding, Intervention

from .conftest import make_set

PROMPT = "the cat sat on"
NAMES = ("afraid", "angry", "calm", "happy", "neutral")
FORMS = [
    "ablate angry",
    "clamp angry 0.3",
    "reflect angry",
    "when calm > -9 add angry 0.4",
    "angry first 3",
    "ablate angry after 2",
    "when calm < 0 clamp angry 0.2 tokens 2-4",
]


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


@pytest.fixture(params=["llama", "gpt2"])
def loaded(request):
    return request.getfixturevalue(request.param)


# How it is written.


@pytest.mark.parametrize(
    ("text", "meant", "label"),
    [
        ("calm", Intervention("add", "calm"), "calm"),
        ("add calm", Intervention("add", "calm"), "calm"),
        ("add calm -0.04", Intervention("add", "calm", -0.04), "calm"),
        ("0.7 calm + 0.3 happy", Intervention("add", "0.7 calm + 0.3 happy"), "0.7 calm + 0.3 happy"),
        ("ablate 0.7 calm + 0.3 happy", Intervention("ablate", "0.7 calm + 0.3 happy"), "ablate 0.7 calm + 0.3 happy"),
        ("  clamp calm   .05 ", Intervention("clamp", "calm", 0.05), "clamp calm"),
        ("clamp calm", Intervention("clamp", "calm"), "clamp calm"),
        ("clamp calm 0", Intervention("ablate", "calm"), "ablate calm"),
        ("clamp random 7 0.05", Intervention("clamp", "random 7", 0.05), "clamp random 7"),
        ("clamp random 7", Intervention("clamp", "random 7"), "clamp random 7"),
        ("reflect mean", Intervention("reflect", "mean"), "reflect mean"),
        (
            "when afraid > 0.1 add calm 0.04",
            Intervention("add", "calm", 0.04, Condition("afraid", True, 0.1)),
            "when afraid > 0.1 add calm",
        ),
        (
            "when 1 afraid - 1 calm <-.2 ablate angry after 10",
            Intervention("ablate", "angry", None, Condition("1 afraid - 1 calm", False, -0.2), (11, None)),
            "when 1 afraid - 1 calm < -0.2 ablate angry after 10",
        ),
        ("calm first 5", Intervention("add", "calm", None, None, (1, 5)), "calm first 5"),
        ("add calm 0.00001", Intervention("add", "calm", 0.00001), "calm"),
        ("0.00001 calm + 1 happy", Intervention("add", "0.00001 calm + 1 happy"), "0.00001 calm + 1 happy"),
        ("add calm 0.1 tokens 3 - 9", Intervention("add", "calm", 0.1, None, (3, 9)), "calm tokens 3-9"),
    ],
)
def test_an_intervention_is_read_as_it_is_meant_and_written_as_it_is_read(text, meant, label):
    found = parse_intervention(text)
    assert found == meant and found.label == label
    assert parse_intervention(found.written) == found


@pytest.mark.parametrize(
    "name", ["ablate calm", "after 5", "when x > 1 add y", "clamp", "0", "joy + pride", "calm first 3"]
)
def test_the_name_of_a_class_comes_before_all_grammar(name):
    assert parse_intervention(name, [name, "calm"]) == Intervention("add", name)
    assert weights_of(name, [name]) == {name: 1.0} and emotions_of(name, [name]) == (name,)


def test_a_class_keeps_its_name_inside_an_intervention():
    classes = ["80s nostalgia", "calm 2"]
    assert parse_intervention("ablate 80s nostalgia", classes).direction == "80s nostalgia"
    assert parse_intervention("clamp calm 2", classes) == Intervention("clamp", "calm 2")
    assert parse_intervention("clamp calm 2 0.1", classes) == Intervention("clamp", "calm 2", 0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when afraid", "letter 6 on, at 'afraid': a direction, then > or < and a number"),
        ("when afraid >", "ends too early: a number is needed after >"),
        ("when afraid > x add calm", "letter 15 on, at 'x add calm': a number"),
        ("when 3 > 0.1 calm", "letter 6 on, at '3 > 0.1 calm': '3' is no emotion"),
        ("ablate", "ends too early: a direction is needed"),
        ("when afraid > 0.1", "ends too early: a direction is needed"),
        ("ablate afraid 0.5", "letter 15 on, at '0.5': ablate takes no number"),
        ("clamp calm 7", "letter 12 on, at '7': dose 7 was given"),
        ("add calm 0", "letter 10 on, at '0': a dose of 0 adds nothing"),
        ("calm tokens 9-3", "letter 6 on, at 'tokens 9-3': written tokens are counted from 1"),
        ("calm first 0", "letter 6 on, at 'first 0'"),
        ("add clamp calm", "letter 5 on, at 'clamp calm': 'clamp' stands where an emotion is needed"),
        ("* ablate calm", "'ablate' stands where an emotion is needed"),
        ("reflect 0 calm", "letter 9 on, at '0 calm': '0 calm' is no emotion"),
        ("ablate " + "x" * 400, "an intervention of 407 letters was given; up to 300"),
    ],
)
def test_what_cannot_be_read_is_marked_by_its_letter(text, said):
    with pytest.raises(InputError) as error:
        parse_intervention(text)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_rows_controls_and_amounts_follow_the_form():
    assert rows_of("clamp calm", [0.0, 0.02]) == [("clamp calm", 0.02)]
    assert rows_of("clamp calm 0.05", [0.02, 0.04]) == [("clamp calm", 0.05)]
    assert rows_of("ablate calm", [0.02, 0.04]) == [("ablate calm", 1.0)]
    assert [amount_words(*row) for row in (("calm", 0.04), ("clamp calm", 0.05), ("ablate calm", 1.0))] == [
        "dose 0.04", "to 0.05", "",
    ]  # fmt: skip
    assert control_of("when afraid > 0.1 add calm 0.04", "random") == "when afraid > 0.1 add random 0.04"
    assert control_of("ablate afraid after 3", "random 2") == "ablate random 2 after 3"
    for text in ("random", "ablate random", "clamp mean 0.1", "when afraid > 0 add random 3"):
        assert is_control(text) and weights_of(text) is None
    assert not is_control("when random > 0 add calm")
    assert emotions_of("when afraid > 0.1 add 0.5 calm - 0.5 sad") == ("calm", "sad", "afraid")
    assert has_amount("reflect calm") and has_amount("add calm 0.1") and not has_amount("when sad > 0 add calm")
    assert is_plain("0.7 calm + 0.3 sad") and not is_plain("calm first 3")


# What it does to the states.


def _states(loaded, added, layers):
    """The states after some blocks of one pass over the prompt, under each row: layer -> (rows, tokens, D) float64."""
    from emoviz.models.prompts import prompt_ids
    from emoviz.steer.injection import injected, on_device

    ids = torch.tensor([prompt_ids(loaded, PROMPT, False)]).expand(added.rows, -1)
    found, handles = {}, []
    with loaded.inference(), injected(loaded, added, on_device(added, loaded), written=0):
        for layer in layers:

            def keep(_block, _inputs, output, layer=layer):
                found[layer] = hidden_of(output, loaded.d_model).double().numpy()

            handles.append(loaded.blocks[layer].register_forward_hook(keep))
        loaded.decoder(input_ids=ids, use_cache=False)
        for handle in handles:
            handle.remove()
    return found


def _projection(vectors, states, layer, text, norm, centring):
    """p = (h / s - c / r) . u by hand, in float64."""
    means = np.asarray(vectors.class_means[layer], np.float64)
    gone = {"class": means.mean(0), "neutral": means[vectors.classes.index("neutral")], "none": 0 * means[0]}[centring]
    (u,) = directions(vectors, text, (layer,), centring)
    s = vectors.residual_norm[layer]
    if norm == "live":
        s = np.linalg.norm(states, axis=-1).mean(-1)[..., None]
    return states @ u / s - gone @ u / vectors.residual_norm[layer]


@pytest.mark.parametrize("norm", ["fixed", "live"])
@pytest.mark.parametrize("centring", ["class", "neutral", "none"])
def test_ablation_leaves_0_clamping_gives_the_value_and_reflection_the_negative(loaded, norm, centring):
    vectors = _set_of(loaded)
    for layer in range(loaded.n_layers):
        how = replace(recipe(vectors, layers=layer, norm=norm), centring=centring)
        rows = [("unsteered", 0.0), ("ablate angry", 1.0), ("clamp angry", 0.3), ("reflect angry", 1.0)]
        states = _states(loaded, offsets(vectors, rows, how), [layer])[layer]
        before = _projection(vectors, states[0], layer, "angry", norm, centring)
        # A live norm is that of the state as it came, which the change moves.
        length = np.linalg.norm(states[0], axis=-1).mean() if norm == "live" else vectors.residual_norm[layer]
        means = np.asarray(vectors.class_means[layer], np.float64)
        gone = {"class": means.mean(0), "neutral": means[vectors.classes.index("neutral")], "none": 0 * means[0]}
        (u,) = directions(vectors, "angry", (layer,), centring)
        after = states[1:] @ u / length - gone[centring] @ u / vectors.residual_norm[layer]
        np.testing.assert_allclose(after[0], 0, atol=2e-5)
        np.testing.assert_allclose(after[1], 0.3, atol=2e-5)
        np.testing.assert_allclose(after[2], -before, atol=2e-5)
        across = states - (states @ u)[..., None] * u
        np.testing.assert_allclose(across[1:], np.broadcast_to(across[:1], across[1:].shape), atol=1e-4 * length)
        assert np.abs(before).max() > 0.01, "there was something to take away"


def test_after_ablation_a_reading_of_the_mean_length_is_0(loaded):
    vectors = _set_of(loaded)
    layer = loaded.n_layers - 1
    rows = [("unsteered", 0.0), ("ablate angry", 1.0)]
    states = _states(loaded, offsets(vectors, rows, recipe(vectors, layers=layer)), [layer])[layer]
    axes = axes_of(vectors, layer)
    scores = axes.of_pooled_states(states)[..., vectors.classes.index("angry")]
    np.testing.assert_allclose(scores[1], 0, atol=2e-5)
    assert np.abs(scores[0]).max() > 1e-3


def test_ablating_at_all_layers_leaves_0_at_every_one(loaded):
    vectors = _set_of(loaded)
    rows = [("unsteered", 0.0), ("ablate 0.5 angry - 0.5 calm", 1.0)]
    states = _states(loaded, offsets(vectors, rows, recipe(vectors, layers="all")), range(loaded.n_layers))
    for layer, found in states.items():
        p = _projection(vectors, found[1], layer, "0.5 angry - 0.5 calm", "fixed", "class")
        np.testing.assert_allclose(p, 0, atol=2e-5)


def test_a_condition_holds_where_the_reading_of_the_state_passes_it_and_nowhere_else(loaded):
    vectors = _set_of(loaded)
    layer = 1
    plain = _states(loaded, offsets(vectors, [("unsteered", 0.0)], recipe(vectors, layers=layer)), [layer])[layer][0]
    unit = plain / np.linalg.norm(plain, axis=-1, keepdims=True)
    readings = axes_of(vectors, layer).of_unit_states(unit)[:, vectors.classes.index("calm")]
    threshold = float(np.sort(readings)[len(readings) // 2 - 1 : len(readings) // 2 + 1].mean())
    rows = [(f"when calm {sign} {threshold:.6f} add angry", 0.4) for sign in "><"]
    above, below = _states(loaded, offsets(vectors, rows, recipe(vectors, layers=layer)), [layer])[layer]
    (u,) = directions(vectors, "angry", (layer,))
    moved = plain + 0.4 * vectors.residual_norm[layer] * u
    where = (readings > threshold)[:, None]
    assert 0 < where.sum() < len(where)
    np.testing.assert_allclose(above, np.where(where, moved, plain), atol=1e-4)
    np.testing.assert_allclose(below, np.where(where, plain, moved), atol=1e-4)


def _logits(loaded, vectors, rows, how):
    from emoviz.models.prompts import prompt_ids
    from emoviz.steer.injection import injected, on_device

    added = offsets(vectors, rows, how)
    ids = torch.tensor([prompt_ids(loaded, PROMPT, False)]).expand(added.rows, -1)
    with loaded.inference(), injected(loaded, added, on_device(added, loaded), written=0):
        return loaded.model(input_ids=ids).logits.numpy()


@pytest.mark.parametrize("norm", ["fixed", "live"])
def test_a_threshold_that_is_never_passed_changes_no_logit(loaded, norm):
    vectors = _set_of(loaded)
    how = recipe(vectors, layers="all", norm=norm)
    never = ["when calm > 9 add angry", "when calm < -9 clamp angry", "when random > 9 reflect angry"]
    rows = [("unsteered", 0.0), *((text, 1.0) for text in never), ("when calm > -9 add angry", 0.4), ("angry", 0.4)]
    found = _logits(loaded, vectors, rows, how)
    for k in range(1, 4):
        np.testing.assert_array_equal(found[k], found[0])
    # Always passed, it adds as without a condition.
    np.testing.assert_allclose(found[4], found[5], atol=1e-4)
    assert np.abs(found[4] - found[0]).max() > 1e-3


# Written tokens.


def _written(loaded, vectors, rows, how, steps=8):
    return deque(generate(loaded, PROMPT, offsets(vectors, rows, how), Decoding(steps)), maxlen=1).pop().ids


def test_a_window_acts_in_the_passes_that_write_its_tokens(llama, monkeypatch):
    """Each pass is compared with one that steers everything that is new in it, or nothing."""
    from emoviz.steer import injection

    vectors, how = _set_of(llama), recipe(_set_of(llama), layers=1, scope="response")
    rows = [
        ("unsteered", 0.0),
        ("angry first 2", 0.5),
        ("angry after 2", 0.5),
        ("angry tokens 2-3", 0.5),
        ("angry", 0.5),
    ]
    with_step, calls = injection.with_step, []

    def compare(output, step, added, width, positions, written, attended=None):
        changed = hidden_of(with_step(output, step, added, width, positions, written, attended), width)
        calls.append((written, (changed - hidden_of(output, width)).abs().sum(-1) > 0))
        return with_step(output, step, added, width, positions, written, attended)

    monkeypatch.setattr(injection, "with_step", compare)
    _written(llama, vectors, rows, how, steps=5)
    assert [written for written, _ in calls] == [0, 1, 2, 3, 4]
    acting = {row: [bool(moved[row].any()) for _, moved in calls] for row in range(5)}
    assert acting[0] == [False] * 5 and acting[4] == [True] * 5
    assert acting[1] == [True, True, False, False, False]
    assert acting[2] == [False, False, True, True, True]
    assert acting[3] == [False, True, True, False, False]
    first = calls[0][1]
    assert first[1].tolist() == [False] * (first.shape[1] - 1) + [True], "the prompt's last position writes the first"


@pytest.mark.parametrize("scope", ["all", "prompt", "response"])
def test_every_row_of_a_mixed_batch_is_what_it_is_alone(loaded, scope):
    vectors = _set_of(loaded)
    how = recipe(vectors, layers="all", scope=scope)
    rows = [("unsteered", 0.0), *(row for text in FORMS for row in rows_of(text, [0.4])), ("angry", 0.4)]
    together = _written(loaded, vectors, rows, how)
    for k, row in enumerate(rows):
        alone = _written(loaded, vectors, [row], how)[0]
        n = min(len(alone), together.shape[1])
        assert together[k][:n].tolist() == alone[:n].tolist(), row


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("norm", ["fixed", "live"])
def test_inside_steering_the_models_own_generate_does_the_same(loaded, form, norm):
    vectors = _set_of(loaded)
    made = steer_texts(loaded, vectors, form, 0.4, PROMPT, recipe(vectors, layers="all", norm=norm), Decoding(8))
    inputs = loaded.tokenizer([PROMPT] * 2, return_tensors="pt", return_token_type_ids=False)
    dose = None if has_amount(form) else 0.4
    with steering(loaded, vectors, form, dose, layers="all", norm=norm):
        ids = loaded.generate(**inputs, max_new_tokens=8, do_sample=False)
    new = loaded.tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert new == [made[1].text] * 2
    ids = loaded.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert loaded.tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True) == made[0].text


def test_steering_says_what_is_missing_or_too_much(llama):
    vectors = _set_of(llama)
    inputs = llama.tokenizer([PROMPT], return_tensors="pt", return_token_type_ids=False)
    with pytest.raises(InputError, match="no dose was given"), steering(llama, vectors, "angry"):
        pass
    needs_none = pytest.raises(InputError, match="'ablate angry' was given with dose 0.4, and needs none")
    with needs_none, steering(llama, vectors, ["ablate angry", "calm"], 0.4):
        pass
    with (
        pytest.raises(InputError, match="emotion 'awe' is not in"),
        steering(llama, vectors, "when awe > 0 add calm 0.1"),
    ):
        pass
    with (
        steering(llama, vectors, "angry first 3", 0.4),
        pytest.raises(InputError, match="some of the written tokens needs"),
    ):
        llama.generate(**inputs, max_new_tokens=3, use_cache=False)
    with steering(llama, vectors, ["ablate angry", "add calm 0.3"]):
        pass
    assert not llama.use.steered


def test_runs_that_go_over_doses_take_directions_alone(llama):
    with pytest.raises(InputError, match="'ablate angry' is an intervention"):
        dose_response(llama, _set_of(llama), ["ablate angry"], progress=False)
    with pytest.raises(InputError, match="'calm first 3' is an intervention"):
        leak_run(llama, _set_of(llama), ["calm first 3"], progress=False)
