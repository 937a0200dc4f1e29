"""Leak: scripts of characters and texts, spans to mark, and probability on scripts before it becomes text."""

import math

import numpy as np
import pytest

from emoviz.judge.leak import leak_share, leaked_spans
from emoviz.readout.scripts import own_scripts, script_of, script_shares
from emoviz.types import Span

from .conftest import leaking_model

SAMPLES = {
    "Latin": "aÉßøÅｗ",
    "Han": "安宁汉々𠀀",
    "Hiragana": "うれ",
    "Katakana": "カナｱ",
    "Hangul": "행복ᄒ",
    "Cyrillic": "радЁ",
    "Arabic": "سعيدپ",
    "Devanagari": "खुशी",
    "Greek": "χαράΏ",
    "Hebrew": "שמח",
    "Thai": "สุข",
    "Bengali": "খুশি",
    "Tamil": "மகிழ்",
    "Georgian": "ბედ",
}


@pytest.mark.parametrize("script", SAMPLES)
def test_letters_and_their_marks_have_the_script(script):
    assert {script_of(character) for character in SAMPLES[script]} == {script}


def test_signs_digits_emoji_and_space_have_no_script():
    assert {script_of(character) for character in " \n.,!?0५٣-—“”…€😀❤\u0301\u200d\ufffd𝐱µ。、ー\x00"} == {None}


def test_shares_are_of_letters_and_add_up():
    shares = script_shares("abc 安宁, d 12!")
    assert shares == {"Latin": pytest.approx(4 / 6), "Han": pytest.approx(2 / 6)}
    assert list(shares) == ["Latin", "Han"]
    assert script_shares("12 ...") == {}


def test_leak_is_the_share_of_scripts_that_the_prompt_does_not_use():
    assert leak_share("all is 安宁", own_scripts("I felt")) == pytest.approx(2 / 7)
    assert leak_share("all is well", own_scripts("I felt")) == 0
    assert leak_share("all is 安宁", own_scripts("I felt 安")) == 0
    assert leak_share("!!! 12", own_scripts("I felt")) == 0
    assert math.isnan(leak_share(" \n", own_scripts("I felt")))


def test_japanese_uses_three_scripts_and_chinese_one():
    assert own_scripts("とても") == {"Hiragana", "Katakana", "Han"}
    assert own_scripts("安宁") == {"Han"}
    assert leak_share("嬉しいカナ", own_scripts("とても")) == 0
    assert leak_share("嬉しい", own_scripts("安宁")) == pytest.approx(2 / 3)


def test_spans_mark_what_leaked_and_nothing_else():
    text = "I felt 安宁, 安宁 and рад."
    spans = leaked_spans(text, own_scripts("I felt"))
    assert [(text[s.start : s.end], s.script) for s in spans] == [("安宁, 安宁", "Han"), ("рад", "Cyrillic")]
    assert leaked_spans("安宁рад", {"Latin"}) == (Span(0, 2, "Han"), Span(2, 5, "Cyrillic"))
    assert leaked_spans("plain", {"Latin"}) == leaked_spans("", {"Latin"}) == leaked_spans("1 2", set()) == ()


@pytest.mark.parametrize("script", SAMPLES)
def test_spans_and_share_agree_on_every_script(script):
    text = f"he said {SAMPLES[script]} 12 {SAMPLES[script]}!"
    spans = leaked_spans(text, {"Latin"})
    if script == "Latin":
        assert spans == ()
        return
    assert [s.script for s in spans] == [script]
    letters = sum(script_of(c) is not None for c in text)
    inside = sum(script_of(c) is not None for c in text[spans[0].start : spans[0].end])
    assert leak_share(text, {"Latin"}) == pytest.approx(inside / letters)


def test_a_hidden_leak_shows_before_it_is_sampled(tmp_path):
    import torch

    from emoviz.readout.vocabulary import script_mass, vocabulary_scripts

    loaded = leaking_model(tmp_path, push=-0.5)
    table = vocabulary_scripts(loaded)
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[3, 4]])).logits[:, -1]
    assert table.of(int(logits.argmax())) == "Latin", "what is sampled is clean"
    mass = script_mass(logits, table, table.foreign(own_scripts("the cat")))
    weights = np.exp([5.0, 4.5, *[0.0] * 30])
    expected = {"Latin": 0, "Han": weights[1] / weights.sum(), "Cyrillic": 1 / weights.sum()}
    assert dict(zip(table.scripts, mass[0], strict=True)) == pytest.approx(expected), "安宁 and рад"
    assert mass.sum() > 0.3
    left = script_mass(logits, table, table.foreign(own_scripts("the 安")))
    assert left.sum() == pytest.approx(1 / weights.sum())


@pytest.mark.parametrize(("push", "leaks"), [(-0.5, False), (0.5, True)])
def test_every_step_of_a_run_tells_its_hidden_leak_and_the_text_its_open_one(tmp_path, push, leaks):
    from emoviz.judge.texts import judge
    from emoviz.steer.generate import generate
    from emoviz.steer.injection import Offsets
    from emoviz.types import Decoding

    loaded = leaking_model(tmp_path, push)
    *_, last = generate(loaded, "the cat", Offsets({}, 2), Decoding(4))
    weights = np.exp([5.0, 5.0 + push, *[0.0] * 30])
    np.testing.assert_allclose(last.leak_mass, np.full((2, 4), (weights[1] + 1) / weights.sum()), rtol=1e-5)
    assert ("安宁" in last.texts[0]) == leaks
    (verdict,) = judge(loaded, "the cat", "", [last.texts[0]], [last.ids[0].tolist()])
    assert verdict.leak == (1.0 if leaks else 0.0)


def test_the_table_is_as_long_as_the_logits_and_made_once(tmp_path):
    from emoviz.readout.vocabulary import vocabulary_scripts

    loaded = leaking_model(tmp_path, push=0.0)
    table = vocabulary_scripts(loaded)
    assert table is vocabulary_scripts(loaded)
    assert table.codes.shape == (32,)
    assert [table.of(k) for k in range(9)] == [None, None, None, "Latin", "Latin", "Han", "Cyrillic", None, "Latin"]
    assert not table.partial.any()


def _byte_tokenizer(*words: bytes):
    """All 256 bytes in the order of their letters, then these words, in a byte-level vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = pre_tokenizers.ByteLevel.alphabet()
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    of_byte = dict(
        zip((b for b in range(256) if b not in shown), sorted(c for c in letters if ord(c) > 255), strict=True)
    )
    of_byte |= {byte: chr(byte) for byte in shown}
    pieces = [of_byte[byte] for byte in range(256)] + ["".join(of_byte[byte] for byte in word) for word in words]
    tokenizer = Tokenizer(models.BPE({piece: k for k, piece in enumerate(pieces)}, []))
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_bytes_of_an_unfinished_character_count_as_the_script_that_they_can_only_become():
    from emoviz.readout.vocabulary import script_table

    calm = "安".encode()
    words = {
        calm[:2]: "Han",
        calm: "Han",
        calm[1:]: "partial",
        b" cat": "Latin",
        b" " + calm[:1]: "Han",
        b"caf\xc3": "Latin",
        "あ".encode()[:2]: "Hiragana",
        "𠀀".encode()[:2]: "Han",
        "😀".encode()[:2]: None,
        calm[1:] + b"dog": "Latin",
        calm[2:] + calm[:1]: "Han",
    }
    table = script_table(_byte_tokenizer(*words), 256 + len(words))
    assert {word: table.of(256 + k) for k, word in enumerate(words)} == words
    assert [table.of(byte) for byte in (0xE4, 0xE3, 0xD0, 0xEC, 0xCE, 0xC3, 0x80, 0x41)] == [
        "Han", "partial", "Cyrillic", "Hangul", "Greek", "Latin", "partial", "Latin",
    ]  # fmt: skip
    foreign = table.foreign({"Latin"})
    assert not foreign[table.partial].any() and foreign[0xE4] and not foreign[0xC3]


def test_the_first_bytes_of_a_character_are_of_the_script_of_all_characters_that_begin_so():
    from emoviz.readout.scripts import script_of
    from emoviz.readout.vocabulary import script_table

    begun: dict[bytes, set] = {}
    for point in (p for p in range(0x80, 0x110000) if not 0xD800 <= p < 0xE000):
        data, script = chr(point).encode(), script_of(chr(point))
        for size in range(1, min(3, len(data))):
            begun.setdefault(data[:size], set()).update([script] if script else [])
    words = [first for first in begun if len(first) == 2]
    table = script_table(_byte_tokenizer(*words), 256 + len(words))
    found = {first: table.of(first[0]) for first in begun if len(first) == 1}
    found |= {word: table.of(256 + k) for k, word in enumerate(words)}
    assert found == {
        first: next(iter(scripts)) if len(scripts) == 1 else "partial" if scripts else None
        for first, scripts in begun.items()
    }


def test_bytes_that_a_vocabulary_falls_back_to_are_read_as_bytes():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    from emoviz.readout.vocabulary import script_table

    pieces = ["<unk>", "<0xE5>", "<0xAE>", "<0xD1>", "▁cat"]
    tokenizer = Tokenizer(models.BPE({piece: k for k, piece in enumerate(pieces)}, [], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    table = script_table(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>"), 5)
    assert [table.of(k) for k in range(5)] == [None, "Han", "partial", "Cyrillic", "Latin"]
