"""Models, their sets, and what lies in the user's folder."""

from __future__ import annotations

import logging
import sys
import time

from ..errors import InputError
from ..extract.progress import Progress
from .printing import pairs, table


def models(_arguments) -> tuple[dict, str, int]:
    from ..models import REGISTRY, available
    from ..models.registry import TESTED_ARCHITECTURES

    rows = [
        {
            "id": e.id,
            "family": e.family,
            "variant": e.variant,
            "source": e.source,
            "available": available(e),
            "parameters": e.parameters,
            "gated": e.gated,
            "pair": e.pair,
            "badge": "tested" if e.architecture in TESTED_ARCHITECTURES else "untested",
        }
        for e in REGISTRY
    ]
    shown = [
        {**{k: v for k, v in row.items() if k != "pair"}, "parameters": f"{row['parameters'] / 1e9:.2f}B"}
        for row in rows
    ]
    return {"models": rows}, table(shown), 0


def cache(arguments) -> tuple[dict, str, int]:
    from ..store.folders import CACHE_PARTS, clear, home, size_of

    cleared = []
    if arguments.clear is not None:
        if arguments.clear not in (*CACHE_PARTS, "all"):
            raise InputError(
                f"--clear {arguments.clear} was given; {', '.join(CACHE_PARTS)} or all are allowed; choose one of them."
            )
        cleared = list(CACHE_PARTS) if arguments.clear == "all" else [arguments.clear]
        for part in cleared:
            clear(part)
    rows = [
        {"part": part, "holds": holds, **dict(zip(("files", "bytes"), size_of(part), strict=True))}
        for part, holds in CACHE_PARTS.items()
    ]
    result = {"folder": str(home()), "parts": rows, "cleared": cleared}
    shown = [{**row, "bytes": f"{row['bytes'] / 1e6:.1f} MB"} for row in rows]
    return result, f"{home()}\n{table(shown)}", 0


def extract(arguments) -> tuple[dict, str, int]:
    from ..extract.protocols import KEPT
    from ..extract.protocols import protocol_for as recipe
    from ..stimuli import load_corpus
    from ..store import check_writable, find_set, save_set, sets_folder

    protocol = recipe(arguments.method, arguments.protocol, arguments.pooling, arguments.stories)
    if protocol.writing is not None and arguments.passages is not None:
        raise InputError(
            f"--passages {arguments.passages} was given with protocol {protocol.name}, which reads the model's own "
            "stories; passages are for comprehension; leave one of them out."
        )
    if arguments.activations not in KEPT:
        raise InputError(
            f"--activations {arguments.activations} was given; {', '.join(KEPT)} are allowed; choose one of them."
        )
    corpus = load_corpus(arguments.passages) if protocol.writing is None else None
    folder = sets_folder() if arguments.out is None else arguments.out
    check_writable(folder)

    from ..extract.capture import DEFAULT_BATCH_TOKENS
    from ..extract.generation import writing_protocol
    from ..extract.sets import extract_set, set_name
    from ..extract.work import work_folder
    from ..models.load import load_model

    loaded = load_model(
        arguments.model, precision=arguments.precision, device=arguments.device, layer_path=arguments.layer_path
    )
    logging.info("%s: %s; %s", loaded.name, loaded.support.badge, loaded.support.reason)
    if protocol.writing is not None:
        protocol = writing_protocol(loaded, protocol, arguments.allow_base)
    name = set_name(loaded, protocol, corpus)
    path = folder / f"{name}.safetensors"
    tokens, seconds, reading = 0, 0.0, 0.0
    if path.exists():
        logging.info("%s is there already; nothing to compute", path.name)
        vectors = find_set(str(path))
    else:
        started = time.perf_counter()
        show = Progress()

        def report(stage: str, done: int, total: int) -> None:
            nonlocal tokens, reading
            if stage == "reading" and done == 0:
                tokens, reading = total, time.perf_counter()
            if stage == "reading" and done == total:
                reading = time.perf_counter() - reading
            show(stage, done, total)

        with work_folder(name) as work:
            vectors = extract_set(
                loaded,
                corpus,
                protocol,
                keep=arguments.activations,
                batch_tokens=DEFAULT_BATCH_TOKENS if arguments.batch_tokens is None else arguments.batch_tokens,
                work=work,
                progress=report,
            )
            show.close()
            seconds = time.perf_counter() - started
            path = save_set(vectors, folder)
    result = {
        "set": vectors.name,
        "path": str(path),
        "model": vectors.provenance.model,
        "method": vectors.provenance.method,
        "protocol": vectors.provenance.protocol.name,
        "precision": vectors.provenance.precision,
        "n_layers": vectors.n_layers,
        "d_model": vectors.d_model,
        "classes": vectors.classes,
        "tokens": tokens,
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / reading, 1) if reading else None,
        "peak_rss_mb": _peak_rss_mb(),
        "nonfinite_layers": vectors.provenance.nonfinite_layers,
        "support": loaded.support.badge,
    }
    return result, pairs(result), 0


def list_(_arguments) -> tuple[dict, str, int]:
    from ..store import list_sets

    rows = [
        {
            "set": s.name,
            "model": s.provenance.model,
            "method": s.provenance.method,
            "protocol": s.provenance.protocol.name,
            "precision": s.provenance.precision,
            "n_layers": s.n_layers,
            "d_model": s.d_model,
            "n_classes": len(s.classes),
            "shipped": s.shipped,
        }
        for s in list_sets()
    ]
    return {"sets": rows}, table(rows) if rows else "no vector sets yet; make one with emoviz extract MODEL", 0


def _peak_rss_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
