"""A model of one's own in memory: read and steered as one that emoviz loads, or refused with the reason."""

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from emoviz.errors import InputError
from emoviz.extract.make import extract
from emoviz.models.fit import check_fit
from emoviz.models.load import load_model
from emoviz.models.wrap import wrap
from emoviz.readout.reading import read_text
from emoviz.steer.generate import steer_texts
from emoviz.steer.steering import steering
from emoviz.store import find_set

from .conftest import WORDS, save_tiny_model, tiny_llama
from .test_architectures import ARCHITECTURES, config_of

ROWS = [
    (emotion, f"the {word} {animal} sat on {what} mat and ran .", animal + what)
    for emotion, word in (("up", "joyous"), ("down", "grim"))
    for animal in ("cat", "dog")
    for what in ("the", "a")
]


@pytest.fixture
def own(llama_folder):
    """Model and tokenizer as a user of transformers has them."""
    return AutoModelForCausalLM.from_pretrained(llama_folder), PreTrainedTokenizerFast.from_pretrained(llama_folder)


def test_a_wrapped_model_gives_the_vectors_readings_and_texts_of_the_loaded_one(own, llama, small_corpus):
    model, tokenizer = own
    wrapped = wrap(model, tokenizer, "mine")
    assert wrapped.model is model and wrapped.support.badge == "tested" and wrapped.precision == "fp32"
    found = [extract(one, ROWS, progress=False) for one in (wrapped, llama)]
    np.testing.assert_array_equal(found[0].class_means, found[1].class_means)
    assert found[0].provenance.weights == "in memory" and found[0].provenance.revision == wrapped.revision
    assert find_set("mine").name == found[0].name
    readings = [read_text(one, s, "the cat ran") for one, s in zip((wrapped, llama), found, strict=True)]
    # A loaded model sums a few rows at a time in another order (`models.narrow`), one of the user's stays as it is.
    np.testing.assert_allclose(readings[0].scores, readings[1].scores, atol=1e-6)
    made = [steer_texts(one, s, "up", [0.5], "the cat") for one, s in zip((wrapped, llama), found, strict=True)]
    assert [one.text for one in made[0]] == [one.text for one in made[1]]
    ids = tokenizer("the cat", return_tensors="pt", return_token_type_ids=False)
    with steering(wrapped, None, "up", 0.5):
        steered = model.generate(**ids, max_new_tokens=40, do_sample=False)
    assert tokenizer.decode(steered[0, 2:], skip_special_tokens=True) == made[0][1].text


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_tested_architecture_can_be_wrapped(architecture, tmp_path):
    folder = save_tiny_model(tmp_path / "m", config_of(architecture))
    loaded = load_model(str(folder))
    wrapped = wrap(loaded.model, PreTrainedTokenizerFast.from_pretrained(folder))
    assert (wrapped.architecture, wrapped.name, wrapped.n_layers) == (architecture, "m", 3)
    assert wrapped.support.badge == "tested"


def test_more_training_makes_a_new_revision_and_an_old_set_no_longer_fits(own):
    model, tokenizer = own
    before = wrap(model, tokenizer, "mine")
    vectors = extract(before, ROWS, save=False, progress=False)
    assert wrap(model, tokenizer, "mine").revision == before.revision
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] += 1e-3
    after = wrap(model, tokenizer, "mine")
    assert after.revision != before.revision
    with pytest.raises(InputError, match="do not carry over"):
        check_fit(vectors, after)
    assert wrap(model, tokenizer, "mine", revision="step-2").revision == "step-2"


def test_configuration_and_tokenizer_are_part_of_the_revision(own):
    model, tokenizer = own
    before = wrap(model, tokenizer).revision
    model.config.rms_norm_eps = 1e-3
    changed = wrap(model, tokenizer).revision
    tokenizer.chat_template = "{{ messages[0].content }}"
    assert len({before, changed, wrap(model, tokenizer).revision}) == 3
    assert wrap(model, tokenizer).instruct


@pytest.mark.parametrize(("dtype", "precision"), [(torch.bfloat16, "bf16"), (torch.float64, "fp64")])
def test_the_precision_is_that_of_the_weights(own, dtype, precision):
    model, tokenizer = own
    assert wrap(model.to(dtype), tokenizer).precision == precision


def test_a_quantized_model_says_so(own):
    model, tokenizer = own
    model.config.quantization_config = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    assert wrap(model, tokenizer).precision == "int4"
    model.config.quantization_config = {"quant_method": "awq", "bits": 4}
    assert wrap(model, tokenizer).precision == "int4"
    model.config.quantization_config = {"quant_method": "fp8"}
    assert wrap(model, tokenizer).precision == "fp8"


def _bert(name, **options):
    config = transformers.BertConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, **options
    )
    return getattr(transformers, name)(config).eval()


def _t5():
    config = transformers.T5Config(
        vocab_size=32, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    return transformers.T5ForConditionalGeneration(config).eval()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda own: own.model, "LlamaModel writes no text"),
        (lambda own: _bert("BertModel"), "BertModel writes no text: it is an encoder"),
        (lambda own: _bert("BertForMaskedLM"), "BertForMaskedLM writes no text"),
        (lambda own: _bert("BertLMHeadModel"), "BertLMHeadModel is an encoder"),
        (lambda own: _t5(), "T5ForConditionalGeneration has an encoder and a decoder"),
        (lambda own: torch.nn.Linear(2, 2), "Linear was given"),
        (lambda own: "SmolLM2-135M-Instruct", "str was given"),
        (lambda own: own.train(), "in training mode"),
        (lambda own: (own.model.layers[2].train(), own)[1], "in training mode"),
        (lambda own: own.to("meta"), "not in memory"),
    ],
)
def test_what_is_no_causal_model_ready_to_run_is_refused(own, make, message):
    model, tokenizer = own
    with pytest.raises(InputError, match=message):
        wrap(make(model), tokenizer)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_wrapped_model_is_not_wrapped_again(llama):
    with pytest.raises(InputError, match="wrapped already"):
        wrap(llama, llama.tokenizer)


def _tokenizer(words: int):
    from tokenizers import Tokenizer, models

    vocabulary = {"<unk>": 0, **{f"w{k}": k for k in range(1, words)}}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>")))


@pytest.mark.parametrize(
    ("rows", "tokens", "fits"),
    [
        (32, 32, True),
        (32, 20, True),
        (32, 33, False),
        (4096, 3072, True),
        (20_000, 17_900, False),
        (20_000, 18_500, True),
    ],
)
def test_a_tokenizer_that_does_not_fill_the_embedding_is_refused_with_both_sizes(rows, tokens, fits):
    config = tiny_llama()
    config.vocab_size = rows
    model = AutoModelForCausalLM.from_config(config).eval()
    if fits:
        assert wrap(model, _tokenizer(tokens)).n_layers == 4
        return
    with pytest.raises(
        InputError, match=f"tokenizer has {tokens:,} tokens, the embedding of LlamaForCausalLM {rows:,} rows"
    ):
        wrap(model, _tokenizer(tokens))


def test_special_tokens_beyond_the_embedding_are_no_mismatch(own):
    """Gemma 3 brings tokens for pictures with text models that have no rows for them."""
    model, tokenizer = own
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<image{k}>" for k in range(20)]})
    assert len(tokenizer) > 32 and len(tokenizer) - 20 == len(WORDS) + 3
    assert wrap(model, tokenizer).n_layers == 4


def test_anything_else_than_a_tokenizer_is_refused(own):
    with pytest.raises(InputError, match="NoneType was given as the tokenizer"):
        wrap(own[0], None)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "x" * 81])
def test_names_that_cannot_be_file_names_are_refused(own, name):
    with pytest.raises(InputError, match="letters, digits"):
        wrap(*own, name)


def test_a_model_that_looks_ahead_is_refused():
    with pytest.raises(InputError, match="not causal: later tokens change the states of earlier ones"):
        wrap(_bert("BertLMHeadModel", initializer_range=0.5), _tokenizer(32), layer_path="bert.encoder.layer")
    causal = _bert("BertLMHeadModel", is_decoder=True, initializer_range=0.5)
    assert wrap(causal, _tokenizer(32), layer_path="bert.encoder.layer").support.badge == "untested"


def test_blocks_can_be_named_by_their_path(own):
    assert wrap(*own, layer_path="model.layers").n_layers == 4
    with pytest.raises(InputError, match="'model.blocks' is no list of modules in LlamaForCausalLM; model.layers"):
        wrap(*own, layer_path="model.blocks")
