"""Is a text running prose, or are its lines and marks those of a table, a list, code, JSON or verse?

Such texts repeat marks and words by their form, so that what was learned on prose does not hold for them.
"""

from __future__ import annotations

import re
import unicodedata
from statistics import median

from .regimes import COLLAPSE_REPETITION
from .repetition import LEAST_TIMES, longest_cycle, spell_words, words_of

LINES, MARKS = "short lines", "marks"
# Lines of verse, lists, tables and dialogue are shorter than this, in columns; a paragraph is longer, and so is text
# that was wrapped for a screen.
_SHORT_LINE, _LEAST_LINES = 60, 3
# Shares of the visible characters: of signs that stand for neither words nor their punctuation, of which the shipped
# passages have none, JSON and code 4 to 10 % and tables 20 % and more; and of all signs, which are 2 to 9 % of prose.
_SIGNS, _ALL_SIGNS, _LEAST_SIGNS = 0.03, 0.15, 6
_PUNCTUATION = frozenset(".,;:!?'\"-()…–—¿¡«»„“”‘’‹›、。，！？；：「」『』（）・।؟،؛")
# What parts the columns of a table without signs.
_GAP = re.compile(r"\S(?:\t| {3,})\S")


def structure_of(text: str) -> str:
    """`short lines` or `marks`, whichever makes the text other than running prose; empty for prose."""
    visible = [character for character in text if not character.isspace()]
    signs = [character for character in visible if unicodedata.category(character)[0] in "PS"]
    other = sum(sign not in _PUNCTUATION for sign in signs)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    columns = sum(_GAP.search(line) is not None for line in lines)
    many = len(signs) >= _LEAST_SIGNS and len(signs) > _ALL_SIGNS * len(visible)
    if many or other > _SIGNS * len(visible) or columns > 1:
        return MARKS
    return LINES if len(lines) >= _LEAST_LINES and median(map(_columns, lines)) < _SHORT_LINE else ""


def is_table(text: str) -> bool:
    """Whether lines are rows between upright strokes, as of Markdown."""
    return sum(line.count("|") > 1 for line in text.splitlines()) > 1


def says_over(text: str) -> bool:
    """Whether the very same words are said over and over, or cries, and not only figures and the marks of a form."""
    words = words_of(text)
    cycle = longest_cycle(words)
    if cycle is None or cycle.times < LEAST_TIMES or cycle.share < COLLAPSE_REPETITION:
        return False
    unit = spell_words(words[cycle.start : cycle.start + cycle.period])
    return any(map(str.isalpha, unit)) or not unit.strip("!? \n")


def _columns(line: str) -> int:
    """How wide a line stands; a Chinese character takes two columns."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in line)
