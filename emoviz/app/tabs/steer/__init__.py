"""Steer: the same prompt pushed towards emotions, in five parts."""

from ...contract import Tab
from . import doses, leak, texts, verification, vocabulary

TAB = Tab(
    title="Steer",
    question="What does a model write when it is pushed towards an emotion, and who says so?",
    parts=(texts.TAB, doses.TAB, verification.TAB, leak.TAB, vocabulary.TAB),
)
