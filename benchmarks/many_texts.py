"""Reading many texts: speed against the bare decoder on the same batches, and memory above the weights."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

MODEL, PRECISION = "SmolLM2-135M-Instruct", "bf16"
# Texts of the memory benchmark; those whose reading is timed, in slices that take turns with the bare decoder.
TEXTS, TIMED, SLICE = 3000, 900, 300
ROWS = 1_000_000

_MEMORY = """
import json, sys, threading, time
import psutil, torch
import emoviz as ez
model = ez.load_model(sys.argv[1], precision=sys.argv[2])
# Weights are mapped from their file: one pass brings them into memory, so that they are not counted below.
with torch.inference_mode():
    model.model(torch.tensor([[5, 6, 7]]))
me = psutil.Process()
before = peak = me.memory_info().rss
def watch():
    global peak
    while True:
        peak = max(peak, me.memory_info().rss)
        time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
started = time.perf_counter()
found = ez.read_texts(model, None, sys.argv[3], out=sys.argv[4], progress=False)
print(json.dumps({"texts": found.texts, "rows": found.rows, "tokens": found.tokens,
                  "seconds": round(time.perf_counter() - started, 1), "weights_mb": round(before / 1e6),
                  "peak_above_weights_mb": round((peak - before) / 1e6)}))
"""


_SCAN = """
import json, sys, threading, time
import psutil
from emoviz.stimuli.streams import scan, text_source
me, peak = psutil.Process(), 0
def watch():
    global peak
    while True:
        peak = max(peak, me.memory_info().rss)
        time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
started = time.perf_counter()
n = scan(text_source(sys.argv[1])).n
print(json.dumps({"rows": n, "seconds": round(time.perf_counter() - started, 1), "peak_mb": round(peak / 1e6)}))
"""


def _million(folder: Path) -> dict:
    """Going through a file of a million rows, as is done before it is read: seconds, and memory of the process."""
    import pandas as pd

    words = [
        "the",
        "cat",
        "sat",
        "on",
        "a",
        "mat",
        "and",
        "then",
        "she",
        "left",
        "him",
        "crying",
        "in",
        "the",
        "rain",
        "for",
        "an",
        "hour",
    ]
    draws = np.random.default_rng(0).integers(len(words), size=(ROWS, 12))
    table = pd.DataFrame({"id": range(ROWS), "text": [" ".join(words[k] for k in row) + "." for row in draws]})
    found = {}
    for kind in ("jsonl", "csv", "parquet"):
        path = folder / f"million.{kind}"
        if kind == "jsonl":
            table.to_json(path, orient="records", lines=True)
        else:
            table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
        call = [sys.executable, "-c", _SCAN, str(path)]
        found[kind] = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
        found[kind]["file_mb"] = round(path.stat().st_size / 1e6)
    return found


def many_texts() -> dict:
    """3,000 texts into a table: texts of the shipped passages' length, each another one."""
    from emoviz.stimuli import load_corpus

    passages = [p.text for p in load_corpus().passages]
    texts = [f"Text {k}. {passages[k % len(passages)]}" for k in range(TEXTS)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
        call = [sys.executable, "-c", _MEMORY, MODEL, PRECISION, str(path), f"{folder}/texts.csv"]
        memory = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
        return {
            "model": MODEL,
            "precision": PRECISION,
            "memory": memory,
            "speed": _speed(texts[:TIMED], Path(folder)),
            "a_million_rows": _million(Path(folder)),
        }


def _speed(texts: list[str], folder: Path) -> dict:
    """Seconds of the whole of `read_texts`, from the texts to the table, and of bare forward passes, in turns."""
    import torch

    import emoviz as ez
    from emoviz.extract.batches import batches
    from emoviz.extract.capture import DEFAULT_BATCH_TOKENS, DeepEnough
    from emoviz.geometry import preferred_layer
    from emoviz.readout.windows import Whole, windows_of
    from emoviz.store.choice import set_for

    model = ez.load_model(MODEL, precision=PRECISION)
    vectors = set_for(model)
    layer = preferred_layer(vectors)
    seconds = {"emoviz": 0.0, "bare_forward": 0.0, "bare_forward_to_the_same_block": 0.0}
    tokens = 0

    def end(*_given) -> None:
        raise DeepEnough

    def bare(same: list) -> None:
        with torch.inference_mode():
            for batch in same:
                with suppress(DeepEnough):
                    model.decoder(input_ids=batch.ids, attention_mask=batch.attention, use_cache=False)

    def to_block(same: list) -> None:
        hook = model.blocks[layer].register_forward_hook(end)
        bare(same)
        hook.remove()

    for number in range(0, len(texts), SLICE):
        part = texts[number : number + SLICE]
        whole = [Whole(k, text, [(0, len(text))]) for k, text in enumerate(part)]
        encoded = [window.encoded for window in windows_of(model, whole, special_tokens=True)[0]]
        same = list(batches(encoded, DEFAULT_BATCH_TOKENS))
        tokens += sum(len(one.ids) for one in encoded)
        ways = {
            "emoviz": lambda part=part, number=number: ez.read_texts(
                model, vectors, part, out=folder / f"{number}.csv", progress=False
            ),
            "bare_forward": lambda same=same: bare(same),
            "bare_forward_to_the_same_block": lambda same=same: to_block(same),
        }
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name] += time.perf_counter() - started
    rate = {name: tokens / taken for name, taken in seconds.items()}
    return {
        "texts": len(texts),
        "tokens": tokens,
        "layer": layer,
        "layers": model.n_layers,
        "tokens_per_second": {name: round(value, 1) for name, value in rate.items()},
        "emoviz_over_bare_forward": round(rate["emoviz"] / rate["bare_forward"], 3),
        "emoviz_over_bare_forward_to_the_same_block": round(rate["emoviz"] / rate["bare_forward_to_the_same_block"], 3),
    }
