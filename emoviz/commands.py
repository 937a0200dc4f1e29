"""What the commands do: the same functions as the app, for scripts and terminals.

Each takes the parsed arguments and returns its result as a JSON-able object, the same as text, and the exit code.
What they need is imported inside them, so that `emoviz list` does not wait for torch.
"""

from __future__ import annotations

import logging
import sys
import time

import numpy as np

from .errors import InputError
from .printing import Progress, pairs, table
from .steer.doses import parse_doses


def models(_arguments) -> tuple[dict, str, int]:
    from .models import REGISTRY, available
    from .models.registry import TESTED_ARCHITECTURES

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
    from .store.folders import CACHE_PARTS, clear, home, size_of

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
    from .extract.protocols import KEPT, recipe
    from .stimuli import load_corpus
    from .store import check_writable, find_set, save_set, sets_folder

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

    from .extract.capture import DEFAULT_BATCH_TOKENS
    from .extract.generation import writing_protocol
    from .extract.sets import extract_set, set_name
    from .extract.work import work_folder
    from .models.load import load_model

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
            made = extract_set(
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
            vectors = made.vectors
            path = save_set(vectors, folder, made.activations, made.stories)
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
    from .store import list_sets

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


def show(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    from .geometry import best_layers, depth_curves, preferred_layer
    from .geometry.depth import explained_by_controls
    from .stats.two_lines import mean_cosine_shape, shape_words
    from .stats.valence import valence_arousal
    from .stimuli.norms import load_norms
    from .store import find_set

    vectors = find_set(arguments.set)
    norms = None if arguments.norms is None else load_norms(arguments.norms)
    curves = depth_curves(vectors, arguments.centring)
    best = best_layers(vectors)
    shape = mean_cosine_shape(vectors, curves["mean_cosine"], arguments.centring)
    at = preferred_layer(vectors, best)
    traits = valence_arousal(vectors, norms, anchor=at)
    layers = list(range(vectors.n_layers))
    reasons = {name: curve.reason for name, curve in curves.items() if curve.reason}
    if shape is None:
        reasons["u_shape"] = shape_words(shape)
    result = {
        "set": vectors.name,
        "centring": arguments.centring,
        "provenance": vectors.provenance.as_dict(),
        "depth": {
            "layers": layers,
            "relative": curves["mean_cosine"].depth,
            **{name: curve.values for name, curve in curves.items()},
            "cosine_floor": curves["mean_cosine"].reference,
            "chance": curves["decoding_accuracy"].reference,
        },
        "intervals": {
            name: None if curve.low is None else {"low": curve.low, "high": curve.high}
            for name, curve in curves.items()
        },
        "best_layer": best,
        "u_shape": None if shape is None else {**asdict(shape), "words": shape_words(shape)},
        "controls": {
            rule: {"layer": layer, "r_squared": explained_by_controls(vectors, layer)}
            for rule, layer in best.items()
            if layer is not None and vectors.controls
        },
        "valence_arousal": traits.as_dict(),
        "reasons": {**reasons, **vectors.notes},
    }
    rows = [
        {
            "layer": layer,
            "depth": f"{vectors.depth(layer):.2f}",
            **{n: f"{c.values[layer]:.4g}" for n, c in curves.items()},
        }
        for layer in layers
    ]
    picks = ", ".join(
        f"{rule} {layer} (depth {vectors.depth(layer):.2f})" for rule, layer in best.items() if layer is not None
    )
    missing = "".join(f"\nno {what}: {why}" for what, why in result["reasons"].items())
    words = f"mean cosine: {shape_words(shape)}\n{_traits_text(traits, at)}"
    return result, f"{table(rows)}\n\nbest layer by {picks}\n{words}{missing}", 0


def _traits_text(found, layer: int) -> str:
    parts = []
    for fit in (found.valence, found.arousal):
        p = "" if np.isnan(fit.best_p[layer]) else f" (p {fit.best_p[layer]:.2g}, best of three)"
        if fit.best[layer] >= 0:
            parts.append(f"{fit.trait} PC{fit.best[layer] + 1} r {fit.best_r[layer]:+.2f}{p}")
        if fit.reason:
            parts.append(fit.reason)
    return f"at layer {layer}, {found.source}, {len(found.valence.words)} words: {'; '.join(parts)}"


def rdm(arguments) -> tuple[dict, str, int]:
    from .geometry import rdm
    from .stats import layers_of
    from .store import find_set

    vectors = find_set(arguments.set)
    layer = layers_of([vectors], "best")[0] if arguments.layer == "best" else _layer_number(arguments.layer, vectors)
    found = rdm(vectors, layer, arguments.centring)
    result = {
        "set": vectors.name,
        "classes": found.classes,
        "layer": found.layer,
        "centring": found.centring,
        "condensed": found.condensed,
    }
    rows, columns = np.triu_indices(len(found.classes), 1)
    order = found.condensed.argsort()
    lines = [f"{found.condensed[k]:.3f}  {found.classes[rows[k]]} - {found.classes[columns[k]]}" for k in order]
    head = f"{vectors.name}, layer {layer}: most and least alike"
    return result, "\n".join([head, *lines[:8], "...", *lines[-8:]] if len(lines) > 16 else [head, *lines]), 0


def _layer_number(text: str, vectors) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise InputError(
            f"layer {text[:24]!r} was asked for; best or a number from 0 to {vectors.n_layers - 1} is allowed; choose one."
        )
    return int(text)


def compare(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict
    from itertools import combinations

    from .stats import class_lines, compare, layers_of, letters, reason_lines
    from .stimuli import load_corpus
    from .store import find_set, load_activations

    sets = [find_set(name) for name in arguments.sets]
    layers = layers_of(sets, arguments.layer if arguments.layer == "best" else _depth_number(arguments.layer))
    found = compare(
        sets,
        layers,
        centring=arguments.centring,
        activations=[load_activations(s) for s in sets],
        corpus=load_corpus(),
        n_permutations=arguments.permutations,
        n_bootstrap=arguments.bootstrap,
        seed=arguments.seed,
    )

    def shown(name: str, i: int, j: int, form: str = ".3f") -> str:
        value = getattr(found, name)[i, j]
        return format(value, form) if np.isfinite(value) else "-"

    short = letters(len(sets))
    rows = [
        {
            "pair": f"{short[i]} and {short[j]}",
            "a": f"{found.sets[i]} @{layers[i]}",
            "b": f"{found.sets[j]} @{layers[j]}",
            "classes": str(found.n_classes[i, j]),
            "rho": shown("rho", i, j),
            "95 % interval of the observed rho": f"{shown('ci_low', i, j)} to {shown('ci_high', i, j)}",
            "p": shown("p", i, j, ".2g"),
            "ceiling": shown("ceiling", i, j),
            "disjoint": shown("rho_disjoint", i, j),
            "disattenuated": shown("rho_disattenuated", i, j),
            "given words": shown("rho_partial_lexical", i, j),
            "given all controls": shown("rho_partial_controls", i, j),
        }
        for i, j in combinations(range(len(sets)), 2)
    ]
    names: dict[str, str] = {}
    for (a, x), (b, y) in combinations(zip(found.sets, short, strict=True), 2):
        # A set that was named twice makes two pairs of one name.
        names[f"{a} x {b}"] = ", ".join([*filter(None, [names.get(f"{a} x {b}")]), f"{x} and {y}"])
    notes = [*class_lines(sets, short), *reason_lines(found.reasons, names)]
    return asdict(found), "\n".join([table(rows), *notes]), 0


def _depth_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"layer {text!r} was asked for; best or a relative depth above 0 and up to 1 is allowed; choose one."
        ) from None


def steer(arguments) -> tuple[dict, str, int]:
    doses = parse_doses(arguments.dose)
    from .models.load import load_model
    from .steer.generate import steer_texts
    from .steer.injection import parse_layers
    from .steer.sets import set_for

    started = time.perf_counter()
    rows: list[dict] = []
    missing = dict.fromkeys(("ppl_ratio", "repetition", "leak", "regime", "classifier"))
    for model in arguments.models:
        loaded = load_model(model, device=arguments.device)
        for made in steer_texts(
            loaded,
            set_for(loaded, arguments.emotion),
            arguments.emotion,
            doses,
            arguments.prompt,
            parse_layers(arguments.layers, loaded.n_layers),
            max_new_tokens=arguments.max_new_tokens,
            temperature=arguments.temperature,
            seed=arguments.seed,
        ):
            rows.append(
                {
                    **{key: getattr(made, key) for key in ("model", "set", "emotion", "dose", "text", "finished")},
                    **missing,
                }
            )
    result = {
        "prompt": arguments.prompt,
        "rows": rows,
        "seconds": round(time.perf_counter() - started, 3),
        "reasons": dict.fromkeys(
            missing, "not computed by this version: steer gives texts and doses, not yet a verdict"
        ),
    }
    blocks = [f"{r['model']}, {r['emotion']} {r['dose']:g}\n{r['text'].strip()}" for r in rows]
    return result, "\n\n".join(blocks), 0


def read(arguments) -> tuple[dict, str, int]:
    from .extract.read import read
    from .extract.summary import layer_of, passage_scale, ranked, sentences, text_scores
    from .models.load import load_model
    from .steer.sets import set_for
    from .store import find_set, load_activations

    started = time.perf_counter()
    vectors = None if arguments.set is None else find_set(arguments.set)
    loaded = load_model(arguments.model, device=arguments.device)
    vectors = set_for(loaded) if vectors is None else vectors
    reading = read(loaded, vectors, arguments.text)
    layer = layer_of(reading, arguments.layer)
    scale, why = passage_scale(vectors, load_activations(vectors), layer)
    mean = text_scores(reading, layer)
    z = (
        dict.fromkeys(reading.classes)
        if scale is None
        else dict(zip(reading.classes, (mean - scale[0]) / scale[1], strict=True))
    )

    def best(scores: np.ndarray) -> list[dict]:
        return [{"class": name, "score": score} for name, score in ranked(reading.classes, scores, 5)]

    result = {
        "model": reading.model,
        "set": reading.set,
        "tokens": reading.tokens,
        "layer": layer,
        "classes": reading.classes,
        "scores": reading.scores[layer],
        "top": [{**row, "z": z[row["class"]]} for row in best(mean)],
        "sentences": [{"text": s.text, "scores": s.scores, "top": best(s.scores)} for s in sentences(reading, layer)],
        "reasons": {**reading.reasons, **({"z": why} if why else {})},
        "seconds": round(time.perf_counter() - started, 3),
    }
    words = [", ".join(f"{row['class']} {row['score']:+.3f}" for row in s["top"][:3]) for s in result["sentences"]]
    lines = [f"{word}  {s['text']}" for word, s in zip(words, result["sentences"], strict=True)]
    head = f"{reading.set}, layer {layer}: mean scores in fractions of the residual norm"
    missing = [f"{what}: {reason}" for what, reason in result["reasons"].items()]
    return result, "\n".join([head, table(_top_rows(result["top"])), "", *lines, *missing]), 0


def _top_rows(top: list[dict]) -> list[dict]:
    return [
        {"class": row["class"], "score": f"{row['score']:+.4f}", "z": "-" if row["z"] is None else f"{row['z']:+.1f}"}
        for row in top
    ]


def lint(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    from .stimuli import lint_corpus, load_corpus

    corpus = load_corpus(arguments.file)
    findings = lint_corpus(corpus)
    result = {
        "corpus": corpus.name,
        "hash": corpus.hash,
        "passages": len(corpus.passages),
        "classes": corpus.classes,
        "topics": corpus.topics,
        "findings": [asdict(f) for f in findings],
    }
    head = f"{corpus.name}: {len(corpus.passages)} passages, {len(corpus.classes)} classes, {len(corpus.topics)} topics"
    lines = [f"{f.check}: {f.where}: {f.message}" for f in findings]
    return result, "\n".join([head, *lines, f"{len(findings)} finding(s)"]), 1 if findings else 0


def serve(arguments) -> tuple[None, str, int]:
    from .app import serve

    serve(port=arguments.port, open_browser=arguments.open)
    return None, "", 0


def doctor(_arguments) -> tuple[dict, str, int]:
    from .doctor import run_checks

    checks = run_checks()
    failed = [c for c in checks if not c["ok"]]
    lines = [f"{'ok  ' if c['ok'] else 'FAIL'}  {c['name']}: {c['detail']}" for c in checks]
    return {"checks": checks}, "\n".join(lines), 1 if failed else 0


def _peak_rss_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
