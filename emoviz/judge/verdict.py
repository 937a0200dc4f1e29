"""The verdict on a steered text: did the model keep writing sense, fall into a loop, or into noise?

Both directions of perplexity matter: a loop is likely, noise is not. Repetition is therefore looked at first, and the
perplexity ratio decides between the texts that do not repeat themselves; `emoviz.regimes` has names and thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence, Set
from typing import TypeVar

from ..readout.scripts import own_scripts, script_shares
from ..types import Verdict
from .leak import leak_share, leaked_spans
from .prose import letter_surprise, words_alone
from .regimes import (
    BORDERLINE_PPL_RATIO,
    BORDERLINE_REPETITION,
    COLLAPSE,
    COLLAPSE_REPETITION,
    EMPTY,
    EXPLOSIVE,
    EXPLOSIVE_PPL_RATIO,
    SURGICAL,
    UNCHANGED,
)
from .repetition import LEAST_TIMES, count_words, longest_cycle, repeated_share, spell_words, words_of

# From the text alone: English prose, a bare list of English words, and letters of no language; see `prose`.
READABLE_BARE, READABLE_SURPRISE = 0.2, 2.6
SALAD_BARE, SALAD_SURPRISE, LETTERS_SURPRISE = 0.7, 2.9, 6.0
LEAST_WORDS = 8
_QUOTED = 40

# Ids of a tokenizer, or words.
Token = TypeVar("Token", bound=Hashable)


def verdict(
    text: str,
    tokens: Sequence[Token],
    spell: Callable[[Sequence[Token]], str],
    own: Set[str],
    *,
    unchanged: bool,
    ppl_ratio: float,
) -> Verdict:
    """The verdict on one text whose perplexity is known.

    tokens : its token ids, without the end token. spell : tokens as text, to quote a loop.
    own : the scripts that it may use, `own_scripts` of its prompt.
    unchanged : whether it is the unsteered text itself, or one that equals it. ppl_ratio : NaN if unknown.
    """
    repetition, leak = repeated_share(tokens), leak_share(text, own)

    def say(regime: str | None, reason: str) -> Verdict:
        return Verdict(regime, reason + leak_words(text, own), ppl_ratio, repetition, leak, len(tokens))

    if not text.strip():
        return say(EMPTY, "nothing but white space was written" if len(tokens) else "nothing was written")
    if unchanged:
        return say(UNCHANGED, "the same as the unsteered text")
    if repetition >= COLLAPSE_REPETITION:
        return say(COLLAPSE, loop_words(tokens, repetition, spell))
    if math.isnan(ppl_ratio):
        return say(None, "no perplexity ratio could be computed, so that sense cannot be told from noise")
    ratio = f"{ppl_ratio:.3g} times the perplexity of the unsteered text"
    if ppl_ratio >= EXPLOSIVE_PPL_RATIO:
        return say(EXPLOSIVE, f"noise: {ratio}")
    return say(SURGICAL, f"changed and readable: {ratio}, {_percent(repetition)} repeated")


def borderline(found: Verdict) -> str:
    """Which threshold a verdict is near, in words; empty for one that is plain or rests on neither.

    Another reader, or another seed, may well come to another regime there.
    """
    if found.regime not in (SURGICAL, COLLAPSE, EXPLOSIVE):
        return ""
    low, high = BORDERLINE_REPETITION
    if low <= found.repetition < high:
        return f"borderline: {_percent(found.repetition)} repeated, a loop from {_percent(COLLAPSE_REPETITION)}"
    low, high = BORDERLINE_PPL_RATIO
    if found.repetition < COLLAPSE_REPETITION and low <= found.ppl_ratio < high:
        return f"borderline: {found.ppl_ratio:.3g} times the perplexity, noise from {EXPLOSIVE_PPL_RATIO:g}"
    return ""


def text_verdict(text: str, prompt: str | None = None) -> Verdict:
    """The verdict from the text alone, on its words; `ppl_ratio` is NaN.

    Loops and empty texts are told in every script. Sense is told from noise only where the text is plainly English
    prose, plainly a list of English words without grammar, or letters of no language; else the regime is None, with the
    reason. Without a prompt, the script with the most letters is taken for the prompt's. `unchanged` needs the
    unsteered text.
    """
    own = frozenset(list(script_shares(text))[:1]) if prompt is None else own_scripts(prompt)
    tokens = words_of(text)
    repetition, leak = repeated_share(tokens), leak_share(text, own)
    regime: str | None
    if not text.strip():
        regime, reason = EMPTY, "nothing but white space was written" if text else "nothing was written"
    elif repetition >= COLLAPSE_REPETITION:
        regime, reason = COLLAPSE, loop_words(tokens, repetition, spell_words)
    else:
        regime, reason = _sense(text)
    return Verdict(regime, reason + leak_words(text, own), float("nan"), repetition, leak, count_words(text))


def _sense(text: str) -> tuple[str | None, str]:
    """Sense or noise by the letters and words alone."""
    words, bare = words_alone(text)
    if len(words) < LEAST_WORDS:
        return None, f"{len(words)} words without a loop: too few to tell sense from noise without a model"
    if script_shares(text).get("Latin", 0) < 0.5:
        return None, "no loop; only English can be told from noise without a model"
    surprise = letter_surprise(text)
    numbers = f"{_percent(bare)} of word pairs without a function word, {surprise:.1f} nats per letter"
    if bare <= READABLE_BARE and surprise <= READABLE_SURPRISE:
        return SURGICAL, f"reads as English prose ({numbers})"
    if bare >= SALAD_BARE and surprise <= SALAD_SURPRISE:
        return EXPLOSIVE, f"noise: English words without grammar ({numbers})"
    if bare >= SALAD_BARE and surprise >= LETTERS_SURPRISE:
        return EXPLOSIVE, f"noise: letters of no language ({numbers})"
    return None, f"no loop, but neither plain English nor plain noise ({numbers}); a model is needed to tell"


def loop_words(tokens: Sequence[Token], repetition: float, spell: Callable[[Sequence[Token]], str]) -> str:
    """A loop in words; where no single cycle makes the repetition, how much of the text is repeated."""
    cycle = longest_cycle(tokens)
    if cycle is None or cycle.times < LEAST_TIMES or cycle.share < COLLAPSE_REPETITION:
        return f"repeats itself: {_percent(repetition)} of its tokens stood there before"
    shown = " ".join(spell(tokens[cycle.start : cycle.start + 3 * cycle.period]).split())
    shown = shown if len(shown) <= _QUOTED else f"{shown[:_QUOTED].rstrip()}..."
    return f"loop: '{shown}' fills {_percent(cycle.share)} of the text"


def leak_words(text: str, own: Set[str]) -> str:
    """What leaked, to stand behind the reason; empty if nothing did."""
    scripts = list(dict.fromkeys(span.script for span in leaked_spans(text, own)))
    if not scripts:
        return ""
    return f"; {_percent(leak_share(text, own))} of its letters are {' and '.join(scripts)}, unlike the prompt's"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
