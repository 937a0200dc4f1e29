"""The words of a text in any language, as ICU finds them.

Where words stand without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) it has dictionaries; elsewhere it
follows the word boundaries of Unicode (UAX 29).
"""

from __future__ import annotations

# The script of a text chooses the dictionary, so that one locale serves all.
_LOCALE = "en"


def words_in(text: str) -> list[str]:
    """Words and numbers in order, as they are written: `don't` and `3.14` are one each, `今日` is one, `🙂` is none."""
    from icu4py.breakers import WordBreaker

    return [part for part in WordBreaker(text, _LOCALE) if any(map(str.isalnum, part))]
