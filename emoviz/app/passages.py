"""The texts behind a class vector: what the model read, or wrote, for one emotion, and which of them are told right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..errors import InputError
from ..geometry import held_out_classes
from ..plots.theme import short_label
from ..stimuli import load_corpus
from ..store import load_stories
from ..types import Activations, Corpus, Passage, Story, VectorSet
from ..words import counted

# As many as a class of the shipped corpus has.
_MOST = 20
_READ_AS = "the class whose other passages are nearest, all of the passage's own topic left out"


def passages_table(sets: Sequence[VectorSet], layers: Sequence[int], emotion: str) -> dict:
    """The texts of one emotion, those of sets with the same texts once; right of them what each set takes them for."""
    kept: dict[str, dict] = {}
    notes = []
    for vectors, layer in zip(sets, layers, strict=True):
        p = vectors.provenance
        source = texts_of(vectors)
        if not source:
            known = f"only the hash {p.corpus_hash[:8]} is stored" if p.corpus_hash else "nothing is known"
            notes.append(f"{short_label(vectors)}: of its passages ({p.corpus}) {known}")
            continue
        one = kept.setdefault(p.corpus_hash, {"source": source, "sets": [], "from": _where(vectors)})
        guesses, why = _guesses(vectors, layer, source)
        one["sets"].append((vectors, layer, guesses))
        notes += [f"{short_label(vectors)}: {why}"] if why else []
    shown = [(one, vectors, layer, guesses) for one in kept.values() for vectors, layer, guesses in one["sets"]]
    judged = [entry for entry in shown if entry[3] is not None]
    rows: list[list[str]] = []
    groups = {}
    for one in kept.values():
        own = [k for k, text in enumerate(one["source"]) if text.emotion == emotion]
        right = [
            f"{short_label(vectors)} reads {sum(guesses[k] == emotion for k in own)} of {len(own)} as {emotion}"
            for other, vectors, _, guesses in judged
            if other is one
        ]
        what = f"{emotion}: {_first(len(own))} {one['from']}"
        groups[len(rows)] = " · ".join([what, *right]) if own else f"no text for {emotion}"
        for k in own[:_MOST]:
            guessed = ["–" if other is not one else str(guesses[k]) for other, _, _, guesses in judged]
            rows.append([one["source"][k].topic, one["source"][k].text.strip(), *guessed])
        if not own:
            rows.append(["–", "–", *("–" for _ in judged)])
    columns = [[f"{short_label(vectors)} reads, layer {layer}", _READ_AS] for _, vectors, layer, _ in judged]
    return {"columns": ["topic", "text", *columns], "rows": rows, "groups": groups, "wrap": True, "notes": notes}


def texts_of(vectors: VectorSet) -> tuple[Passage | Story, ...]:
    """What the set was made from, in the order of its states; empty where it is not stored."""
    if vectors.provenance.method == "generation":
        return load_stories(vectors)
    shipped = _shipped()
    return shipped.passages if vectors.provenance.corpus_hash == shipped.hash else ()


@lru_cache(maxsize=1)
def _shipped() -> Corpus:
    return load_corpus()


def _guesses(vectors: VectorSet, layer: int, source: Sequence[Passage | Story]) -> tuple[np.ndarray | None, str | None]:
    """The class that each text is nearest to at the layer, or why that is not known."""
    kept = vectors.activations
    if kept is None or kept.emotions != tuple(text.emotion for text in source):
        return None, "the states of its texts are not kept, so that it is not known what each is read as"
    if layer not in kept.layers:
        at = ", ".join(map(str, kept.layers))
        return None, f"the states of its texts are kept at layer {at}; go there to see what each is read as"
    try:
        return _guesses_at(kept, layer), None
    except InputError as error:
        return None, f"what each is read as cannot be told: {error}"


@lru_cache(maxsize=16)
def _guesses_at(kept: Activations, layer: int) -> np.ndarray:
    return held_out_classes(kept.at(layer), kept.emotions, kept.topics)


def _where(vectors: VectorSet) -> str:
    p = vectors.provenance
    if p.method == "generation":
        return f"that {p.model} wrote itself ({p.protocol.name})"
    return f"of the corpus that comes with emoviz ({p.corpus}, {p.corpus_hash[:8]})"


def _first(n: int) -> str:
    return counted(n, "text") if n <= _MOST else f"the first {_MOST} of {counted(n, 'text')}"
