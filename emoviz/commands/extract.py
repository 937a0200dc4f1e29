"""`emoviz extract MODEL`: a vector set from a model."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser, Namespace

from ..errors import InputError
from .arguments import Result, add_device, add_out, add_passage_columns, add_precision, passages_of, whole
from .printing import pairs, peak_rss_mb


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="short name, hub id (@revision, :file.gguf), model folder or .gguf file",
    )
    parser.add_argument("--method", help="comprehension (default) or generation")
    parser.add_argument(
        "--protocol",
        help="comprehension: emoviz (default), jeong2026b; generation: emoviz-stories (default), jeong2026a, "
        "jeong2026a-loose",
    )
    add_precision(parser)
    parser.add_argument("--passages", metavar="FILE", help="passages of your own: JSONL, JSON, CSV, TSV or Parquet")
    add_passage_columns(parser)
    parser.add_argument("--stories", type=whole(2, 10_000), metavar="N", help="stories per class, by generation")
    parser.add_argument("--allow-base", action="store_true", help="let a base model write stories all the same")
    parser.add_argument("--pooling", help="mean, last or mid, instead of the protocol's own")
    parser.add_argument(
        "--activations", default="best", help="keep pooled states at the best layer (default), all or none"
    )
    parser.add_argument("--layer-path", metavar="PATH", help="where the blocks are, such as model.layers, if not found")
    parser.add_argument(
        "--batch-tokens", type=whole(1, 1_000_000), metavar="N", help="padded tokens per batch (default 2048)"
    )
    add_device(parser)
    add_out(parser)


def run(given: Namespace) -> Result:
    from ..extract.protocols import KEPT, protocol_for
    from ..store import check_writable, sets_folder

    protocol = protocol_for(given.method, given.protocol, given.pooling, given.stories)
    if protocol.writing is not None and given.passages is not None:
        raise InputError(
            f"--passages {given.passages} was given with protocol {protocol.name}, which reads the model's own "
            "stories; passages are for comprehension. Leave one of the two out."
        )
    if given.activations not in KEPT:
        raise InputError(f"--activations {given.activations} was given; {', '.join(KEPT)} are allowed.")
    corpus = passages_of(given, given.passages) if protocol.writing is None else None
    check_writable(sets_folder() if given.out is None else given.out)

    from ..extract.capture import DEFAULT_BATCH_TOKENS
    from ..extract.make import extract
    from ..models.load import load_model

    loaded = load_model(given.model, precision=given.precision, device=given.device, layer_path=given.layer_path)
    logging.info("%s: %s; %s", loaded.name, loaded.support.badge, loaded.support.reason)
    clock = _Clock()
    started = time.perf_counter()
    vectors = extract(
        loaded,
        corpus,
        protocol,
        keep=given.activations,
        batch_tokens=DEFAULT_BATCH_TOKENS if given.batch_tokens is None else given.batch_tokens,
        allow_base=given.allow_base,
        folder=given.out,
        progress=clock,
    )
    clock.close()
    p = vectors.provenance
    result = {
        "set": vectors.name,
        "path": str(vectors.path),
        "model": p.model,
        "method": p.method,
        "protocol": p.protocol.name,
        "precision": p.precision,
        "n_layers": vectors.n_layers,
        "d_model": vectors.d_model,
        "classes": vectors.classes,
        "tokens": clock.tokens,
        "seconds": round(time.perf_counter() - started, 3) if clock.tokens else 0.0,
        "tokens_per_second": round(clock.tokens / clock.reading, 1) if clock.reading else None,
        "peak_rss_mb": peak_rss_mb(),
        "nonfinite_layers": p.nonfinite_layers,
        "support": loaded.support.badge,
    }
    return result, pairs(result), 0


class _Clock:
    """Shows how far a run is, and keeps how many tokens it reads, in how many seconds."""

    def __init__(self) -> None:
        from ..extract.progress import Progress

        self.show, self.tokens, self.reading = Progress(), 0, 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage == "reading" and done == 0:
            self.tokens, self.reading = total, time.perf_counter()
        if stage == "reading" and done == total:
            self.reading = time.perf_counter() - self.reading
        self.show(stage, done, total)

    def close(self) -> None:
        self.show.close()
