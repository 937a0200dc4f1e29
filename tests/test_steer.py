"""Steering: each row gets its own offset, the twin gets none, and no hook stays behind."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.readout.projection import projections
from emoviz.steer.directions import directions
from emoviz.steer.doses import parse_doses
from emoviz.steer.generate import batch_rows, generate, generations, steer_texts
from emoviz.steer.grammar import parse_direction
from emoviz.steer.injection import Offsets, injected, offsets, on_device
from emoviz.steer.recipes import parse_layers, recipe, window
from emoviz.store import save_set, sets_folder
from emoviz.store.choice import lacking, set_for
from emoviz.types import Decoding, Recipe

from .conftest import make_set

PROMPT = "the cat sat on"


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _texts(loaded, added, **options):
    *_, last = generate(loaded, PROMPT, added, Decoding(8, **options))
    return last.texts


def _nothing(rows):
    return Offsets({}, rows)


def _angry(vectors, doses, layers, **parts):
    return offsets(vectors, [("angry", dose) for dose in doses], Recipe(tuple(layers), **parts))


@pytest.fixture
def added(llama):
    return _angry(_set_of(llama), [0.0, 0.3, -0.3, 1.0], range(llama.n_layers))


def test_offset_is_dose_times_norm_times_unit_vector(llama):
    vectors = _set_of(llama)
    rows = _angry(vectors, [0.0, 0.05, -0.1], [2]).by_layer[2]
    assert not rows[0].any()
    np.testing.assert_allclose(
        np.linalg.norm(rows, axis=1), np.array([0, 0.05, 0.1]) * vectors.residual_norm[2], rtol=1e-5
    )
    centred = vectors.class_means[2] - vectors.class_means[2].mean(0)
    direction = centred[vectors.classes.index("angry")]
    assert rows[1] @ direction / np.linalg.norm(rows[1]) / np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    assert rows[2] @ direction < 0


def test_scaling_a_sets_vectors_changes_no_offset(llama):
    plain, scaled = (_angry(_set_of(llama, scale=s), [0.1], [1]).by_layer[1] for s in (1.0, 1000.0))
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
        added = Offsets({layer: offset.numpy()}, 3)
        with injected(loaded, added, on_device(added, loaded), written=0):
            loaded.model(ids)
    watch.remove()
    np.testing.assert_allclose((seen[1] - seen[0]).numpy(), offset[:, None].expand(3, 3, -1).numpy(), atol=1e-5)


def test_unsteered_row_equals_plain_generation_by_transformers(llama, added):
    ids = llama.tokenizer(PROMPT, return_tensors="pt").input_ids
    plain = llama.model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    assert _texts(llama, added)[0] == llama.tokenizer.decode(plain, skip_special_tokens=True)


def test_rows_of_one_batch_equal_single_runs(llama, added):
    together = _texts(llama, added)
    for row in range(added.rows):
        alone = Offsets({layer: rows[[row]] for layer, rows in added.by_layer.items()}, 1)
        assert _texts(llama, alone)[0] == together[row]


def test_a_large_dose_changes_the_text_and_a_zero_dose_does_not(llama, added):
    texts = _texts(llama, added)
    assert texts[3] != texts[0]
    zero = _angry(_set_of(llama), [0.0, 0.0], range(4))
    assert set(_texts(llama, zero)) == {texts[0]}


def test_sampled_rows_share_their_noise(llama):
    same = _texts(llama, _nothing(4), temperature=1.0, seed=3)
    assert len(set(same)) == 1
    assert same == _texts(llama, _nothing(4), temperature=1.0, seed=3)
    assert {_texts(llama, _nothing(1), temperature=1.0, seed=s) for s in range(6)} != {same[:1]}


def test_texts_grow_token_by_token_and_stop_when_the_caller_stops(llama, added):
    steps = generate(llama, PROMPT, added, Decoding(30))
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
    steps = list(generate(llama, PROMPT, _nothing(2), Decoding(5)))
    if steps[-1].finished == (True, True):
        assert len(steps) < 5 and steps[-1].texts == ("", "")


def test_two_interleaved_runs_on_one_model_do_not_mix(llama, added):
    expected = (_texts(llama, added), _texts(llama, _nothing(2)))
    runs = [generate(llama, PROMPT, o, Decoding(8)) for o in (added, _nothing(2))]
    last = [None, None]
    for _ in range(8):
        last = [next(run, kept) for run, kept in zip(runs, last, strict=True)]
    assert tuple(partial.texts for partial in last) == expected


@pytest.mark.parametrize("scope", ["all", "prompt", "response"])
@pytest.mark.parametrize("fails_at", [1, 3])
def test_logits_after_a_failure_in_mid_run_equal_those_before(llama, monkeypatch, scope, fails_at):
    ids = torch.tensor([[3, 4, 5]])
    with torch.inference_mode():
        before = llama.model(ids).logits
    added = _angry(_set_of(llama), [0.0, 0.5], range(4), scope=scope, norm="live")
    steps = generate(llama, PROMPT, added, Decoding(8))
    for _ in range(fails_at - 1):
        next(steps)

    def boom(*_args, **_kwargs):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(llama.model.model.layers[2].mlp, "forward", boom)
        with pytest.raises(RuntimeError, match="boom"):
            next(steps)
    with torch.inference_mode():
        assert torch.equal(llama.model(ids).logits, before)
    assert not llama.lock.locked() and not any(block._forward_hooks for block in llama.blocks)


def test_two_people_steering_one_model_at_once_get_what_each_would_get_alone(llama, added):
    others = Offsets({layer: -rows for layer, rows in added.by_layer.items()}, added.rows, norm="live")
    expected = [_texts(llama, one) for one in (added, others)]
    got = {}

    def work(k, one):
        got[k] = [_texts(llama, one) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(k, one)) for k, one in enumerate((added, others))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(texts == expected[k] for k in got for texts in got[k]) and len(got) == 2
    assert not any(block._forward_hooks for block in llama.blocks)


def test_a_batch_is_the_twin_and_every_direction_at_every_dose(llama):
    made = steer_texts(
        llama,
        _set_of(llama),
        ["sad", "0.5 happy + 0.5 calm", "random", "mean"],
        [0.0, -0.5, 0.5],
        PROMPT,
        decoding=Decoding(4),
    )
    assert [(g.direction, g.dose) for g in made] == [
        ("unsteered", 0.0),
        *((name, dose) for name in ("sad", "0.5 happy + 0.5 calm", "random", "mean") for dose in (-0.5, 0.5)),
    ]
    assert all(len(g.ids) <= 4 and len(g.leak_mass) == len(g.ids) + g.finished for g in made)


def test_a_batch_that_is_too_large_is_written_in_parts_with_the_same_texts(llama, monkeypatch):
    given = (llama, _set_of(llama), ["sad", "happy"], [-0.5, 0.3, 1.0], PROMPT)
    whole = steer_texts(*given, decoding=Decoding(5))
    monkeypatch.setattr("emoviz.steer.generate.MAX_ROWS", 3)
    assert [g.text for g in steer_texts(*given, decoding=Decoding(5))] == [g.text for g in whole]


def _states(loaded, added, first, n_tokens=3):
    """(layers, rows, tokens, D): states after every block with the offsets, of rows that read the same tokens."""
    seen = []
    hooks = [
        block.register_forward_hook(lambda _m, _i, out: seen.append(out if torch.is_tensor(out) else out[0]))
        for block in loaded.blocks
    ]
    with torch.inference_mode(), injected(loaded, added, on_device(added, loaded), written=0 if first else 1):
        loaded.model(torch.arange(3, 3 + n_tokens).expand(added.rows, -1))
    for hook in hooks:
        hook.remove()
    return torch.stack(seen).numpy()


@pytest.mark.parametrize("model", ["llama", "gpt2"])
@pytest.mark.parametrize(
    ("scope", "first", "where"),
    [
        ("all", True, [True, True, True]),
        ("all", False, [True, True, True]),
        ("prompt", True, [True, True, True]),
        ("prompt", False, [False, False, False]),
        ("response", True, [False, False, True]),
        ("response", False, [True, True, True]),
    ],
)
def test_scope_says_which_positions_are_steered(model, scope, first, where, request):
    loaded = request.getfixturevalue(model)
    added = _angry(_set_of(loaded), [0.0, 0.4], [1], scope=scope)
    states = _states(loaded, added, first)
    change = states[1, 1] - states[1, 0]
    np.testing.assert_allclose(change, np.outer(where, added.by_layer[1][1]), atol=1e-5)


def test_response_scope_leaves_the_prompt_unread_but_steers_the_first_written_token(llama):
    vectors = _set_of(llama)
    texts = {
        scope: _texts(llama, _angry(vectors, [0.0, 1.0], range(4), scope=scope))
        for scope in ("all", "prompt", "response")
    }
    assert len({rows[0] for rows in texts.values()}) == 1, "the twin is the same in every scope"
    assert len({rows[1] for rows in texts.values()}) > 1


def test_a_live_norm_is_the_mean_length_of_each_rows_own_states(llama):
    added = _angry(_set_of(llama), [0.0, 0.2, -0.5], [2], norm="live")
    states = _states(llama, added, True)
    # The row at dose 0 is what the block put out before anything was added.
    length = np.linalg.norm(states[2, 0], axis=-1).mean()
    np.testing.assert_allclose(states[2] - states[2, :1], (length * added.by_layer[2])[:, None].repeat(3, 1), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(added.by_layer[2], axis=1), [0, 0.2, 0.5], rtol=1e-5)


def test_one_layers_vector_can_be_added_at_all_layers(llama):
    vectors = _set_of(llama)
    added = _angry(vectors, [0.1], range(4), vector_layer=2)
    one = _angry(vectors, [0.1], [2]).by_layer[2]
    for layer, rows in added.by_layer.items():
        np.testing.assert_allclose(rows, one * vectors.residual_norm[layer] / vectors.residual_norm[2], rtol=1e-5)


def test_the_papers_preset_is_all_layers_one_vector_and_a_live_norm(llama):
    vectors = _set_of(llama)
    paper = recipe(vectors, "jeong2026a")
    assert (paper.layers, paper.norm, paper.scope) == ((0, 1, 2, 3), "live", "all")
    assert paper.vector_layer in range(4)
    assert recipe(vectors) == Recipe(window(4))
    assert recipe(vectors, layers="1-2", scope="response", norm="live") == Recipe(
        (1, 2), None, "class", "response", "live"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "x"}, "recipe 'x' is unknown; emoviz, jeong2026a are allowed"),
        ({"scope": "some"}, "scope 'some' is unknown; all, prompt, response are allowed"),
        ({"norm": "big"}, "norm 'big' is unknown; fixed, live are allowed"),
        ({"layers": "9"}, "layers '9' were asked for"),
    ],
)
def test_wrong_recipes_are_refused(llama, given, message):
    with pytest.raises(InputError, match=message):
        recipe(_set_of(llama), **given)


def test_layers_that_are_not_finite_are_left_out_of_a_recipe(llama):
    vectors = _set_of(llama, nonfinite=(2,))
    assert recipe(vectors, layers="all").layers == (0, 1, 3)
    with pytest.raises(InputError, match="layer 2 of .* not finite"):
        recipe(vectors, layers="2")


def test_a_mixture_is_the_unit_sum_of_weighted_unit_vectors():
    vectors = make_set()
    calm, sad = (directions(vectors, name, (3,))[0] for name in ("calm", "sad"))
    expected = 0.7 * calm - 2 * sad
    np.testing.assert_allclose(directions(vectors, "0.7 calm - 2 sad", (3,))[0], expected / np.linalg.norm(expected))
    np.testing.assert_allclose(directions(vectors, "3 calm", (3,)), [calm])
    with pytest.raises(InputError, match="not all weights may be 0"):
        directions(vectors, "calm - calm", (3,))
    twins = replace(vectors, class_means=vectors.class_means.copy())
    twins.class_means[:, vectors.classes.index("sad")] = twins.class_means[:, vectors.classes.index("calm")]
    with pytest.raises(InputError, match="the mixture cancels out"):
        directions(twins, "calm - sad", (3,))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("calm", (("calm", 1.0),)),
        ("0.7 calm + 0.3 grateful", (("calm", 0.7), ("grateful", 0.3))),
        ("happy - .5 sad", (("happy", 1.0), ("sad", -0.5))),
        ("-2*sad", (("sad", -2.0),)),
        ("calm + calm", (("calm", 2.0),)),
        ("well-being + 2 at-ease", (("well-being", 1.0), ("at-ease", 2.0))),
    ],
)
def test_mixtures_are_read_and_written_back(text, terms):
    assert parse_direction(text).terms == terms
    assert parse_direction(parse_direction(text).label) == parse_direction(text)


@pytest.mark.parametrize("text", ["", "0.5", "0 calm", "calm +", "+ + calm", "1e999 calm" * 20, "calm - calm"])
def test_wrong_mixtures_are_refused(text):
    with pytest.raises(InputError, match="Write for example calm, or 0.7 calm"):
        parse_direction(text)


def test_random_directions_keep_the_emotions_cosines_between_layers_and_follow_their_seed():
    vectors, layers = make_set(width=64), (1, 2, 3, 4)
    found = directions(vectors, "random 3", layers)
    emotions = np.stack([directions(vectors, name, layers) for name in vectors.classes])
    expected = np.einsum("cad,cbd->ab", emotions, emotions) / len(emotions)
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-9)
    np.testing.assert_array_equal(found, directions(vectors, "random 3", layers))
    assert abs((found * directions(vectors, "random 4", layers)).sum(1)).max() < 0.6
    np.testing.assert_array_equal(directions(vectors, "random", layers), directions(vectors, "random 0", layers))


def test_the_mean_control_is_the_emotions_mean_minus_neutral():
    vectors = make_set()
    emotions = np.delete(vectors.class_means[2], vectors.classes.index("neutral"), 0).astype(float)
    expected = emotions.mean(0) - vectors.class_means[2][vectors.classes.index("neutral")]
    np.testing.assert_allclose(directions(vectors, "mean", (2,))[0], expected / np.linalg.norm(expected), atol=1e-6)
    with pytest.raises(InputError, match="has no neutral class"):
        directions(make_set(classes=("awe", "spite", "sad")), "mean", (2,))


def test_a_stopped_batch_keeps_what_it_has_written(llama, added):
    steps = generate(llama, PROMPT, added, Decoding(30))
    next(steps)
    partial = next(steps)
    steps.close()
    rows = batch_rows(["angry"], [0.3, -0.3, 1.0])
    made = generations(llama, _set_of(llama), rows, PROMPT, partial)
    assert [g.text for g in made] == list(partial.texts) and all(len(g.ids) <= 2 for g in made)


def test_layers_are_read_from_words_and_numbers():
    assert parse_layers("window", 30) == window(30) == tuple(range(10, 21))
    assert parse_layers("all", 3) == (0, 1, 2)
    assert parse_layers("2", 3) == (2,)
    assert parse_layers("4-6", 30) == (4, 5, 6)


@pytest.mark.parametrize("text", ["", "x", "3-1", "30", "5-", "-1", "1,000", "0-99999999999", "9" * 5000])
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
        ({"temperature": float("nan")}, "temperature nan was given"),
        ({"chat": True}, "tiny-llama has no chat template"),
        ({"rows": 10_000}, "10000 texts of 12 tokens with the prompt were asked for at once"),
    ],
)
def test_wrong_generation_input_is_refused_at_the_call(llama, options, message):
    with pytest.raises(InputError, match=message):
        generate(
            llama,
            options.pop("prompt", PROMPT),
            _nothing(options.pop("rows", 1)),
            Decoding(**{"max_new_tokens": 8} | options),
        )


def test_unknown_emotion_and_foreign_set_are_refused(llama):
    with pytest.raises(InputError, match="emotion 'bored' is not in"):
        steer_texts(llama, _set_of(llama), ["bored"], [0.1], PROMPT)
    with pytest.raises(
        InputError, match="was made from made-up @01234567 .6 layers x 32., the loaded model is tiny-llama"
    ):
        steer_texts(llama, make_set(), ["sad"], [0.1], PROMPT)


def test_a_set_of_other_weights_under_the_same_name_is_refused(llama):
    other = _set_of(llama)
    other = replace(other, provenance=replace(other.provenance, revision="f" * 64))
    with pytest.raises(InputError, match="Vectors do not carry over between models"):
        steer_texts(llama, other, ["sad"], [0.1], PROMPT)


def test_a_set_with_the_asked_emotions_steers_before_one_without(llama):
    save_set(replace(_set_of(llama), name="usual"), sets_folder())
    save_set(replace(_set_of(llama, classes=("awe", "spite", "sad")), name="own"), sets_folder())
    assert set_for(llama, lacking(["awe"])).name == "own" and set_for(llama, lacking(["happy"])).name == "usual"


def test_the_shipped_corpus_steers_before_others_and_then_the_newest(llama):
    """Whatever their names: by name, which comes first is a matter of hashes."""

    def keep(name, corpus, created):
        made = _set_of(llama)
        save_set(
            replace(made, name=name, provenance=replace(made.provenance, corpus=corpus, created=created)), sets_folder()
        )

    keep("a own", "own", "2026-03-01T00:00:00+00:00")
    keep("z newer", "own", "2026-04-01T00:00:00+00:00")
    assert set_for(llama).name == "z newer"
    keep("y shipped corpus", "emoviz-420", "2026-01-01T00:00:00+00:00")
    keep("b shipped corpus, newer", "emoviz-420", "2026-02-01T00:00:00+00:00")
    assert set_for(llama).name == "b shipped corpus, newer"


def test_a_set_that_is_asked_for_must_be_of_the_model(llama):
    from emoviz.store.choice import asked_set

    save_set(replace(_set_of(llama), name="mine"), sets_folder())
    other = _set_of(llama)
    save_set(replace(other, name="other", provenance=replace(other.provenance, revision="f" * 64)), sets_folder())
    assert asked_set(llama, "mine").name == "mine"
    with pytest.raises(InputError, match="set other was made from .* @ffffffff, the model is tiny-llama @"):
        asked_set(llama, "other")


def test_a_trailing_comma_is_no_dose():
    assert parse_doses("0, 0.03,") == [0.0, 0.03]


def test_the_set_that_steers_is_the_models_own(llama):
    with pytest.raises(InputError, match="there is no vector set of tiny-llama"):
        set_for(llama)
    save_set(replace(_set_of(llama), name="mine"), sets_folder())
    other = _set_of(llama)
    save_set(replace(other, name="other", provenance=replace(other.provenance, revision="else")), sets_folder())
    assert set_for(llama).name == "mine"


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_projections_are_those_of_each_text_read_alone_by_a_slow_loop(model, request):
    loaded = request.getfixturevalue(model)
    vectors = _set_of(loaded)
    prompt, rows = [3, 4, 5], [[6, 7], [], [8, 9, 10, 11], [6]]
    found = projections(loaded, vectors, 1, prompt, rows)
    means = vectors.class_means[1].astype(float)
    centre = means.mean(0)
    units = (means - centre) / np.linalg.norm(means - centre, axis=1, keepdims=True)
    seen = []
    hook = loaded.blocks[1].register_forward_hook(
        lambda _m, _i, out: seen.append(out if torch.is_tensor(out) else out[0])
    )
    with torch.inference_mode():
        for ids in rows:
            loaded.model(torch.tensor([prompt + ids]))
    hook.remove()
    for row, states in zip(found, seen, strict=True):
        scores = [
            (h / np.linalg.norm(h) - centre / vectors.residual_norm[1]) @ units.T
            for h in states[0, 3:].double().numpy()
        ]
        np.testing.assert_allclose(row, np.mean(scores, 0) if scores else np.nan, atol=1e-5)
