"""Loading and extraction: speed against plain transformers and repeng, memory, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
# Half a gigabyte, so it is measured where it was fetched (emoviz fetch).
THIRD = "Qwen2.5-Coder-0.5B-Instruct"
ROUNDS = 5
# Texts per round of the throughput benchmark: enough for several batches, few enough for many rounds.
TEXTS = 84
PASSAGES, TOKENS = 3000, 150


def at_hand() -> tuple[str, ...]:
    """The bundled models, and the third family where its weights are."""
    from emoviz.models.registry import REGISTRY, available

    third = next(entry for entry in REGISTRY if entry.id == THIRD)
    return (*MODELS, THIRD) if available(third) else MODELS


def loading() -> dict:
    """Seconds to load a converted copy, against plain `from_pretrained` of model and tokenizer on it."""
    import gc

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from emoviz.models import load_model

    out = {}
    for model in at_hand():
        path = load_model(model).model.name_or_path

        def plain(path: str = path) -> None:
            AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
            AutoTokenizer.from_pretrained(path)

        def ours(model: str = model) -> None:
            load_model(model)

        seconds: dict[str, list[float]] = {"plain": [], "emoviz": []}
        for _ in range(ROUNDS):
            for name, way in (("plain", plain), ("emoviz", ours)):
                started = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - started)
                gc.collect()
        middle = {name: median(taken) for name, taken in seconds.items()}
        out[model] = {
            "seconds": {name: round(value, 2) for name, value in middle.items()},
            "emoviz_over_plain": round(middle["emoviz"] / middle["plain"], 2),
        }
    return out


def throughput() -> dict:
    """Tokens per second of extraction, of the bare decoder on the same batches, and of repeng on the same texts."""
    return {model: _throughput(model) for model in at_hand()}


def _throughput(model: str) -> dict:
    import torch

    from emoviz.extract.batches import batches, encode
    from emoviz.extract.capture import DEFAULT_BATCH_TOKENS, capture
    from emoviz.extract.protocols import protocol
    from emoviz.models import load_model
    from emoviz.stimuli import load_corpus

    # repeng 0.4.0 names a type that numpy 2 no longer has, and is otherwise used as it is.
    np.float_ = np.float64
    from repeng.extract import batched_get_hiddens

    recipe = protocol("emoviz")
    loaded = load_model(model)
    # Every fifth passage: all classes and topics, lengths as they are.
    texts = [p.text for p in load_corpus().passages][::5][:TEXTS]
    encoded = encode(loaded, texts, recipe)
    tokens = sum(len(one.ids) for one in encoded)
    same = list(batches(encoded, DEFAULT_BATCH_TOKENS))
    if loaded.tokenizer.pad_token is None:
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token

    def bare() -> None:
        with torch.inference_mode():
            for batch in same:
                loaded.decoder(input_ids=batch.ids, attention_mask=batch.attention, use_cache=False)

    def ours() -> None:
        capture(loaded, encoded, recipe)

    def theirs() -> None:
        batched_get_hiddens(loaded.model, loaded.tokenizer, texts, list(range(1, loaded.n_layers)), 32)

    ways = {"bare_forward": bare, "emoviz": ours, "repeng": theirs}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    rate = {name: tokens / median(taken) for name, taken in seconds.items()}
    return {
        "tokens": tokens,
        "tokens_per_second": {name: round(value, 1) for name, value in rate.items()},
        "emoviz_over_bare_forward": round(rate["emoviz"] / rate["bare_forward"], 3),
        "emoviz_over_repeng": round(rate["emoviz"] / rate["repeng"], 3),
    }


_MEMORY = """
import json, resource, sys, threading, time
import psutil
from pathlib import Path
from emoviz.extract.protocols import protocol
from emoviz.extract.sets import extract_set
from emoviz.models import load_model
from emoviz.stimuli import load_corpus
loaded = load_model(sys.argv[1], precision="bf16")
# Weights are mapped from their file: one pass brings them into memory, so that they are not counted below.
import torch
with torch.inference_mode():
    loaded.model(torch.tensor([[5, 6, 7]]))
me = psutil.Process()
before = me.memory_info().rss
peak = before
def watch():
    global peak
    while True:
        peak = max(peak, me.memory_info().rss)
        time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
started = time.perf_counter()
tokens = 0
def count(stage, done, total):
    global tokens
    tokens = total
extract_set(loaded, load_corpus(sys.argv[2]), protocol("emoviz"), work=Path(sys.argv[3]), progress=count)
print(json.dumps({"tokens": tokens, "seconds": round(time.perf_counter() - started, 1),
                  "weights_mb": round(before / 1e6), "peak_above_weights_mb": round((peak - before) / 1e6)}))
"""


def memory() -> dict:
    """Peak memory above the loaded weights while a large corpus is read (SmolLM2 in bf16, which is quicker here)."""
    from emoviz.models import load_model

    tokenizer = load_model(MODELS[0]).tokenizer
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        passages = Path(folder) / "passages.jsonl"
        with passages.open("w", encoding="utf-8") as out:
            for k in range(PASSAGES):
                text = tokenizer.decode(random.integers(1000, 20_000, size=TOKENS).tolist())
                row = {"emotion": f"class {k % 20}", "text": text, "topic": f"topic {k // 20 % 50}"}
                out.write(json.dumps(row) + "\n")
        call = [sys.executable, "-c", _MEMORY, MODELS[0], str(passages), str(Path(folder) / "work")]
        found = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
    return {"model": MODELS[0], "passages": PASSAGES, **found}


def resume() -> dict:
    """An extraction that is killed (SIGKILL) at a third and two thirds, then run to its end, against one left alone."""
    from emoviz.store import load_set

    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "emoviz", "extract", MODELS[0], "--json", "--out"]
        killed_at = [_killed([*call, f"{folder}/killed"], share) for share in (1 / 3, 2 / 3)]
        ends = {}
        for name in ("killed", "alone"):
            # The second run must not find the first one's work, which is keyed by the same name: it was removed.
            done = subprocess.run([*call, f"{folder}/{name}"], check=True, stdout=subprocess.PIPE)
            ends[name] = load_set(json.loads(done.stdout)["path"])
        difference = max(
            float(np.nanmax(np.abs(np.asarray(getattr(ends["killed"], t), float) - getattr(ends["alone"], t))))
            for t in ("class_means", "half_means", "residual_norm", "anisotropy", "decoding_accuracy", "umap")
        )
    return {"model": MODELS[0], "killed_at_tokens": killed_at, "largest_difference": difference}


def _killed(call: list[str], share: float) -> int:
    """Runs until the given share of the tokens is read, then kills the process. Returns the tokens read so far."""
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        words = line.split()
        if words[:1] == ["reading:"] and int(words[1]) >= share * int(words[3]):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return int(words[1])
    raise RuntimeError(f"the run ended before {share:.0%} of its tokens were reported")
