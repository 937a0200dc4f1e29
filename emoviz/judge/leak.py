"""Leak: text in a script that the prompt does not use."""

from __future__ import annotations

from collections.abc import Set

from ..readout.scripts import script_of, script_shares
from ..types import Span

# Probability on other scripts that is called a leak. Unsteered English text of SmolLM2 stays below a thirtieth of it;
# of Qwen2.5-Coder-0.5B, which leaks most, it comes up to it.
HIDDEN_LEAK = 0.01


def leak_share(text: str, own: Set[str]) -> float:
    """Share of the letters of a text that are in scripts other than `own`; 0 without letters, NaN if it is blank."""
    if not text.strip():
        return float("nan")
    return sum((share for script, share in script_shares(text).items() if script not in own), 0.0)


def leaked_spans(text: str, own: Set[str]) -> tuple[Span, ...]:
    """The stretches of the text in scripts other than `own`, in order.

    Characters of no script belong to a stretch where they stand between two letters of it, as a comma between two
    Chinese words does.
    """
    spans: list[Span] = []
    open_span = False
    for k, script in enumerate(map(script_of, text)):
        if script is None:
            continue
        if script in own:
            open_span = False
        elif open_span and spans[-1].script == script:
            spans[-1] = Span(spans[-1].start, k + 1, script)
        else:
            spans.append(Span(k, k + 1, script))
            open_span = True
    return tuple(spans)
