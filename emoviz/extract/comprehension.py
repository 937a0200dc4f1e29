"""Vector sets by comprehension: the model reads passages, nothing is generated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from ..errors import InputError
from ..geometry import best_layers, held_out_accuracy, mean_pairwise_cosine, umap_coordinates
from ..models.load import LoadedModel
from ..stimuli import DEFAULT_CORPUS
from ..types import Activations, Corpus, Protocol, Provenance, VectorSet
from .batches import encode
from .capture import DEFAULT_BATCH_TOKENS, capture

METHOD = "comprehension"


def set_name(loaded: LoadedModel, protocol: Protocol, corpus: Corpus) -> str:
    """Name of a vector set, ending in a key of everything that its content depends on.

    The same request has the same name, so it is never computed twice; a changed one never finds a stale file.
    """
    request = {
        "revision": loaded.revision,
        "precision": loaded.precision,
        "method": METHOD,
        "protocol": asdict(protocol),
        "corpus": corpus.hash,
    }
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:8]
    parts = [loaded.name, protocol.name, loaded.precision]
    if corpus.name != DEFAULT_CORPUS:
        parts.append(corpus.name)
    return "_".join([*parts, key])


def extract_set(
    loaded: LoadedModel,
    corpus: Corpus,
    protocol: Protocol,
    *,
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[VectorSet, Activations]:
    """Class means of a corpus in one model, with the pooled states they come from (all layers).

    progress : called with tokens read so far and in all.
    Raises   : InputError if a passage does not fit the model, if the topics cannot be split into halves that both
               hold every class, or if no layer is finite.
    """
    halves = halves_of(corpus)
    passages = encode(loaded, [p.text for p in corpus.passages], protocol)
    sentences = encode(loaded, corpus.neutral_sentences, protocol)
    total = sum(len(e.ids) for e in (*passages, *sentences))
    done = 0

    def report(tokens: int) -> None:
        nonlocal done
        done += tokens
        progress(done, total)

    read = capture(loaded, passages, protocol, batch_tokens=batch_tokens, progress=report)
    neutral = capture(loaded, sentences, protocol, batch_tokens=batch_tokens, progress=report)
    activations = Activations(
        states=read.states,
        layers=tuple(range(loaded.n_layers)),
        emotions=tuple(p.emotion for p in corpus.passages),
        topics=tuple(p.topic for p in corpus.passages),
    )
    nonfinite = _nonfinite_layers(read.states, neutral.states)
    if len(nonfinite) == loaded.n_layers:
        raise InputError(
            f"every layer of {loaded.name} gives values that are not finite in {loaded.precision}; "
            "finite activations are needed; use --precision bf16 or fp32."
        )
    vectors = VectorSet(
        name=set_name(loaded, protocol, corpus),
        classes=corpus.classes,
        provenance=Provenance(
            model=loaded.name,
            revision=loaded.revision,
            architecture=loaded.architecture,
            weights=loaded.weights,
            precision=loaded.precision,
            method=METHOD,
            protocol=protocol,
            corpus=corpus.name,
            corpus_hash=corpus.hash,
            n_passages=len(corpus.passages),
            n_neutral_sentences=len(corpus.neutral_sentences),
            topics=corpus.topics,
            nonfinite_layers=nonfinite,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: version(name) for name in ("torch", "transformers", "numpy")},
        ),
        class_means=_class_means(activations, corpus.classes, np.ones(len(halves), bool)),
        half_means=np.stack([_class_means(activations, corpus.classes, halves == half) for half in (0, 1)]),
        residual_norm=_per_layer(nonfinite, lambda layer: np.median(read.norms[:, layer]), loaded.n_layers),
        anisotropy=_per_layer(nonfinite, lambda layer: mean_pairwise_cosine(neutral.states[:, layer]), loaded.n_layers),
        decoding_accuracy=_per_layer(
            nonfinite,
            lambda layer: held_out_accuracy(read.states[:, layer], activations.emotions, activations.topics),
            loaded.n_layers,
        ),
        umap=None,
    )
    coordinates = umap_coordinates(vectors)
    if coordinates is not None:
        vectors = replace(vectors, umap=coordinates[0], umap_params=coordinates[1])
    return vectors, activations


def best_layer_activations(vectors: VectorSet, activations: Activations) -> Activations:
    """The part that is stored beside a set: the layers that any best-layer rule picks, enough to draw intervals."""
    layers = tuple(sorted({layer for layer in best_layers(vectors).values() if layer is not None}))
    return replace(activations, states=activations.states[:, list(layers)], layers=layers)


def halves_of(corpus: Corpus) -> np.ndarray:
    """0 or 1 for each passage: topics are dealt to the halves in turn. Raises InputError if a class misses a half."""
    half_of_topic = {topic: k % 2 for k, topic in enumerate(corpus.topics)}
    halves = np.array([half_of_topic[p.topic] for p in corpus.passages])
    for name in corpus.classes:
        if len({half for half, p in zip(halves, corpus.passages, strict=True) if p.emotion == name}) < 2:
            raise InputError(
                f"all passages of class {name!r} fall into one half of the topics; every class needs passages on "
                "several topics; spread them, or leave `topic` out of the file."
            )
    return halves


def _class_means(activations: Activations, classes: tuple[str, ...], kept: np.ndarray) -> np.ndarray:
    """(L, C, D) float32 means over the kept passages of each class."""
    emotions = np.array(activations.emotions)
    return np.stack([activations.states[kept & (emotions == name)].mean(0) for name in classes], axis=1)


def _nonfinite_layers(*states: np.ndarray) -> tuple[int, ...]:
    finite = np.logical_and.reduce([np.isfinite(s).all(axis=(0, 2)) for s in states])
    return tuple(int(layer) for layer in np.flatnonzero(~finite))


def _per_layer(nonfinite: tuple[int, ...], value: Callable[[int], float], n_layers: int) -> np.ndarray:
    return np.array([np.nan if layer in nonfinite else value(layer) for layer in range(n_layers)])
