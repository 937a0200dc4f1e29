"""Can the class of a passage be told from its state? Held-out, with whole topics left out."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .vectors import lengths_of, unit, without_rounding


def held_out_accuracy(states: np.ndarray, emotions: tuple[str, ...], topics: tuple[str, ...]) -> float:
    """Share of passages whose class is the nearest centroid of the *other* topics; see `held_out_classes`.

    NaN if a state is not finite, and where `held_out_classes` has none. Chance is 1 / number of classes.
    """
    if not np.isfinite(np.asarray(states, np.float32)).all():
        return float("nan")
    try:
        found = held_out_classes(states, emotions, topics)
    except InputError:
        return float("nan")
    return int((found == np.array(emotions)).sum()) / len(states)


def held_out_classes(states: np.ndarray, emotions: tuple[str, ...], topics: tuple[str, ...]) -> np.ndarray:
    """The class of the nearest centroid of the *other* topics for each passage, (n,) names.

    Each topic in turn is left out; states and centroids are centred on the mean of the training passages and compared
    by cosine, so that neither the scale nor a common direction of the states matters.

    states : (n, D), finite. emotions, topics : n labels. Raises InputError for a single topic, and for a class whose
    centroid lies at the centre of all, in no direction from it.
    """
    states = np.asarray(states, np.float32)
    classes, label = np.unique(emotions, return_inverse=True)
    topic_names, topic = np.unique(topics, return_inverse=True)
    if len(topic_names) < 2:
        raise InputError("all passages are of one topic, so that none can be told from others. Give more topics.")
    # Sums per topic and class: leaving a topic out is then one subtraction.
    sums = np.zeros((len(topic_names), len(classes), states.shape[1]), np.float64)
    np.add.at(sums, (topic, label), states)
    counts = np.zeros((len(topic_names), len(classes)))
    np.add.at(counts, (topic, label), 1)
    found = np.zeros(len(states), int)
    for t in range(len(topic_names)):
        kept = counts.sum(0) - counts[t]
        known = kept > 0
        total = sums.sum(0) - sums[t]
        centre = total.sum(0) / kept.sum()
        means = total[known] / kept[known, None]
        apart = without_rounding(means - centre, lengths_of(means).max())
        centroids = unit(apart, tuple(np.array(classes)[known].tolist()))
        held = topic == t
        found[held] = np.flatnonzero(known)[((states[held] - centre) @ centroids.T).argmax(1)]
    return classes[found]
