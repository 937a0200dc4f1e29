"""Verdicts: a loop is not sense because it is likely, noise is told by its perplexity, and nothing is guessed."""

import json
import math

import numpy as np
import pytest
import torch

from benchmarks.regimes import calibration, confusion, labelled_texts, text_alone
from emoviz.judge.perplexity import log_perplexities
from emoviz.judge.prose import letter_surprise, words_alone
from emoviz.judge.regimes import COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO, REGIMES
from emoviz.judge.repetition import repeated_share
from emoviz.judge.texts import judge
from emoviz.judge.verdict import borderline, text_verdict, verdict
from emoviz.models.prompts import text_ids, until_end
from emoviz.readout.scripts import own_scripts
from emoviz.types import Verdict

PROMPT = "the cat sat on"
ENGLISH = "the letter came on a Monday and she read it by the window before the rain began to fall"


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_batched_perplexity_is_that_of_one_text_at_a_time(model, request, monkeypatch):
    loaded = request.getfixturevalue(model)
    prompt = loaded.tokenizer(PROMPT)["input_ids"]
    rng = np.random.default_rng(0)
    rows = [rng.integers(3, 20, n).tolist() for n in (1, 7, 3, 12, 3)]
    together = log_perplexities(loaded, prompt, rows)
    for row, found in zip(rows, together, strict=True):
        ids = torch.tensor([prompt + row])
        labels = ids.clone()
        labels[0, : len(prompt)] = -100
        with torch.inference_mode():
            loss = loaded.model(input_ids=ids, labels=labels).loss
        assert found == pytest.approx(float(loss), rel=1e-4)
    monkeypatch.setattr("emoviz.judge.perplexity.LOGIT_BYTES", 4 * 32 * 20)
    np.testing.assert_allclose(log_perplexities(loaded, prompt, rows), together, rtol=1e-4)


def test_a_model_without_opinions_has_the_perplexity_of_its_vocabulary(llama):
    torch.nn.init.zeros_(llama.model.lm_head.weight)
    found = log_perplexities(llama, [1, 2], [[3], [4, 5, 6]])
    np.testing.assert_allclose(np.exp(found), 32, rtol=1e-5)


def test_texts_end_before_their_end_token_and_empty_ones_have_no_perplexity(llama):
    (end,) = llama.end_tokens
    assert until_end(llama, [5, 6, end, end]) == [5, 6]
    assert until_end(llama, [5, 6]) == [5, 6] and until_end(llama, [end]) == []
    found = log_perplexities(llama, [3], [[], [5]])
    assert math.isnan(found[0]) and found[1] > 0
    assert log_perplexities(llama, [3], []).shape == (0,)


def test_what_is_beyond_the_context_is_not_scored(gpt2):
    prompt, row = [3] * 60, [4, 5, 6, 7, 8, 9]
    whole, fitting, none = *log_perplexities(gpt2, prompt, [row, row[:4]]), log_perplexities(gpt2, [3] * 64, [row])[0]
    assert whole == pytest.approx(fitting, rel=1e-6) and math.isnan(none)


def test_logits_that_are_not_finite_give_no_perplexity(llama):
    with torch.no_grad():
        llama.model.lm_head.weight[7] = float("nan")
    assert math.isnan(log_perplexities(llama, [3], [[5]])[0])


def test_the_ratio_compares_with_the_twin_and_order_does_not_matter(llama):
    twin, texts = "a dog ran", ["a dog ran", "the red mat", "blue blue blue", "the red mat"]
    found = judge(llama, PROMPT, twin, texts)
    assert found[0].ppl_ratio == 1 and found[0].regime == "unchanged"
    prompt = llama.tokenizer(PROMPT)["input_ids"]
    log = log_perplexities(llama, prompt, [text_ids(llama, text) for text in texts])
    assert [v.ppl_ratio for v in found] == pytest.approx(np.exp(log - log[0]), rel=1e-5)
    assert found[1] == found[3] and found[1].n_tokens == 3
    backwards = judge(llama, PROMPT, twin, texts[::-1])
    assert [v.regime for v in backwards] == [v.regime for v in found[::-1]]
    assert judge(llama, PROMPT, twin, texts[1:2])[0].ppl_ratio == pytest.approx(found[1].ppl_ratio, rel=1e-5)


def test_written_ids_are_judged_without_their_end_and_an_empty_twin_gives_no_ratio(llama):
    (end,) = llama.end_tokens
    ids = text_ids(llama, "the red mat")
    one, other = judge(llama, PROMPT, "a dog", ["the red mat"] * 2, ids=[[*ids, end, end], ids])
    assert one == other and one.n_tokens == 3
    (lost,) = judge(llama, PROMPT, "", ["the red mat"])
    assert math.isnan(lost.ppl_ratio) and lost.regime is None and "no perplexity ratio" in lost.reason


def _verdict(tokens, ratio, *, text=None, unchanged=False):
    text = " ".join(tokens) if text is None else text
    return verdict(text, tokens, " ".join, own_scripts("the cat"), unchanged=unchanged, ppl_ratio=ratio)


def test_a_likely_loop_is_a_collapse_whatever_its_perplexity():
    for ratio in (0.01, 1.0, 1e6, math.nan):
        found = _verdict(["I", "said", *["so", "happy"] * 9], ratio)
        assert found.regime == "repetitive_collapse"
        assert found.reason == "loop: 'so happy so happy so happy' fills 90 % of the text"


def test_the_reason_of_a_loop_quotes_it_and_how_much_it_fills():
    found = _verdict([*"bcdefg", *["a"] * 30], 1.0)
    assert found.reason == "loop: 'a a a' fills 83 % of the text"
    assert found.repetition == pytest.approx(29 / 36)


def test_perplexity_decides_where_nothing_is_repeated():
    words = ENGLISH.split()
    just_below, at = np.nextafter(EXPLOSIVE_PPL_RATIO, 0), EXPLOSIVE_PPL_RATIO
    assert _verdict(words, float(just_below)).regime == "surgical"
    assert _verdict(words, float(at)).regime == "explosive"
    assert _verdict(words, 0.2).regime == "surgical"


@pytest.mark.parametrize(
    ("regime", "repetition", "ratio", "near"),
    [
        ("surgical", 0.42, 1.0, "borderline: 42 % repeated, a loop from 43 %"),
        ("repetitive_collapse", 0.46, 1.0, "borderline: 46 % repeated, a loop from 43 %"),
        ("surgical", 0.1, 8.0, "borderline: 8 times the perplexity, noise from 9"),
        ("explosive", 0.1, 11.0, "borderline: 11 times the perplexity, noise from 9"),
        ("surgical", 0.2, 2.0, ""),
        ("repetitive_collapse", 0.9, 8.0, ""),
        ("explosive", 0.1, 50.0, ""),
        ("surgical", 0.2, math.nan, ""),
        ("unchanged", 0.42, 8.0, ""),
        ("empty", math.nan, math.nan, ""),
        (None, 0.42, math.nan, ""),
    ],
)
def test_a_verdict_near_a_threshold_says_so(regime, repetition, ratio, near):
    assert borderline(Verdict(regime, "a reason", ratio, repetition, 0.0, 30)) == near


def test_verdicts_on_the_labelled_texts_are_right_where_they_are_plain_and_a_toss_up_where_they_are_not():
    found = calibration(labelled_texts())
    plain = [found[part]["borderline"]["plain"] for part in ("calibration", "held_out")]
    near = [found[part]["borderline"]["near"] for part in ("calibration", "held_out")]
    assert all(part["right"] / part["n"] > 0.93 for part in plain)
    assert sum(part["right"] for part in near) / sum(part["n"] for part in near) < 0.6
    assert sum(part["n"] for part in near) == 23


def test_unchanged_and_empty_are_named():
    assert _verdict(ENGLISH.split(), 1.0, unchanged=True).regime == "unchanged"
    assert _verdict(["so"] * 30, 1.0, unchanged=True).regime == "unchanged"
    nothing = _verdict([], math.nan)
    assert nothing.regime == "empty" and math.isnan(nothing.repetition) and math.isnan(nothing.leak)
    assert _verdict([" "] * 9, 3.0, text=" " * 9).regime == "empty"


def test_leak_is_said_behind_the_reason():
    found = _verdict(["it", "is", "安宁", "and", "рад"], 2.0)
    assert found.leak == pytest.approx(5 / 12)
    assert found.reason.endswith("; 42 % of its letters are Han and Cyrillic, unlike the prompt's")
    assert "letters" not in _verdict(ENGLISH.split(), 2.0).reason


def test_the_share_repeated_is_the_largest_of_three_views():
    assert repeated_share(["a", "b"] * 10) == pytest.approx(18 / 20), "a cycle"
    assert repeated_share(["a", "b", "b", "a", "a", "a", "b", "a", "b", "b"]) == pytest.approx(8 / 10), "two words"
    sentence = list("abcdefgh")
    assert repeated_share([*sentence, "x", *sentence]) == pytest.approx(6 / 15), "3-grams"
    assert repeated_share(list("abcdefgh")) == 0 and math.isnan(repeated_share([]))


def test_labelled_texts_of_both_models_are_judged_right_on_the_prompt_that_set_no_threshold():
    labelled = labelled_texts()
    assert {row["label"] for row in labelled} == set(REGIMES)
    found = calibration(labelled)
    assert (COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO) in found["best_on_calibration"]["repetition, ppl_ratio"]
    assert found["held_out"]["n"] == 62 and found["calibration"]["n"] == 119
    assert found["held_out"]["accuracy"] >= 0.85
    without_repetition = confusion(labelled, 2.0, EXPLOSIVE_PPL_RATIO)["repetitive_collapse"]
    assert without_repetition["surgical"] > 50, "perplexity alone takes loops for sense"


def test_from_the_text_alone_wrong_verdicts_are_few_and_doubt_is_said():
    found = text_alone(labelled_texts())
    assert found["repetitive_collapse"]["repetitive_collapse"] > 90
    assert found["surgical"]["surgical"] > 25 and "explosive" not in found["surgical"]
    assert found["explosive"]["null"] > 5 * found["explosive"]["surgical"]
    false = sum(n for label, counts in found.items() for regime, n in counts.items() if regime not in (label, "null"))
    assert false < 10


@pytest.mark.parametrize(
    ("text", "prompt", "regime"),
    [
        ("安宁" * 12, "I felt", "repetitive_collapse"),
        ("很高兴" * 6, None, "repetitive_collapse"),
        ("ha" * 60, "I felt", "repetitive_collapse"),
        ("no no no no no no", "I said", "repetitive_collapse"),
        ("gold" + "\n" * 60, "It was", "repetitive_collapse"),
        (ENGLISH, "It was so:", "surgical"),
        (ENGLISH, None, "surgical"),
        ("banana seventeen purple quickly under seven engine cloud marble whistle trumpet", None, "explosive"),
        ("xkq zzv lkjw qpo mnbv xcz asdf ghjk qwer tyui zxcv", None, "explosive"),
        (
            "Am Abend ging sie allein durch die Stadt und dachte an den Brief, den sie nie geschrieben hatte.",
            None,
            None,
        ),
        ("Wczoraj wieczorem poszliśmy do kina, ale film nie był tak dobry jak się spodziewaliśmy.", None, None),
        ("Он сидел дома и смотрел в окно на снег, думая о письме.", "Он", None),
        ("Fine by me.", None, None),
        ("", "x", "empty"),
        (" \n ", None, "empty"),
    ],
)
def test_texts_alone(text, prompt, regime):
    found = text_verdict(text, prompt)
    assert found.regime == regime and found.reason and math.isnan(found.ppl_ratio)


def test_without_a_prompt_the_commonest_script_is_its_own():
    assert text_verdict("It was 安 and so on", None).leak == pytest.approx(1 / 13)
    assert text_verdict("安宁安宁 ok", None).leak == pytest.approx(2 / 6)


def test_letters_of_english_surprise_less_than_shuffled_ones():
    shuffled = "".join(np.random.default_rng(0).permutation(list(ENGLISH)))
    assert letter_surprise(ENGLISH) + 1.5 < letter_surprise(shuffled)
    assert math.isnan(letter_surprise(" ")) and math.isnan(words_alone("one")[1])
    assert words_alone("the cat and the dog")[1] == 0 and words_alone("red cat, blue dog")[1] == 1


@pytest.mark.models
def test_a_real_model_tells_a_loop_noise_and_sense():
    from emoviz.models.load import load_model

    loaded = load_model("SmolLM2-135M-Instruct", device="cpu")
    prompt = "When the letter finally came, I"
    twin = " knew I had to make a decision. I had to choose between the two options."
    sense = " felt a warm sense of peace, and I sat down in the garden to read it slowly."
    loop = " felt so calm" * 8
    noise = " orb plaster the under quickly if seven marble Hur brandnb yet ricks asid the motion"
    found = judge(loaded, prompt, twin, [twin, sense, loop, noise])
    assert [v.regime for v in found] == ["unchanged", "surgical", "repetitive_collapse", "explosive"], [
        json.dumps(v.reason) for v in found
    ]
    assert found[2].ppl_ratio < found[1].ppl_ratio < found[3].ppl_ratio, "a loop is likelier than sense"
