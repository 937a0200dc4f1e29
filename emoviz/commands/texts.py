"""Texts: steered, judged, read, and seen through the output head."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..errors import InputError
from ..steer.doses import parse_doses
from ..steer.mixtures import CONTROLS, UNSTEERED, is_control, parse_mixture
from ..steer.recipes import EMOVIZ, PRESET_DOSES, recipe
from ..types import Decoding, Missing
from .layers import layer_number
from .printing import table


def steer(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    doses = parse_doses(PRESET_DOSES[EMOVIZ] if arguments.dose is None else arguments.dose)
    asked = [
        *(name if is_control(name) else parse_mixture(name).label for name in arguments.emotion),
        *checked_controls(arguments.controls),
    ]
    from ..judge.texts import judge_batch
    from ..models.load import load_model
    from ..steer.generate import steer_texts
    from ..store.choice import set_for

    started = time.perf_counter()
    decoding = Decoding(arguments.max_new_tokens, arguments.temperature, arguments.seed, arguments.chat)
    judge = _witness(arguments.witness)
    rows: list[dict] = []
    recipes, cards, reasons = {}, {}, {}
    for model in arguments.models:
        loaded = load_model(model, device=arguments.device)
        vectors = set_for(loaded, [name for text in asked for name, _ in parse_mixture(text).terms])
        parts = {"layers": arguments.layers, "scope": arguments.scope, "norm": arguments.norm}
        found = recipe(vectors, arguments.recipe, **parts)
        recipes[loaded.name] = asdict(found)
        made = steer_texts(loaded, vectors, asked, doses, arguments.prompt, found, decoding)
        known = {
            (one.direction, one.dose): (one, verdict)
            for one, verdict in zip(made, judge_batch(loaded, made, chat=arguments.chat), strict=True)
        }
        witness, judged, why = _witnessed(loaded, made, list(product(asked, dict.fromkeys(doses))), judge)
        reasons.update(why)
        for direction, dose in product(asked, dict.fromkeys(doses)):
            one, verdict = known[(direction, dose) if dose else (UNSTEERED, 0.0)]
            rows.append(
                {
                    "model": one.model,
                    "set": one.set,
                    "emotion": direction,
                    "dose": dose,
                    "text": one.text,
                    "finished": one.finished,
                    **asdict(verdict),
                    "leak_mass": max(one.leak_mass),
                    **judged[direction, dose],
                }
            )
        cards[loaded.name] = None if witness is None else asdict(witness.card)
    result = {
        "prompt": arguments.prompt,
        "decoding": asdict(decoding),
        "recipes": recipes,
        "rows": rows,
        "seconds": round(time.perf_counter() - started, 3),
        "witness": cards,
        "reasons": reasons,
    }
    blocks = [
        f"{r['model']}, {r['emotion']} {r['dose']:g}: {r['regime']} ({r['reason']}){_said(r)}\n{r['text'].strip()}"
        for r in rows
    ]
    return result, "\n\n".join(blocks), 0


def _witness(name: str) -> Callable[[Any], Any]:
    """Model -> its witness: the best that is at hand, none, or the named classifier for all models."""
    if name == "none":

        def refused(_loaded):
            raise InputError("no witness was asked for")

        return refused
    if name == "auto":
        from ..witness.witness import witness_for

        return lambda loaded: witness_for(loaded.name, loaded.revision)
    from ..witness.hub import hub_witness

    given = hub_witness(name)
    return lambda _loaded: given


def _witnessed(loaded, made, rows, judge: Callable[[Any], Any]) -> tuple[Any, dict, dict[str, str]]:
    """What a witness finds in the texts: itself, the numbers of every (direction, dose), and why some are missing.

    `classifier` is the score of the direction's own emotions, `classifier_unsteered` that of the unsteered text,
    `classifier_top` the class it takes the text for.
    """
    from ..witness.targets import direction_scores

    nothing = {"classifier": None, "classifier_unsteered": None, "classifier_top": None}
    try:
        witness = judge(loaded)
        found = witness.probabilities([one.text for one in made])
    except InputError as error:
        return None, dict.fromkeys(rows, nothing), {"classifier": str(error)}
    place = {(one.direction, one.dose): k for k, one in enumerate(made)}
    out, reasons = {}, {}
    for direction, dose in rows:
        k = place[(direction, dose) if dose else (UNSTEERED, 0.0)]
        top = None if np.isnan(found[k]).any() else witness.card.classes[int(found[k].argmax())]
        try:
            own, unsteered = direction_scores(witness.card.classes, found[[k, 0]], direction)
        except InputError as error:
            own = unsteered = float("nan")
            reasons[f"classifier of {direction}"] = str(error)
        out[direction, dose] = {"classifier": own, "classifier_unsteered": unsteered, "classifier_top": top}
    return witness, out, reasons


def _said(row: dict) -> str:
    score = row["classifier"]
    return (
        ""
        if score is None or np.isnan(score)
        else f"; witness {score:.2f}, unsteered {row['classifier_unsteered']:.2f}"
    )


def checked_controls(names: Sequence[str]) -> Sequence[str]:
    """The names, each a control. Raises InputError for one that is none."""
    for name in names:
        if not is_control(name):
            raise InputError(
                f"control {name!r} is unknown; {', '.join(CONTROLS)}, or 'random 7' for another random direction, are "
                "allowed; choose one of them."
            )
    return names


def regimes(arguments) -> tuple[dict, str, int]:
    from ..judge.verdict import text_verdict
    from ..stimuli.texts import load_texts

    rows = []
    for text, prompt in load_texts(arguments.texts):
        found = text_verdict(text, prompt)
        rows.append(
            {
                "repetition": found.repetition,
                "leak": found.leak,
                "n_words": found.n_tokens,
                "regime": found.regime,
                "reason": found.reason,
            }
        )
    shown = [
        {
            "line": k,
            "regime": row["regime"] if row["regime"] else "-",
            **{name: f"{row[name]:.2f}" if np.isfinite(row[name]) else "-" for name in ("repetition", "leak")},
            "n_words": row["n_words"],
            "reason": row["reason"],
        }
        for k, row in enumerate(rows, 1)
    ]
    return {"rows": rows}, table(shown), 0


def lens(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    from ..geometry.layers import layers_of
    from ..geometry.vectors import check_layer
    from ..store import find_set

    vectors = find_set(arguments.set)
    layer = layers_of([vectors], "best")[0] if arguments.layer == "best" else layer_number(arguments.layer, vectors)
    if arguments.emotion not in vectors.classes:
        raise InputError(
            f"emotion {arguments.emotion!r} is not in {vectors.name}; {', '.join(vectors.classes)} are allowed; "
            "choose one of them."
        )
    check_layer(vectors, layer)
    from ..models.load import load_model
    from ..readout.lens import lens

    source = vectors.provenance.origin if vectors.provenance.origin else vectors.provenance.model
    loaded = load_model(source, device=arguments.device)
    raised, lowered = lens(loaded, vectors, arguments.emotion, layer, arguments.top)
    result = {
        "set": vectors.name,
        "emotion": arguments.emotion,
        "layer": layer,
        "raised": [asdict(row) for row in raised],
        "lowered": [asdict(row) for row in lowered],
    }
    shown = [
        {
            "raised": repr(up.token),
            "change": f"{up.change:+.2f}",
            "script": up.script if up.script else "-",
            "lowered": repr(down.token),
            "change ": f"{down.change:+.2f}",
            "script ": down.script if down.script else "-",
        }
        for up, down in zip(raised, lowered, strict=True)
    ]
    head = f"{vectors.name}, {arguments.emotion} at layer {layer}: change of the logit per unit of dose, direct path"
    return result, f"{head}\n{table(shown)}", 0


def read(arguments) -> tuple[dict, str, int]:
    from ..models.load import load_model
    from ..readout.projection import passage_scale
    from ..readout.reading import read
    from ..readout.summary import layer_of, ranked, sentences, text_scores
    from ..store import find_set
    from ..store.choice import set_for

    started = time.perf_counter()
    vectors = None if arguments.set is None else find_set(arguments.set)
    loaded = load_model(arguments.model, device=arguments.device)
    vectors = set_for(loaded) if vectors is None else vectors
    reading = read(loaded, vectors, arguments.text)
    layer = layer_of(reading, arguments.layer)
    scale = passage_scale(vectors, layer)
    mean = text_scores(reading, layer)
    z = (
        dict.fromkeys(reading.classes)
        if isinstance(scale, Missing)
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
        "reasons": {
            **{f"layer {at}": why for at, why in reading.unread_layers.items()},
            **{f"token {at}": why for at, why in reading.unread_tokens.items()},
            **({"z": scale.why} if isinstance(scale, Missing) else {}),
        },
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

    from ..stimuli import lint_corpus, load_corpus

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
