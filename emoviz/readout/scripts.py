"""The script of letters and texts: Latin, Han, Thai, ...

A script is a property of letters and their marks. Punctuation, digits, emoji, whitespace and letters shared by all
scripts (mathematical alphabets, accents on their own) belong to none.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

LATIN = "Latin"
# What stands for bytes of a character of several possible scripts.
PARTIAL = "partial"
# The first word of a letter's Unicode name, and the script it says; Python carries no table of the Script property.
_SCRIPTS = {
    **{
        name.upper(): name
        for name in (
            *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Coptic", "Cherokee"),
            *("Hebrew", "Arabic", "Syriac", "Thaana", "Ethiopic"),
            *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam"),
            *("Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Mongolian"),
            *("Hangul", "Hiragana", "Katakana", "Bopomofo"),
        )
    },
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
}
_WIDTHS = ("FULLWIDTH", "HALFWIDTH")
# Japanese is written in these three together.
_JAPANESE = frozenset({"Han", "Hiragana", "Katakana"})
_KANA = frozenset({"Hiragana", "Katakana"})


@lru_cache(maxsize=1 << 16)
def script_of(character: str) -> str | None:
    """The Unicode script of one character (`Latin`, `Han`, ...), None for what belongs to no script."""
    if unicodedata.category(character)[0] not in "LM":
        return None
    words = unicodedata.name(character, "").split()
    first = words[1] if len(words) > 1 and words[0] in _WIDTHS else words[0] if words else ""
    return _SCRIPTS.get(first)


def script_shares(text: str) -> dict[str, float]:
    """Script -> share of the text's letters that are in it, the largest first; empty without letters."""
    counts = Counter(script for script in map(script_of, text) if script is not None)
    total = sum(counts.values())
    return {script: n / total for script, n in counts.most_common()}


def own_scripts(prompt: str, *, most: bool = False) -> frozenset[str]:
    """The scripts that a continuation of the prompt may use: the prompt's, all three of Japanese if it has kana.

    most : of its scripts only the one with the most letters, as of a text without a prompt.
    """
    shares = script_shares(prompt)
    used = frozenset(list(shares)[:1] if most else shares)
    return used | _JAPANESE if used & _JAPANESE and _KANA & set(shares) else used
