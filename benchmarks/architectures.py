"""Every causal language model of transformers, small and random: what emoviz can do with it, or why it cannot.

`python -m benchmarks architectures` prints a row for each as it is tried (`python -m benchmarks.architectures NAME ...`
for some). Each is tried in a process of its own, bounded in time and memory; whatever ends it otherwise than with an
answer is a FAULT of emoviz.
"""

from __future__ import annotations

import multiprocessing
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
    **dict.fromkeys(("vocab_size", "text_vocab_size", "n_vocab"), WORDS),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size", "emb_dim", "word_embed_proj_dim"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers"), LAYERS),
    **dict.fromkeys(("encoder_layers", "num_decoder_layers"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"), 2),
    "encoder_attention_heads": 2,
    **dict.fromkeys(("num_key_value_heads", "n_head_kv"), 2),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_inner", "decoder_ffn_dim", "encoder_ffn_dim", "n_inner"), 32),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"), 16),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_top_k", "moe_k"), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"), 64),
    **dict.fromkeys(("head_dim", "d_kv", "kv_channels", "attention_head_dim", "mamba_d_head"), 8),
    **dict.fromkeys(("sliding_window", "attention_window_size"), 8),
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
# What a configuration needs beside them, by its model type.
MORE: Mapping[str, Mapping[str, Any]] = {}


def small_config(kind: str) -> Any:
    """A small configuration of a model type of transformers, its language model in a multimodal one among them."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    made = CONFIG_MAPPING[kind]
    usual = made()
    return made(**_sizes(made, usual), **MORE.get(kind, {}))


def _sizes(made: Any, usual: Any) -> dict[str, Any]:
    known = usual.to_dict()
    # A configuration may say the same number by two names, of which it takes its own.
    names = {made.attribute_map.get(name, name): value for name, value in SIZES.items()}
    given = {name: value for name, value in names.items() if name in known}
    for name in made.sub_configs:
        inner = getattr(usual, name, None)
        if inner is not None and name in ("text_config", "decoder", "decoder_config", "thinker_config"):
            given[name] = _sizes(type(inner), inner)
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
            _save(model, Path(folder) / "m")
        except Exception as error:
            return "not built", f"{type(error).__name__}: {first_line(error):.90}"
        try:
            return _used(Path(folder) / "m")
        except InputError as error:
            return "refused", str(error)


def _save(model: Any, folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", *(f"w{k}" for k in range(3, 24)), "the", "cat", "dog", "sat", "ran", "joyous"]
    made = Tokenizer(models.WordLevel({word: k for k, word in enumerate([*words, "grim"])}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    model.save_pretrained(folder)
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
