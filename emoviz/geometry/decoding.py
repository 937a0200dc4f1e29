"""Can the class of a passage be told from its state? Held-out, with whole topics left out."""

from __future__ import annotations

import numpy as np


def held_out_accuracy(states: np.ndarray, emotions: tuple[str, ...], topics: tuple[str, ...]) -> float:
    """Share of passages whose class is the nearest centroid of the *other* topics.

    Each topic in turn is left out; states and centroids are centred on the mean of the training passages and compared
    by cosine, so that neither the scale nor a common direction of the states matters. NaN if a state is not finite.

    states : (n, D). emotions, topics : n labels. Chance is 1 / number of classes.
    """
    states = np.asarray(states, np.float32)
    if not np.isfinite(states).all():
        return float("nan")
    classes, label = np.unique(emotions, return_inverse=True)
    topic_names, topic = np.unique(topics, return_inverse=True)
    # Sums per topic and class: leaving a topic out is then one subtraction.
    sums = np.zeros((len(topic_names), len(classes), states.shape[1]), np.float64)
    np.add.at(sums, (topic, label), states)
    counts = np.zeros((len(topic_names), len(classes)))
    np.add.at(counts, (topic, label), 1)
    hits = 0
    for t in range(len(topic_names)):
        kept = counts.sum(0) - counts[t]
        known = kept > 0
        total = sums.sum(0) - sums[t]
        centre = total.sum(0) / kept.sum()
        centroids = total[known] / kept[known, None] - centre
        centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
        held = topic == t
        guess = np.flatnonzero(known)[((states[held] - centre) @ centroids.T).argmax(1)]
        hits += int((guess == label[held]).sum())
    return hits / len(states)
