"""Words that every room needs."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share in percent, two digits where it is small: `69`, `8.1`, `0.005`."""
    return f"{100 * share:.0f}" if share >= 0.0995 or share == 0 else f"{100 * share:.2g}"


def counted(n: int, word: str) -> str:
    """`1 token`, `2 tokens`, `2 classes`."""
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{n:,} {word if n == 1 else plural}"
