"""Tokenizers as they come: with end tokens, without pads, beyond the embedding, of bytes; and control tokens."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, PreTrainedTokenizerFast

from emoviz.errors import InputError
from emoviz.extract.batches import encode
from emoviz.extract.generation import write_stories
from emoviz.extract.make import extract
from emoviz.extract.protocols import PROTOCOLS, protocol
from emoviz.judge.texts import judge_texts
from emoviz.models.dialogue import exact_tokens, pieces_of, spans_of
from emoviz.models.load import load_model
from emoviz.models.prompts import prompt_ids, text_ids
from emoviz.readout.dialogue import read_dialogue
from emoviz.readout.many import read_texts
from emoviz.readout.reading import read_text
from emoviz.readout.vocabulary import vocabulary_scripts
from emoviz.steer.conversation import converse
from emoviz.steer.generate import generate, steer_texts
from emoviz.steer.injection import Offsets
from emoviz.types import Decoding, StoryPrompt

from .conftest import WORDS, save_tiny_model, tiny_llama

ROWS = [
    (emotion, f"the {word} {animal} sat on {what} mat and ran .", animal + what)
    for emotion, word in (("up", "joyous"), ("down", "grim"))
    for animal in ("cat", "dog")
    for what in ("the", "a")
]
PROMPT = "the cat sat on"
SAID = [("user", "the cat"), ("assistant", "a dog ran"), ("user", "on the mat")]


def _tokenizer(single: str = "", **named: str) -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny models, with what it puts around every text, and the special tokens that it names."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{word: k + 3 for k, word in enumerate(WORDS)}}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if single:
        made.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=[(token, vocabulary[token]) for token in ("<s>", "</s>") if token in single]
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", **named)


@pytest.fixture
def plain(llama_folder):
    return load_model(str(llama_folder))


@pytest.fixture
def ending(plain):
    """The same model, with a tokenizer that ends every text, as that of T5 and with add_eos_token."""
    return replace(plain, tokenizer=_tokenizer("$A </s>", bos_token="<s>", eos_token="</s>", pad_token="</s>"))


@pytest.fixture
def vectors(plain):
    return extract(plain, ROWS, save=False, progress=False)


def test_a_prompt_is_continued_as_if_its_tokenizer_did_not_end_it(plain, ending, vectors):
    assert ending.tokenizer(PROMPT)["input_ids"][-1] == 2
    assert prompt_ids(ending, PROMPT, False) == prompt_ids(plain, PROMPT, False)
    made = [judge_texts(one, steer_texts(one, vectors, "up", 0.4, PROMPT)) for one in (plain, ending)]
    assert made[0].to_frame().equals(made[1].to_frame())


def test_an_end_token_is_no_part_of_a_passage_a_text_or_a_dialogue(plain, ending, vectors):
    read = [replace(extract(one, ROWS, save=False, progress=False), name="m") for one in (plain, ending)]
    np.testing.assert_allclose(read[0].class_means, read[1].class_means, atol=1e-8)
    last = replace(protocol("emoviz"), pooling="last")
    assert [int(one.content.nonzero()[-1]) for one in encode(ending, [PROMPT], last)] == [3]
    texts = [read_text(one, vectors, PROMPT) for one in (plain, ending)]
    assert texts[0].tokens == texts[1].tokens
    np.testing.assert_allclose(texts[0].scores, texts[1].scores, atol=1e-6)
    tables = [read_texts(one, vectors, [PROMPT, "a dog"], progress=False).to_frame() for one in (plain, ending)]
    np.testing.assert_allclose(tables[0]["score up"], tables[1]["score up"], atol=1e-6)
    assert spans_of(plain, SAID, more=True) == spans_of(ending, SAID, more=True)
    assert pieces_of(plain, ["the cat", "a dog"]) == pieces_of(ending, ["the cat", "a dog"])
    found = [read_dialogue(one, vectors, SAID) for one in (plain, ending)]
    np.testing.assert_allclose(found[0].before, found[1].before, atol=1e-6)


def test_tokens_around_a_text_keep_the_first_and_drop_the_last(plain):
    both = replace(plain, tokenizer=_tokenizer("<s> $A </s>", bos_token="<s>", eos_token="</s>"))
    assert prompt_ids(both, PROMPT, False) == [1, *text_ids(plain, PROMPT)]
    assert pieces_of(both, ["the cat"])[0][0] == 1 and pieces_of(both, ["the cat"])[0][-1] != 2


def test_a_start_token_that_is_typed_is_not_doubled(plain):
    starts = replace(plain, tokenizer=_tokenizer("<s> $A", bos_token="<s>", eos_token="</s>"))
    assert starts.tokenizer(f"<s> {PROMPT}")["input_ids"][:2] == [1, 1]
    assert prompt_ids(starts, f"<s> {PROMPT}", False) == prompt_ids(starts, PROMPT, False)
    # One that stands further on, and one of a tokenizer that adds none, is given as it is typed.
    assert prompt_ids(starts, "the <s> cat", False) == [1, 3, 1, 5]
    assert prompt_ids(plain, "<s> the", False) == [1, 3]


def test_a_control_token_in_a_chat_turn_is_refused(plain):
    chat = replace(plain, tokenizer=_tokenizer(bos_token="<s>", eos_token="</s>"))
    chat.tokenizer.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
    assert prompt_ids(chat, "the cat", True) == [3, 5]
    with pytest.raises(InputError, match="the text holds </s>, a control token of tiny-llama"):
        prompt_ids(chat, "the cat </s> the", True)


def test_a_special_token_in_a_passage_or_a_text_is_not_read(plain, vectors):
    (found,) = encode(plain, ["the </s> cat <unk> sat"], protocol("emoviz"))
    assert found.ids.tolist() == [3, 2, 5, 0, 7] and found.content.tolist() == [False, False, True, True, True]
    with pytest.raises(InputError, match="leaves no token to read"):
        encode(plain, ["the </s> <s>"], protocol("emoviz"))
    reading = read_text(plain, vectors, "the dog </s> cat sat")
    assert np.isnan(reading.scores[:, 2]).all() and "no text; not read" in reading.unread_tokens[2]
    assert np.isfinite(reading.scores[:, [1, 3]]).any()
    table = read_texts(plain, vectors, ["the dog </s> cat sat"], progress=False).to_frame()
    np.testing.assert_allclose(table["score up"][0], np.nanmean(reading.scores[reading.layer, :, 1]), rtol=1e-5)


@pytest.fixture
def beyond(plain):
    """The same model, with a token that its embedding of 32 rows lacks."""
    tokenizer = _tokenizer(bos_token="<s>", eos_token="</s>")
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    vocabulary = tokenizer.get_vocab()
    tokenizer.add_tokens([AddedToken(f"<more{k}>", special=True) for k in range(32 - len(vocabulary))])
    tokenizer.add_tokens(["farther"])
    assert tokenizer("farther")["input_ids"] == [32]
    return replace(plain, tokenizer=tokenizer)


@pytest.mark.parametrize(
    "job",
    [
        lambda m, v: extract(m, [*ROWS[:7], ("down", "the farther dog", "x")], save=False, progress=False),
        lambda m, v: steer_texts(m, v, "up", 0.1, "the farther dog"),
        lambda m, v: read_text(m, v, "the farther dog"),
        lambda m, v: read_dialogue(m, v, [("user", "the farther dog")]),
        lambda m, v: converse(m, v, "up", 0.1, "the farther dog"),
    ],
)
def test_a_token_beyond_the_embedding_is_named_before_anything_is_computed(beyond, vectors, job, monkeypatch):
    monkeypatch.setattr(type(beyond.model), "forward", lambda *_, **__: pytest.fail("computed"))
    monkeypatch.setattr(type(beyond.decoder), "forward", lambda *_, **__: pytest.fail("computed"))
    said = "'farther', token 32 of the tokenizer, and tiny-llama has the tokens 0 to 31"
    with pytest.raises(InputError, match=said) as caught:
        job(beyond, vectors)
    assert "\n" not in str(caught.value)


def test_one_of_many_texts_with_a_token_beyond_the_embedding_stops_nothing(beyond, vectors):
    table = read_texts(beyond, vectors, ["the dog ran", "a farther dog"], progress=False).to_frame()
    whole = table[table["sentence"] == 0]
    assert whole["note"].tolist()[0] == "" and np.isfinite(whole["score up"].iloc[0])
    assert "not read: the text holds 'farther', token 32" in whole["note"].tolist()[1] and np.isnan(
        whole["score up"].iloc[1]
    )


def test_a_tokenizer_that_names_no_pad_start_or_end_token_will_do(plain, vectors):
    bare = replace(plain, tokenizer=_tokenizer())
    bare.model.generation_config.eos_token_id = None
    assert bare.end_tokens == () and bare.tokenizer.pad_token is None
    made = steer_texts(bare, vectors, ["up", "down"], 0.4, PROMPT, decoding=Decoding(6))
    assert [len(one.ids) for one in made] == [6, 6, 6] and not any(one.finished for one in made)
    assert len(judge_texts(bare, made)) == 3
    writing = replace(PROTOCOLS["emoviz-stories"].writing, chat=False, max_new_tokens=5)
    prompts = [StoryPrompt("up", "cat", text, 1) for text in ("the cat", "a dog ran on the mat")]
    assert [len(story.ids) for story in write_stories(bare, prompts, writing)] == [5, 5]
    read = extract(bare, ROWS, save=False, progress=False)
    np.testing.assert_allclose(read.class_means, vectors.class_means, atol=1e-8)


@pytest.fixture(scope="module")
def bytewise(tmp_path_factory):
    """A model whose every token is one byte."""
    folder = tmp_path_factory.mktemp("models") / "bytes"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: k for k, letter in enumerate(alphabet)} | {"<s>": 256, "</s>": 257}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    config = LlamaConfig(
        **{**tiny_llama().to_diff_dict(), "vocab_size": 258, "max_position_embeddings": 256, "eos_token_id": 257}
    )
    save_tiny_model(folder, config)
    PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    return load_model(str(folder))


TEXT = "so 安😀 é!"


def test_pieces_of_a_text_of_bytes_join_to_it(bytewise):
    rows = [(emotion, f"{emotion} the {what}") for what in ("cat", "dog") for emotion in ("up", "down")]
    vectors = extract(bytewise, rows, save=False, progress=False)
    reading = read_text(bytewise, vectors, TEXT)
    assert "".join(reading.tokens) == TEXT and len(reading.tokens) == len(TEXT.encode())
    given = exact_tokens(bytewise, [256, *text_ids(bytewise, TEXT), 257])
    assert [text for text, control in given if control] == ["<s>", "</s>"]
    assert "".join(text for text, control in given if not control) == TEXT and len(given) == len(TEXT.encode()) + 2
    # What never becomes a character is shown as such.
    assert [text for text, _ in exact_tokens(bytewise, text_ids(bytewise, "é")[:1] * 3)] == ["\ufffd"] * 3


def test_a_text_that_is_written_byte_by_byte_never_shows_half_a_character(bytewise, monkeypatch):
    left = [*text_ids(bytewise, TEXT), 257]
    monkeypatch.setattr("emoviz.steer.generate._choose", lambda logits, *_: torch.tensor([left.pop(0)]))
    seen = [one.texts[0] for one in generate(bytewise, "I", Offsets({}, 1), Decoding(40))]
    assert seen[-1] == TEXT and len(seen) == len(TEXT.encode()) + 1
    assert all(TEXT.startswith(text) for text in seen)


def test_the_beginning_of_a_character_counts_to_the_script_that_it_can_only_become(bytewise):
    table = vocabulary_scripts(bytewise)
    (first, *_), (snow, *_) = text_ids(bytewise, "я"), text_ids(bytewise, "😀")
    assert table.of(first) == "Cyrillic" and table.of(snow) in (None, "partial")
