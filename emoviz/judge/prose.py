"""Does a text read as English, when no model can be asked? Two numbers that a few words are enough for.

A weak witness: it tells prose from letter salad and from bare lists of words, not sense from nonsense. Its error rates
on labelled texts are measured by `python -m benchmarks regimes`.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from ..stimuli import load_corpus
from .repetition import words_of

_N_GRAM = 4
# Weight of the shorter n-gram's estimate, in characters (Witten-Bell style back-off with one constant).
_BACK_OFF = 5.0
# Characters that a text may hold and the passages do not.
_ALPHABET = 200
# Words that tie sentences together; English prose seldom has two words in a row without one of them.
_FUNCTION = """
a about above after again all also always am an and another any are as at away back be because been before being below
between both but by can could d did do does don done down during each either enough even ever every few for from get
got had has have he her here him his how i if in into is it its just let like ll m make many may me might more most
much must my never no nor not now of off on once one only or other our out over own quite rather re s said same say
she should since so some still such t than that the their them then there these they this those though through to
together too toward two under until up upon us ve very was way we well were what when where whether which while who
whose why will with within without would yet you your
"""
_FUNCTION_WORDS = frozenset(_FUNCTION.split())


def words_alone(text: str) -> tuple[list[str], float]:
    """The words of the text, and the share of neighbouring pairs neither of which is a function word, 0 to 1.

    NaN for fewer than two words.
    """
    words = [word for word in words_of(text) if word[0].isalnum()]
    bare = [one not in _FUNCTION_WORDS and other not in _FUNCTION_WORDS for one, other in pairwise(words)]
    return words, sum(bare) / len(bare) if bare else float("nan")


def letter_surprise(text: str) -> float:
    """Nats per character under a 4-gram model of the shipped passages' characters, without case.

    English prose has 1.2 to 2.6, other European languages 3 to 5.5, random letters more than 6. NaN for a blank text.
    """
    grams = _grams(text, _N_GRAM)
    return -sum(math.log(_probability(gram)) for gram in grams) / len(grams) if text.strip() else float("nan")


def _grams(text: str, n: int) -> list[str]:
    # Two spaces before, so that the first letters are judged as the beginning of a word.
    text = "  " + " ".join(text.split()).lower()
    return [text[k : k + n] for k in range(max(1, len(text) - n + 1))]


@lru_cache(maxsize=1)
def _counts() -> dict[str, int]:
    texts = [passage.text for passage in load_corpus().passages]
    counts: Counter[str] = Counter(gram for text in texts for n in range(1, _N_GRAM + 1) for gram in _grams(text, n))
    counts[""] = sum(n for gram, n in counts.items() if len(gram) == 1)
    return dict(counts)


def _probability(gram: str) -> float:
    counts = _counts()
    if len(gram) == 1:
        return (counts.get(gram, 0) + 0.5) / (counts[""] + 0.5 * _ALPHABET)
    return (counts.get(gram, 0) + _BACK_OFF * _probability(gram[1:])) / (counts.get(gram[:-1], 0) + _BACK_OFF)
