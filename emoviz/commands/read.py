"""`emoviz read MODEL`: every token of a text, every message of a dialogue, or many texts, scored for every emotion."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import GroupDifference, Missing, TextReadings, VectorSet
from ..types.texts import TOPS
from ..words import written
from .arguments import (
    Result,
    add_cleaning,
    add_device,
    add_layer,
    add_precision,
    add_set,
    filled,
    known_sets,
    layer_of,
    named_sets,
    set_of,
    target,
    whole,
)
from .printing import peak_rss_mb, table

# Of the highest of each class, as the command line shows them.
_SHOWN = 5


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", type=filled("text"), metavar="TEXT")
    what.add_argument(
        "--turns",
        metavar="FILE",
        help="a dialogue, read in the chat template: {role, content} a line, or User: before a message",
    )
    parser.add_argument(
        "--chat",
        action="store_true",
        help="read --text as a message of the user in the chat template, and the state before the answer",
    )
    what.add_argument(
        "--texts",
        metavar="FILE",
        help="many texts, into a table: JSONL, JSON, CSV, TSV, Parquet, .txt, or a folder of these",
    )
    parser.add_argument("--text-column", metavar="NAME", help="default: text, sentence, utterance or passage")
    parser.add_argument(
        "--out", type=target, metavar="FILE", help="the table, .csv or .parquet (default: in the user's own folder)"
    )
    parser.add_argument(
        "--groups",
        nargs="+",
        metavar=("COLUMN", "VALUE"),
        help="what two groups of the texts differ in: a column, and one or two of its values if it has more",
    )
    parser.add_argument(
        "--batch-tokens", type=whole(1, 1_000_000), metavar="N", help="padded tokens per batch (default 2048)"
    )
    add_layer(parser, "a layer or best (default); `layer` says which it was")
    add_set(parser)
    add_cleaning(parser)
    add_precision(parser)
    add_device(parser)


def run(given: Namespace, load: Callable[[str], Any] | None = None) -> Result:
    """load : gives the model of a name, for a caller that keeps models in memory."""
    from ..geometry.vectors import check_layer
    from ..models.load import load_model
    from ..readout.projection import passage_scale
    from ..readout.reading import read_text
    from ..readout.summary import layer_of as layer_read
    from ..readout.summary import ranked, sentences, text_scores
    from ..stimuli.dialogues import load_dialogue

    started = time.perf_counter()
    # What is wrong is said before a model is loaded.
    named = named_sets(given)
    for vectors in known_sets([given.model], named) if load is None else ():
        check_layer(vectors, layer_of(given.layer, vectors))
    if given.texts is not None:
        if given.chat:
            raise InputError("--chat reads one text or a dialogue; with --texts FILE leave it out.")
        return _texts(given, started)
    if any(one is not None for one in (given.text_column, given.out, given.groups, given.batch_tokens)):
        raise InputError("--text-column, --out, --groups and --batch-tokens are for --texts FILE. Leave them out.")
    messages = [("user", given.text)] if given.turns is None else load_dialogue(given.turns)
    loaded = (
        load_model(given.model, precision=given.precision, device=given.device) if load is None else load(given.model)
    )
    vectors = set_of(loaded, given.set, cleaning=given.cleaning)
    if given.turns is not None or given.chat:
        return _dialogue(given, loaded, vectors, messages, started)
    reading = read_text(loaded, vectors, given.text)
    layer = layer_read(reading, given.layer)
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
            **_of_layer(given, vectors),
        },
        "seconds": round(time.perf_counter() - started, 3),
    }
    words = [", ".join(f"{row['class']} {row['score']:+.3f}" for row in s["top"][:3]) for s in result["sentences"]]
    lines = [f"{word}  {s['text']}" for word, s in zip(words, result["sentences"], strict=True)]
    head = f"{reading.set}, layer {layer}: mean scores in fractions of the residual norm"
    missing = [f"{what}: {reason}" for what, reason in result["reasons"].items()]
    return result, "\n".join([head, table(_top_rows(result["top"])), "", *lines, *missing]), 0


def _texts(given: Namespace, started: float) -> Result:
    """Many texts into a table, and what two groups of them differ in."""
    from ..extract.capture import DEFAULT_BATCH_TOKENS
    from ..extract.progress import Progress
    from ..geometry.vectors import check_layer
    from ..models.load import load_model
    from ..readout.many import checked_table, read_source
    from ..readout.reading import check_fast
    from ..stats.groups import chosen_groups, compare_groups
    from ..stimuli.streams import scan, text_source

    # What is wrong with the texts or their groups is said before a model is loaded.
    out = None if given.out is None else checked_table(given.out)
    source = text_source(given.texts, given.text_column)
    column, *values = [None] if given.groups is None else given.groups
    if len(values) > 2:
        raise InputError(f"--groups has {len(values)} values after its column; one or two are allowed.")
    first, second = [*values, None, None][:2]
    seen = scan(source, column)
    if column is not None:
        chosen_groups(seen.groups, column, first, second)
    loaded = load_model(given.model, precision=given.precision, device=given.device)
    vectors = set_of(loaded, given.set, cleaning=given.cleaning)
    layer = layer_of(given.layer, vectors)
    check_layer(vectors, layer)
    check_fast(loaded)
    show = Progress()
    batch_tokens = DEFAULT_BATCH_TOKENS if given.batch_tokens is None else given.batch_tokens
    try:
        found = read_source(loaded, vectors, source, seen, layer, out, batch_tokens, show)
    finally:
        show.close()
    groups = None if column is None else compare_groups(found, column, first, second)
    result = {
        "model": found.model,
        "set": found.set,
        "layer": found.layer,
        "classes": found.classes,
        "table": str(found.path),
        "texts": found.texts,
        "rows": found.rows,
        "unread": found.unread,
        "tokens": found.tokens,
        "top": {what: {name: list(own[:_SHOWN]) for name, own in found.tops[what].items()} for what in TOPS},
        "groups": groups,
        "reasons": {**({"z": found.no_z} if found.no_z else {}), **_of_layer(given, vectors)},
        "tokens_per_second": found.tokens_per_second,
        "peak_rss_mb": peak_rss_mb(),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return result, "\n\n".join([_standing(found), *([] if groups is None else [_groups(groups)])]), 0


def _of_layer(given: Namespace, vectors: VectorSet) -> dict[str, str]:
    """Why another rule than the protocol's picked the layer, where that is so."""
    from ..geometry.layers import layer_note

    note = layer_note(vectors) if given.layer == "best" else ""
    return {"layer": note} if note else {}


def _standing(found: TextReadings) -> str:
    """Where the table is, and the highest text and token of each class."""
    rows = []
    for name in found.classes:
        texts, tokens = found.tops["texts"][name], found.tops["tokens"][name]
        if texts:
            z = "-" if texts[0].z is None else f"{texts[0].z:+.1f}"
            words = ", ".join(" ".join(token.text.split()) for token in tokens[:_SHOWN])
            text = " ".join(texts[0].text.split())
            rows.append({"class": name, "score": f"{texts[0].score:+.3f}", "z": z, "tokens": words, "text": text[:80]})
    head = f"{found.texts:,} texts in {found.rows:,} rows, {found.unread:,} of the texts not read: {found.path}"
    how = f"{found.set}, layer {found.layer}; of each class the highest tokens and the highest text with its mean score"
    return "\n".join([head, how, *([f"no z: {found.no_z}"] if found.no_z else []), table(rows)])


def _groups(found: GroupDifference) -> str:
    (first, second), (n, m) = found.names, found.n
    rows = [
        {
            "class": row["class"],
            "d": written(row["d"], "+.2f"),
            "95 %": f"{written(row['low'], '+.2f')} to {written(row['high'], '+.2f')}",
            "p": written(row["p"], ".4f"),
            "mean first": f"{row['mean first']:+.4f}",
            "mean second": f"{row['mean second']:+.4f}",
        }
        for row in found.to_frame().to_dict("records")
    ]
    head = (
        f"{found.column}: {first} ({n:,} texts) less {second} ({m:,}). d: Cohen's, interval over {found.n_bootstrap:,} "
        f"resamples; p corrected over the classes, {found.n_permutations:,} relabellings"
    )
    return f"{head}\n{table(rows)}"


def _dialogue(given: Namespace, loaded: Any, vectors: Any, messages: list[tuple[str, str]], started: float) -> Result:
    """Every message, and the position before each answer."""
    from ..readout.dialogue import read_dialogue
    from ..readout.summary import top_words

    layer = given.layer if given.layer == "best" else layer_of(given.layer, vectors)
    found = read_dialogue(loaded, vectors, messages, layer)

    def named(values: np.ndarray) -> dict[str, float] | None:
        return None if np.isnan(values).all() else dict(zip(found.classes, values.tolist(), strict=True))

    def highest(values: np.ndarray) -> str:
        return top_words(found.classes, values) or "-"

    result = {
        "model": found.model,
        "set": found.set,
        "layer": found.layer,
        "classes": found.classes,
        "turns": [
            {"role": role, "text": text, "over": named(over), "before": named(before)}
            for role, text, over, before in zip(found.roles, found.texts, found.over, found.before, strict=True)
        ],
        "template_shift": named(found.shift),
        "seconds": round(time.perf_counter() - started, 3),
    }
    lines = [f"{found.set}, layer {found.layer}: mean scores less those of neutral exchanges in the same template"]
    lines.append(f"the template alone shifts an answer's scores by up to {written(np.abs(found.shift).max(), '.3f')}")
    for role, text, over, before in zip(found.roles, found.texts, found.over, found.before, strict=True):
        if role == "assistant":
            lines.append(f"before the answer: {highest(before)}")
        if text:
            lines.append(f"{role}: {highest(over)}\n  {' '.join(text.split())[:200]}")
    return result, "\n".join(lines), 0


def _top_rows(top: list[dict]) -> list[dict]:
    return [
        {"class": row["class"], "score": f"{row['score']:+.4f}", "z": "-" if row["z"] is None else f"{row['z']:+.1f}"}
        for row in top
    ]
