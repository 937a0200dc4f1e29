"""Steering: many rows in one call against one after another, and what the hooks cost."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from statistics import median

from .extraction import at_hand

MODEL = "SmolLM2-135M-Instruct"
PROMPT = "When the letter finally came, I"
ROWS, TOKENS, ROUNDS = 16, 40, 5


def first_token() -> dict:
    """Seconds from the click on Steer to the first token on the page, and to the last verdict, with the model loaded
    and a witness that was never asked before. The median of rounds, each in a process of its own."""
    out = {}
    for model in at_hand():
        call = [sys.executable, "-c", _FIRST, model]
        found = [json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout) for _ in range(3)]
        out[model] = {name: round(median(one[name] for one in found), 2) for name in found[0]}
    return out


_FIRST = """
import json, sys, time
from emoviz.app.memory import model_named
from emoviz.app.steer.writing import Job, run
model_named(sys.argv[1])
asked = {"prompt": "When the letter finally came, I", "chosen": ["calm", "afraid"], "controls": ["random"],
         "doses": "0, 0.02, 0.05", "models": [sys.argv[1]], "preset": "emoviz", "layers": "window", "scope": "all",
         "norm": "fixed", "tokens": 40, "temperature": 0, "seed": 0, "chat": False}
started, first = time.perf_counter(), None
for shown, said in run(job=Job(), **asked):
    there = isinstance(shown, dict) and "rows" in shown and shown["rows"][0]["baseline"]["text"]
    if first is None and there:
        first = time.perf_counter() - started
    last = said
if not last.startswith("done"):
    sys.exit(last)
print(json.dumps({"first_token": first, "all_said": time.perf_counter() - started}))
"""


def steering() -> dict:
    """Medians over rounds in turn: 16 rows at once, one by one, by transformers; a batch with and without hooks."""
    import torch

    from emoviz.models import load_model
    from emoviz.steer.generate import generate
    from emoviz.steer.injection import Offsets, offsets
    from emoviz.steer.recipes import recipe
    from emoviz.store.choice import set_for
    from emoviz.types import Decoding

    loaded = load_model(MODEL, device="cpu")
    vectors = set_for(loaded)
    rows = [("calm", 0.06 * k / ROWS) for k in range(1, ROWS + 1)]
    added = offsets(vectors, rows, recipe(vectors))
    alone = [Offsets({layer: one[[k]] for layer, one in added.by_layer.items()}, 1) for k in range(ROWS)]
    # An end token would make a row shorter alone than in company.
    loaded.model.generation_config.eos_token_id = []
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]]).expand(ROWS, -1)

    def write(given: Offsets) -> None:
        deque(generate(loaded, PROMPT, given, Decoding(TOKENS)), maxlen=0)

    def plain() -> None:
        with torch.inference_mode():
            loaded.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False, pad_token_id=0
            )

    ways: dict[str, Callable[[], None]] = {
        "at_once": lambda: write(added),
        "one_by_one": lambda: [write(one) for one in alone],
        "by_transformers": plain,
    }
    write(added)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - started)

    def ratio(above: str, below: str) -> float:
        return round(median(a / b for a, b in zip(taken[above], taken[below], strict=True)), 3)

    return {
        "rows": ROWS,
        "tokens": TOKENS,
        "layers": len(added.by_layer),
        "seconds": {name: round(median(values), 2) for name, values in taken.items()},
        "times_faster_at_once": ratio("one_by_one", "at_once"),
        "with_hooks_over_without": round(
            _hooks(lambda given: generate(loaded, PROMPT, given, Decoding(TOKENS)), added), 3
        ),
        "emoviz_over_transformers_generate": ratio("at_once", "by_transformers"),
    }


def _hooks(begin: Callable, added) -> float:
    """Time with hooks over time without, token by token in turn: a machine drifts more than hooks cost."""
    from emoviz.steer.injection import Offsets

    ratios = []
    for k in range(2 * ROUNDS):
        runs = {True: begin(added), False: begin(Offsets({}, added.rows))}
        seconds = dict.fromkeys(runs, 0.0)
        for step in range(TOKENS):
            # Who goes first takes turns as well.
            for hooked in (True, False) if (step + k) % 2 else (False, True):
                started = time.perf_counter()
                next(runs[hooked])
                seconds[hooked] += time.perf_counter() - started
        ratios.append(seconds[True] / seconds[False])
    return median(ratios)


def effects() -> dict:
    """Seconds of `emoviz effects` for each bundled model, made anew with its witnesses, without the start of a process
    and the loading of the model."""
    out = {}
    for model in at_hand():
        with tempfile.TemporaryDirectory() as folder:
            call = [sys.executable, "-m", "emoviz", "effects", model, "--precision", "bf16", "--out", folder, "--json"]
            found = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
        out[model] = {"seconds": found["seconds"], "rows": len(found["rows"])}
    return out


def conversations() -> dict:
    """Medians over rounds in turn: four conversations of three turns side by side, and one after another."""
    from emoviz.models import load_model
    from emoviz.steer.conversation import conversation
    from emoviz.store.choice import set_for
    from emoviz.types import Decoding

    loaded = load_model(MODEL, device="cpu")
    vectors = set_for(loaded)
    # An end token would make a row shorter alone than in company.
    loaded.model.generation_config.eos_token_id = []
    users = ["I heard a noise downstairs.", "What should I do now?", "Thank you. Tell me about your day."]
    rows = [("unsteered", 0.0), *(("calm", dose) for dose in (0.02, 0.04, 0.06))]

    def held(own: list[tuple[str, float]]) -> list[tuple[int, ...]]:
        made = conversation(loaded, vectors, ["calm"], [0.04], decoding=Decoding(TOKENS))
        made.rows = list(own)
        for user in users:
            deque(made.say(user), maxlen=0)
        return [one.ids for turn in made.turns for one in turn]

    seconds: dict[str, list[float]] = {"side_by_side": [], "one_after_another": []}
    held(rows)
    for _ in range(ROUNDS):
        started = time.perf_counter()
        held(rows)
        seconds["side_by_side"].append(time.perf_counter() - started)
        started = time.perf_counter()
        for row in rows:
            held([row])
        seconds["one_after_another"].append(time.perf_counter() - started)
    found = {name: median(values) for name, values in seconds.items()}
    return {**found, "times_faster": found["one_after_another"] / found["side_by_side"]}
