"""Words that every room needs."""

from __future__ import annotations


def counted(n: int, word: str) -> str:
    """`1 token`, `2 tokens`, `2 classes`."""
    plural = f"{word}es" if word.endswith("s") else f"{word}s"
    return f"{n:,} {word if n == 1 else plural}"
