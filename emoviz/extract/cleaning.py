"""Cleaned vector sets: what a cleaning needs is read by the model once, and kept."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

import numpy as np

from ..errors import InputError
from ..geometry.cleaning import (
    AGAINST,
    NONE,
    WHITENED,
    Cleaning,
    against,
    parse_cleaning,
    principal_components,
    whitened_rows,
    with_means,
    within_covariance,
    without_components,
)
from ..models.loaded import LoadedModel, loaded_model
from ..stimuli import load_corpus, neutral_sentences
from ..store.folders import cleaned_folder
from ..store.tensors import SUFFIX, damaged, read_tensors, write_tensors
from ..types import VectorSet
from ..types.given import uncleaned
from ..types.vectors import IMPORTED
from .batches import encode
from .capture import capture
from .norms import fitting
from .protocols import reading_protocol

log = logging.getLogger(__name__)

_KIND = "cleaned means"
# Counts up when the same cleaning gives other numbers than before.
_VERSION = 1
# A layer to the states of some texts there, and the class of each text.
States = tuple[Callable[[int], np.ndarray], tuple[str, ...]]
Report = Callable[[str, int, int], None]


def cleaned(
    model: LoadedModel,
    vectors: VectorSet | None,
    cleaning: str,
    *,
    progress: Report = lambda stage, done, total: None,
) -> VectorSet:
    """A vector set that reads and steers with cleaner directions.

    It goes wherever a set goes that reads or steers: `read_text`, `steer_texts`, `converse`, `vary`, `verify`, and into
    their figures as `vectors=`. Its name says how it was cleaned. The states that this needs are read by the model (20
    neutral sentences, or all passages: under a minute for a small model) and the result is kept in the user's folder.

    vectors : a set of this very model; None for the one that it uses.
    cleaning : `none`, which gives the set itself; `neutral`: without the principal components of neutral sentences that
        carry half of their variance, a share (`neutral 80 %`) or a number (`neutral 5`); `whitened`: divided by the
        covariance of the passages within their classes; `against calm`: the contrast with that class in place of the
        mean over all.
    progress : called with `reading`, tokens done and in all.
    Returns : VectorSet with `cleaned`; scores and doses keep their units.
    Raises  : InputError for an unknown cleaning, a set that is cleaned already, more components than there are, a class
        that the set lacks, and for `whitened` where neither the set's states nor its passages are at hand.
    Source  : `geometry.cleaning`; what each does is measured in docs/steering.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> vectors = ez.cleaned(model, None, "neutral")
    >>> vectors.name
    'SmolLM2-135M-Instruct_emoviz_fp32_b1164d71, neutral 50 %'
    >>> ez.read_text(model, vectors, "She could not stop crying after the funeral.").scores.shape
    (30, 9, 21)
    """
    vectors = uncleaned(fitting(vectors, loaded_model(model)))
    asked = parse_cleaning(cleaning)
    if asked.how == NONE:
        return vectors
    if asked.how == AGAINST:
        return against(vectors, asked)
    path = cleaned_folder() / f"{_key(model, vectors, asked)}{SUFFIX}"
    if path.exists():
        try:
            means = read_tensors(path, _KIND)[0].get("means")
            if means is None or means.shape != vectors.class_means.shape:
                raise damaged(path, _KIND, "they are not of this set")
            return with_means(vectors, asked, means)
        except InputError as error:
            log.warning("cleaned anew: %s", error)
    read = passage_states if asked.how == WHITENED else sentence_states
    at, labels = read(model, vectors, progress)
    means = np.full(vectors.class_means.shape, np.nan, np.float32)
    for layer in vectors.finite_layers:
        rows, states = vectors.class_means[layer], at(layer)
        if not np.isfinite(states).all():
            raise InputError(
                f"the states of {model.name} at layer {layer} are not finite in {model.precision}, and cleaning needs "
                "them. Load the model in bf16 or fp32."
            )
        if asked.how == WHITENED:
            means[layer] = whitened_rows(rows, within_covariance(states, labels))
        elif asked.components is not None:
            means[layer] = without_components(rows, principal_components(states, asked.components))
    try:
        write_tensors(path, {"means": means}, {"set": vectors.name, "cleaning": asked.name}, _KIND)
    except InputError as error:
        log.warning("the cleaned directions are not kept: %s", error)
    return with_means(vectors, asked, means)


def sentence_states(model: LoadedModel, vectors: VectorSet, progress: Report) -> States:
    """Of the shipped neutral sentences, which have no classes."""
    return _read(model, vectors, neutral_sentences(), progress), ()


def passage_states(model: LoadedModel, vectors: VectorSet, progress: Report) -> States:
    """Those that the set has, else of the shipped passages, if it was made from them. Raises InputError for others."""
    kept = vectors.activations
    if kept is not None and set(vectors.finite_layers) <= set(kept.layers):
        return kept.at, kept.emotions
    corpus = load_corpus()
    if vectors.provenance.method == IMPORTED:
        raise InputError(
            f"whitening needs passages, and those of {vectors.name} are not known. Choose another cleaning."
        )
    if vectors.provenance.corpus_hash != corpus.hash:
        raise InputError(
            f"whitening was asked for, but {vectors.name} keeps the states of its passages at "
            f"{len(kept.layers) if kept is not None else 0} of {len(vectors.finite_layers)} layers. Extract it again "
            "with --activations all (ez.extract: keep='all')."
        )
    texts = tuple(passage.text for passage in corpus.passages)
    return _read(model, vectors, texts, progress), tuple(passage.emotion for passage in corpus.passages)


def _read(
    model: LoadedModel, vectors: VectorSet, texts: tuple[str, ...], progress: Report
) -> Callable[[int], np.ndarray]:
    protocol = reading_protocol(vectors)
    encoded = encode(model, texts, protocol)
    total, done = sum(len(one.ids) for one in encoded), 0

    def report(tokens: int) -> None:
        nonlocal done
        done += tokens
        progress("reading", done, total)

    return capture(model, encoded, protocol, progress=report).at


def _key(model: LoadedModel, vectors: VectorSet, asked: Cleaning) -> str:
    """Changes with whatever changes the result."""
    content = hashlib.sha256(f"{_VERSION} {model.revision} {model.precision} {asked.name}".encode())
    content.update(f"{vectors.provenance.protocol} {vectors.provenance.corpus_hash} {neutral_sentences()}".encode())
    content.update(np.ascontiguousarray(vectors.class_means).tobytes())
    return content.hexdigest()[:16]
