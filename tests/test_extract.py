"""Extraction: the right states, pooled right, whatever the batch."""

import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch

from emoviz.errors import InputError
from emoviz.extract import capture as capture_module
from emoviz.extract.batches import batches, encode
from emoviz.extract.capture import capture, pool
from emoviz.extract.make import extract
from emoviz.extract.protocols import PROTOCOLS, protocol, protocol_for
from emoviz.extract.sets import extract_set, halves_of, set_name
from emoviz.extract.work import work_folder
from emoviz.geometry import best_layers
from emoviz.models.load import load_model
from emoviz.stats.resampling import resample_curves
from emoviz.stimuli import load_corpus
from emoviz.store import files_of

from .conftest import WORDS, save_tiny_model, tiny_llama, write_passages

TEXTS = [
    "the cat sat .",
    "a dog ran on the red mat and the blue tree .",
    "joyous , grim or red",
    "the the the the the the the a a a a a a a a a a a on under mat tree",
]
RAW_MEAN = replace(PROTOCOLS["emoviz"], equal_norm=False)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("recipe", ["emoviz", "jeong2026b"])
@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_batched_equals_one_by_one_for_both_padding_sides(model, recipe, side, request):
    loaded = request.getfixturevalue(model)
    loaded.tokenizer.padding_side = side
    encoded = encode(loaded, TEXTS, PROTOCOLS[recipe])
    together = capture(loaded, encoded, PROTOCOLS[recipe], batch_tokens=200)
    for row, one in enumerate(encoded):
        alone = capture(loaded, [one], replace(PROTOCOLS[recipe], equal_norm=False))
        expected = capture(loaded, encoded, replace(PROTOCOLS[recipe], equal_norm=False), batch_tokens=200)
        np.testing.assert_allclose(expected.states[row], alone.states[0], atol=2e-6)
    singles = capture(loaded, encoded, PROTOCOLS[recipe], batch_tokens=1)
    np.testing.assert_allclose(together.states, singles.states, atol=1e-5)


def _llama_by_hand(model, ids: torch.Tensor) -> list[torch.Tensor]:
    """A Llama forward pass written out: the residual stream after each block."""
    c = model.config
    dim = c.hidden_size // c.num_attention_heads
    h = model.model.embed_tokens.weight[ids]
    n = len(ids)
    angle = torch.arange(n)[:, None] / c.rope_parameters["rope_theta"] ** (torch.arange(0, dim, 2) / dim)
    cos, sin = torch.cat([angle, angle], 1).cos(), torch.cat([angle, angle], 1).sin()

    def norm(x, weight):
        return weight * x / (x.pow(2).mean(-1, keepdim=True) + c.rms_norm_eps).sqrt()

    def rotate(x):
        half = x.shape[-1] // 2
        return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin

    after = []
    for block in model.model.layers:
        x = norm(h, block.input_layernorm.weight)
        a = block.self_attn
        q = rotate((x @ a.q_proj.weight.T).view(n, -1, dim).transpose(0, 1))
        k = rotate((x @ a.k_proj.weight.T).view(n, -1, dim).transpose(0, 1))
        v = (x @ a.v_proj.weight.T).view(n, -1, dim).transpose(0, 1)
        k, v = (t.repeat_interleave(len(q) // len(t), 0) for t in (k, v))
        score = (q @ k.transpose(1, 2) / dim**0.5).masked_fill(torch.triu(torch.ones(n, n), 1).bool(), -torch.inf)
        h = h + (score.softmax(-1) @ v).transpose(0, 1).reshape(n, -1) @ a.o_proj.weight.T
        x = norm(h, block.post_attention_layernorm.weight)
        m = block.mlp
        h = h + (torch.nn.functional.silu(x @ m.gate_proj.weight.T) * (x @ m.up_proj.weight.T)) @ m.down_proj.weight.T
        after.append(h)
    return after


def test_hooks_read_the_blocks_output_also_at_the_last_layer(llama):
    encoded = encode(llama, TEXTS[1:2], PROTOCOLS["jeong2026b"])
    with torch.inference_mode():
        by_hand = _llama_by_hand(llama.model, encoded[0].ids)
    found = capture(llama, encoded, PROTOCOLS["jeong2026b"]).states[0]
    for layer, hidden in enumerate(by_hand):
        np.testing.assert_allclose(found[layer], hidden[-1].numpy(), atol=1e-5)
    mean = capture(llama, encode(llama, TEXTS[1:2], RAW_MEAN), RAW_MEAN).states[0]
    np.testing.assert_allclose(mean[-1], by_hand[-1][1:].mean(0).numpy(), atol=1e-5)


def test_the_last_layer_is_not_the_normed_state_that_transformers_reports(llama):
    ids = encode(llama, TEXTS[1:2], RAW_MEAN)[0].ids[None]
    with torch.inference_mode():
        reported = llama.model(ids, output_hidden_states=True).hidden_states[-1][0, -1].numpy()
    ours = capture(llama, encode(llama, TEXTS[1:2], PROTOCOLS["jeong2026b"]), PROTOCOLS["jeong2026b"]).states[0, -1]
    assert not np.allclose(reported, ours, atol=1e-3)


def test_special_and_first_tokens_are_not_content(gpt2):
    one = encode(gpt2, ["the cat sat"], PROTOCOLS["emoviz"])[0]
    assert one.ids[0] == gpt2.tokenizer.bos_token_id
    assert one.content.tolist() == [False, True, True, True]
    bare = encode(gpt2, ["the cat sat"], replace(PROTOCOLS["emoviz"], special_tokens=False))[0]
    assert bare.content.tolist() == [False, True, True]


def test_pooling_ignores_what_stands_on_padding_even_if_it_is_not_finite():
    hidden = torch.tensor([[[1.0], [3.0], [float("nan")]], [[float("inf")], [5.0], [7.0]]])
    content = torch.tensor([[True, True, False], [False, True, True]])
    assert pool(hidden, content, "mean").tolist() == [[2.0], [6.0]]
    assert pool(hidden, content, "last").tolist() == [[3.0], [7.0]]


def test_equal_norms_keep_one_massive_token_from_owning_the_mean(llama):
    """The first token aside, a token of 1000 times the norm turns the plain mean, and hardly the equalised one."""
    with torch.no_grad():
        llama.model.model.embed_tokens.weight[3 + WORDS.index("tree")] *= 1000
    with_tree, without = "the cat sat on the tree .", "the cat sat on the mat ."
    for how, alike in ((PROTOCOLS["emoviz"], True), (RAW_MEAN, False)):
        a, b = capture(llama, encode(llama, [with_tree, without], how), how).states[:, 0]
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert (cosine > 0.5) == alike


def test_batches_hold_every_text_once_within_the_token_budget(llama):
    encoded = encode(llama, TEXTS * 5, RAW_MEAN)
    found = list(batches(encoded, 48))
    assert sorted(row for batch in found for row in batch.rows) == list(range(20))
    assert all(batch.ids.numel() <= 48 for batch in found)
    lengths = [batch.ids.shape[1] for batch in found]
    assert lengths == sorted(lengths, reverse=True)


def test_planted_direction_is_recovered(tmp_path):
    """Blocks that add nothing leave the embeddings: a direction put on a class's word must come back as its vector."""
    loaded = load_model(str(save_tiny_model(tmp_path / "m", tiny_llama(width=32))))
    direction = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(1)), dim=0)
    with torch.no_grad():
        for block in loaded.blocks:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
        table = loaded.model.model.embed_tokens.weight
        table[3 + WORDS.index("joyous")] = table[3 + WORDS.index("grim")] + direction
    rows = [
        {"emotion": e, "text": f"the {w} {n} sat", "topic": n}
        for e, w in (("up", "joyous"), ("down", "grim"))
        for n in ("cat", "dog", "tree", "mat")
    ]
    corpus = load_corpus(write_passages(tmp_path / "p.jsonl", rows))
    vectors = extract_set(loaded, corpus, RAW_MEAN)
    for layer in range(vectors.n_layers):
        up, down = vectors.class_means[layer][[vectors.classes.index("up"), vectors.classes.index("down")]]
        found = (up - down) / np.linalg.norm(up - down)
        assert found @ direction.numpy() == pytest.approx(1, abs=1e-5)
    assert (vectors.decoding_accuracy == 1).all()


def test_set_holds_what_the_file_format_promises(llama, small_corpus):
    vectors = extract_set(llama, small_corpus, PROTOCOLS["emoviz"], keep="all")
    activations = vectors.activations
    assert vectors.class_means.shape == (4, 2, 16) and vectors.half_means.shape == (2, 4, 2, 16)
    np.testing.assert_allclose(vectors.half_means.mean(0), vectors.class_means, atol=1e-6)
    up = [k for k, e in enumerate(activations.emotions) if e == "up"]
    np.testing.assert_allclose(
        vectors.class_means[:, vectors.classes.index("up")], activations.states[up].mean(0), atol=1e-6
    )
    p = vectors.provenance
    assert (p.model, p.precision, p.method, p.n_passages, p.n_neutral_sentences) == (
        "tiny-llama",
        "fp32",
        "comprehension",
        8,
        20,
    )
    assert len(p.revision) == 64 and p.topics == small_corpus.topics
    assert activations.layers == (0, 1, 2, 3) and activations.states.shape == (8, 4, 16)
    kept = extract_set(llama, small_corpus, PROTOCOLS["emoviz"]).activations
    assert kept.layers == (best_layers(vectors)["decoding"],), "the rule of the protocol is decoding"
    two = extract_set(llama, small_corpus, PROTOCOLS["jeong2026b"])
    assert two.activations.layers == (best_layers(two)["decoding"],), "of two classes separation picks no layer"
    for layer in kept.layers:
        np.testing.assert_array_equal(kept.at(layer), activations.at(layer))
    assert extract_set(llama, small_corpus, PROTOCOLS["emoviz"], keep="none").activations is None


def test_states_of_the_papers_protocol_are_kept_at_the_layer_of_its_rule(llama, small_corpus, tmp_path):
    rows = [{"emotion": p.emotion, "text": p.text, "topic": p.topic} for p in small_corpus.passages]
    more = [{"emotion": "round", "text": f"round and {row['text']} round", "topic": row["topic"]} for row in rows]
    three = load_corpus(write_passages(tmp_path / "three.jsonl", rows + more))
    vectors = extract_set(llama, three, PROTOCOLS["jeong2026b"])
    assert vectors.activations.layers == (best_layers(vectors)["separation"],)


def test_progress_reaches_the_number_of_tokens(llama, small_corpus):
    seen = []
    extract_set(
        llama,
        small_corpus,
        PROTOCOLS["emoviz"],
        batch_tokens=20,
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert len(seen) > 2 and {stage for stage, _, _ in seen} == {"reading"} and seen[-1][1] == seen[-1][2]
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_the_name_changes_with_everything_the_content_depends_on(llama, small_corpus):
    name = set_name(llama, PROTOCOLS["emoviz"], small_corpus)
    assert name.startswith("tiny-llama_emoviz_fp32_small_")
    others = {
        set_name(llama, PROTOCOLS["jeong2026b"], small_corpus),
        set_name(llama, replace(PROTOCOLS["emoviz"], pooling="last"), small_corpus),
        set_name(replace(llama, precision="bf16"), PROTOCOLS["emoviz"], small_corpus),
        set_name(replace(llama, revision="other"), PROTOCOLS["emoviz"], small_corpus),
        set_name(llama, PROTOCOLS["emoviz"], replace(small_corpus, hash="other")),
    }
    assert name not in others and len(others) == 5
    assert name == set_name(llama, PROTOCOLS["emoviz"], small_corpus)


def test_hooks_are_gone_after_extraction_and_after_a_failure(llama, monkeypatch):
    def boom(*_args):
        raise RuntimeError("boom")

    capture(llama, encode(llama, TEXTS, RAW_MEAN), RAW_MEAN)
    monkeypatch.setattr(import_module("emoviz.extract.capture"), "pool", boom)
    with pytest.raises(RuntimeError, match="boom"):
        capture(llama, encode(llama, TEXTS, RAW_MEAN), RAW_MEAN)
    assert not any(block._forward_hooks for block in llama.blocks)
    assert not llama.lock.locked()


def test_layers_that_overflow_are_recorded_and_left_out(llama, small_corpus):
    with torch.no_grad():
        llama.blocks[2].mlp.down_proj.weight.fill_(float("inf"))
    vectors = extract_set(llama, small_corpus, PROTOCOLS["emoviz"])
    assert vectors.provenance.nonfinite_layers == (2, 3)
    assert np.isnan(vectors.anisotropy[2:]).all() and np.isfinite(vectors.anisotropy[:2]).all()


def test_a_model_that_overflows_everywhere_is_refused(llama, small_corpus):
    with torch.no_grad():
        llama.model.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="no layer of tiny-llama gives finite values in fp32"):
        extract_set(llama, small_corpus, PROTOCOLS["emoviz"])


def test_a_passage_beyond_the_context_is_refused(llama):
    with pytest.raises(InputError, match="a passage has 65 tokens .*reads at most 64"):
        encode(llama, ["the " * 65], RAW_MEAN)


def test_a_passage_of_one_token_leaves_nothing_to_read(llama):
    with pytest.raises(InputError, match="leaves no token to read"):
        encode(llama, ["the"], RAW_MEAN)


def test_a_class_whose_topics_fall_into_one_half_is_refused(tmp_path):
    rows = [{"emotion": "up", "text": "the cat", "topic": t} for t in "abcd"]
    rows += [{"emotion": "down", "text": "the dog", "topic": t} for t in "ac"]
    corpus = load_corpus(write_passages(tmp_path / "p.jsonl", rows))
    with pytest.raises(InputError, match="class 'down' fall into one half"):
        halves_of(corpus)


def test_unknown_protocol_lists_the_known_ones():
    with pytest.raises(InputError, match="protocol 'x' is unknown; emoviz, jeong2026b, emoviz-stories, jeong2026a"):
        protocol("x")


def test_a_recipe_is_a_name_or_the_methods_default_and_what_changes_it_changes_its_name():
    assert protocol_for().name == "emoviz" and protocol_for("generation").name == "emoviz-stories"
    assert protocol_for(None, "jeong2026a").method == "generation"
    assert protocol_for(None, "emoviz", "last").name == "emoviz-last"
    assert protocol_for("generation", None, None, 4).name == "emoviz-stories-4"
    for asked, message in (
        (("magic",), "method 'magic' is unknown; comprehension, generation are allowed"),
        (
            ("generation", "emoviz"),
            "is one of comprehension. With generation, emoviz-stories, jeong2026a, jeong2026a-loose are allowed",
        ),
        ((None, "emoviz", "max"), "pooling 'max' is unknown; mean, last, mid are allowed"),
        ((None, "emoviz", None, 3), "--stories 3 was given with emoviz, which reads passages"),
    ):
        with pytest.raises(InputError, match=message):
            protocol_for(*asked)


def test_the_middle_token_is_the_only_content_of_mid_pooling(llama):
    one = encode(llama, ["the cat sat on a mat ."], replace(PROTOCOLS["jeong2026b"], pooling="mid"))[0]
    assert one.content.nonzero()[:, 0].tolist() == [3]


def test_reading_stops_at_the_deepest_layer_that_is_asked_for(llama):
    encoded = encode(llama, TEXTS, PROTOCOLS["emoviz"])
    whole = capture(llama, encoded, PROTOCOLS["emoviz"])
    ran = []
    llama.blocks[2].register_forward_hook(lambda *_: ran.append(2))
    llama.decoder.norm.register_forward_hook(lambda *_: ran.append("norm"))
    some = capture(llama, encoded, PROTOCOLS["emoviz"], layers=[1, 0])
    assert ran == []
    np.testing.assert_array_equal(some.states, whole.states[:, :2])
    capture(llama, encoded, PROTOCOLS["emoviz"])
    assert "norm" not in ran and 2 in ran


def test_a_batch_that_does_not_fit_into_memory_is_halved_until_it_does(llama, monkeypatch):
    encoded = encode(llama, TEXTS * 3, PROTOCOLS["emoviz"])
    whole = capture(llama, encoded, PROTOCOLS["emoviz"])
    forward, sizes = capture_module._forward, []

    def small_machine(loaded, batch, *rest):
        sizes.append(len(batch.rows))
        if len(batch.rows) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
        return forward(loaded, batch, *rest)

    monkeypatch.setattr(capture_module, "_forward", small_machine)
    halved = capture(llama, encoded, PROTOCOLS["emoviz"])
    assert max(sizes) > 2 and min(sizes) <= 2
    np.testing.assert_allclose(halved.states, whole.states, atol=1e-5)
    np.testing.assert_allclose(halved.norms, whole.norms, atol=1e-5)


def test_a_text_that_fits_no_memory_is_refused_and_other_errors_pass(llama, monkeypatch):
    encoded = encode(llama, TEXTS, PROTOCOLS["emoviz"])
    monkeypatch.setattr(capture_module, "_forward", _raiser(torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(InputError, match="does not fit into the memory of cpu"):
        capture(llama, encoded, PROTOCOLS["emoviz"])
    monkeypatch.setattr(capture_module, "_forward", _raiser(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        capture(llama, encoded, PROTOCOLS["emoviz"])


def _raiser(error):
    def fail(*_args):
        raise error

    return fail


_KILLED = """
import os, sys
from pathlib import Path
from emoviz.extract.protocols import protocol
from emoviz.extract.sets import extract_set
from emoviz.models.load import load_model
from emoviz.stats.resampling import resample_curves
from emoviz.stimuli import load_corpus
steps = 0
def die(stage, done, total):
    global steps
    steps += done > 0
    if steps == int(sys.argv[4]):
        os.kill(os.getpid(), 9)
extract_set(load_model(sys.argv[1]), load_corpus(sys.argv[2]), protocol("emoviz"), batch_tokens=20,
            work=Path(sys.argv[3]), progress=die)
"""


def test_a_run_that_was_killed_twice_goes_on_and_ends_with_the_same_bits(llama, llama_folder, small_corpus, tmp_path):
    work = tmp_path / "work"
    call = [sys.executable, "-c", _KILLED, str(llama_folder), str(tmp_path / "small.jsonl"), str(work)]
    for step in ("1", "3"):
        assert subprocess.run([*call, step], timeout=120).returncode == -signal.SIGKILL
    marks = np.fromfile(work / "passages" / "sums.bin", np.uint32) != 0
    assert 0 < marks.sum() < len(marks), "the test is to stop in the middle"
    read = []
    llama.blocks[0].register_forward_hook(lambda _m, _i, output: read.append(len(output)))
    options = {"batch_tokens": 20, "keep": "all"}
    resumed = extract_set(llama, small_corpus, PROTOCOLS["emoviz"], work=work, **options)
    assert sum(read) == (~marks).sum() + len(small_corpus.neutral_sentences), "what was read is not read again"
    whole = extract_set(llama, small_corpus, PROTOCOLS["emoviz"], **options)
    for name in ("class_means", "half_means", "residual_norm", "anisotropy", "decoding_accuracy"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    np.testing.assert_array_equal(resumed.activations.states, whole.activations.states)


@pytest.mark.parametrize(("name", "byte"), [("pooled", b"\xff"), ("norms", b"\0"), ("sums", b"\xff"), ("sums", b"\0")])
def test_what_was_damaged_since_it_was_kept_is_read_again_and_said(llama, small_corpus, tmp_path, name, byte, caplog):
    """0xFF is NaN in every number, which would pass for layers that are not finite."""
    options = {"batch_tokens": 20, "keep": "all"}
    whole = extract_set(llama, small_corpus, PROTOCOLS["emoviz"], work=tmp_path, **options)
    path = tmp_path / "passages" / f"{name}.bin"
    raw = path.read_bytes()
    path.write_bytes(raw[:8] + byte * 24 + raw[32:])
    again = extract_set(llama, small_corpus, PROTOCOLS["emoviz"], work=tmp_path, **options)
    assert again.provenance.nonfinite_layers == ()
    np.testing.assert_array_equal(again.class_means, whole.class_means)
    np.testing.assert_array_equal(again.residual_norm, whole.residual_norm)
    # Marks of nought are those of texts that nobody has read.
    assert ("damaged: it is read again" in caplog.text) == ((name, byte) != ("sums", b"\0"))


def test_a_damaged_set_is_made_anew_where_it_is_asked_for(llama, tmp_path, caplog):
    rows = [(name, f"the {what} {way} {place}", place) for name, what in (("glad", "cat"), ("cross", "dog"))
            for place in ("mat", "tree") for way in ("sat", "ran")]  # fmt: skip
    made = extract(llama, rows, folder=tmp_path, progress=False)
    means = made.class_means.tobytes()
    for path in files_of(made):
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2])
        caplog.clear()
        assert extract(llama, rows, folder=tmp_path, progress=False).class_means.tobytes() == means
        assert "It is made anew" in caplog.text and len(path.read_bytes()) == len(good)


def test_one_set_is_made_by_one_process_at_a_time_and_its_work_is_removed_at_the_end():
    with work_folder("a set") as folder:
        (folder / "something").touch()
        with pytest.raises(InputError, match="a set is being made by another process"), work_folder("a set"):
            pass
    assert not folder.exists() and not folder.with_name("a set.lock").exists()
    with pytest.raises(KeyError), work_folder("a set") as folder:
        raise KeyError
    assert not folder.exists(), "a run that was refused at once leaves nothing"
    with pytest.raises(KeyError), work_folder("a set") as folder:
        (folder / "something").touch()
        raise KeyError
    assert folder.exists(), "what a failed run has done stays"


def test_a_full_disk_is_known_before_the_first_text_is_read(llama, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(InputError, match="cannot hold the .* GB that this extraction needs .No space left on device"):
        capture(llama, encode(llama, TEXTS, RAW_MEAN), RAW_MEAN, work=tmp_path / "w")
    assert not any((tmp_path / "w").iterdir())


def test_five_hundred_classes_of_any_name_become_a_set(llama, tmp_path, monkeypatch):
    # A twentieth of the resamples, which take nearly all of the time.
    monkeypatch.setattr(import_module("emoviz.extract.sets"), "resample_curves", partial(resample_curves, n=50))
    rows = [
        {"emotion": f"class {k} \u611f", "text": f"the {WORDS[k % 18]} {WORDS[(k // 18) % 18]} {w} on a mat"}
        for k in range(500)
        for w in ("sat", "ran")
    ]
    corpus = load_corpus(write_passages(tmp_path / "many.jsonl", rows))
    found = extract_set(llama, corpus, PROTOCOLS["emoviz"])
    assert found.class_means.shape == (4, 500, 16)


def test_a_model_spread_over_devices_is_read_like_a_whole_one(llama, llama_folder, tmp_path):
    """Blocks on the disk and in memory, moved about by accelerate as it does over several GPUs."""
    from accelerate import dispatch_model

    encoded = encode(llama, TEXTS, PROTOCOLS["emoviz"])
    whole = capture(llama, encoded, PROTOCOLS["emoviz"])
    spread = load_model(str(llama_folder))
    places = {"model.embed_tokens": "cpu", "model.rotary_emb": "cpu", "model.norm": "cpu", "lm_head": "cpu"}
    places |= {f"model.layers.{k}": "disk" if k % 2 else "cpu" for k in range(4)}
    dispatch_model(spread.model, places, main_device="cpu", offload_dir=str(tmp_path), force_hooks=True)
    assert spread.blocks[1].mlp.up_proj.weight.device.type == "meta"
    np.testing.assert_array_equal(capture(spread, encoded, PROTOCOLS["emoviz"]).states, whole.states)
