"""The regimes of steered text, and the thresholds between them, which the labelled texts of `benchmarks/regimes.py`
set.

The papers name the regimes (arXiv 2604.04064) and tell neither ratio nor thresholds.
"""

from __future__ import annotations

from ..types.judging import REGIMES

SURGICAL, COLLAPSE, EXPLOSIVE, UNCHANGED, EMPTY = REGIMES
# Set on the calibration prompts of the labelled texts, `python -m benchmarks regimes`: a text that repeats this share
# of its tokens is a loop, and one that is this many times as perplexing as its baseline is noise. Both lie within a
# plateau: 0.39 to 0.47 and 6 to 10 cost no more than two of 119 texts.
COLLAPSE_REPETITION = 0.43
EXPLOSIVE_PPL_RATIO = 9.0
# Near the thresholds a verdict is as often wrong as right: of the labelled texts in these ranges, 3 in 4 of the
# calibration prompts and 1 in 4 of the held-out one; outside, 94 and 96 % (`benchmarks regimes`).
BORDERLINE_REPETITION = (0.36, 0.50)
BORDERLINE_PPL_RATIO = (6.0, 12.0)
# How a regime is shown where there is room for a sign, a letter or two words; None: it could not be told.
REGIME_SIGN: dict[str | None, str] = {
    SURGICAL: "●", COLLAPSE: "↻", EXPLOSIVE: "✕", UNCHANGED: "=", EMPTY: "∅", None: "?",
}  # fmt: skip
REGIME_LETTER: dict[str | None, str] = {
    SURGICAL: "S", COLLAPSE: "R", EXPLOSIVE: "X", UNCHANGED: "=", EMPTY: "0", None: "?",
}  # fmt: skip
REGIME_WORDS: dict[str | None, str] = {
    SURGICAL: "surgical", COLLAPSE: "repetitive collapse", EXPLOSIVE: "explosive",
    UNCHANGED: "unchanged", EMPTY: "empty", None: "no verdict",
}  # fmt: skip


def regime_label(regime: str | None) -> str:
    return f"{REGIME_SIGN[regime]} {REGIME_WORDS[regime]}"
