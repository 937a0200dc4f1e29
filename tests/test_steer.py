"""Steering: each row gets its own offset, the twin gets none, and no hook stays behind."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.steer.doses import parse_doses
from emoviz.steer.generate import generate, stack, steer_texts
from emoviz.steer.injection import Offsets, emotion_offsets, injected, parse_layers, window
from emoviz.steer.sets import set_for
from emoviz.store import save_set, sets_folder

from .conftest import make_set

PROMPT = "the cat sat on"


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _texts(loaded, offsets, **options):
    *_, last = generate(loaded, PROMPT, offsets, max_new_tokens=8, **options)
    return last.texts


def _nothing(rows):
    return Offsets({}, rows)


@pytest.fixture
def offsets(llama):
    return emotion_offsets(_set_of(llama), "angry", [0.0, 0.3, -0.3, 1.0], range(llama.n_layers))


def test_offset_is_dose_times_norm_times_unit_vector(llama):
    vectors = _set_of(llama)
    rows = emotion_offsets(vectors, "angry", [0.0, 0.05, -0.1], [2]).by_layer[2]
    assert not rows[0].any()
    np.testing.assert_allclose(
        np.linalg.norm(rows, axis=1), np.array([0, 0.05, 0.1]) * vectors.residual_norm[2], rtol=1e-5
    )
    centred = vectors.class_means[2] - vectors.class_means[2].mean(0)
    direction = centred[vectors.classes.index("angry")]
    assert rows[1] @ direction / np.linalg.norm(rows[1]) / np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    assert rows[2] @ direction < 0


def test_scaling_a_sets_vectors_changes_no_offset(llama):
    plain, scaled = (emotion_offsets(_set_of(llama, scale=s), "sad", [0.1], [1]).by_layer[1] for s in (1.0, 1000.0))
    np.testing.assert_allclose(plain, scaled, atol=1e-5)


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_injection_adds_the_rows_own_offset_to_every_token(model, request):
    loaded = request.getfixturevalue(model)
    ids = torch.tensor([[3, 4, 5]] * 3)
    offset = torch.randn(3, loaded.d_model, generator=torch.Generator().manual_seed(0))
    seen = []
    layer = loaded.n_layers - 1
    watch = loaded.blocks[layer].register_forward_hook(
        lambda _m, _i, out: seen.append(out if torch.is_tensor(out) else out[0])
    )
    with torch.inference_mode():
        loaded.model(ids)
        with injected(loaded, {layer: offset}):
            loaded.model(ids)
    watch.remove()
    np.testing.assert_allclose((seen[1] - seen[0]).numpy(), offset[:, None].expand(3, 3, -1).numpy(), atol=1e-5)


def test_unsteered_row_equals_plain_generation_by_transformers(llama, offsets):
    ids = llama.tokenizer(PROMPT, return_tensors="pt").input_ids
    plain = llama.model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    assert _texts(llama, offsets)[0] == llama.tokenizer.decode(plain, skip_special_tokens=True)


def test_rows_of_one_batch_equal_single_runs(llama, offsets):
    together = _texts(llama, offsets)
    for row in range(offsets.rows):
        alone = Offsets({layer: rows[[row]] for layer, rows in offsets.by_layer.items()}, 1)
        assert _texts(llama, alone)[0] == together[row]


def test_a_large_dose_changes_the_text_and_a_zero_dose_does_not(llama, offsets):
    texts = _texts(llama, offsets)
    assert texts[3] != texts[0]
    zero = emotion_offsets(_set_of(llama), "angry", [0.0, 0.0], range(4))
    assert set(_texts(llama, zero)) == {texts[0]}


def test_sampled_rows_share_their_noise(llama):
    same = _texts(llama, _nothing(4), temperature=1.0, seed=3)
    assert len(set(same)) == 1
    assert same == _texts(llama, _nothing(4), temperature=1.0, seed=3)
    assert {_texts(llama, _nothing(1), temperature=1.0, seed=s) for s in range(6)} != {same[:1]}


def test_texts_grow_token_by_token_and_stop_when_the_caller_stops(llama, offsets):
    steps = generate(llama, PROMPT, offsets, max_new_tokens=30)
    first, second = next(steps), next(steps)
    assert all(b.startswith(a) for a, b in zip(first.texts, second.texts, strict=True))
    steps.close()
    assert not any(block._forward_hooks for block in llama.blocks) and not llama.lock.locked()


def test_a_row_that_has_ended_writes_nothing_more(llama):
    end = llama.tokenizer.eos_token_id
    with torch.no_grad():
        llama.model.lm_head.weight.zero_()
        llama.model.lm_head.weight[end] = 1.0
        llama.model.model.norm.weight.zero_()
    steps = list(generate(llama, PROMPT, _nothing(2), max_new_tokens=5))
    if steps[-1].finished == (True, True):
        assert len(steps) < 5 and steps[-1].texts == ("", "")


def test_two_interleaved_runs_on_one_model_do_not_mix(llama, offsets):
    expected = (_texts(llama, offsets), _texts(llama, _nothing(2)))
    runs = [generate(llama, PROMPT, o, max_new_tokens=8) for o in (offsets, _nothing(2))]
    last = [None, None]
    for _ in range(8):
        last = [next(run, kept) for run, kept in zip(runs, last, strict=True)]
    assert tuple(partial.texts for partial in last) == expected


def test_logits_after_a_failure_in_mid_run_equal_those_before(llama, offsets, monkeypatch):
    ids = torch.tensor([[3, 4, 5]])
    with torch.inference_mode():
        before = llama.model(ids).logits
    steps = generate(llama, PROMPT, offsets, max_new_tokens=8)
    next(steps)

    def boom(*_args, **_kwargs):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(llama.model.model.layers[2].mlp, "forward", boom)
        with pytest.raises(RuntimeError, match="boom"):
            next(steps)
    with torch.inference_mode():
        torch.testing.assert_close(llama.model(ids).logits, before)
    assert not llama.lock.locked()


def test_steer_labels_every_emotion_and_dose(llama):
    made = steer_texts(llama, _set_of(llama), ["sad", "happy"], [0.0, 0.5], PROMPT, [1, 2], max_new_tokens=4)
    assert [(g.emotion, g.dose) for g in made] == [("sad", 0.0), ("sad", 0.5), ("happy", 0.0), ("happy", 0.5)]
    assert made[0].text == made[2].text


def test_stacked_offsets_keep_their_rows():
    parts = [Offsets({0: np.full((2, 3), k)}, 2) for k in (1.0, 2.0)]
    assert stack(parts).by_layer[0][:, 0].tolist() == [1, 1, 2, 2]


def test_layers_are_read_from_words_and_numbers():
    assert parse_layers("window", 30) == window(30) == tuple(range(10, 21))
    assert parse_layers("all", 3) == (0, 1, 2)
    assert parse_layers("2", 3) == (2,)
    assert parse_layers("4-6", 30) == (4, 5, 6)


@pytest.mark.parametrize("text", ["", "x", "3-1", "30", "5-", "-1", "1,2", "0-99999999999", "9" * 5000])
def test_wrong_layers_are_refused(text):
    with pytest.raises(InputError, match="window, all, one layer or a range"):
        parse_layers(text, 30)


@pytest.mark.parametrize("text", ["", "a", "0,,1", "nan", "inf", "1.5", "-2"])
def test_wrong_doses_are_refused(text):
    with pytest.raises(InputError, match="dose"):
        parse_doses(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "  "}, "the prompt is empty"),
        ({"prompt": "the " * 60}, "the prompt has 60 tokens and 8 more were asked for; tiny-llama reads at most 64"),
        ({"max_new_tokens": 0}, "0 new tokens were asked for; 1 to 400"),
        ({"temperature": -1}, "temperature -1 was given"),
    ],
)
def test_wrong_generation_input_is_refused_at_the_call(llama, options, message):
    with pytest.raises(InputError, match=message):
        generate(llama, **{"prompt": PROMPT, "offsets": _nothing(1), "max_new_tokens": 8, **options})


def test_unknown_emotion_and_foreign_set_are_refused(llama):
    with pytest.raises(InputError, match="emotion 'bored' is not in"):
        steer_texts(llama, _set_of(llama), ["bored"], [0.1], PROMPT, [1])
    with pytest.raises(
        InputError, match="was made from made-up @01234567 .6 layers x 32., the loaded model is tiny-llama"
    ):
        steer_texts(llama, make_set(), ["sad"], [0.1], PROMPT, [1])


def test_a_set_of_other_weights_under_the_same_name_is_refused(llama):
    other = _set_of(llama)
    other = replace(other, provenance=replace(other.provenance, revision="f" * 64))
    with pytest.raises(InputError, match="vectors do not carry over between models"):
        steer_texts(llama, other, ["sad"], [0.1], PROMPT, [1])


def test_a_set_with_the_asked_emotions_steers_before_one_without(llama):
    save_set(replace(_set_of(llama), name="usual"), sets_folder())
    save_set(replace(_set_of(llama, classes=("awe", "spite", "sad")), name="own"), sets_folder())
    assert set_for(llama, ["awe"]).name == "own" and set_for(llama, ["happy"]).name == "usual"


def test_a_trailing_comma_is_no_dose():
    assert parse_doses("0, 0.03,") == [0.0, 0.03]


def test_the_set_that_steers_is_the_models_own(llama):
    with pytest.raises(InputError, match="there is no vector set of tiny-llama"):
        set_for(llama)
    save_set(replace(_set_of(llama), name="mine"), sets_folder())
    other = _set_of(llama)
    save_set(replace(other, name="other", provenance=replace(other.provenance, revision="else")), sets_folder())
    assert set_for(llama).name == "mine"
