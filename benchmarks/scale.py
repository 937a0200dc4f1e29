"""What docs/scale.py needs to know of this machine: the peak of a core, and how much of it reading and writing reach.

One thread, in seconds of the processor rather than of the clock, so that other work on the machine counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from .extraction import MODELS, at_hand

ROUNDS, SECONDS = 5, 6.0
SIZE, TEXTS, ROWS, STEPS = 2048, 8, 32, 8
# Slow here, so measured on the smallest model alone.
SLOW = ("fp16", "int8")


def scale() -> dict:
    """Peak of large products; loading, tokens per second read and written, and the rest of an extraction, by model."""
    import torch

    from emoviz.extract.protocols import protocol
    from emoviz.models.registry import PRECISIONS
    from emoviz.stimuli import load_corpus, story_prompts

    torch.set_num_threads(1)
    corpus, writing = load_corpus(), protocol("emoviz-stories").writing
    assert writing is not None
    own = {model: [p for p in PRECISIONS if model == MODELS[0] or p not in SLOW] for model in at_hand()}
    return {
        "peak_gflops": {name: _peak(name) for name in ("fp32", "bf16")},
        "passages": len(corpus.passages),
        "stories": len(story_prompts(writing)),
        "story_tokens": writing.max_new_tokens,
        "rest": {"model": MODELS[0], "seconds": _rest(MODELS[0]), "of_them_controls": _controls(MODELS[0])},
        "models": {model: {**_sizes(model), "precisions": {p: _speeds(model, p) for p in own[model]}} for model in own},
    }


def _best(run: Callable[[], object]) -> float:
    """Seconds of the quickest of some rounds."""
    taken: list[float] = []
    while len(taken) < ROUNDS and sum(taken) < SECONDS:
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return min(taken)


def _peak(precision: str) -> float:
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, b = (torch.randn(SIZE, SIZE).to(kind) for _ in range(2))
    return 2e-9 * SIZE**3 / _best(lambda: a @ b)


def _sizes(model: str) -> dict:
    from emoviz.extract.batches import encode
    from emoviz.extract.protocols import protocol
    from emoviz.models import load_model
    from emoviz.models.prompts import prompt_ids
    from emoviz.stimuli import load_corpus, story_prompts

    loaded, corpus, writing = load_model(model), load_corpus(), protocol("emoviz-stories").writing
    assert writing is not None
    texts = [*(p.text for p in corpus.passages), *corpus.neutral_sentences]
    embedding = loaded.model.get_input_embeddings().weight
    parameters = sum(weights.numel() for weights in loaded.model.parameters())
    tied = loaded.model.get_output_embeddings().weight is embedding
    return {
        "parameters": parameters,
        "outside_embeddings": parameters - embedding.numel() * (1 if tied else 2),
        "n_layers": loaded.n_layers,
        "d_model": loaded.d_model,
        "corpus_tokens": sum(len(one.ids) for one in encode(loaded, texts, protocol("emoviz"))),
        "prompt_tokens": sum(len(prompt_ids(loaded, one.text, loaded.instruct)) for one in story_prompts(writing)),
    }


def _rest(model: str) -> float:
    """Seconds of an extraction after the last token is read: means, curves and their intervals, UMAP, controls."""
    from emoviz.extract.protocols import protocol
    from emoviz.extract.sets import extract_set
    from emoviz.models import load_model
    from emoviz.stimuli import load_corpus

    read = [0.0]

    def clock(stage: str, done: int, total: int) -> None:
        if stage == "reading" and done == total:
            read[0] = time.process_time()

    extract_set(load_model(model, precision="bf16"), load_corpus(), protocol("emoviz"), progress=clock)
    return time.process_time() - read[0]


def _controls(model: str) -> float:
    """Seconds of the part of the rest that is the same for every model, nearly: words, embeddings, sentence vectors."""
    from emoviz.extract.controls import control_features
    from emoviz.models import load_model
    from emoviz.stimuli import load_corpus

    loaded, texts = load_model(model, precision="bf16"), [p.text for p in load_corpus().passages]
    started = time.process_time()
    control_features(loaded, texts)
    return time.process_time() - started


def _speeds(model: str, precision: str) -> dict:
    from emoviz.extract.batches import encode
    from emoviz.extract.capture import capture
    from emoviz.extract.generation import write_stories
    from emoviz.extract.protocols import protocol
    from emoviz.models import load_model
    from emoviz.stimuli import load_corpus, story_prompts

    started = time.process_time()
    loaded = load_model(model, precision=precision)
    seconds = time.process_time() - started
    reading, writing = protocol("emoviz"), protocol("emoviz-stories").writing
    assert writing is not None
    passages = load_corpus().passages
    encoded = encode(loaded, [p.text for p in passages[:: len(passages) // TEXTS][:TEXTS]], reading)
    # Short requests, so that reading them takes no time.
    prompts = [replace(prompt, text="Once") for prompt in story_prompts(writing)[:ROWS]]
    own = replace(writing, chat=False, max_new_tokens=STEPS)
    return {
        "load_seconds": seconds,
        "read_per_second": sum(len(one.ids) for one in encoded) / _best(lambda: capture(loaded, encoded, reading)),
        "written_per_second": ROWS * STEPS / _best(lambda: write_stories(loaded, prompts, own)),
    }
