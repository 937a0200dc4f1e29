"""Which probabilities of a classifier speak for an emotion.

Imports no torch, so that stored results can be read anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..emotions import CLASSES, EMOTIONS
from ..errors import InputError
from ..steer.grammar import weights_of

# The labels of j-hartmann/emotion-english-distilroberta-base, the classifier of Jeong 2026 (arXiv 2604.04064), and what
# they say about our classes. Weights are not negative and sum to 1, so that a score is a share of the probability:
# where a label rises, the others fall. Which mapping the paper used is not published; calm and desperate are weighted
# as in later code of its author, all others by us.
MAPPED_LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
MAPPING: dict[str, tuple[dict[str, float], str]] = {
    "afraid": ({"fear": 1.0}, "the same emotion"),
    "angry": ({"anger": 1.0}, "the same emotion"),
    "anxious": ({"fear": 1.0}, "fear of what may come"),
    "blissful": ({"joy": 1.0}, "intense joy"),
    "brooding": ({"sadness": 0.7, "anger": 0.3}, "dwelling on a loss or a wrong"),
    "calm": ({"neutral": 0.6, "joy": 0.4}, "no class of its own: quiet and mildly pleasant"),
    "desperate": ({"fear": 0.7, "sadness": 0.3}, "no class of its own: threat without a way out"),
    "enthusiastic": ({"joy": 1.0}, "joy in what is to come"),
    "exasperated": ({"anger": 0.7, "disgust": 0.3}, "annoyance that has had enough"),
    "gloomy": ({"sadness": 1.0}, "a lasting low mood"),
    "grateful": ({"joy": 1.0}, "no class of its own: pleasure in a kindness"),
    "guilty": ({"sadness": 0.7, "disgust": 0.3}, "no class of its own: sorrow and dislike turned on oneself"),
    "happy": ({"joy": 1.0}, "the same emotion"),
    "hopeful": ({"joy": 1.0}, "no class of its own: joy expected"),
    "hostile": ({"anger": 0.7, "disgust": 0.3}, "anger with contempt"),
    "loving": ({"joy": 1.0}, "no class of its own: joy in another person"),
    "nervous": ({"fear": 1.0}, "mild fear"),
    "neutral": ({"neutral": 1.0}, "the same class"),
    "proud": ({"joy": 1.0}, "no class of its own: joy in what one has done"),
    "reflective": ({"neutral": 0.6, "sadness": 0.4}, "no class of its own: quiet, looking back"),
    "sad": ({"sadness": 1.0}, "the same emotion"),
}

# The labels of GoEmotions (Demszky et al. 2020, arXiv 2005.00547), which people gave to comments, and what they say
# about our classes. An emotion that no label stands for is not judged: a near one would be a guess.
GOEMOTIONS_LABELS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
GOEMOTIONS_MAPPING: dict[str, tuple[dict[str, float], str]] = {
    "afraid": ({"fear": 1.0}, "the same emotion"),
    "angry": ({"anger": 1.0}, "the same emotion"),
    "anxious": ({"nervousness": 1.0}, "the label takes in worry and anxiety"),
    "blissful": ({"joy": 1.0}, "joy at its height"),
    "brooding": ({}, "no label for dwelling on something: sadness, anger and disappointment all fit and none does"),
    "calm": ({}, "no label for calm: relief needs a strain that ends, neutral is no emotion"),
    "desperate": ({}, "no label for a threat without a way out: fear, grief and sadness each miss it"),
    "enthusiastic": ({"excitement": 1.0}, "the label means eagerness"),
    "exasperated": ({"annoyance": 1.0}, "annoyance that has had enough"),
    "gloomy": ({"sadness": 1.0}, "a lasting sadness"),
    "grateful": ({"gratitude": 1.0}, "the same emotion"),
    "guilty": ({"remorse": 1.0}, "the label takes in guilt"),
    "happy": ({"joy": 1.0}, "the same emotion"),
    "hopeful": ({"optimism": 1.0}, "the label means hope for what is to come"),
    "hostile": ({"anger": 1.0}, "the label takes in antagonism towards somebody"),
    "loving": ({"love": 1.0}, "the same emotion"),
    "nervous": ({"nervousness": 1.0}, "the same emotion"),
    "neutral": ({"neutral": 1.0}, "the same class"),
    "proud": ({"pride": 1.0}, "the same emotion"),
    "reflective": ({}, "no label for quiet thought: realization is sudden, curiosity looks outward"),
    "sad": ({"sadness": 1.0}, "the same emotion"),
}
_MAPPINGS = {frozenset(MAPPED_LABELS): MAPPING, frozenset(GOEMOTIONS_LABELS): GOEMOTIONS_MAPPING}


def target_weights(classes: Sequence[str], emotion: str) -> np.ndarray:
    """What each class of a witness counts for one emotion, (C,), not negative, sum 1.

    A class of that very name counts alone; a witness with the labels of one of the mappings goes by it.
    Raises InputError for an emotion that the witness cannot judge.
    """
    if emotion in classes:
        return np.array([float(name == emotion) for name in classes])
    weights, why = _MAPPINGS.get(frozenset(classes), {}).get(emotion, (None, ""))
    if weights:
        return np.array([weights.get(name, 0.0) for name in classes])
    if weights is not None:
        raise InputError(f"{emotion!r} is not judged: {why}.")
    raise InputError(f"the witness does not know {emotion!r}; it tells apart {', '.join(judged(classes))}.")


def target_scores(classes: Sequence[str], probabilities: np.ndarray, emotion: str) -> np.ndarray:
    """How much each text expresses an emotion: the weighted sum of its probabilities, (n, C) to (n,), 0 to 1.

    NaN where a row is NaN. Errors as `target_weights`.
    """
    return np.asarray(probabilities, np.float64) @ target_weights(classes, emotion)


def direction_scores(
    classes: Sequence[str], probabilities: np.ndarray, direction: str, own: Collection[str] = ()
) -> np.ndarray:
    """The same for an emotion or a mixture, whose emotions count by their weights, or the direction of an intervention:
    (n, C) to (n,).

    own : the classes of the vector set, by which the direction is read.
    Raises InputError for a control, which has no target, and as `target_weights`.
    """
    weights = weights_of(direction, own)
    if weights is None:
        raise InputError(f"{direction!r} is a control: there is no emotion to look for.")
    scores = (weight * target_scores(classes, probabilities, name) for name, weight in weights.items())
    return sum(scores, np.zeros(len(probabilities)))


def judged(classes: Sequence[str]) -> tuple[str, ...]:
    """What a witness with these classes can judge: our classes through its mapping, else its own classes by name."""
    mapping = _MAPPINGS.get(frozenset(classes))
    return tuple(classes) if mapping is None else tuple(name for name in CLASSES if mapping[name][0])


def judges_emotions(classes: Sequence[str]) -> bool:
    """Whether a witness with these classes can judge any of our emotions, by name or through a mapping."""
    return bool(set(EMOTIONS) & set(judged(classes)))
