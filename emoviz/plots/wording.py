"""Numbers as figures and tables write them, and names as figures show them."""

from __future__ import annotations

import html
import re

from ..words import visible

# A hyphen before a number, with nothing before it that it could join.
_NEGATIVE = re.compile(r"(?<![\w.)-])-(?=\.?\d)")
# What figures set text in, beside line breaks.
_WEIGHTS = re.compile(r"</?[biu]>")


def literal(text: str) -> str:
    """A name or a text of others as plotly shows it: nothing in it is markup, or a place in a hover template."""
    return html.escape(visible(text), quote=False).replace("%{", "%&#123;")


def plain(text: str) -> str:
    """A text of a figure without its line breaks and weights, as it is read."""
    return html.unescape(" ".join(_WEIGHTS.sub("", text.replace("<br>", " ")).split()))


def dose_label(dose: float) -> str:
    return minus(f"{dose:g}")


def minus(text: str) -> str:
    """Numbers with a real minus sign; hyphens within names and ranges stay."""
    return _NEGATIVE.sub("−", text)


def p_text(p: float, n_permutations: int) -> str:
    """`p = 0.013`, or `p < 0.0002` where no permutation reached the observed value."""
    smallest = 1 / (1 + n_permutations)
    return f"p ≤ {smallest:.1g}" if p <= smallest * 1.0000001 else f"p = {p:.2g}"
