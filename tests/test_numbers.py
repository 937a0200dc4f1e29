"""Numbers that are not finite and vectors without a direction: named, shown as missing, and the rest goes on."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.extract.make import extract
from emoviz.geometry import preferred_layer, rdm_of
from emoviz.judge.texts import judge_texts
from emoviz.models.load import load_model
from emoviz.readout.reading import read_text
from emoviz.steer.generate import steer_texts
from emoviz.types import Decoding

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
    assert len(judge_texts(llama, cut)) == 2


def test_an_enormous_push_in_fp16_leaves_an_empty_text_and_the_unsteered_one(llama_folder, made):
    half = load_model(str(llama_folder), precision="fp16")
    # Beyond the largest number of the type.
    huge = replace(made, residual_norm=np.full(made.n_layers, 1e6))
    plain, pushed = judge_texts(half, steer_texts(half, huge, "up", 1.0, "the cat", decoding=Decoding(4)))
    assert len(plain.ids) > 0 and pushed.ids == () and pushed.text == ""
    assert pushed.verdict.regime == "empty" and np.isnan(pushed.verdict.ppl_ratio)


def test_a_layer_without_directions_leaves_the_others_readable(llama, made):
    best = preferred_layer(made)
    other = next(k for k in made.finite_layers if k != best)
    reading = read_text(llama, _flat_at(made, other), "the dog ran on")
    assert np.isnan(reading.scores[other]).all() and "'down' is zero" in reading.unread_layers[other]
    np.testing.assert_array_equal(reading.scores[best], read_text(llama, made, "the dog ran on").scores[best])
    assert not reading.unread_tokens
    with pytest.raises(InputError, match=f"layer {best}, which stands for .* cannot be read: the vector of 'down' is"):
        read_text(llama, _flat_at(made, best), "the dog ran on")


def test_two_classes_of_the_same_vectors_are_at_no_distance_and_alike_to_the_third(made):
    means = made.class_means[preferred_layer(made)].copy()
    assert made.classes == ("down", "even", "up")
    means[2] = means[0]
    down_even, down_up, even_up = rdm_of(means, made.classes, "class")[0]
    assert down_up == pytest.approx(0, abs=1e-6) and down_even == pytest.approx(even_up) and down_even > 1
