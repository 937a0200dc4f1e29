"""The verdict on a steered text: did the model keep writing sense, fall into a loop, or into noise?

Both directions of perplexity matter: a loop is likely, noise is not. Repetition is therefore looked at first, and the
perplexity ratio decides between the texts that do not repeat themselves; `emoviz.regimes` has names and thresholds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import replace
from typing import TypeVar

from ..readout.scripts import LATIN, own_scripts, script_shares
from ..stimuli.segments import words_in
from ..types import Verdict
from .leak import leak_share, leaked_spans
from .prose import letter_surprise, vowelless_share, word_order, words_alone
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
from .repetition import LEAST_TIMES, longest_cycle, repeated_share, spell_words, words_of
from .structure import LINES, MARKS, is_table, says_over, structure_of

# From the text alone: English prose, English words in no order, and letters of no language; see `prose`. What a number
# was set on, and what it was tried on: `python -m benchmarks languages`.
READABLE_BARE, READABLE_SURPRISE, READABLE_ORDER = 0.2, 2.6, 0.0
SALAD_SURPRISE, SALAD_ORDER, SALAD_WORDS = 2.9, -1.0, 24
# Notes and headlines have bare words too, but marks and capitals among them, and an order that is a little better.
BARE, BARE_ORDER = 0.7, -0.6
LETTERS_SURPRISE, LETTERS_VOWELLESS = 6.0, 0.25
LEAST_WORDS = 8
_QUOTED = 40
_FORMS = {MARKS: "text with the marks of a table, code or JSON", LINES: "short lines, as of a list or verse,"}

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
    shares = script_shares(text)
    if shares and shares.get(LATIN, 0) < 0.5:
        # Many tokenizers have no words of other scripts but their bytes, of which a few are in every letter.
        repetition = min(repetition, repeated_share(words_of(text)))

    def say(regime: str | None, reason: str) -> Verdict:
        return Verdict(regime, reason + leak_words(text, own), ppl_ratio, repetition, leak, len(tokens))

    if not text.strip():
        return say(EMPTY, "nothing but white space was written" if len(tokens) else "nothing was written")
    if unchanged:
        return say(UNCHANGED, "the same as the unsteered text")
    if repetition >= COLLAPSE_REPETITION:
        if is_table(text) and not says_over(text):
            return say(None, _by_form(repetition, MARKS))
        return say(COLLAPSE, loop_words(tokens, repetition, spell))
    if math.isnan(ppl_ratio):
        return say(None, "no perplexity ratio could be computed, so that sense cannot be told from noise")
    ratio = f"{ppl_ratio:.3g} times the perplexity of the unsteered text"
    if ppl_ratio >= EXPLOSIVE_PPL_RATIO:
        return say(EXPLOSIVE, f"noise: {ratio}")
    return say(SURGICAL, f"changed and readable: {ratio}, {_percent(repetition)} repeated")


def with_break(found: Verdict, broken: str) -> Verdict:
    """The verdict on a text that broke off, which its reason says. broken : as in `Generation`."""
    return replace(found, reason=f"{found.reason}; {broken}") if broken else found


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
    """The verdict from the text alone; `ppl_ratio` is NaN, `n_tokens` counts words.

    Loops and empty texts are told in every language; in a table, a list, code, JSON or verse only a loop of the very
    same words. Sense is told from noise only where the text is plainly English prose, plainly English words in no
    order, or letters of no language; else the regime is None, with the reason. Without a prompt, the script with the
    most letters is taken for the prompt's. `unchanged` needs the unsteered text.
    """
    structure = structure_of(text)
    own = _own(text, prompt, structure)
    tokens = words_of(text)
    repetition, leak = repeated_share(tokens), leak_share(text, own)
    regime: str | None
    if not text.strip():
        regime, reason = EMPTY, "nothing but white space was written" if text else "nothing was written"
    elif repetition < COLLAPSE_REPETITION:
        regime, reason = _sense(text, structure)
    elif structure and not says_over(text):
        regime, reason = None, _by_form(repetition, structure)
    else:
        regime, reason = COLLAPSE, loop_words(tokens, repetition, spell_words)
    return Verdict(regime, reason + leak_words(text, own), float("nan"), repetition, leak, len(words_in(text)))


def _own(text: str, prompt: str | None, structure: str) -> frozenset[str]:
    """The scripts that a text may use; words of code and names in JSON are Latin in every language."""
    if prompt is not None:
        own = own_scripts(prompt)
    else:
        own = own_scripts(re.sub("[A-Za-z]", "", text) if structure == MARKS else text, most=True)
    return own | {LATIN} if structure == MARKS else own


def _sense(text: str, structure: str) -> tuple[str | None, str]:
    """Sense or noise by the letters and words alone."""
    words, bare = words_alone(text)
    if structure == MARKS:
        return None, f"no loop; {_FORMS[MARKS]} cannot be told from noise without a model"
    if script_shares(text).get(LATIN, 0) < 0.5:
        return None, "no loop; only English can be told from noise without a model"
    if len(words) < LEAST_WORDS:
        return None, f"{len(words)} words without a loop: too few to tell sense from noise without a model"
    surprise, order = letter_surprise(text), word_order(text)
    pairs = f"{_percent(bare)} of word pairs without a function word"
    numbers = f"{pairs}, {surprise:.1f} nats per letter, word order {order:.1f}"
    if bare <= READABLE_BARE and surprise <= READABLE_SURPRISE and order >= READABLE_ORDER:
        return SURGICAL, f"reads as English prose ({numbers})"
    if structure:
        return None, f"no loop; {_FORMS[structure]} cannot be told from noise without a model"
    bare_words = bare >= BARE and order <= BARE_ORDER and text.islower() and text.replace(" ", "").strip(".").isalpha()
    if surprise <= SALAD_SURPRISE and (bare_words or (order <= SALAD_ORDER and len(words) >= SALAD_WORDS)):
        return EXPLOSIVE, f"noise: English words in no order ({numbers})"
    if text.isascii() and surprise >= LETTERS_SURPRISE and vowelless_share(text) >= LETTERS_VOWELLESS:
        return EXPLOSIVE, f"noise: letters of no language ({numbers})"
    return None, f"no loop, but neither plain English nor plain noise ({numbers}); a model is needed to tell"


def _by_form(repetition: float, structure: str) -> str:
    return f"{_percent(repetition)} repeated, but no loop: {_FORMS[structure]} may repeat itself by its form"


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
