"""Read: which emotions texts light up, in four parts."""

from ...contract import Tab
from . import dialogue, many, numbers, text

TAB = Tab(
    title="Read",
    question="Which emotions do texts light up, as a model reads them?",
    parts=(text.TAB, many.TAB, dialogue.TAB, numbers.TAB),
)
