"""Read: which emotions a text lights up, in three parts."""

from ...contract import Tab
from . import dialogue, numbers, text

TAB = Tab(
    title="Read",
    question="Which emotions does a text light up, as a model reads it?",
    parts=(text.TAB, dialogue.TAB, numbers.TAB),
)
