"""Steer: the same prompt pushed towards emotions, in seven parts."""

from ...contract import Tab
from . import converse, doses, effects, leak, texts, verification, vocabulary

TAB = Tab(
    title="Steer",
    question="What does a model write when it is pushed towards an emotion, and who says so?",
    parts=(texts.TAB, converse.TAB, doses.TAB, verification.TAB, leak.TAB, effects.TAB, vocabulary.TAB),
)
