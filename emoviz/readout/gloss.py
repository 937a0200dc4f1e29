"""What pieces of text in other scripts mean, in English: our own small dictionary, else neighbours in the model.

The dictionary holds the tokens that occur in the shipped leak runs, in their texts and among the tokens that their
directions raise; what is no word of its own stands in brackets. Without torch, for stored runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ..types import Gloss
from .scripts import script_of

DICTIONARY, NEIGHBOURS = "dictionary", "neighbours"
# Tokens that one character may be split into.
_MOST_BYTES = 4


@lru_cache(maxsize=1)
def dictionary() -> Mapping[str, str]:
    """Piece -> English, our own translations."""
    lines = (files(__package__) / "data" / "gloss.tsv").read_text("utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def cut(piece: str) -> bool:
    """Whether it holds a part of a character, which says nothing."""
    return "\ufffd" in piece


def gloss(piece: str, neighbours: Mapping[str, Sequence[str]]) -> Gloss:
    """One piece in English. neighbours : piece -> words, of those that the dictionary lacks."""
    if piece in dictionary():
        return Gloss(piece, dictionary()[piece], DICTIONARY)
    if neighbours.get(piece):
        return Gloss(piece, ", ".join(neighbours[piece]), NEIGHBOURS)
    return Gloss(piece, "(part of a character)" if cut(piece) else "", None)


def glosses(pieces: Iterable[str], neighbours: Mapping[str, Sequence[str]]) -> list[tuple[Gloss, int]]:
    """Every piece once, with how often it occurs, the most frequent first."""
    return [(gloss(piece, neighbours), n) for piece, n in Counter(pieces).most_common()]


def foreign_pieces(tokenizer: Any, ids: Sequence[int], own: Set[str]) -> tuple[str, ...]:
    """The tokens with letters in scripts other than `own`, in order, without their blanks.

    Tokens that are parts of one character are taken together; what never becomes one is left out.
    """
    pieces, begun = [], []
    for token in ids:
        begun.append(token)
        text = tokenizer.decode(begun)
        if cut(text) and len(begun) < _MOST_BYTES:
            continue
        begun = []
        if not cut(text) and any(script_of(letter) not in (None, *own) for letter in text):
            pieces.append(text.strip())
    return tuple(pieces)
