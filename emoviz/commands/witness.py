"""`emoviz witness`: the witnesses that judge steered texts, and how well they do; `--train` makes an outside one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .arguments import Result
from .printing import table

if TYPE_CHECKING:
    from ..witness.witness import TrainedWitness


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--for", dest="model", metavar="MODEL", help="the steered model, which is never its own judge")
    parser.add_argument("--text", metavar="TEXT", help="a text to judge")
    parser.add_argument(
        "--train",
        type=Path,
        metavar="FILE",
        help="train an outside witness on texts that people labelled: a TSV of text and label, or a table as for "
        "--passages (default: show the witnesses at hand)",
    )
    parser.add_argument(
        "--test", type=Path, metavar="FILE", help="texts to test it on (default: a file named test beside FILE)"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="names of numbered labels, one a line (default: labels.txt beside FILE)",
    )


def run(given: Namespace) -> Result:
    if given.train is not None:
        if given.model is not None or given.text is not None:
            raise InputError("--train was given with --for or --text. Train first, then judge.")
        return _trained(given.train, given.test, given.labels)
    for name in ("test", "labels"):
        if getattr(given, name) is not None:
            raise InputError(f"--{name} was given without --train. Name the texts to train on as well.")
    return _at_hand(given.model, given.text)


def _trained(file: Path, test: Path | None, labels: Path | None) -> Result:
    """All files are read and checked before the first model is loaded."""
    from ..extract.progress import Progress
    from ..stimuli.labelled import read_labelled
    from ..stimuli.tables import read_labels
    from ..witness.outside import source_of, train_outside
    from ..witness.targets import judges_emotions

    if not file.name:
        raise InputError(f"--train {str(file)!r} was given; a file of texts that people labelled is needed.")
    beside = file.with_name("labels.txt")
    labels = beside if labels is None and beside.exists() else labels
    test = file.with_stem("test") if test is None else test
    names = None if labels is None else read_labels(labels)
    train, tested = read_labelled(file, names), read_labelled(test, names)
    if not judges_emotions(tuple(set(train.labels))):
        raise InputError(
            f"{file} has the labels {', '.join(sorted(set(train.labels)))[:200]}; labels named like our emotions (such "
            "as afraid, calm, sad), or those of GoEmotions, are needed."
        )
    progress = Progress()
    made = train_outside(train, tested, source_of(train.labels, file.name), progress=progress)
    progress.close()
    best = max(made, key=lambda one: one.check.balanced_accuracy)
    skipped = {"train": train.skipped, "test": tested.skipped}
    result = {"for": None, "candidates": [_numbers(one) for one in made], "chosen": _card(best), "skipped": skipped}
    lines = [
        _compared(made, best),
        f"\nrows with several labels, left out: {train.skipped} of the training, {tested.skipped} of the test",
        *_described(best),
    ]
    return {**result, **_labels(best)}, "\n".join(lines), 0


def _at_hand(name: str | None, text: str | None) -> Result:
    from ..models import resolve
    from ..witness.outside import outside_for
    from ..witness.witness import candidates, chosen

    model = None if name is None else resolve(name).name
    found, missing = candidates(model)
    best, outside = chosen(found, missing, model), outside_for(model)
    check = best.check
    result: dict[str, Any] = {
        "for": model,
        "candidates": [_numbers(one) for one in found],
        "missing": missing,
        "chosen": _card(best),
        "recall": dict(zip(check.classes, check.recall, strict=True)),
        "confusion": {"classes": check.classes, "counts": check.confusion},
        "confused": [{"class": a, "taken_for": b, "times": n} for a, b, n in check.confused(8)],
        "outside": None if outside is None else {**_card(outside), **_labels(outside)},
        "text": None,
        "text_outside": None,
    }
    lines = [
        _compared(found, best),
        *(f"not used: {name} ({why})" for name, why in missing.items()),
        f"\n* is the witness{f' for {model}' if model else ''}: trained on {best.card.trained_on}; chance "
        f"{best.card.chance:.3f}",
        "recall: " + ", ".join(f"{n} {r:.2f}" for r, n in sorted(zip(check.recall, check.classes, strict=True))),
        "taken for another most often: " + ", ".join(f"{a} for {b} {n} times" for a, b, n in check.confused(8)),
        *(["\nno outside witness is at hand; emoviz witness --train FILE makes one"] if outside is None else []),
        *([] if outside is None else _described(outside)),
    ]
    for key, judge in (("text", best), ("text_outside", outside)):
        if text is None or judge is None:
            continue
        row = judge.probabilities([text])[0]
        if np.isnan(row).any():
            result["reasons"] = {"text": "it is blank or too short to be read"}
            lines.append(f"\nthe text has no classes: {result['reasons']['text']}")
            break
        top = [(judge.card.classes[k], row[k]) for k in np.argsort(-row, kind="stable")[:5]]
        result[key] = [{"class": name, "probability": p} for name, p in top]
        lines.append(f"\nthe text, by {judge.card.name}: " + ", ".join(f"{name} {p:.2f}" for name, p in top))
    return result, "\n".join(lines), 0


def _compared(found: Sequence[TrainedWitness], best: TrainedWitness) -> str:
    shown = [
        {
            "": "*" if one is best else "",
            "witness": one.card.name,
            **{name: f"{value:.3f}" for name, value in _numbers(one).items() if name not in ("name", "n")},
        }
        for one in found
    ]
    return table(shown)


def _described(one: TrainedWitness) -> list[str]:
    """An outside witness in lines: who it is, each label's recall, and what its labels say of our emotions."""
    labels = _labels(one)
    recall = sorted(((r, name) for name, r in labels["recall"].items()), reverse=True)
    judged = [f"{name} by {' + '.join(w)}" for name, w in labels["judges"].items()]
    return [
        f"\noutside witness: {one.card.name}; {one.card.trained_on}; mean recall {one.check.balanced_accuracy:.3f}, "
        f"chance {one.card.chance:.3f}",
        "recall: " + ", ".join(f"{name} {r:.2f} of {labels['tested'][name]}" for r, name in recall),
        f"judges {len(judged)} of ours: " + ", ".join(judged),
        *labels["not_judged"].values(),
    ]


def _labels(one: TrainedWitness) -> dict[str, Any]:
    """Of an outside witness: recall and number of test texts of each label, and which of our emotions it judges."""
    from ..emotions import EMOTIONS
    from ..witness.targets import target_weights

    check = one.check
    judges: dict[str, dict[str, float]] = {}
    not_judged: dict[str, str] = {}
    for name in EMOTIONS:
        try:
            weights = target_weights(check.classes, name)
        except InputError as error:
            not_judged[name] = str(error)
        else:
            judges[name] = {c: float(w) for c, w in zip(check.classes, weights, strict=True) if w}
    return {
        "recall": dict(zip(check.classes, check.recall, strict=True)),
        "tested": dict(zip(check.classes, check.confusion.sum(1).tolist(), strict=True)),
        "judges": judges,
        "not_judged": not_judged,
    }


def _card(one: TrainedWitness) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(one.card), **_numbers(one)}


def _numbers(one: TrainedWitness) -> dict[str, Any]:
    return {
        "name": one.card.name,
        "n": one.check.n,
        "accuracy": one.check.accuracy,
        "mean_recall": one.check.balanced_accuracy,
        "log_loss": one.check.log_loss,
        "confidence": one.check.confidence,
    }
