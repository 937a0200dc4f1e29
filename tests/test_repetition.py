"""Repetition on tokens and words: cycles are found whatever the script, and ordinary text has none of length."""

from itertools import pairwise

import numpy as np
import pytest

from emoviz.judge.repetition import LONGEST_WORD, distinct_share, longest_cycle, words_of


def _slow_cycle(tokens):
    """Every stretch and every period tried: (repeated tokens, period), the most repeated, then the smallest period."""
    best = (0, 0)
    for start in range(len(tokens)):
        for end in range(start + 2, len(tokens) + 1):
            part = tokens[start:end]
            for period in range(1, len(part) // 2 + 1):
                if all(part[k] == part[k + period] for k in range(len(part) - period)):
                    repeated = len(part) - period
                    if repeated > best[0] or (repeated == best[0] and period < best[1]):
                        best = (repeated, period)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_the_cycle_is_that_of_a_slow_search(seed):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(0, 3, rng.integers(0, 15)).tolist()
    found = longest_cycle(tokens)
    assert (0, 0) if found is None else (found.length - found.period, found.period) == _slow_cycle(tokens)
    if found is not None:
        part = tokens[found.start : found.start + found.length]
        assert all(part[k] == part[k + found.period] for k in range(found.length - found.period))


@pytest.mark.parametrize("cut", range(3))
def test_a_cycle_that_is_cut_off_at_the_end_counts_whole(cut):
    tokens = [9, 8, 7, *[1, 2, 3] * 4, *[1, 2, 3][:cut]]
    found = longest_cycle(tokens)
    assert (found.start, found.length, found.period) == (3, 12 + cut, 3)
    assert found.times == pytest.approx(4 + cut / 3)
    assert found.share == pytest.approx((12 + cut) / len(tokens))


def test_the_unit_is_primitive():
    assert longest_cycle([1, 1, 1, 1, 1, 1]).period == 1
    assert longest_cycle([1, 2] * 6).period == 2
    assert longest_cycle([1, 1, 2] * 3).period == 3


def test_texts_without_a_cycle_have_none():
    for tokens in ([], [1], [1, 2], [1, 2, 1], [1, 2, 3, 1, 2], list(range(50))):
        assert longest_cycle(tokens) is None
    assert longest_cycle([1, 1]).times == 2


def test_names_of_tokens_do_not_matter_and_neither_does_their_direction():
    tokens = [5, *[1, 2, 2] * 3, 7]
    named = longest_cycle([f"t{t}" for t in tokens])
    assert named == longest_cycle(tokens)
    assert longest_cycle(tokens[::-1]).length == named.length


def test_a_cycle_in_a_long_text_is_found_in_a_moment():
    tokens = [*range(20_000), *[1, 2] * 50]
    assert longest_cycle(tokens).period == 2


def test_distinct_shares_count_n_grams():
    assert distinct_share("abcd", 1) == 1
    assert distinct_share("aaaa", 1) == 0.25
    assert distinct_share("aaaa", 3) == 0.5
    assert distinct_share("ababab", 2) == pytest.approx(2 / 5)
    assert np.isnan(distinct_share("ab", 3))
    assert all(a <= b for a, b in pairwise(distinct_share("abcabcabd", n) for n in (1, 2, 3, 4)))


LOOPS = {
    "English": "so happy " * 9,
    "Chinese": "安宁" * 9,
    "Japanese": "うれしい" * 9,
    "Korean": "하하하" * 9,
    "Russian": "очень рад, " * 9,
    "Arabic": "سعيد جدا " * 9,
    "Devanagari": "बहुत खुश " * 9,
    "Greek": "πολύ καλά " * 9,
    "Hebrew": "שמח מאוד " * 9,
    "Thai": "มีความสุข" * 9,
    "letters": "ha" * 40,
    "signs": "!?" * 9,
    "emoji": "😀😁" * 9,
    "case": "So HAPPY so happy " * 5,
}


@pytest.mark.parametrize("script", LOOPS)
def test_loops_of_every_script_fill_the_whole_text(script):
    found = longest_cycle(words_of(LOOPS[script]))
    assert found.share == 1 and found.times >= 9


def test_words_keep_their_marks_and_digits():
    assert words_of("Sé 3rd cafe\u0301, no!") == ["sé", "3rd", "café", ",", "no", "!"]
    assert words_of("हिन्दी में") == ["हिन्दी", "में"]
    assert words_of("今日 is 1 day") == ["今", "日", "is", "1", "day"]
    assert words_of("  \n ") == [] and words_of("") == []
    assert len(words_of("a" * LONGEST_WORD)) == 1 and len(words_of("a" * (LONGEST_WORD + 1))) == LONGEST_WORD + 1
