"""Where do the thresholds of `emoviz.regimes` come from, and how often is a verdict right?

Two bundled models continue three prompts under several emotions and doses, greedily and sampled. Of these texts 192
were read and labelled by hand, without looking at any number (tests/data/steered_texts.jsonl), by these rules:

- empty: white space only. unchanged: the unsteered text itself.
- repetitive_collapse: one phrase, or one or two words, make more than half of the text.
- explosive: else, if it cannot be read as sentences: broken words, or words without grammar.
- surgical: what is left, odd as it may be.

Thresholds are chosen on two prompts and tested on the third. Some minutes, so only when asked for by name
(`python -m benchmarks regimes`).
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np

MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
PROMPTS = (
    "When the letter finally came, I",
    "The meeting ended at four and we walked back to the car.",
    "My neighbour looked at the old house and said that",
)
HELD_OUT = PROMPTS[2]
# (emotions, doses, temperature, seed)
RUNS = (
    (("angry", "anxious", "blissful", "calm", "proud", "sad"), (0.0, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.3), 0.0, 0),
    (("angry", "calm", "sad"), (0.0, 0.04, 0.08, 0.12, 0.2, 0.3), 1.0, 1),
)
TOKENS = 40
LABELLED = Path(__file__).parents[1] / "tests" / "data" / "steered_texts.jsonl"


def regimes() -> dict:
    """Confusions of the labelled texts, the thresholds that their calibration part asks for, and regimes over doses."""
    labelled = labelled_texts()
    made = [row for model in MODELS for row in _written(model)]
    return {
        "texts": len(made),
        "labelled": len(labelled),
        "labelled_texts_written_again": sum(
            any(_key(row) == _key(known) and row["text"] == known["text"] for row in made) for known in labelled
        ),
        "regimes_by_dose": _by_dose(made),
        **calibration(labelled),
        "from_text_alone": text_alone(labelled),
    }


def labelled_texts() -> list[dict]:
    """What was labelled, with the repetition and perplexity ratio of each text."""
    from emoviz.judge.repetition import repeated_share

    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").split("\n") if line]
    return [
        {
            **row,
            "repetition": repeated_share(row["ids"]),
            "ppl_ratio": float(np.exp(row["log_ppl"] - row["twin_log_ppl"])),
        }
        for row in rows
    ]


def _key(row: dict) -> tuple:
    return tuple(row[name] for name in ("model", "prompt", "emotion", "dose", "temperature"))


def _written(model: str) -> list[dict]:
    """Every text of one model with its verdict."""
    from emoviz.judge.texts import judge_texts
    from emoviz.models.load import load_model
    from emoviz.steer.generate import steer_texts
    from emoviz.store.choice import set_for
    from emoviz.types import Decoding

    loaded = load_model(model, device="cpu")
    rows = []
    for (emotions, doses, temperature, seed), prompt in product(RUNS, PROMPTS):
        made = steer_texts(
            loaded,
            set_for(loaded, emotions),
            emotions,
            doses,
            prompt,
            decoding=Decoding(TOKENS, temperature, seed),
        )
        rows += [
            {
                "model": model,
                "prompt": prompt,
                "emotion": one.direction,
                "dose": one.dose,
                "temperature": temperature,
                "text": one.text,
                "regime": one.verdict.regime,
                "leak": one.verdict.leak,
            }
            for one in judge_texts(loaded, made)
        ]
    return rows


def _by_dose(made: list[dict]) -> dict:
    """Per model and temperature: dose -> regime -> number of texts, and of those that leak."""
    out: dict = {}
    for row in made:
        cell = out.setdefault(f"{row['model']}, temperature {row['temperature']:g}", {}).setdefault(
            f"{row['dose']:g}", Counter()
        )
        cell[row["regime"]] += 1
        cell["leaks"] += row["leak"] > 0
    return out


def calibration(labelled: list[dict]) -> dict:
    """Best thresholds on the calibration prompts, and the confusion of the ones in use: label -> regime -> number."""
    from emoviz.judge.regimes import COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO

    parts = {
        "calibration": [row for row in labelled if row["prompt"] != HELD_OUT],
        "held_out": [row for row in labelled if row["prompt"] == HELD_OUT],
    }
    found = {
        (float(repetition), float(ratio)): _accuracy(parts["calibration"], float(repetition), float(ratio))
        for repetition, ratio in product(np.arange(0.3, 0.61, 0.01).round(2), np.arange(4, 16.1, 0.5))
    }
    most = max(found.values())
    best = [thresholds for thresholds, right in found.items() if right == most]
    used = (COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO)
    return {
        "best_on_calibration": {"accuracy": most, "repetition, ppl_ratio": best},
        **{
            name: {
                "n": len(_in_question(rows)),
                "accuracy": _accuracy(rows, *used),
                "confusion": confusion(rows, *used),
                "borderline": near(rows),
            }
            for name, rows in parts.items()
        },
    }


def near(rows: list[dict]) -> dict[str, dict[str, float]]:
    """Texts whose verdict is borderline, and the others: how many, and how many of them are right."""
    from emoviz.judge.regimes import COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO
    from emoviz.judge.verdict import borderline
    from emoviz.types import Verdict

    used = (COLLAPSE_REPETITION, EXPLOSIVE_PPL_RATIO)
    parts: dict[str, list[bool]] = {"near": [], "plain": []}
    for row in _in_question(rows):
        regime = regime_of(row, *used)
        found = Verdict(regime, "", row["ppl_ratio"], row["repetition"], 0.0, len(row["ids"]))
        parts["near" if borderline(found) else "plain"].append(regime == row["label"])
    return {name: {"n": len(right), "right": sum(right)} for name, right in parts.items()}


def regime_of(row: dict, repetition: float, ratio: float) -> str:
    """The rule of `steer.verdict.verdict` with any thresholds."""
    if not row["text"].strip():
        return "empty"
    if row["dose"] == 0:
        return "unchanged"
    if row["repetition"] >= repetition:
        return "repetitive_collapse"
    return "explosive" if row["ppl_ratio"] >= ratio else "surgical"


def confusion(rows: list[dict], repetition: float, ratio: float) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter] = {}
    for row in rows:
        counts.setdefault(row["label"], Counter())[regime_of(row, repetition, ratio)] += 1
    return {label: dict(found) for label, found in sorted(counts.items())}


def _accuracy(rows: list[dict], repetition: float, ratio: float) -> float:
    """Share of right verdicts."""
    asked = _in_question(rows)
    return round(sum(row["label"] == regime_of(row, repetition, ratio) for row in asked) / len(asked), 3)


def _in_question(rows: list[dict]) -> list[dict]:
    """Neither empty nor unsteered, which needs no threshold."""
    return [row for row in rows if row["label"] not in ("empty", "unchanged")]


def text_alone(labelled: list[dict]) -> dict[str, dict[str, int]]:
    """Label -> regime by `text_verdict` -> number; `null` where it cannot tell. The unsteered texts are left out."""
    from emoviz.judge.verdict import text_verdict

    counts: dict[str, Counter] = {}
    for row in labelled:
        if row["label"] != "unchanged":
            regime = text_verdict(row["text"], row["prompt"]).regime
            counts.setdefault(row["label"], Counter())["null" if regime is None else regime] += 1
    return {label: dict(found) for label, found in sorted(counts.items())}
