"""What is said of a text, and by whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import Value

REGIMES = ("surgical", "repetitive_collapse", "explosive", "unchanged", "empty")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one steered text, see `judge.verdict`.

    regime : one of `REGIMES`; None where it cannot be told.
    reason : why, in one line of words.
    ppl_ratio : perplexity over that of the baseline, both under the unsteered model; NaN where there is none.
    repetition : share of the tokens that repeat what stands before them, 0 to 1; NaN for an empty text.
    leak : share of the letters in scripts that the prompt does not use, 0 to 1; NaN for an empty text.
    n_tokens : length in tokens, or in words where only the text is known.
    """

    regime: str | None
    reason: str
    ppl_ratio: float
    repetition: float
    leak: float
    n_tokens: int

    @property
    def broken(self) -> bool:
        """Whether the text ends where the model's numbers were no longer finite, which its reason says."""
        return BROKEN in self.reason


# Where the model can write no further. All that is said of it is `broken_words`.
BROKEN = "the numbers are no longer finite"


def broken_words(tokens: int, precision: str) -> str:
    """Why a text ends after so many tokens, fit to stand behind what else is said of it."""
    return f"ends at token {tokens + 1}, where {BROKEN} in {precision}"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start to end (exclusive) of a text, in a script that its prompt does not use."""

    start: int
    end: int
    script: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """A stretch of tokens that is one unit over and over.

    start, length : the stretch, in tokens. period : length of the unit, the smallest that explains the stretch.
    times : how often the unit stands there, length / period; not whole where the last one is cut off.
    share : of the sequence that the stretch fills, 0 to 1.
    """

    start: int
    length: int
    period: int
    times: float
    share: float


@dataclass(frozen=True, slots=True, repr=False)
class WitnessCard(Value):
    """The witness that judges the emotion of a text, and how well it does on texts it was not trained on.

    classes : what it tells apart. accuracy : share right on texts that it was not trained on, mean over the classes;
    None for a model of the hub, which is not tested here. chance : 1 / number of classes. trained_on : corpus and
    number of passages, or the hub id. notes : what else must be known, such as witnesses that could not be used.
    """

    name: str
    classes: tuple[str, ...]
    accuracy: float | None
    chance: float
    trained_on: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class HeadCheck(Value):
    """How a head does on texts that it was not trained on: of topics that were held out, or of a test file.

    confusion : (C, C) counts, a row per true class, a column per class with the highest probability.
    log_loss : mean of -ln P(true class), nats; ln C by guessing. confidence : mean of the highest probability, near the
    accuracy where probabilities can be taken at their word. strength : the penalty of the head that is used. topics :
    those that were held out in turn, none where a file was the test.
    """

    classes: tuple[str, ...]
    confusion: np.ndarray
    log_loss: float
    confidence: float
    strength: float
    topics: tuple[str, ...]

    @property
    def n(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def recall(self) -> np.ndarray:
        """Share of each class that is recognised, (C,); NaN for one that the test lacks."""
        counts = self.confusion.sum(1)
        return np.where(counts > 0, np.diag(self.confusion) / np.maximum(counts, 1), np.nan)

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes: the accuracy if each were as common. By guessing 1 / number of classes."""
        return float(np.nanmean(self.recall))

    def confused(self, k: int) -> list[tuple[str, str, int]]:
        """The k commonest mistakes: true class, class that was taken for it, how often."""
        wrong = self.confusion * (1 - np.eye(len(self.classes), dtype=int))
        order = np.argsort(-wrong, axis=None, kind="stable")[:k]
        pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
        return [(self.classes[i], self.classes[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]
