"""Steering inside `with`: the model's own generate is steered as our batches are, and nothing is left behind."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.extract.make import extract
from emoviz.readout.reading import read_text
from emoviz.steer.directions import direction, directions
from emoviz.steer.generate import steer_texts
from emoviz.steer.recipes import recipe
from emoviz.steer.steering import steering
from emoviz.types import Decoding, Direction, Recipe

from .conftest import make_set

PROMPT = "the cat sat on"
SCOPES = [(scope, norm) for scope in ("all", "prompt", "response") for norm in ("fixed", "live")]


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _inputs(loaded, prompts=(PROMPT,)):
    loaded.tokenizer.padding_side = "left"
    return loaded.tokenizer(list(prompts), return_tensors="pt", padding=True, return_token_type_ids=False)


def _written(loaded, prompts=(PROMPT,), **options):
    inputs = _inputs(loaded, prompts)
    options = {"max_new_tokens": 8, "do_sample": False, **options}
    ids = loaded.generate(**inputs, **options)
    return loaded.tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def _clean(loaded):
    hooked = [m for m in loaded.model.modules() if m._forward_hooks or m._forward_pre_hooks]
    return not hooked and not loaded.use.steered and not loaded.lock.locked()


@pytest.fixture(params=["llama", "gpt2"])
def loaded(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("scope", "norm"), SCOPES)
def test_the_models_own_generate_writes_what_our_batch_writes(loaded, scope, norm):
    vectors = _set_of(loaded)
    made = steer_texts(
        loaded,
        vectors,
        ["angry"],
        [0.9, -0.9],
        PROMPT,
        recipe(vectors, layers="all", scope=scope, norm=norm),
        Decoding(8),
    )
    found = []
    for dose in (0.9, -0.9):
        with steering(loaded, vectors, "angry", dose, layers="all", scope=scope, norm=norm) as used:
            found += _written(loaded)
        assert (used.scope, used.norm, used.layers) == (scope, norm, tuple(range(loaded.n_layers)))
    assert found == [one.text for one in made[1:]] and found[0] != made[0].text
    assert _clean(loaded) and _written(loaded) == [made[0].text]


def test_without_a_cache_every_pass_is_steered_as_with_one(loaded):
    vectors = _set_of(loaded)
    with steering(loaded, vectors, "angry", 0.4, layers="all"):
        assert _written(loaded) == _written(loaded, use_cache=False)
    with steering(loaded, vectors, "angry", 0.4, scope="response"), pytest.raises(InputError, match="use_cache=True"):
        _written(loaded, use_cache=False)
    assert _clean(loaded)


def test_every_row_has_its_own_dose_and_direction(loaded):
    vectors = _set_of(loaded)
    with steering(loaded, vectors, ["angry", "calm", "random"], [0.4, -0.4, 0.4], layers="all"):
        together = _written(loaded, [PROMPT] * 3)
    for text, (name, dose) in zip(together, [("angry", 0.4), ("calm", -0.4), ("random", 0.4)], strict=True):
        with steering(loaded, vectors, name, dose, layers="all"):
            assert _written(loaded) == [text]
    with steering(loaded, vectors, "angry", [0.0, 0.4], layers="all"):
        plain, steered = _written(loaded, [PROMPT] * 2)
    assert [plain] == _written(loaded) != [steered]


@pytest.mark.parametrize("options", [{"num_return_sequences": 2, "do_sample": True}, {"num_beams": 3}])
def test_rows_that_generate_repeats_keep_their_own_dose(llama, options):
    vectors, found = _set_of(llama), []

    def watch(_block, _inputs, output):
        found.append(output)

    handle = llama.blocks[0].register_forward_hook(watch)
    try:
        with steering(llama, vectors, "angry", [0.0, 1.0], layers=0):
            _written(llama, [PROMPT, PROMPT], **options)
    finally:
        handle.remove()
    first, n = found[0], max(options.get("num_beams", 1), options.get("num_return_sequences", 1))
    # All rows read the same prompt: those of one dose are alike, those of the other are not.
    assert first.shape[0] == 2 * n
    np.testing.assert_allclose(first[:n], first[:1].expand(n, -1, -1), atol=1e-6)
    np.testing.assert_allclose(first[n:], first[n : n + 1].expand(n, -1, -1), atol=1e-6)
    assert float((first[n] - first[0]).norm()) > 0.1


@pytest.mark.parametrize(("scope", "norm"), SCOPES)
def test_a_padded_row_is_steered_as_it_is_alone(loaded, scope, norm):
    vectors = _set_of(loaded)
    prompts = ["the cat sat on the mat and", "a dog"]
    for words in (prompts, prompts[::-1]):
        with steering(loaded, vectors, "angry", 0.4, layers="all", scope=scope, norm=norm):
            alone = [_logits(loaded, [text]) for text in words]
            together = _logits(loaded, words)
        np.testing.assert_allclose(together, np.concatenate(alone), atol=2e-4)


def _logits(loaded, prompts):
    inputs = _inputs(loaded, prompts)
    positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp_min(0)
    with torch.inference_mode():
        return loaded.model(**inputs, position_ids=positions).logits[:, -1].numpy()


def test_padding_on_the_right_is_refused_where_the_last_position_counts(llama):
    llama.tokenizer.padding_side = "right"
    inputs = llama.tokenizer(["the cat sat", "a"], return_tensors="pt", padding=True, return_token_type_ids=False)
    with (
        steering(llama, _set_of(llama), "angry", 0.4, scope="response"),
        pytest.raises(InputError, match="padding on the left"),
    ):
        llama.generate(**inputs, max_new_tokens=2)
    assert _clean(llama)


def test_a_batch_of_other_rows_is_refused_with_both_numbers(llama):
    with (
        steering(llama, _set_of(llama), "angry", [0.1, 0.2]),
        pytest.raises(InputError, match=r"2 rows .* batch has 3"),
    ):
        _written(llama, [PROMPT] * 3)
    assert _clean(llama)


def test_a_chat_that_keeps_its_cache_is_steered_turn_by_turn(llama):
    """Each turn is a prompt for scope `prompt`: with it, the last block's states change at the turn's tokens alone."""
    vectors = _set_of(llama)
    turns = [torch.tensor([[3, 5, 7, 9]]), torch.tensor([[4]]), torch.tensor([[3, 6, 7]])]
    last = llama.n_layers - 1

    def run(**options):
        seen = []
        handle = llama.blocks[last].register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
        cache = None
        try:
            with torch.inference_mode(), steering(llama, vectors, "angry", layers=last, **options):
                for turn in turns:
                    cache = llama.model(turn, past_key_values=cache, use_cache=True).past_key_values
        finally:
            handle.remove()
        return seen

    plain = run(dose=0.0)
    for scope, steered in (("all", [4, 1, 3]), ("prompt", [4, 0, 3]), ("response", [1, 1, 1])):
        found = run(dose=0.5, scope=scope)
        changed = [int(((a - b).abs().amax(-1) > 1e-4).sum()) for a, b in zip(found, plain, strict=True)]
        assert changed == steered, scope


def test_a_pipeline_is_steered(llama):
    from transformers import pipeline

    write = pipeline("text-generation", model=llama.model, tokenizer=llama.tokenizer)
    options = {"max_new_tokens": 8, "do_sample": False, "return_full_text": False}
    vectors = _set_of(llama)
    plain = write(PROMPT, **options)[0]["generated_text"]
    with steering(llama, vectors, "angry", 0.6, layers="all"):
        steered = write(PROMPT, **options)[0]["generated_text"]
    assert plain != steered and plain == write(PROMPT, **options)[0]["generated_text"] and _clean(llama)


def test_an_exception_leaves_no_hook_behind(llama):
    with pytest.raises(KeyError), steering(llama, _set_of(llama), "angry", 0.1):
        raise KeyError
    assert _clean(llama)
    with pytest.raises(InputError), steering(llama, _set_of(llama), "bored", 0.1):
        pytest.fail("entered")
    assert _clean(llama)


def test_nested_steering_is_refused_and_the_outer_one_goes_on(llama):
    vectors = _set_of(llama)
    with steering(llama, vectors, "angry", 0.4, layers="all"):
        before = _written(llama)
        with pytest.raises(InputError, match="is steered already"), steering(llama, vectors, "calm", 0.4):
            pytest.fail("entered")
        assert _written(llama) == before
    assert _clean(llama)


def test_what_needs_the_unsteered_model_is_refused_inside(llama, small_corpus):
    vectors = _set_of(llama)
    passages = [(p.emotion, p.text, p.topic) for p in small_corpus.passages]
    jobs = [
        lambda: steer_texts(llama, vectors, ["angry"], [0.1], PROMPT),
        lambda: read_text(llama, vectors, PROMPT),
        lambda: extract(llama, passages, save=False, progress=False),
    ]
    with steering(llama, vectors, "angry", 0.1):
        for job in jobs:
            with pytest.raises(InputError, match="Leave the"):
                job()
    for job in jobs:
        job()
    assert _clean(llama)


def test_a_thread_from_before_is_refused_and_one_from_inside_is_steered(llama):
    vectors, found = _set_of(llama), {}
    opened, tried = threading.Event(), threading.Event()

    def stranger():
        opened.wait()
        for what, job in {"pass": lambda: _written(llama), "enter": enter}.items():
            try:
                job()
            except InputError as error:
                found[what] = str(error)
        tried.set()

    def enter():
        with steering(llama, vectors, "calm", 0.1):
            pytest.fail("entered")

    other = threading.Thread(target=stranger)
    other.start()
    with steering(llama, vectors, "angry", 0.4, layers="all"):
        opened.set()
        tried.wait()
        streaming = threading.Thread(target=lambda: found.update(streamed=_written(llama)))
        streaming.start()
        streaming.join()
        assert found["streamed"] == _written(llama)
    other.join()
    assert "another thread" in found["pass"] and "steered already" in found["enter"]
    assert _clean(llama) and found["streamed"] != _written(llama)


def test_threads_that_were_started_inside_do_not_mix_their_passes(llama):
    vectors, found = _set_of(llama), {}
    with steering(llama, vectors, "angry", 0.4, scope="response", norm="live", layers="all"):
        alone = {n: _written(llama, [PROMPT, "a dog"][:n], max_new_tokens=20) for n in (1, 2)}
        threads = [
            threading.Thread(
                target=lambda n=n, k=k: found.update(
                    {(n, k): _written(llama, [PROMPT, "a dog"][:n], max_new_tokens=20)}
                )
            )
            for n in (1, 2)
            for k in range(4)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert len(found) == 8 and all(texts == alone[n] for (n, _), texts in found.items())


def test_two_threads_that_steer_one_model_never_mix(llama):
    vectors, expected = _set_of(llama), {}
    for name in ("angry", "calm"):
        with steering(llama, vectors, name, 0.4, layers="all"):
            expected[name] = _written(llama)
    wrong, refused = [], []

    def run(name):
        for _ in range(20):
            try:
                with steering(llama, vectors, name, 0.4, layers="all"):
                    if _written(llama) != expected[name]:
                        wrong.append(name)
            except InputError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=run, args=(name,)) for name in expected]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong and _clean(llama)
    assert all("steered already" in why or "another thread" in why for why in refused)


def test_a_model_that_is_not_wrapped_is_told_how(llama):
    with (
        pytest.raises(InputError, match=r"ez\.wrap\(model, tokenizer\)"),
        steering(llama.model, _set_of(llama), "angry", 0.1),
    ):
        pytest.fail("entered")


@pytest.mark.parametrize(
    ("direction", "dose", "message"),
    [
        ("angry", 2.0, "dose 2"),
        ("angry", "much", "a number, such as 0.04"),
        ("angry", [0.1, float("nan")], "dose nan"),
        (["angry", "calm"], [0.1, 0.2, 0.3], "2 directions and 3 doses"),
        ([], 0.1, "0 directions"),
        ("bored", 0.1, "'bored' is not in"),
    ],
)
def test_bad_directions_and_doses_are_refused_before_any_hook(llama, direction, dose, message):
    with pytest.raises(InputError, match=message), steering(llama, _set_of(llama), direction, dose):
        pytest.fail("entered")
    assert _clean(llama)


def test_a_set_of_another_model_is_refused(llama):
    with pytest.raises(InputError, match="do not carry over"), steering(llama, make_set(), "angry", 0.1):
        pytest.fail("entered")


# Directions as objects.


def test_directions_add_subtract_scale_and_negate_as_their_unit_vectors(llama):
    vectors = _set_of(llama)
    calm, grateful = direction(vectors, "calm"), direction(vectors, "grateful")
    layers = (1, 2)
    units = {name: directions(vectors, name, layers) for name in ("calm", "grateful")}
    for found, text, expected in (
        (0.7 * calm + 0.3 * grateful, "0.7 calm + 0.3 grateful", 0.7 * units["calm"] + 0.3 * units["grateful"]),
        (calm - grateful, "calm - 1 grateful", units["calm"] - units["grateful"]),
        (-calm, "-1 calm", -units["calm"]),
        (calm / 4, "0.25 calm", units["calm"]),
        (calm * np.float32(2) - calm, "calm", units["calm"]),
    ):
        expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(directions(vectors, found, layers), expected, atol=1e-12)
        np.testing.assert_allclose(directions(vectors, text, layers), expected, atol=1e-12)
        assert found == direction(vectors, text)


def test_a_direction_steers_as_its_text_does(llama):
    vectors = _set_of(llama)
    mixed = 0.7 * direction(vectors, "calm") + 0.3 * direction(vectors, "grateful")
    made = steer_texts(llama, vectors, [mixed, "0.7 calm + 0.3 grateful", "angry"], [0.4], PROMPT, decoding=Decoding(6))
    assert [one.direction for one in made] == ["unsteered", "0.7 calm + 0.3 grateful", "angry"]
    with steering(llama, vectors, mixed, 0.4):
        assert _written(llama, max_new_tokens=6) == [made[1].text]
    with steering(llama, vectors, -direction(vectors, "angry"), 0.4, layers="all"):
        negated = _written(llama)
    with steering(llama, vectors, "angry", -0.4, layers="all"):
        assert negated == _written(llama)


def test_a_class_that_reads_like_a_mixture_is_found_by_its_exact_name(llama):
    vectors = _set_of(llama, classes=("well - being", "2 many", "sad"))
    for name in vectors.classes:
        assert direction(vectors, name).terms == ((name, 1.0),)
        both = direction(vectors, name) - 0.5 * direction(vectors, "sad")
        assert directions(vectors, both, (1,)).shape == (1, llama.d_model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda vectors: direction(vectors, "bored"), "'bored' is not in"),
        (lambda vectors: direction(vectors, "random"), "is a control"),
        (lambda vectors: direction(vectors, "calm") - direction(vectors, "calm"), "cancel out"),
        (lambda vectors: 0 * direction(vectors, "calm"), "cancel out"),
        (
            lambda vectors: direction(vectors, "calm") + Direction((("calm", 1.0),), "another"),
            "Take both from one vector set",
        ),
        (
            lambda vectors: directions(vectors, Direction((("calm", 1.0),), "another"), (1,)),
            "is a direction of another",
        ),
    ],
)
def test_impossible_directions_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make(make_set())


def test_a_recipe_of_ones_own_is_taken_and_changed_in_parts(llama):
    vectors = _set_of(llama)
    own = Recipe((0, 2), scope="response")
    assert recipe(vectors, own) == own
    assert recipe(vectors, own, layers=3, norm="live") == Recipe((3,), scope="response", norm="live")
    assert recipe(vectors, layers=[1, 2]).layers == recipe(vectors, layers="1-2").layers
