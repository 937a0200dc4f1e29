"""Vector sets from what a model reads: given passages, or stories that it wrote itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..geometry import held_out_accuracy, mean_pairwise_cosine, preferred_layer, rdm_of, umap_coordinates
from ..models.loaded import LoadedModel, Weights
from ..stats.resampling import Readings, resample_curves
from ..stimuli import DEFAULT_CORPUS, neutral_sentences, prompts_hash, story_prompts
from ..types import Activations, Corpus, Missing, Passage, Protocol, Provenance, Story, VectorSet, Writing
from ..types.given import file_part
from .batches import encode
from .capture import DEFAULT_BATCH_TOKENS, Captured, capture
from .controls import control_features
from .generation import encode_stories, write_stories

# Counts up when a set of the same recipe holds more or other numbers than before, so that it is made anew.
CONTENTS = 2


def set_name(loaded: Weights, protocol: Protocol, corpus: Corpus | None = None) -> str:
    """Name of a vector set, ending in a key of everything that its content depends on.

    The same request has the same name, so it is never computed twice; a changed one never finds a stale file.
    corpus : the passages, None for a protocol by generation.
    """
    source = _source(protocol, corpus)
    recipe = {key: value for key, value in asdict(protocol).items() if value is not None}
    request = {
        "contents": CONTENTS,
        "revision": loaded.revision,
        "precision": loaded.precision,
        "method": protocol.method,
        "protocol": recipe,
        "corpus": source.hash if isinstance(source, Corpus) else prompts_hash(story_prompts(source)),
    }
    # What says no more than the revision is left out, as it always was.
    request |= {"asked": loaded.asked} if loaded.asked else {}
    request |= {"commit": loaded.commit} if loaded.commit not in ("", loaded.revision) else {}
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
    parts = [file_part(loaded.name), protocol.name, loaded.precision]
    if isinstance(source, Corpus) and source.name != DEFAULT_CORPUS:
        parts.append(file_part(source.name))
    return "_".join([*parts, key])


def extract_set(
    loaded: LoadedModel,
    corpus: Corpus | None,
    protocol: Protocol,
    *,
    keep: str = "best",
    also: tuple[int, ...] = (),
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    work: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> VectorSet:
    """Class means of a corpus, or of the model's own stories, in one model.

    corpus   : the passages to read; None for a protocol by generation.
    keep     : layers whose pooled states stay with the set: the one that stands for it (`best`), `all` or `none`.
    also     : layers that are kept with the best one.
    work     : folder in which an interrupted run leaves what it has, and finds it again (see `work_folder`).
    progress : called with the stage (`writing`, `reading`, in tokens; `resampling`, in layers), done so far and in all.
    Raises   : InputError if a passage does not fit the model, if the topics cannot be split into halves that both
               hold every class, or if no layer is finite.
    """
    source = _source(protocol, corpus)
    stories: tuple[Story, ...] = ()
    if isinstance(source, Corpus):
        corpus = source
        passages = encode(loaded, [p.text for p in corpus.passages], protocol)
    else:
        stories = _stories(loaded, source, work, progress)
        corpus = _corpus_of(stories, source)
        passages = encode_stories(loaded, stories, protocol)
    halves = halves_of(corpus)
    sentences = encode(loaded, corpus.neutral_sentences, protocol)
    report = _counter("reading", sum(len(e.ids) for e in (*passages, *sentences)), progress)
    read, neutral = (
        capture(
            loaded,
            texts,
            protocol,
            batch_tokens=batch_tokens,
            work=None if work is None else work / part,
            progress=report,
        )
        for texts, part in ((passages, "passages"), (sentences, "sentences"))
    )
    vectors = _vectors(loaded, corpus, protocol, halves, read, neutral)
    token_counts = [int(one.content.sum()) for one in passages]
    vectors = _resampled(loaded, vectors, corpus, halves, read, neutral, token_counts, progress)
    return replace(vectors, activations=_kept(keep, also, vectors, corpus, read), stories=stories)


def halves_of(corpus: Corpus) -> np.ndarray:
    """0 or 1 for each passage: topics are dealt to the halves in turn. Raises InputError if a class misses a half."""
    half_of_topic = {topic: k % 2 for k, topic in enumerate(corpus.topics)}
    halves = np.array([half_of_topic[p.topic] for p in corpus.passages])
    found = {(p.emotion, half) for p, half in zip(corpus.passages, halves, strict=True)}
    for name in corpus.classes:
        if not {(name, 0), (name, 1)} <= found:
            raise InputError(
                f"all passages of class {name!r} fall into one half of the topics. Spread them over the topics, or "
                "leave `topic` out of the file."
            )
    return halves


def _source(protocol: Protocol, corpus: Corpus | None) -> Corpus | Writing:
    """What the texts come from: how the model writes its own, else the passages. Raises InputError without either."""
    if protocol.writing is not None:
        return protocol.writing
    if corpus is None:
        raise InputError(f"protocol {protocol.name} reads passages, and none were given.")
    return corpus


def _stories(loaded: LoadedModel, writing: Writing, work: Path | None, progress) -> tuple[Story, ...]:
    prompts = story_prompts(writing)
    report = _counter("writing", len(prompts) * writing.max_new_tokens, progress)
    return write_stories(
        loaded, prompts, writing, file=None if work is None else work / "stories.jsonl", progress=report
    )


def _corpus_of(stories: Sequence[Story], writing: Writing) -> Corpus:
    passages = tuple(Passage(story.emotion, story.text, story.topic) for story in stories)
    content = json.dumps([asdict(story) for story in stories], ensure_ascii=False)
    return Corpus(
        f"stories {writing.templates}",
        hashlib.sha256(content.encode()).hexdigest(),
        passages,
        neutral_sentences(),
    )


def _counter(stage: str, total: int, progress: Callable[[str, int, int], None]) -> Callable[[int], None]:
    done = 0
    progress(stage, 0, total)

    def report(tokens: int) -> None:
        nonlocal done
        done += tokens
        progress(stage, done, total)

    return report


def _vectors(
    loaded: LoadedModel, corpus: Corpus, protocol: Protocol, halves: np.ndarray, read: Captured, neutral: Captured
) -> VectorSet:
    n_layers = loaded.n_layers
    emotions = tuple(p.emotion for p in corpus.passages)
    topics = tuple(p.topic for p in corpus.passages)
    nonfinite = tuple(
        layer
        for layer in range(n_layers)
        if not (np.isfinite(read.at(layer)).all() and np.isfinite(neutral.at(layer)).all())
    )
    if len(nonfinite) == n_layers:
        raise InputError(
            f"no layer of {loaded.name} gives finite values in {loaded.precision}. Use --precision bf16 or fp32."
        )

    def means(kept: np.ndarray) -> np.ndarray:
        """(L, C, D) float32 means over the kept passages of each class."""
        rows = [kept & (np.array(emotions) == name) for name in corpus.classes]
        out = np.empty((n_layers, len(rows), loaded.d_model), np.float32)
        for layer in range(n_layers):
            states = read.at(layer)
            out[layer] = [states[r].mean(0) for r in rows]
        return out

    def per_layer(value: Callable[[int], float]) -> np.ndarray:
        return np.array([np.nan if layer in nonfinite else value(layer) for layer in range(n_layers)])

    libraries = ("torch", "transformers", "numpy", *(("bitsandbytes",) if loaded.precision == "int8" else ()))
    vectors = VectorSet(
        name=set_name(loaded, protocol, corpus),
        classes=corpus.classes,
        provenance=Provenance(
            model=loaded.name,
            revision=loaded.revision,
            architecture=loaded.architecture,
            weights=loaded.weights,
            precision=loaded.precision,
            method=protocol.method,
            protocol=protocol,
            corpus=corpus.name,
            corpus_hash=corpus.hash,
            n_passages=len(corpus.passages),
            n_neutral_sentences=len(corpus.neutral_sentences),
            topics=corpus.topics,
            nonfinite_layers=nonfinite,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: version(name) for name in libraries},
            origin=loaded.origin,
            asked=loaded.asked,
            commit=loaded.commit,
        ),
        class_means=means(np.ones(len(halves), bool)),
        half_means=np.stack([means(halves == half) for half in (0, 1)]),
        residual_norm=per_layer(lambda layer: np.median(read.norms[layer])),
        anisotropy=per_layer(lambda layer: mean_pairwise_cosine(neutral.at(layer))),
        decoding_accuracy=per_layer(lambda layer: held_out_accuracy(read.at(layer), emotions, topics)),
        umap=None,
        anisotropy_centred=per_layer(
            lambda layer: mean_pairwise_cosine(neutral.at(layer) - read.at(layer).mean(0, keepdims=True))
        ),
    )
    coordinates = umap_coordinates(vectors)
    if coordinates is not None:
        vectors = replace(vectors, umap=coordinates[0], umap_params=coordinates[1])
    return vectors


def _resampled(
    loaded: LoadedModel,
    vectors: VectorSet,
    corpus: Corpus,
    halves: np.ndarray,
    read: Captured,
    neutral: Captured,
    token_counts: Sequence[int],
    progress: Callable[[str, int, int], None],
) -> VectorSet:
    """The set with its controls and the errors of its curves."""
    features, notes = control_features(loaded, [p.text for p in corpus.passages])
    emotions = np.array([p.emotion for p in corpus.passages])
    topic_of = np.array([corpus.topics.index(p.topic) for p in corpus.passages])
    controls = {}
    for name, rows in features.items():
        means = np.stack([rows[emotions == c].mean(0) for c in corpus.classes])
        try:
            controls[name] = rdm_of(means, corpus.classes, "class")[0]
        except InputError as error:
            notes[name] = str(error)
    found = resample_curves(
        Readings(
            states=read.at,
            sentences=neutral.at,
            norms=lambda layer: read.norms[layer],
            token_topics=np.repeat(topic_of, token_counts),
            emotions=tuple(emotions.tolist()),
            topic_of=topic_of,
            topics=corpus.topics,
            halves=np.array([halves[topic_of == t][0] for t in range(len(corpus.topics))]),
            controls={name: features[name] for name in controls},
        ),
        vectors.finite_layers,
        vectors.n_layers,
        progress=progress,
    )
    if isinstance(found, Missing):
        return replace(vectors, control_rdms=controls, notes={**notes, found.number: found.why})
    return replace(vectors, control_rdms=controls, notes=notes, resampled=found)


def _kept(keep: str, also: tuple[int, ...], vectors: VectorSet, corpus: Corpus, read: Captured) -> Activations | None:
    if keep == "none":
        return None
    picked = {preferred_layer(vectors), *also}
    layers = tuple(k for k in vectors.finite_layers if keep == "all" or k in picked)
    return Activations(
        states=np.stack([read.at(layer) for layer in layers], axis=1),
        layers=layers,
        emotions=tuple(p.emotion for p in corpus.passages),
        topics=tuple(p.topic for p in corpus.passages),
    )
