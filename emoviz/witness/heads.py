"""Logistic heads on fixed features, tested on texts that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..types import HeadCheck

# Inverse strengths of the L2 penalty that are tried. Above 100 the loss on whole passages still falls, but on passages
# cut to 30 words, nearer to what is judged, it rises (states of Gemma-3-270M: 1.25 nats at 100, 1.50 at 1000).
STRENGTHS = (3.0, 10.0, 30.0, 100.0)
# Short comments that people read differently bear far less.
LABELLED_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
FOLDS, INNER_FOLDS = 5, 4


@dataclass(frozen=True, eq=False)
class Head:
    """Multinomial logistic regression on standardised features; float32.

    mean, scale : (F,) what the features are standardised with; weights : (C, F); bias : (C,).
    """

    classes: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(n, F) to (n, C) float64, rows sum to 1."""
        rows = (np.asarray(features, np.float64) - self.mean) / self.scale
        logits = rows @ self.weights.T.astype(np.float64) + self.bias
        raised = np.exp(logits - logits.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)


def train_head(
    features: np.ndarray, emotions: Sequence[str], topics: Sequence[str], tested: np.ndarray | None = None
) -> tuple[Head, HeadCheck]:
    """A head trained on all rows, and what heads of the same making do on topics that were left out.

    The penalty is chosen by the loss on left-out topics; for the check this is done anew inside each training part, so
    that nothing of a left-out topic shapes the head that is tested on it, its standardisation included.

    features : (n, F). emotions, topics : n labels; two classes or more, each on every topic.
    tested : (n, F), what the check reads in place of the left-out rows, such as shorter parts of the same texts.
    """
    features = np.asarray(features, np.float32)
    tested = features if tested is None else np.asarray(tested, np.float32)
    classes, label = np.unique(np.asarray(emotions), return_inverse=True)
    names = tuple(dict.fromkeys(topics))
    topic = np.array([names.index(name) for name in topics])
    probabilities = np.empty((len(label), len(classes)))
    for held in _folds(topic, FOLDS):
        strength = _best_strength(features[~held], label[~held], topic[~held])
        head = _fit(features[~held], label[~held], tuple(classes.tolist()), strength)
        probabilities[held] = head.probabilities(tested[held])
    strength = _best_strength(features, label, topic)
    head = _fit(features, label, tuple(classes.tolist()), strength)
    return head, _check(head, probabilities, label, strength, names)


def train_tested_head(
    features: np.ndarray, labels: Sequence[str], tested: np.ndarray, truth: Sequence[str]
) -> tuple[Head, HeadCheck]:
    """A head trained on some rows, and what it does on others. Every label counts alike, however many rows it has.

    The penalty is chosen by the loss on every fifth row of each label, which the head then learns from too.

    features : (n, F) and labels, to train on, two or more; tested : (m, F) and truth, labels among these.
    """
    classes, label = np.unique(np.asarray(labels), return_inverse=True)
    names = tuple(classes.tolist())
    held = np.zeros(len(label), bool)
    for k in range(len(classes)):
        held[np.flatnonzero(label == k)[FOLDS - 1 :: FOLDS]] = True
    losses = [_held_loss(features, label, held, strength) for strength in LABELLED_STRENGTHS]
    strength = LABELLED_STRENGTHS[int(np.argmin(losses))]
    head = _fit(features, label, names, strength)
    probabilities = head.probabilities(tested)
    true = np.array([names.index(name) for name in truth])
    return head, _check(head, probabilities, true, strength, ())


def _check(
    head: Head, probabilities: np.ndarray, label: np.ndarray, strength: float, topics: tuple[str, ...]
) -> HeadCheck:
    confusion = np.zeros((len(head.classes), len(head.classes)), int)
    np.add.at(confusion, (label, probabilities.argmax(1)), 1)
    return HeadCheck(
        classes=head.classes,
        confusion=confusion,
        log_loss=_log_loss(probabilities, label),
        confidence=float(probabilities.max(1).mean()),
        strength=strength,
        topics=topics,
    )


def _folds(topic: np.ndarray, n: int) -> list[np.ndarray]:
    """Masks of the rows that are left out: whole topics, dealt in turn."""
    place = np.unique(topic, return_inverse=True)[1]
    return [place % n == fold for fold in range(min(n, int(place.max()) + 1))]


def _best_strength(features: np.ndarray, label: np.ndarray, topic: np.ndarray) -> float:
    losses = []
    for strength in STRENGTHS:
        parts = [(_held_loss(features, label, held, strength), held.sum()) for held in _folds(topic, INNER_FOLDS)]
        losses.append(sum(loss * n for loss, n in parts) / len(label))
    return STRENGTHS[int(np.argmin(losses))]


def _held_loss(features: np.ndarray, label: np.ndarray, held: np.ndarray, strength: float) -> float:
    """On the rows that are held out, of a head of the others."""
    head = _fit(features[~held], label[~held], tuple(np.unique(label).tolist()), strength)
    return _log_loss(head.probabilities(features[held]), label[held])


def _fit(features: np.ndarray, label: np.ndarray, classes: tuple, strength: float) -> Head:
    from sklearn.linear_model import LogisticRegression

    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    # A feature that never varies says nothing. The root makes a strength mean the same for any number of features.
    scale = np.where(scale > 0, scale, 1.0) * np.sqrt(features.shape[1])
    fitted = LogisticRegression(C=strength, max_iter=1000, tol=1e-3, class_weight="balanced").fit(
        ((features - mean) / scale).astype(np.float32), label
    )
    weights, bias = fitted.coef_, fitted.intercept_
    if len(classes) == 2:
        # Of two classes the second's lead over the first is given alone.
        weights, bias = np.stack([-weights[0], weights[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    arrays = (mean, scale, weights, bias)
    return Head(classes, *(np.asarray(array, np.float32) for array in arrays))


def _log_loss(probabilities: np.ndarray, label: np.ndarray) -> float:
    """Mean over the classes that are there, so that a common one counts no more than a rare one."""
    each = -np.log(np.maximum(probabilities[np.arange(len(label)), label], 1e-300))
    counts = np.bincount(label)
    return float((np.bincount(label, each)[counts > 0] / counts[counts > 0]).mean())
