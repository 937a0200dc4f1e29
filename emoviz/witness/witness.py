"""The witness: a classifier that says which emotion a text expresses. The steered model is never its own.

Heads are trained on whole passages alone. With openings of 30 words added they do better on openings and worse on
everything else (states of Gemma-3-270M: 0.61 to 0.65 on openings, 0.60 to 0.55 on endings; see benchmarks/witness.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..geometry import best_layers
from ..models.encoder import ENCODER, encoder_folder, encoder_key, sentence_vectors
from ..models.registry import BUNDLED, available
from ..stimuli import load_corpus
from ..store import list_sets
from ..store.heads import load_head, save_head
from ..types import Corpus, HeadCheck, VectorSet, WitnessCard
from .heads import Head, train_head
from .targets import target_scores as scores_of

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel, loaded_model

log = logging.getLogger(__name__)

# Counts up when heads of the same features come out otherwise than before, so that they are trained anew.
TRAINING = 1
_PROTOCOL = "emoviz"
_loading = threading.Lock()


@dataclass(frozen=True, eq=False)
class Features:
    """One way to turn texts into numbers that is open to a witness.

    key : changes whenever its numbers do. corpus : () -> (n, F), of every passage, for training. read : texts -> (n,
    F), rows NaN that cannot be read. model : the language model that reads, None where none does.
    """

    name: str
    key: str
    corpus: Callable[[], np.ndarray]
    read: Callable[[Sequence[str]], np.ndarray]
    model: str | None = None


@dataclass(frozen=True, eq=False)
class Witness:
    """A classifier of texts. read : (n texts that are not blank) -> (n, C) probabilities, rows NaN that cannot be read.

    check : how it does on topics that were held out; parts : the features its head reads. A model of the hub has
    neither.
    """

    card: WitnessCard
    read: Callable[[Sequence[str]], np.ndarray]
    check: HeadCheck | None = None
    parts: tuple[Features, ...] = ()

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """(n, C) float64 over `card.classes`, rows sum to 1; NaN for a blank text and for one that cannot be read.

        Raises InputError for a text beyond the context of the model that reads it.
        """
        found = np.full((len(texts), len(self.card.classes)), np.nan)
        kept = [k for k, text in enumerate(texts) if text.strip()]
        if kept:
            found[kept] = self.read([texts[k].strip() for k in kept])
        return found


@dataclass(frozen=True, eq=False)
class TrainedWitness(Witness):
    """One that was trained here and tested on topics that were held out."""

    check: HeadCheck


def target_scores(witness: Witness, texts: Sequence[str], emotion: str) -> np.ndarray:
    """How much each text expresses an emotion, (n,), 0 to 1; NaN for a blank text. See `targets.target_scores`."""
    return scores_of(witness.card.classes, witness.probabilities(texts), emotion)


def witness_for(
    model: LoadedModel | str | None = None,
    revision: str | None = None,
    *,
    load: Callable[[str], LoadedModel] | None = None,
) -> Witness:
    """The best classifier of emotion at hand that is not the steered model, by its accuracy on held-out topics.

    Trained on the shipped passages, once, in a minute or more, and kept in the user's folder.

    model, revision : the steered model, or its name and revision; None leaves out no model.
    load : gives a loaded model for its short name, for a caller that keeps models in memory.
    Returns : Witness; `probabilities(texts)` is (n, C) over `card.classes`.
    Raises  : InputError if there is no candidate.
    Source  : docs/steering.md.

    >>> import emoviz as ez
    >>> witness = ez.witness_for("SmolLM2-135M-Instruct")
    >>> found = witness.probabilities(["He slammed the table and shouted that they had cheated him."])
    >>> witness.card.classes[int(found[0].argmax())]
    'angry'
    """
    if model is not None and not isinstance(model, str):
        model = loaded_model(model)
        revision, model = model.revision, model.name
    return chosen(*candidates(model, revision, load=load), model)


def chosen(found: Sequence[TrainedWitness], missing: Mapping[str, str], model: str | None = None) -> TrainedWitness:
    """The best of the `candidates` of a model. Raises InputError if there are none."""
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
        raise InputError(
            f"no witness is at hand for {model if model else 'any model'} ({reasons}). Run make install, or name a "
            "classifier of the hub."
        )
    return max(found, key=lambda witness: witness.check.accuracy)


def candidates(
    model: str | None = None, revision: str | None = None, *, load: Callable[[str], LoadedModel] | None = None
) -> tuple[tuple[TrainedWitness, ...], dict[str, str]]:
    """Every witness that may judge texts of a model, and why others are not there (name -> reason).

    A witness is a logistic head, trained on the shipped passages, on mean states of a bundled language model, on MiniLM
    sentence vectors, or on several of these joined. Trained in seconds and kept in the user's folder.

    model, revision : of the steered model, by name as in `LoadedModel`; None leaves out no model.
    load : gives a loaded model for its short name, for a caller that keeps models in memory; `load_model` otherwise.
    """
    corpus = load_corpus()
    parts, missing = features_for(corpus, model, revision, load)
    notes = tuple(f"{name} is not used: {why}" for name, why in missing.items())
    found = [_trained(joined, corpus, notes) for n in range(1, len(parts) + 1) for joined in combinations(parts, n)]
    return tuple(found), missing


def features_for(
    corpus: Corpus, model: str | None, revision: str | None, load: Callable[[str], LoadedModel] | None = None
) -> tuple[list[Features], dict[str, str]]:
    """What a witness of the texts of a model may read, and why it may not read other things (name -> reason)."""
    load = _load if load is None else load
    found, missing = [], {}
    sets = list_sets()
    for entry in BUNDLED:
        own = [(s, _state_features(s, load)) for s in sets if s.provenance.model == entry.id and _is_of(s, corpus)]
        fitting = [(s, features) for s, features in own if features is not None]
        name = f"{entry.id} states"
        if _same_model(entry.id, [s.provenance.revision for s, _ in fitting], model, revision):
            missing[name] = "the steered model is never its own judge"
        elif not available(entry):
            missing[name] = f"its weights are not here (emoviz fetch {entry.id})"
        elif not fitting:
            missing[name] = "its vector set of the shipped passages, with activations, is not there"
        else:
            found.append(fitting[0][1])
    if encoder_folder() is None:
        missing["MiniLM"] = f"the package of {ENCODER} is not installed (requirements-models.txt)"
    else:
        texts = [p.text for p in corpus.passages]
        key = encoder_key()
        # Seconds each time, and wanted by several heads.
        found.append(Features("MiniLM", key, cache(lambda: sentence_vectors(texts)), sentence_vectors))
    return found, missing


def _is_of(vectors: VectorSet, corpus: Corpus) -> bool:
    """Whether a set was made from unit states of the shipped passages."""
    p = vectors.provenance
    return (p.protocol.name, p.precision, p.corpus_hash) == (_PROTOCOL, "fp32", corpus.hash)


def _same_model(candidate: str, revisions: Sequence[str], model: str | None, revision: str | None) -> bool:
    """By weights, or by name: a base or instruct twin, another precision or a folder of the model count as well."""
    if revision is not None and revision in revisions:
        return True
    if model is None:
        return False
    steered, judge = (
        re.sub(r"-(instruct|it|pt)\b", "", name.rsplit("/", 1)[-1].lower()) for name in (model, candidate)
    )
    return steered.startswith(judge)


def _state_features(vectors: VectorSet, load: Callable[[str], LoadedModel]) -> Features | None:
    """Mean over the content tokens of states of length 1 after the block where decoding is best; None if not kept."""
    kept = vectors.activations
    layer = None if kept is None else best_layers(vectors)["decoding"]
    if kept is None or layer is None or layer not in kept.layers:
        return None
    norm = float(vectors.residual_norm[layer])
    protocol = vectors.provenance.protocol

    def read(texts: Sequence[str]) -> np.ndarray:
        from ..extract.batches import encode
        from ..extract.capture import capture
        from ..models.fit import check_fit

        loaded = load(vectors.provenance.model)
        check_fit(vectors, loaded)
        found = np.full((len(texts), loaded.d_model), np.nan)
        # The protocol skips the first token, so that a single one leaves nothing to read.
        long = [
            k for k, text in enumerate(texts) if len(loaded.tokenizer(text, add_special_tokens=False)["input_ids"]) > 1
        ]
        if long:
            read = capture(loaded, encode(loaded, [texts[k] for k in long], protocol), protocol, layers=[layer])
            # Not `at`: its scale, the median norm of these very texts, would make a text depend on its neighbours.
            found[long] = read.pooled[0]
        return found

    return Features(
        name=f"{vectors.provenance.model} states, layer {layer}",
        key=f"{vectors.name} layer {layer}",
        corpus=lambda: kept.at(layer) / norm,
        read=read,
        model=vectors.provenance.model,
    )


def _trained(parts: tuple[Features, ...], corpus: Corpus, notes: tuple[str, ...]) -> TrainedWitness:
    name = " + ".join(part.name for part in parts)
    recipe = json.dumps([TRAINING, corpus.hash, [part.key for part in parts]])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    kept = load_head(key)
    if kept is None:
        log.info("training a witness: %s", name)
        features = np.concatenate([part.corpus() for part in parts], axis=1)
        head, check = train_head(features, [p.emotion for p in corpus.passages], [p.topic for p in corpus.passages])
        save_head(key, *packed(head, check))
    else:
        head, check = unpacked(*kept)
    card = WitnessCard(
        name=name,
        classes=head.classes,
        accuracy=check.accuracy,
        chance=1 / len(head.classes),
        trained_on=f"{len(corpus.passages)} passages of {corpus.name}, {len(check.topics)} topics held out in turn",
        notes=notes,
    )
    return judging(card, head, check, parts)


def judging(card: WitnessCard, head: Head, check: HeadCheck, parts: tuple[Features, ...]) -> TrainedWitness:
    """A head as a witness, which reads the features that it was trained on."""

    def read(texts: Sequence[str]) -> np.ndarray:
        return head.probabilities(np.concatenate([part.read(texts) for part in parts], axis=1))

    return TrainedWitness(card, read, check, parts)


def packed(head: Head, check: HeadCheck) -> tuple[dict[str, np.ndarray], dict]:
    tensors = {name: getattr(head, name) for name in ("mean", "scale", "weights", "bias")}
    header = {
        "classes": head.classes,
        "topics": check.topics,
        "confusion": check.confusion.tolist(),
        **{name: getattr(check, name) for name in ("log_loss", "confidence", "strength")},
    }
    return tensors, header


def unpacked(tensors: dict[str, np.ndarray], header: dict) -> tuple[Head, HeadCheck]:
    classes = tuple(header["classes"])
    head = Head(classes, *(np.array(tensors[name]) for name in ("mean", "scale", "weights", "bias")))
    numbers = {name: header[name] for name in ("log_loss", "confidence", "strength")}
    return head, HeadCheck(classes, np.array(header["confusion"]), topics=tuple(header["topics"]), **numbers)


def _load(model: str) -> LoadedModel:
    # Two threads that ask at once would otherwise load it twice.
    with _loading:
        return _loaded(model)


@lru_cache(maxsize=2)
def _loaded(model: str) -> LoadedModel:
    from ..models.load import load_model

    return load_model(model, precision="fp32")
