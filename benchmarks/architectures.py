"""Every causal language model of transformers, small and random: what emoviz can do with it, or why it cannot.

`python -m benchmarks architectures` prints a row for each as it is tried (`python -m benchmarks.architectures NAME ...`
for some). Each is tried in a process of its own, bounded in time and memory; whatever ends it otherwise than with an
answer is a FAULT of emoviz.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

# Of one architecture.
SECONDS, BYTES = 60, 6_000_000_000
LAYERS, WIDTH, WORDS = 4, 16, 32
# What configurations call their sizes, and how small they are here. Of those that a configuration does not have, none
# is given.
SIZES: Mapping[str, Any] = {
    **dict.fromkeys(("vocab_size", "text_vocab_size", "n_vocab", "vocab_size_per_layer_input"), WORDS),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size", "emb_dim", "word_embed_proj_dim"), WIDTH),
    "hidden_size_global": WIDTH,
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"), LAYERS),
    **dict.fromkeys(("encoder_layers", "num_decoder_layers"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("num_key_value_heads", "n_head_kv"), 2),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads"), 4),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_inner", "decoder_ffn_dim", "encoder_ffn_dim", "n_inner"), 32),
    **dict.fromkeys(("dff", "dim_ff", "feed_forward_size", "intermediate_size_mlp", "dense_intermediate_size"), 32),
    **dict.fromkeys(("mlp_dim", "shared_intermediate_size", "mamba_d_ssm", "router_hidden_size"), 32),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("moe_shared_expert_intermediate_size", "shared_experts_intermediate_size"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_top_k", "moe_k", "zero_expert_num"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_groups", "mamba_n_groups"), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"), 64),
    **dict.fromkeys(("max_source_positions", "max_target_positions", "index_topk"), 64),
    **dict.fromkeys(("head_dim", "d_kv", "kv_channels", "attention_head_dim", "mamba_d_head", "mamba_head_dim"), 8),
    **dict.fromkeys(("dim_head", "swa_head_dim", "index_head_dim", "qk_rope_head_dim", "qk_nope_head_dim"), 8),
    **dict.fromkeys(("v_head_dim", "linear_key_head_dim", "linear_value_head_dim", "linear_head_dim"), 8),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "o_lora_rank", "hc_lowrank", "hidden_size_per_layer_input"), 8),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size", "mamba_chunk_size", "chunk_size"), 8),
    **dict.fromkeys(("sliding_window", "attention_window_size", "local_attention", "query_pre_attn_scalar"), 8),
    **dict.fromkeys(("qk_head_dim", "out_hidden_size"), 16),
    # Of pictures.
    **{"depth": 2, "image_size": 28, "patch_size": 14},
    "rotary_dim": 4,
    "is_decoder": True,
    # So large that what a block is not given changes what it puts out.
    **dict.fromkeys(("initializer_range", "init_std"), 0.25),
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
# Attention in every other layer, by the names of several configurations.
_HYBRID = ["linear_attention", "full_attention"] * 2
_DOTS3 = {
    "swa_num_attention_heads": 2,
    "swa_num_key_value_heads": 2,
    "swa_q_lora_rank": 8,
    "swa_kv_lora_rank": 8,
    "swa_head_dim": 16,
    "swa_qk_nope_head_dim": 8,
    "swa_v_head_dim": 8,
}
_QWEN4 = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 8,
    "indexer_budget": 8,
    "indexer_compress_ratio": 2,
}
# What a configuration needs beside or in place of them, by its model type. Of hybrids, attention and a state.
MORE: Mapping[str, Mapping[str, Any]] = {
    "bailing_hybrid": {"layer_types": _HYBRID},
    "bamba": {"attn_layer_indices": [1, 3]},
    "big_bird": {"attention_type": "original_full"},
    "bigbird_pegasus": {"attention_type": "original_full"},
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "codegen": {"n_head": 4},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "dbrx": {"attn_config": {"rope_theta": 1e4, "clip_qkv": 8.0}, "ffn_config": {"ffn_hidden_size": 16}},
    "dots1": {"n_shared_experts": 1},
    "dots3_note": {
        "text_config": _DOTS3,
        "vision_config": {"mlp_layer_types": ["dense"] * 4, "adapter_in_dim": 16, "adapter_out_dim": 16},
        "audio_config": {"adapter_input_size": 16, "adapter_out_dim": 16},
    },
    "dots3_note_text": _DOTS3,
    "gemma3n_text": {"layer_types": ["sliding_attention", "full_attention"] * 2, "num_kv_shared_layers": 2},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": _HYBRID},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "kimi_linear": {"layer_types": _HYBRID},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2, "num_dense_layers": 1},
    "mamba2": {"num_heads": 4},
    "mimo_v2_flash": {"head_dim": 12, "num_attention_heads": 4},
    # Its window is as long as its context.
    "moshi": {"sliding_window": 64},
    "reformer": {"attn_layers": ["local", "lsh"] * 2, "axial_pos_embds": False, "attention_head_size": 8},
    "roc_bert": {"shape_vocab_size": WORDS, "pronunciation_vocab_size": WORDS},
    "qwen4_exp": {"text_config": _QWEN4},
    "qwen4_exp_text": _QWEN4,
    # Its dimensions are rounded up to 64.
    "xlstm": {"qk_dim_factor": 4.0, "v_dim_factor": 4.0},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"layers_block_type": ["linear_attention", "hybrid"] * 2, "attention_head_dim": 16},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid"] * 2, "n_mamba_heads": 4},
    "zaya": {"num_experts_per_tok": 1},
}


def small_config(kind: str) -> Any:
    """A small configuration of a model type of transformers, with small ones inside it."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    made = CONFIG_MAPPING[kind]
    return made(**_sizes(made, made(), MORE.get(kind, {})))


def _sizes(made: Any, usual: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    known = usual.to_dict()
    # A configuration may say the same number by two names, of which it takes its own.
    names = {made.attribute_map.get(name, name): value for name, value in SIZES.items()}
    given = {name: value for name, value in names.items() if name in known}
    given |= {made.attribute_map.get(name, name): value for name, value in more.items()}
    for name in made.sub_configs:
        inner = getattr(usual, name, None)
        if inner is not None:
            given[name] = _sizes(type(inner), inner, more.get(name, {}))
    return given


def tried(kind: str) -> tuple[str, str]:
    """(outcome, why) of one model type: `works`, `reads` (it cannot be steered), `refused`, or `not built`, where
    transformers makes no small one of it. Anything that emoviz raises beside InputError is raised."""
    import torch
    from transformers import AutoModelForCausalLM

    from emoviz.errors import InputError, first_line

    with tempfile.TemporaryDirectory() as folder:
        try:
            torch.manual_seed(0)
            config = small_config(kind)
            model = AutoModelForCausalLM.from_config(config)
            if sum(one.numel() for one in model.parameters()) > 50_000_000:
                return "not built", "it stays larger than 50 million numbers"
            _save(model, config, Path(folder) / "m")
        except Exception as error:
            return "not built", f"{type(error).__name__}: {first_line(error):.90}"
        try:
            return _used(Path(folder) / "m")
        except InputError as error:
            return "refused", str(error)


def _save(model: Any, config: Any, folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", *(f"w{k}" for k in range(3, 24)), "the", "cat", "dog", "sat", "ran", "joyous"]
    made = Tokenizer(models.WordLevel({word: k for k, word in enumerate([*words, "grim"])}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    model.save_pretrained(folder)
    # Of the language model of a multimodal one, which is loaded out of the whole.
    config.save_pretrained(folder)
    fast.save_pretrained(folder)


PROMPT = "the cat sat w5 w9"


def _used(folder: Path) -> tuple[str, str]:
    """The jobs one after another: loading, extracting, reading, the lens, steering with a cache as without one."""
    import numpy as np

    from emoviz.errors import InputError
    from emoviz.extract.make import extract
    from emoviz.models.load import load_model
    from emoviz.readout.lens import lens
    from emoviz.readout.reading import read_text

    loaded = load_model(str(folder), device="cpu")
    rows = [
        (e, f"the {e} {w} ran w{k + 4} w7", f"t{k}")
        for k, w in enumerate(["cat", "dog"] * 2)
        for e in ("joyous", "grim")
    ]
    vectors = extract(loaded, rows, save=False, progress=False)
    assert vectors.class_means.shape == (LAYERS, 2, WIDTH) and np.isfinite(vectors.class_means).all(), "extract"
    reading = read_text(loaded, vectors, PROMPT)
    assert np.isfinite(reading.scores[:, 1:]).all(), "read"
    lost = []
    try:
        raised, _ = lens(loaded, vectors, "joyous", 1, 5)
        assert len(raised) == 5 and np.isfinite([one.change for one in raised]).all(), "lens"
    except InputError as error:
        lost.append(f"no lens: {error}")
    if loaded.support.unsteered:
        return "reads", "; ".join([loaded.support.unsteered, *lost])
    _compared(loaded, vectors)
    if loaded.support.silent:
        lost.append(f"no conversation: {loaded.support.silent}")
    else:
        _talked(loaded, vectors)
    return "works", "; ".join(lost)


def _compared(loaded: Any, vectors: Any) -> None:
    """What is written step by step, and how likely it is, against whole passes without a cache."""
    import numpy as np
    import torch

    from emoviz.judge.likelihood import log_likelihoods
    from emoviz.models.prompts import prompt_ids
    from emoviz.steer.generate import generate
    from emoviz.steer.injection import injected, offsets, on_device
    from emoviz.steer.recipes import recipe
    from emoviz.types import Decoding

    added = offsets(vectors, [("unsteered", 0.0), ("joyous", 0.5)], recipe(vectors))
    acting, prompt = on_device(added, loaded), prompt_ids(loaded, PROMPT, False)

    def whole(ids: torch.Tensor) -> torch.Tensor:
        with loaded.inference(), injected(loaded, added, acting, written=0):
            return loaded.model(input_ids=ids, use_cache=False).logits.float()

    *_, last = generate(loaded, PROMPT, added, Decoding(5))
    ids = torch.tensor([prompt, prompt])
    for step in range(last.ids.shape[1]):
        logits = whole(ids)[:, -1]
        written = torch.from_numpy(last.ids[:, step : step + 1])
        for row in range(2):
            if not (last.ids[row, :step] == 2).any():
                lead = logits[row].max() - logits[row, written[row, 0]]
                assert lead < 1e-3, (
                    f"row {row} writes another token at step {step} than without a cache (by {lead:.2g})"
                )
        ids = torch.cat([ids, written], 1)
    told = [[5, 9, 7], [6, 4], [8]]
    found = log_likelihoods(loaded, prompt, told, added)
    for k, one in enumerate(told):
        logits = whole(torch.tensor([prompt + one] * 2)).log_softmax(-1)[:, len(prompt) - 1 : -1]
        expected = logits.gather(-1, torch.tensor([one, one])[..., None]).sum((1, 2)).double().numpy()
        np.testing.assert_allclose(found[:, k], expected, atol=1e-3, err_msg="likelihood")


def _talked(loaded: Any, vectors: Any) -> None:
    """A conversation whose kept past gives what reading it again gives."""
    from emoviz.steer.conversation import conversation
    from emoviz.types import Decoding

    answers = []
    for forgets in (False, True):
        made = conversation(loaded, vectors, ["joyous"], [0.5], decoding=Decoding(4))
        for user in ("the cat", "dog ran w4"):
            if forgets:
                made._past = None
            for _ in made.say(user):
                pass
        answers.append([[one.ids for one in turn] for turn in made.turns])
    assert answers[0] == answers[1], "a conversation that is read again goes on otherwise"


def _child(kind: str, end: Any) -> None:
    import torch
    from transformers import PreTrainedTokenizerFast

    controls, loading, sets = (
        import_module(f"emoviz.{name}") for name in ("extract.controls", "models.load", "extract.sets")
    )
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    torch.set_num_threads(1)
    # What no architecture changes takes longer than all else.
    controls.encoder_folder, sets.umap_coordinates = (lambda: None), (lambda vectors: None)
    # Some families bring a tokenizer class of their own, which cannot read the small vocabulary.
    loading.AutoTokenizer = PreTrainedTokenizerFast
    try:
        with tempfile.TemporaryDirectory() as home:
            os.environ["EMOVIZ_HOME"] = home
            end.send(tried(kind))
    except BaseException as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "emoviz" in f.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        end.send(("FAULT", f"{type(error).__name__} in {where}: {str(error).splitlines()[:1]}"))


def outcomes(kinds: Iterable[str]) -> Iterator[tuple[str, str, str, float]]:
    """(model type, outcome, why, seconds) of each, as it is tried."""
    # What takes long to import is there before they part.
    for name in ("extract.make", "judge.likelihood", "models.load", "readout.lens", "steer.conversation"):
        import_module(f"emoviz.{name}")
    forked = multiprocessing.get_context("fork")
    for kind in kinds:
        started = time.perf_counter()
        receiver, sender = forked.Pipe(False)
        child = forked.Process(target=_child, args=(kind, sender))
        child.start()
        sender.close()
        found = ("FAULT", f"it took more than {SECONDS} s, or was killed")
        # A busy machine gives it less than a second of its processor in one.
        with suppress(EOFError):
            if receiver.poll(10 * SECONDS):
                found = receiver.recv()
        child.kill()
        child.join()
        yield kind, *found, time.perf_counter() - started


def architectures(kinds: Iterable[str] = ()) -> dict[str, Any]:
    """How many causal language models of transformers were tried, and what became of them."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kinds = list(kinds)
    found = []
    for kind, outcome, why, seconds in outcomes(kinds if kinds else sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)):
        found.append((kind, outcome, why))
        print(f"{kind:28s} {outcome:9s} {seconds:5.1f} s  {why}", file=sys.stderr, flush=True)
    return {"tried": len(found), **Counter(outcome for _, outcome, _ in found)}


if __name__ == "__main__":
    print(architectures(sys.argv[1:]))
