"""Numbers as figures and tables write them."""

from __future__ import annotations

import re

# A hyphen before a number, with nothing before it that it could join.
_NEGATIVE = re.compile(r"(?<![\w.)-])-(?=\.?\d)")


def dose_label(dose: float) -> str:
    return minus(f"{dose:g}")


def minus(text: str) -> str:
    """Numbers with a real minus sign; hyphens within names and ranges stay."""
    return _NEGATIVE.sub("−", text)


def p_text(p: float, n_permutations: int) -> str:
    """`p = 0.013`, or `p < 0.0002` where no permutation reached the observed value."""
    smallest = 1 / (1 + n_permutations)
    return f"p ≤ {smallest:.1g}" if p <= smallest * 1.0000001 else f"p = {p:.2g}"
