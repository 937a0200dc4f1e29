"""How much of a text repeats itself, measured on tokens: ids of a tokenizer, or the words of a text alone.

On tokens, a loop without spaces is a loop as well: an endless Chinese word is one whitespace word, but many tokens.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from ..types import Cycle

# Tokens in a row that may be repeated as one unit; more would take long on texts of a book's length.
MAX_PERIOD = 400
# A unit counts as repeated when it stands there three times; twice is a figure of speech.
LEAST_TIMES = 3
# White space beyond this in a row is content: some models fill a page with it.
_LONGEST_GAP = 8
# A run of letters longer than any word is read letter by letter, so that "hahaha..." is a loop too.
LONGEST_WORD = 24
# How the names of characters begin in scripts that are written without spaces between words.
_WITHOUT_SPACES = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


def distinct_share(tokens: Sequence[Hashable], n: int) -> float:
    """Different n-grams over all n-grams (distinct-n of Li et al. 2016, arXiv 1510.03055), 0 to 1: 1 if none comes
    twice.

    NaN for a sequence that is shorter than n.
    """
    total = len(tokens) - n + 1
    if total < 1:
        return float("nan")
    return len({tuple(tokens[k : k + n]) for k in range(total)}) / total


def longest_cycle(tokens: Sequence[Hashable]) -> Cycle | None:
    """The cycle with the most repeated tokens, those beyond its first unit; None if no unit comes twice in a row.

    The unit is primitive, no repetition of a shorter one, since of equally good cycles the smallest period is taken.
    """
    number: dict[Hashable, int] = {}
    codes = np.array([number.setdefault(token, len(number)) for token in tokens], np.int64)
    best, most = None, 0
    for period in range(1, min(len(codes) // 2, MAX_PERIOD) + 1):
        if len(codes) - period <= most:
            break
        start, run = _longest_run(codes[period:] == codes[:-period])
        if run >= period and run > most:
            length = run + period
            best, most = Cycle(start, length, period, length / period, length / len(codes)), run
    return best


def _longest_run(same: np.ndarray) -> tuple[int, int]:
    """Start and length of the longest run of True, the first of several."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    k = int(np.argmax(ends - starts))
    return int(starts[k]), int(ends[k] - starts[k])


def words_of(text: str) -> list[str]:
    """What stands for tokens where there is no tokenizer, without case: words, and each other visible character.

    Words are runs of letters, marks and digits; in scripts without spaces, and in runs longer than any word, each
    letter with its marks is one. Of a long stretch of white space, each character beyond the eighth is one.
    """
    units: list[str] = []
    run: list[str] = []
    gap = 0

    def close() -> None:
        units.extend(run if len(run) > LONGEST_WORD else ["".join(run)] if run else [])
        run.clear()

    for character in unicodedata.normalize("NFC", text).casefold():
        kind = unicodedata.category(character)
        gap = gap + 1 if character.isspace() else 0
        # Marks, and the invisible joiners of Arabic and Indic scripts, belong to the letter before them.
        if kind[0] == "M" or character in "\u200c\u200d":
            if run:
                run[-1] += character
            elif units:
                units[-1] += character
        elif kind[0] in "LN":
            if _stands_alone(character):
                close()
                units.append(character)
            else:
                run.append(character)
        else:
            close()
            if gap > _LONGEST_GAP or (not gap and kind[0] != "C"):
                units.append(character)
    close()
    return units


def _stands_alone(character: str) -> bool:
    """Whether a letter is written without spaces to its neighbours, and so counts as a word."""
    return unicodedata.category(character) == "Lo" and unicodedata.name(character, "").startswith(_WITHOUT_SPACES)


def spell_words(units: Sequence[str]) -> str:
    """What `words_of` took apart as text again, in lower case; a space before each word, not in scripts without."""
    return "".join(unit if _stands_alone(unit[0]) else f" {unit}" for unit in units).strip()


def repeated_share(tokens: Sequence[Hashable]) -> float:
    """Share of the tokens that repeat what stands before them, 0 to 1: the largest of three views; NaN for no tokens.

    - the longest cycle of three units or more: its tokens after the first unit, over all;
    - 1 - distinct-3, which also sees a loop with small changes;
    - how often the two commonest tokens come again, over all, which sees two words in ever new order.
    """
    if not len(tokens):
        return float("nan")
    cycle = longest_cycle(tokens)
    looped = 0 if cycle is None or cycle.times < LEAST_TIMES else cycle.length - cycle.period
    again = sum(n - 1 for _, n in Counter(tokens).most_common(2))
    distinct = distinct_share(tokens, 3)
    return max(looped / len(tokens), again / len(tokens), 0.0 if np.isnan(distinct) else 1 - distinct)
