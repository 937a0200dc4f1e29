"""The outside witness: a head that learned from texts labelled by people, not from our passages.

Trained by `emoviz witness --train`. Heads on GoEmotions (Demszky et al. 2020, arXiv 2005.00547) are shipped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..files import DAMAGED
from ..stimuli import load_corpus
from ..stimuli.labelled import Labelled
from ..store.atomic import atomically
from ..store.folders import home
from ..store.heads import list_heads, save_head
from ..types import WitnessCard
from .heads import train_tested_head
from .targets import GOEMOTIONS_LABELS
from .witness import Features, TrainedWitness, features_for, judging, packed, unpacked

if TYPE_CHECKING:
    from ..models.loaded import LoadedModel

log = logging.getLogger(__name__)

# How file names of such heads begin.
_KEY = "outside-"
# Rows of each label to learn from: the rarest have no more, and reading them takes minutes per thousand.
EACH = 400
_BLOCK = 256
GOEMOTIONS = "GoEmotions (Demszky et al. 2020, CC BY 4.0)"


def outside_for(
    model: str | None = None, revision: str | None = None, *, load: Callable[[str], LoadedModel] | None = None
) -> TrainedWitness | None:
    """The best outside witness at hand that reads nothing of the steered model, by its mean recall on the test; one
    that the user trained goes before those that are shipped. None where what it reads is not installed.

    model, revision, load : as `witness_for`.

    >>> import emoviz as ez
    >>> witness = ez.outside_for("SmolLM2-135M-Instruct")
    >>> found = witness.probabilities(["Thank you so much, I will never forget what you did for us."])
    >>> witness.card.classes[int(found[0].argmax())]
    'gratitude'
    """
    parts = {part.key: part for part in features_for(load_corpus(), model, revision, load)[0]}
    found = [
        (own, _witness(tensors, header, [parts[key] for key in header["parts"]]))
        for own, tensors, header in list_heads(_KEY)
        if all(key in parts for key in header["parts"])
    ]
    return max(found, key=lambda one: (one[0], one[1].card.accuracy), default=(False, None))[1]


def train_outside(
    train: Labelled,
    test: Labelled,
    source: str,
    *,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[TrainedWitness]:
    """A head for everything that a witness may read, alone and joined, so that there is one for every steered model.

    train : of each label the first `EACH` rows are used. test : read once, for the figures alone. source : what the
    texts are called. progress : called with `reading texts` and `training`, done and in all.
    Returns : the witnesses. The best for every steered model are kept in the user's folder; what was read, until all
    is done.
    Raises  : InputError for a test with labels that the training lacks, and where nothing to read is installed.
    """
    unknown = sorted(set(test.labels) - set(train.labels))
    if unknown:
        raise InputError(f"the test has the label {unknown[0]!r}, which the training lacks. Label both alike.")
    parts, missing = features_for(load_corpus(), None, None)
    if not parts:
        raise InputError("no features can be read (" + "; ".join(f"{k}: {why}" for k, why in missing.items()) + ").")
    train = train.at_most(EACH)
    texts, n = (*train.texts, *test.texts), len(train.texts)
    kept = [_work(part, texts) for part in parts]
    read = []
    for k, (part, path) in enumerate(zip(parts, kept, strict=True)):

        def said(done: int, before: int = k * len(texts)) -> None:  # noqa: B008
            progress("reading texts", before + done, len(parts) * len(texts))

        read.append(_read(part, texts, path, said))
    there = np.all([np.isfinite(features).all(1) for features in read], axis=0)
    labels = (*train.labels, *test.labels)
    first, second = np.flatnonzero(there[:n]), n + np.flatnonzero(there[n:])
    taught, truth = [labels[k] for k in first], [labels[k] for k in second]
    joined = [c for k in range(1, len(parts) + 1) for c in combinations(range(len(parts)), k)]
    made: list[tuple[TrainedWitness, Callable[[], None]]] = []
    for done, places in enumerate(joined):
        progress("training", done, len(joined))
        features = np.concatenate([read[k] for k in places], axis=1)
        head, check = train_tested_head(features[first], taught, features[second], truth)
        tensors, header = packed(head, check)
        own = tuple(parts[k] for k in places)
        header |= {"parts": [part.key for part in own], "source": source, "trained": len(first)}
        key = hashlib.sha256(json.dumps([source, header["parts"]]).encode()).hexdigest()[:12]
        made.append((_witness(tensors, header, own), partial(save_head, f"{_KEY}{key}", tensors, header)))
    progress("training", len(joined), len(joined))
    _save_the_best(made, parts)
    for path in kept:
        path.unlink(missing_ok=True)
    return [one for one, _ in made]


def _save_the_best(made: Sequence[tuple[TrainedWitness, Callable[[], None]]], parts: Sequence[Features]) -> None:
    """Saves what is chosen for any model, and for each model that is read, which is left out where it is steered."""
    chosen = {}
    for left_out in (None, *(part for part in parts if part.model is not None)):
        able = [one for one in made if left_out not in one[0].parts]
        if able:
            best, save = max(able, key=lambda one: one[0].check.balanced_accuracy)
            chosen[best.card.name] = save
    for save in chosen.values():
        save()


def source_of(labels: Sequence[str], name: str) -> str:
    """What labelled texts are called: GoEmotions by its labels, anything else by the name of its file."""
    return GOEMOTIONS if set(labels) == set(GOEMOTIONS_LABELS) else name


def _witness(tensors: dict[str, np.ndarray], header: dict, parts: Sequence[Features]) -> TrainedWitness:
    head, check = unpacked(tensors, header)
    source = header["source"]
    card = WitnessCard(
        name=f"{source.partition(' (')[0]} by {' + '.join(part.name for part in parts)}",
        classes=head.classes,
        accuracy=check.balanced_accuracy,
        chance=1 / len(head.classes),
        trained_on=f"{header['trained']} texts of {source}, labelled by people; tested on {check.n} others",
    )
    return judging(card, head, check, tuple(parts))


def _work(part: Features, texts: Sequence[str]) -> Path:
    key = hashlib.sha256(json.dumps([part.key, texts]).encode()).hexdigest()[:16]
    return home() / "work" / f"witness-{key}.npz"


def _read(part: Features, texts: Sequence[str], path: Path, progress: Callable[[int], None]) -> np.ndarray:
    """(n, F) float32, from the kept file if there is one."""
    if path.exists():
        try:
            # Such an archive has checksums.
            with np.load(path, allow_pickle=False) as file:
                return file["features"]
        except (zipfile.BadZipFile, *DAMAGED):
            log.warning("%s of an earlier run is damaged: the texts are read again", path.name)
    # Texts of like length lie together: little of a batch is padding.
    order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
    found: np.ndarray | None = None
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        rows = part.read([texts[k] for k in block])
        if found is None:
            found = np.empty((len(texts), rows.shape[1]), np.float32)
        found[block] = rows
        progress(start + len(block))
    features = np.empty((0, 0), np.float32) if found is None else found

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, features=features)

    atomically(path, write)
    return features
