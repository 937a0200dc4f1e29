"""Does a text read as English, when no model can be asked? Three numbers that a few words are enough for.

A weak witness: it tells prose from letter salad and from words in no order, not sense from nonsense. Its error rates
on labelled texts are measured by `python -m benchmarks regimes` and `python -m benchmarks languages`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import chain, pairwise

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
# What a word is in its sentence, as far as its end tells; and the mark that stands for the end of one.
_ENDINGS = ("ing", "ed", "ly", "s")
_STOPS, _PAUSES, _STOP = ".!?;:", ",", "."
# Those of Welsh among them.
_VOWELS = frozenset("aeiouyw")


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


def vowelless_share(text: str) -> float:
    """Share of the words of three letters and more, abbreviations in capitals left out, that hold no vowel; 0 without
    words.

    No language that is written with Latin letters has many; of random letters it is a quarter and more.
    """
    words = [word for word in re.findall(r"\b[^\W\d_]{3,}\b", text) if not word.isupper()]
    return sum(not _VOWELS & set(word.lower()) for word in words) / max(1, len(words))


def word_order(text: str) -> float:
    """How much likelier each word is made by the one before it, in nats, mean over the words; NaN without words.

    Words are function words, or the ending of any other; the passages tell which follows which. English prose has -0.4
    to 1.2, nine in ten texts more than 0; the words of a passage in random order -0.2 to -1.9.
    """
    kinds = _kinds(text)
    counts, pairs = _kind_counts()
    total = sum(counts.values())
    gains = []
    for before, kind in pairwise(kinds):
        alone = (counts.get(kind, 0) + 0.5) / (total + 0.5 * len(counts))
        after = (pairs.get((before, kind), 0) + _BACK_OFF * alone) / (counts.get(before, 0) + _BACK_OFF)
        gains.append(math.log(after / alone))
    return sum(gains) / len(gains) if gains else float("nan")


def _kinds(text: str) -> list[str]:
    kinds = [_kind(word) for word in words_of(text)]
    return [_STOP, *[kind for kind in kinds if kind is not None]]


def _kind(word: str) -> str | None:
    if word in _FUNCTION_WORDS:
        return word
    if word[0].isalnum():
        return "#" + next((ending for ending in _ENDINGS if word.endswith(ending)), "")
    return _STOP if word in _STOPS else word if word in _PAUSES else None


@lru_cache(maxsize=1)
def _kind_counts() -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    texts = [_kinds(passage.text) for passage in load_corpus().passages]
    return Counter(chain.from_iterable(texts)), Counter(chain.from_iterable(map(pairwise, texts)))


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
