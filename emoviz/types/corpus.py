"""What models read and are asked to write, and what is known of the words in it."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Value


@dataclass(frozen=True, slots=True)
class Passage:
    """A short text written to evoke one class, on one topic."""

    emotion: str
    text: str
    topic: str


@dataclass(frozen=True, slots=True)
class StoryPrompt:
    """One request for a story: `topic` deals stories to the halves, `seed` is the story's own."""

    emotion: str
    topic: str
    text: str
    seed: int


@dataclass(frozen=True, slots=True, repr=False)
class Story(Value):
    """A text that a model wrote for a class, with what it was asked.

    n_tokens : how many it wrote, the end token left out. ids : which; not kept in files, where the text stands for
    them.
    """

    emotion: str
    topic: str
    prompt: str
    seed: int
    text: str
    n_tokens: int
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Corpus(Value):
    """Passages and the neutral sentences that anisotropy is measured on; `hash` covers every text and label."""

    name: str
    hash: str
    passages: tuple[Passage, ...]
    neutral_sentences: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in alphabetical order, the order of every array of the set."""
        return tuple(sorted({p.emotion for p in self.passages}))

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics in order of first appearance; that order deals them to the two halves."""
        return tuple(dict.fromkeys(p.topic for p in self.passages))

    def __repr__(self) -> str:
        size = f"{len(self.classes)} classes x {len(self.topics)} topics"
        return f"Corpus({self.name!r}: {len(self.passages)} passages, {size})"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend in a corpus: which check, where, and what to do about it."""

    check: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Openings:
    """Openings that could lead to any emotion.

    What is chosen is chosen on `calibration`; `verification` is used once.
    """

    calibration: tuple[str, ...]
    verification: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Norms(Value):
    """Ratings by word, in lower case: (valence, arousal), on any scale. `name` is the file's."""

    name: str
    ratings: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Question:
    """A multiple-choice question: `answer` is the place of the right choice, `passage` what it is about, if anything.

    kind : `fact`, `arithmetic` or `comprehension`.
    """

    kind: str
    question: str
    choices: tuple[str, ...]
    answer: int
    passage: str = ""

    @property
    def prompt(self) -> str:
        """What stands before a choice."""
        return f"{self.passage}\nQuestion: {self.question}\nAnswer:".lstrip("\n")
