"""`emoviz witness`: the witness that judges steered texts, and how well it does."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import Result
from .printing import table

if TYPE_CHECKING:
    from ..witness.witness import TrainedWitness


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--for", dest="model", metavar="MODEL", help="the steered model, which is never its own judge")
    parser.add_argument("--text", metavar="TEXT", help="a text to judge")


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..models import resolve
    from ..witness.witness import candidates, chosen

    model = None if given.model is None else resolve(given.model).name
    found, missing = candidates(model)
    best = chosen(found, missing, model)
    check = best.check
    result: dict[str, Any] = {
        "for": model,
        "candidates": [_numbers(one) for one in found],
        "missing": missing,
        "chosen": {**asdict(best.card), **_numbers(best)},
        "recall": dict(zip(check.classes, check.recall, strict=True)),
        "confusion": {"classes": check.classes, "counts": check.confusion},
        "confused": [{"class": a, "taken_for": b, "times": n} for a, b, n in check.confused(8)],
        "text": None,
    }
    shown = [
        {
            "": "*" if one is best else "",
            "witness": one.card.name,
            **{name: f"{value:.3f}" for name, value in _numbers(one).items() if name not in ("name", "n")},
        }
        for one in found
    ]
    lines = [
        table(shown),
        *(f"not used: {name} ({why})" for name, why in missing.items()),
        f"\n* is the witness{f' for {model}' if model else ''}: trained on {best.card.trained_on}; chance "
        f"{best.card.chance:.3f}",
        "recall: " + ", ".join(f"{n} {r:.2f}" for r, n in sorted(zip(check.recall, check.classes, strict=True))),
        "taken for another most often: " + ", ".join(f"{a} for {b} {n} times" for a, b, n in check.confused(8)),
    ]
    if given.text is not None:
        row = best.probabilities([given.text])[0]
        if np.isnan(row).any():
            result["reasons"] = {"text": "it is blank or too short to be read"}
            lines.append(f"\nthe text has no classes: {result['reasons']['text']}")
        else:
            order = np.argsort(-row, kind="stable")[:5]
            result["text"] = [{"class": check.classes[k], "probability": row[k]} for k in order]
            lines.append("\nthe text: " + ", ".join(f"{check.classes[k]} {row[k]:.2f}" for k in order))
    return result, "\n".join(lines), 0


def _numbers(one: TrainedWitness) -> dict[str, Any]:
    return {
        "name": one.card.name,
        **{name: getattr(one.check, name) for name in ("n", "accuracy", "log_loss", "confidence")},
    }
