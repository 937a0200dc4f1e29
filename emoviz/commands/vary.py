"""`emoviz vary MODEL --template "I took {n} mg" --values "1,000, 2,000"`: what a number in a sentence does."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

import numpy as np

from ..geometry.directions import class_of
from ..store.choice import lacking
from ..words import written
from .arguments import (
    SEVERAL,
    Result,
    add_cleaning,
    add_device,
    add_layer,
    add_precision,
    add_set,
    check_asked,
    known_sets,
    layer_of,
    listed,
    named_sets,
    one_of,
    set_of,
)
from .printing import table

_WHERE = {"mean": "over the sentence", "last": "its last token"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "--template",
        nargs="+",
        required=True,
        metavar="TEXT",
        help="a sentence with {n} where the number goes; several that say the same give intervals",
    )
    parser.add_argument("--values", required=True, metavar="N", help="numbers, such as '1, 10, 100' or '1,000, 2,000'")
    parser.add_argument("--emotion", **SEVERAL, metavar="E", help="classes to print (default: those that change most)")
    parser.add_argument("--where", type=one_of("where", _WHERE), default="mean", help=listed(_WHERE))
    add_layer(parser)
    add_set(parser)
    add_cleaning(parser)
    add_precision(parser)
    add_device(parser)


def run(given: Namespace) -> Result:
    from ..geometry.vectors import check_layer
    from ..models.load import load_model
    from ..readout.variation import checked_templates, parse_numbers, vary

    started = time.perf_counter()
    parse_numbers(given.values)
    checked_templates(given.template)
    named = named_sets(given)
    check_asked(given.emotion, None, named)
    for vectors in known_sets([given.model], named, lacking(given.emotion or ())):
        check_layer(vectors, layer_of(given.layer, vectors))
        for name in given.emotion or ():
            class_of(vectors, name)
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, lacking(given.emotion or ()), given.cleaning)
    asked = [class_of(vectors, name) for name in given.emotion or ()]
    found = vary(loaded, vectors, given.template, given.values, where=given.where, layer=layer_of(given.layer, vectors))
    mean, half = found.scores.mean(0), found.half_widths()
    change = mean - mean.mean(0)
    widest = [found.classes[k] for k in np.argsort(-np.ptp(mean, axis=0), kind="stable")[:4]]
    shown = asked or widest
    result = {
        "model": found.model,
        "set": found.set,
        "layer": found.layer,
        "where": found.where,
        "templates": found.templates,
        "classes": found.classes,
        "rows": [
            {"number": number, "value": value, "scores": scores, "change": less, "half_width": width}
            for number, value, scores, less, width in zip(found.numbers, found.values, mean, change, half, strict=True)
        ],
        "changes_most": widest,
        "seconds": round(time.perf_counter() - started, 3),
    }
    rows = []
    for k, number in enumerate(found.numbers):
        row = {"n": number}
        for name in shown:
            at = found.classes.index(name)
            interval = "" if np.isnan(half[k, at]) else f" \u00b1 {half[k, at]:.4f}"
            row[f"score {name}" if name == "n" else name] = f"{written(change[k, at], '+.4f')}{interval}"
        rows.append(row)
    over = f" of {len(found.templates)} sentences, 95 % interval over them" if len(found.templates) > 1 else ""
    head = f"{found.set}, layer {found.layer}, {found.where}: score less its mean over the numbers{over}"
    return result, f"{head}\n{table(rows)}", 0
