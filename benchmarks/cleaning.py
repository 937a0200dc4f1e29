"""What cleaner directions are worth: how reliable, how good on held-out passages, and what steering with them does.

Each cleaning against the default, on the same topics, passages, openings and seeds. What a cleaning is estimated on
never holds what it is tested on. Eleven minutes for the first model on two cores, half an hour and more for the second,
so only when asked for by name (`python -m benchmarks cleaning`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
CLEANINGS = ("none", "neutral", "whitened", "against neutral", "against calm")
# One dose for all, none chosen on anything: the middle of what a verification may choose from.
DOSE = 0.03
SPLITS, RESAMPLES, SEED = 100, 10_000, 0


def cleaning() -> dict:
    """Of each model: split-half reliability, held-out decoding, and what steering does, of each cleaning."""
    from emoviz.models import load_model
    from emoviz.store import find_set

    out = {}
    for name in MODELS:
        loaded, vectors = load_model(name, precision="bf16"), find_set(f"{name}_emoviz_fp32")
        texts = {}
        out[name] = {"set": vectors.name, "dose": DOSE, "cleanings": {}}
        at_rest = _read_only(loaded, vectors)
        for how in CLEANINGS:
            started = time.perf_counter()
            texts[how] = _steered(loaded, vectors, how)
            rows = at_rest[how] | _scenarios(texts[how], texts["none"]) | _off_target(texts[how], texts["none"])
            out[name]["cleanings"][how] = rows | {"seconds": round(time.perf_counter() - started)}
            print(name, how, json.dumps(rows), file=sys.stderr, flush=True)
    return out


# Reading: no text is written.


def _read_only(loaded, vectors) -> dict[str, dict]:
    """Reliability and decoding of each cleaning at the set's best layer, with their difference from the default."""
    from emoviz.extract.batches import encode
    from emoviz.extract.capture import capture
    from emoviz.geometry import preferred_layer
    from emoviz.stimuli import neutral_sentences

    layer, protocol = preferred_layer(vectors), vectors.provenance.protocol
    states, found = vectors.activations.at(layer), {}
    sentences = capture(loaded, encode(loaded, neutral_sentences(), protocol), protocol, layers=[layer]).at(0)
    emotions, topics = np.array(vectors.activations.emotions), np.array(vectors.activations.topics)
    for how in CLEANINGS:
        known = [name for name in vectors.emotions if how != f"against {name}"]
        rho = _reliability(states, sentences, emotions, topics, how, known)
        usual = _reliability(states, sentences, emotions, topics, "none", known)
        right = _decoded(states, sentences, emotions, topics, how, known)
        usually = _decoded(states, sentences, emotions, topics, "none", known)
        found[how] = {
            "emotions": len(known),
            "split_half_rho": _mean(rho),
            "split_half_rho_less_default": _mean(rho - usual),
            "over_splits": np.quantile(rho - usual, (0.025, 0.975)).round(4).tolist(),
            "decoding": _mean(right),
            "decoding_less_default": _mean(right - usually),
            "over_topics": _interval(right.mean(0) - usually.mean(0)),
        }
    return found


def _directions(states, sentences, emotions, how: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The direction of each class from some passages and sentences alone, and what is taken off a state."""
    from emoviz.geometry.cleaning import (
        parse_cleaning,
        principal_components,
        whitened_rows,
        within_covariance,
        without_components,
    )

    classes, asked = sorted(set(emotions)), parse_cleaning(how)
    means = np.stack([states[emotions == name].astype(float).mean(0) for name in classes])
    if asked.against:
        origin = means[classes.index(asked.against)]
        rows = means - origin
    else:
        origin = means.mean(0)
        rows = means - origin
        if how == "whitened":
            rows = whitened_rows(rows, within_covariance(states, emotions))
        elif asked.components is not None:
            rows = without_components(rows, principal_components(sentences, asked.components))
    kept = [(name, row / np.linalg.norm(row)) for name, row in zip(classes, rows, strict=True) if row.any()]
    return dict(kept), origin


def _reliability(states, sentences, emotions, topics, how: str, known: Sequence[str]) -> np.ndarray:
    """Spearman's rho of the RDMs of two halves of the topics, and of the sentences, (SPLITS,)."""
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    rng, names = np.random.default_rng(SEED), np.unique(topics)
    found = []
    for _ in range(SPLITS):
        first = np.isin(topics, rng.permutation(names)[: len(names) // 2])
        half = np.isin(np.arange(len(sentences)), rng.permutation(len(sentences))[: len(sentences) // 2])
        rdms = []
        for passages, read in ((first, half), (~first, ~half)):
            units, _ = _directions(states[passages], sentences[read], emotions[passages], how)
            rdms.append(pdist(np.stack([units[name] for name in known]), "cosine"))
        found.append(spearmanr(*rdms)[0])
    return np.array(found)


def _decoded(states, sentences, emotions, topics, how: str, known: Sequence[str]) -> np.ndarray:
    """Whether the class with the highest score is the passage's own, its topic left out: (emotions, topics) 0 or 1."""
    names, right = list(np.unique(topics)), np.full((len(known), len(np.unique(topics))), np.nan)
    for topic in names:
        held = topics == topic
        units, origin = _directions(states[~held], sentences, emotions[~held], how)
        axes = np.stack([units[name] for name in known])
        for state, emotion in zip(states[held], emotions[held], strict=True):
            if emotion in known:
                guess = known[int((axes @ (state - origin)).argmax())]
                right[known.index(emotion), names.index(topic)] = guess == emotion
    return right


# Steering.


def _steered(loaded, vectors, how: str) -> dict:
    """Texts towards every emotion and as many random directions, with all that is measured on them.

    witness, projection : (openings, samples, 1 + rows, emotions), of the unsteered text first. outside : the same over
    the labels of the outside witness. surgical : (openings, samples, rows).
    """
    from emoviz import cleaned, steer_texts
    from emoviz.experiments.calibration import targets
    from emoviz.experiments.plans import plan_for
    from emoviz.geometry import preferred_layer
    from emoviz.judge.regimes import SURGICAL
    from emoviz.judge.texts import judge_batch
    from emoviz.models.prompts import prompt_ids
    from emoviz.readout.projection import projections
    from emoviz.stimuli import openings

    own, plan = cleaned(loaded, vectors, how), plan_for(vectors)
    emotions, layer = [name for name in own.classes if name in vectors.emotions], preferred_layer(vectors)
    directions = [direction for _, direction in targets(emotions)]
    witness, outside = _witnesses(loaded.name)
    out: dict = {"emotions": emotions, "known": list(vectors.emotions), "plan": plan}
    kept: dict[str, list] = {"witness": [], "projection": [], "outside": [], "surgical": []}
    columns = [witness.card.classes.index(name) for name in vectors.emotions]
    places = [vectors.classes.index(name) for name in vectors.emotions]
    for number, prompt in enumerate(openings().verification):
        for sample in range(plan.samples):
            # The seeds of a verification, whatever the cleaning.
            seed = plan.decoding.seed + 1000 + number * plan.samples + sample
            decoding = replace(plan.decoding, seed=seed)
            made = steer_texts(loaded, own, directions, DOSE, prompt, plan.recipe, decoding)
            read = [one.text for one in made]
            kept["witness"].append(witness.probabilities(read)[:, columns])
            kept["outside"].append(outside.probabilities(read))
            ids = prompt_ids(loaded, prompt, False)
            kept["projection"].append(projections(loaded, vectors, layer, ids, [one.ids for one in made])[:, places])
            kept["surgical"].append([said.regime == SURGICAL for said in judge_batch(loaded, made)[1:]])
    shape = (len(openings().verification), plan.samples)
    return (
        out
        | {"outside_classes": outside.card.classes}
        | {name: np.array(values).reshape(*shape, *np.shape(values)[1:]) for name, values in kept.items()}
    )


@cache
def _witnesses(model: str) -> tuple:
    from emoviz.models import load_model
    from emoviz.witness.outside import outside_for
    from emoviz.witness.witness import witness_for

    load = cache(lambda name: load_model(name, precision="bf16"))
    revision = load(model).revision
    return witness_for(model, revision, load=load), outside_for(model, revision, load=load)


def _scenarios(texts: dict, usual: dict) -> dict:
    """k of n scenarios by the criterion of a verification, with random directions, by the witness and the outside one.

    gained, lost : against the default, on the scenarios that both have. p : of McNemar's exact test.
    """
    from scipy.stats import binomtest

    from emoviz.stats.wilson import wilson_interval

    n = len(texts["emotions"])
    found = {
        "surgical": _mean(texts["surgical"][..., :n]),
        "random_surgical": _mean(texts["surgical"][..., n:]),
    }
    for who in ("witness", "outside"):
        own, random = _confirmed(texts, who)
        before, _ = _confirmed(usual, who)
        k, of = sum(own.values()), len(own)
        gained = sum(yes and not before[key] for key, yes in own.items())
        lost = sum(before[key] and not yes for key, yes in own.items())
        found[who] = {
            "k": k,
            "n": of,
            "wilson": [round(end, 3) for end in wilson_interval(k, of)],
            "random_k": sum(random.values()),
            "gained": gained,
            "lost": lost,
            "p": round(float(binomtest(gained, gained + lost).pvalue), 4) if gained + lost else 1.0,
        }
    return found


def _confirmed(texts: dict, who: str) -> tuple[dict[tuple[str, int], bool], dict[tuple[str, int], bool]]:
    """Of each (emotion, opening) that the witness judges, whether it confirms the own and the random direction."""
    from emoviz.errors import InputError
    from emoviz.experiments.verification import confirmed
    from emoviz.witness.targets import target_weights

    classes = texts["outside_classes"] if who == "outside" else tuple(texts["known"])
    found: tuple[dict, dict] = {}, {}
    for at, emotion in enumerate(texts["emotions"]):
        try:
            scores = np.nanmean(texts[who] @ target_weights(classes, emotion), axis=1)
        except InputError:
            continue
        for out, row in zip(found, (at, at + len(texts["emotions"])), strict=True):
            for opening, score in enumerate(scores):
                sense = int(texts["surgical"][opening, :, row].sum())
                out[emotion, opening] = confirmed(float(score[0]), float(score[1 + row]), sense, texts["plan"])
    return found


def _off_target(texts: dict, usual: dict) -> dict:
    """What the other emotions rise by, as a share of what the emotion itself does, and the same less the default's.

    Rises are against the unsteered text of the same seed, mean over the texts; the others' count without their sign.
    Columns: uncleaned projections, as the unsteered model reads the texts, and probabilities of the witness.
    """
    found = {}
    for kind in ("projection", "witness"):
        rises = _rises(texts, kind, texts["emotions"])
        before = _rises(usual, kind, texts["emotions"])
        weights = np.random.default_rng(SEED).multinomial(len(rises), np.full(len(rises), 1 / len(rises)), RESAMPLES)
        apart = _share(rises, weights) - _share(before, weights)
        rows = np.ones((1, len(rises)))
        found |= {
            f"{kind}_rise": _mean(rises[:, 0]),
            f"{kind}_rise_less_default": _mean(rises[:, 0] - before[:, 0]),
            f"{kind}_rise_over_emotions": _interval(rises[:, 0] - before[:, 0]),
            f"{kind}_off_target": round(float(_share(rises, rows)[0]), 4),
            f"{kind}_off_target_less_default": round(float((_share(rises, rows) - _share(before, rows))[0]), 4),
            f"{kind}_off_target_over_emotions": np.quantile(apart, (0.025, 0.975)).round(4).tolist(),
        }
    return found


def _rises(texts: dict, kind: str, emotions: Sequence[str]) -> np.ndarray:
    """(emotions, 2): what pushing towards each adds to itself, and to the others on average, without their sign."""
    values = texts[kind]
    matrix = np.nanmean(values[:, :, 1:] - values[:, :, :1], axis=(0, 1))
    rows = matrix[[texts["emotions"].index(name) for name in emotions]]
    places = [texts["known"].index(name) for name in emotions]
    others = [np.abs(np.delete(row, at)).mean() for row, at in zip(rows, places, strict=True)]
    return np.stack([rows[np.arange(len(places)), places], others], axis=1)


def _share(rises: np.ndarray, weights: np.ndarray) -> np.ndarray:
    sums = weights @ rises
    return sums[:, 1] / sums[:, 0]


def _interval(values: np.ndarray) -> list[float]:
    """95 % of the mean, by resampling what stands in a row."""
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    return np.quantile(values[drawn].mean(1), (0.025, 0.975)).round(4).tolist()


def _mean(values: np.ndarray) -> float:
    return round(float(np.mean(values)), 4)
