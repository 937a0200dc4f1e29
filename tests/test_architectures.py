"""Every architecture that carries the badge `tested`, as a small random model, from loading to steering."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from benchmarks.architectures import tried
from emoviz.errors import InputError
from emoviz.experiments.dose_response import dose_response
from emoviz.experiments.leak import leak_run
from emoviz.experiments.side_effects import side_effects
from emoviz.experiments.verification import verify
from emoviz.extract.batches import encode
from emoviz.extract.capture import capture
from emoviz.extract.make import extract
from emoviz.extract.protocols import protocol
from emoviz.judge.likelihood import log_likelihoods
from emoviz.models.blocks import find_blocks
from emoviz.models.load import load_model
from emoviz.models.registry import REGISTRY, TESTED_ARCHITECTURES
from emoviz.models.selftest import self_test
from emoviz.models.wrap import wrap
from emoviz.steer.conversation import converse
from emoviz.steer.generate import generate, steer_texts
from emoviz.steer.injection import Offsets
from emoviz.steer.steering import steering
from emoviz.types import Decoding

from .conftest import save_tiny_model

_COMMON = {"vocab_size": 32, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
_LLAMA = {
    **_COMMON,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}
_HEAD = {"head_dim": 8}
_GPT = {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 64}
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}

ARCHITECTURES = {
    "GPT2LMHeadModel": ("GPT2Config", {**_COMMON, **_GPT}),
    "GPTNeoXForCausalLM": ("GPTNeoXConfig", {**_LLAMA, "num_key_value_heads": 2}),
    # Its blocks return tuples.
    "GPTJForCausalLM": ("GPTJConfig", {**_COMMON, **_GPT, "rotary_dim": 4}),
    "Gemma2ForCausalLM": ("Gemma2Config", {**_LLAMA, **_HEAD, "sliding_window": 4}),
    "Gemma3ForCausalLM": ("Gemma3TextConfig", {**_LLAMA, **_HEAD, "sliding_window": 4}),
    # A multimodal wrapper whose vision tower has as many layers as its text model.
    "Gemma3ForConditionalGeneration": (
        "Gemma3Config",
        {
            "text_config": {**_LLAMA, **_HEAD, "sliding_window": 4},
            "vision_config": _VISION,
            "mm_tokens_per_image": 4,
            "image_token_index": 30,
            "boi_token_index": 28,
            "eoi_token_index": 29,
        },
    ),
    "LlamaForCausalLM": ("LlamaConfig", _LLAMA),
    "MistralForCausalLM": ("MistralConfig", {**_LLAMA, "sliding_window": 4}),
    "Olmo2ForCausalLM": ("Olmo2Config", _LLAMA),
    "Phi3ForCausalLM": ("Phi3Config", _LLAMA),
    "Qwen2ForCausalLM": ("Qwen2Config", _LLAMA),
    "Qwen3ForCausalLM": ("Qwen3Config", {**_LLAMA, **_HEAD}),
    "SmolLM3ForCausalLM": ("SmolLM3Config", _LLAMA),
}


def config_of(architecture: str):
    name, options = ARCHITECTURES[architecture]
    return getattr(transformers, name)(**options)


@pytest.fixture(params=sorted(ARCHITECTURES))
def loaded(request, tmp_path):
    folder = save_tiny_model(tmp_path / "m", config_of(request.param))
    model = load_model(str(folder))
    assert model.architecture == request.param
    # Some families bring a tokenizer class of their own, which cannot read the small vocabulary.
    return replace(model, tokenizer=transformers.PreTrainedTokenizerFast.from_pretrained(folder))


def test_the_badge_names_what_is_tested_here():
    assert set(ARCHITECTURES) == TESTED_ARCHITECTURES
    assert {entry.architecture for entry in REGISTRY} <= TESTED_ARCHITECTURES


def test_architecture_loads_with_the_tested_badge(loaded):
    assert loaded.support.badge == "tested"
    assert (loaded.n_layers, loaded.d_model) == (3, 16)


def test_architecture_reads_in_a_batch_what_it_reads_alone(loaded):
    texts = ["the cat sat", "a dog ran under the tree and sat on the mat", "the dog ran"]
    recipe = protocol("emoviz")
    together = capture(loaded, encode(loaded, texts, recipe), recipe)
    for k, text in enumerate(texts):
        alone = _by_hand(loaded, text)
        mean = alone[:, 1:] / np.linalg.norm(alone[:, 1:], axis=-1, keepdims=True)
        expected = mean.mean(1) * np.median(together.norms, axis=1)[:, None]
        np.testing.assert_allclose(together.states[k], expected, rtol=2e-4, atol=2e-4)


def test_architecture_is_steered_at_each_layer_and_left_clean(loaded):
    prompt = "the cat sat on"
    offset = np.zeros((2, 16), np.float32)
    # Alternating signs: a constant would vanish in a LayerNorm.
    offset[1] = 50 * (-1.0) ** np.arange(16)
    before = _logits(loaded, prompt)
    for layer in range(loaded.n_layers):
        steps = list(generate(loaded, prompt, Offsets({layer: offset}, 2), Decoding(2)))
        assert len(steps) <= 2
    assert torch.equal(before, _logits(loaded, prompt))
    assert not any(block._forward_hooks for block in loaded.blocks)


def _logits(loaded, prompt):
    with torch.inference_mode():
        return loaded.model(torch.tensor([loaded.tokenizer(prompt)["input_ids"]])).logits


def _by_hand(loaded, text) -> np.ndarray:
    """(L, tokens, D): what the next block, or the final norm, is given."""
    seen = []
    decoder = loaded.decoder
    norm = next(getattr(decoder, n) for n in ("norm", "ln_f", "final_layer_norm") if hasattr(decoder, n))
    hooks = [
        module.register_forward_pre_hook(
            lambda _m, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        for module in (*list(loaded.blocks)[1:], norm)
    ]
    with torch.inference_mode():
        decoder(torch.tensor([loaded.tokenizer(text)["input_ids"]]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return np.stack([hidden[0].numpy() for hidden in seen])


class _Broken(nn.Module):
    """A block around another one that misbehaves."""

    def __init__(self, inner, how: str):
        super().__init__()
        self.inner, self.how = inner, how

    def forward(self, hidden, **options):
        if self.how == "twice":
            self.inner(hidden, **options)
        if self.how == "blind to padding":
            options["attention_mask"] = None
            return self.inner(hidden, **options) + hidden.mean(1, keepdim=True)
        if self.how == "deaf":
            return torch.zeros_like(self.inner(hidden, **options)) + torch.arange(hidden.shape[1])[None, :, None]
        return self.inner(hidden, **options)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("blind to padding", "a padded text has other states"),
        ("deaf", "does not arrive at the later ones"),
    ],
)
def test_a_model_that_breaks_the_rules_is_unsupported_with_the_reason(llama, how, message):
    layers = llama.model.model.layers
    layers[1] = _Broken(layers[1], how)
    with pytest.raises(InputError, match=message):
        self_test(llama.model, layers, 16, 32, "fp32", how)


def test_a_block_that_runs_twice_is_unsupported(llama):
    layers = llama.model.model.layers
    inner = layers[2]
    layers[1] = _Broken(inner, "twice")
    blocks = [layers[0], inner, layers[3]]
    with pytest.raises(InputError, match="ran 1 to 3 times instead of once"):
        self_test(llama.model, blocks, 16, 32, "fp32", "twice")


@pytest.mark.parametrize(
    ("kind", "outcome", "why"),
    [
        # Experts, places that are learned, a stack that is called an encoder, two attentions in a block.
        ("mixtral", "works", ""),
        ("opt", "works", ""),
        ("bert", "works", "no lens: the final norm of BertLMHeadModel was not found"),
        ("longcat_flash", "works", ""),
        # A state in place of keys and values, which a pass over several tokens forgets; beside an attention; of a kind
        # that cannot be repeated for several rows.
        ("mamba", "works", "no conversation: it keeps a state in place of its tokens"),
        ("jamba", "works", "no conversation: it keeps a state in place of its tokens"),
        ("xlstm", "works", "no conversation: it keeps a state in place of its tokens"),
        # No decoder inside the whole; an output head that is called one; heads that differ from layer to layer.
        ("llama4_text", "works", ""),
        ("modernbert-decoder", "works", "no lens: ModernBertDecoderForCausalLM does more"),
        ("gemma4_unified_text", "works", ""),
        # Without anything that is kept, and with a recurrent state in a way of its own.
        ("openai-gpt", "reads", "it keeps nothing of the tokens that it has read"),
        ("rwkv", "reads", "it keeps nothing of the tokens that it has read"),
        # Several states for a token, and no number of layers.
        ("deepseek_v4", "refused", "a block puts out"),
        ("blt", "refused", "its configuration gives no number of layers"),
    ],
)
def test_architectures_of_every_kind_work_or_are_refused_with_the_reason(kind, outcome, why, monkeypatch):
    load = importlib.import_module("emoviz.models.load")
    monkeypatch.setattr(load, "AutoTokenizer", transformers.PreTrainedTokenizerFast)
    found, reason = tried(kind)
    assert found == outcome and why in reason


def test_a_stack_of_that_name_is_read_as_a_decoder_and_refused_as_an_encoder():
    blocks = find_blocks(transformers.BertLMHeadModel(transformers.BertConfig(**_LLAMA, is_decoder=True)))
    assert len(blocks) == 3
    encoder = transformers.BertLMHeadModel(transformers.BertConfig(**_LLAMA))
    with pytest.raises(InputError, match="BertLMHeadModel is an encoder .is_decoder in its configuration is false"):
        find_blocks(encoder)


@pytest.fixture
def forgetful(llama_folder, monkeypatch):
    """A model that lets go of the last tokens that it has read."""
    model = load_model(str(llama_folder)).model
    whole = type(model.model).forward

    def forward(self, *args, past_key_values=None, **options):
        if past_key_values is not None:
            past_key_values.crop(-4)
        return whole(self, *args, past_key_values=past_key_values, **options)

    monkeypatch.setattr(type(model.model), "forward", forward)
    return transformers.PreTrainedTokenizerFast.from_pretrained(llama_folder), model


def test_a_model_whose_steps_differ_from_one_pass_is_read_and_not_steered(forgetful):
    tokenizer, model = forgetful
    loaded = wrap(model, tokenizer)
    assert "a token after those that it has read has another state than in one pass" in loaded.support.unsteered
    rows = [(e, f"the {w} {e}", w) for e in ("joyous", "grim") for w in ("cat", "dog")]
    vectors = extract(loaded, rows, save=False, progress=False)
    for job in (
        lambda: steer_texts(loaded, vectors, "grim", 0.1, "the cat"),
        lambda: converse(loaded, vectors, "grim", 0.1, "the cat"),
        lambda: steering(loaded, vectors, "grim", 0.1).__enter__(),
        lambda: log_likelihoods(loaded, [3], [[4, 5]], Offsets({}, 1)),
        lambda: dose_response(loaded, vectors),
        lambda: leak_run(loaded, vectors),
        lambda: side_effects(loaded, vectors),
        lambda: verify(loaded, vectors),
    ):
        with pytest.raises(InputError, match="LlamaForCausalLM. can be read and not steered: a token after"):
            job()


def test_a_model_that_fails_on_a_few_tokens_is_refused_in_one_line(llama, monkeypatch):
    monkeypatch.setattr(type(llama.decoder), "forward", lambda *_, **__: 1 // 0)
    with pytest.raises(InputError, match="not supported: a pass over six tokens fails .ZeroDivisionError") as caught:
        self_test(llama.model, llama.blocks, 16, 32, "fp32", "fails")
    assert "\n" not in str(caught.value)


def test_an_architecture_outside_the_tests_is_marked_untested(tmp_path):
    config = transformers.StableLmConfig(**_LLAMA)
    loaded = load_model(str(save_tiny_model(tmp_path / "m", config)))
    assert (
        loaded.support.badge == "untested" and "StableLmForCausalLM is not in the test suite" in loaded.support.reason
    )


def test_a_self_test_that_passed_is_not_run_again(llama, monkeypatch):
    selftest = importlib.import_module("emoviz.models.selftest")
    monkeypatch.setattr(selftest, "_tried", lambda *_: ("once", "", "", False))
    first = self_test(llama.model, llama.blocks, 16, 32, "fp32", "these weights")
    monkeypatch.setattr(selftest, "_tried", lambda *_: pytest.fail("run again"))
    assert self_test(llama.model, llama.blocks, 16, 32, "fp32", "these weights") == first


def test_blocks_may_be_named_and_a_wrong_name_lists_the_right_ones(llama_folder):
    assert load_model(str(llama_folder), layer_path="model.layers").n_layers == 4
    with pytest.raises(InputError, match="'model.blocks' is no list of modules in LlamaForCausalLM; model.layers are"):
        load_model(str(llama_folder), layer_path="model.blocks")
