"""Texts as they are read: whole, or in windows of whole sentences where one pass cannot hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..extract.batches import Encoded
from ..models.loaded import LoadedModel
from ..models.prompts import beyond
from .reading import token_ends

# Tokens of one pass: attention over more of them would take more memory than all else, in models of a longer context.
WINDOW = 4096
# A sentence beside others may be cut into tokens otherwise than alone.
_MARGIN = 16
# A letter may be several tokens, or several letters one; a text of more letters a token is not tried whole.
_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Window:
    """What is read in one pass. text : of which text. encoded : its tokens, those of the text as content. ends : where
    in the text each of these ends."""

    text: int
    encoded: Encoded
    ends: np.ndarray


@dataclass(frozen=True, slots=True)
class Whole:
    """A text before it is read. number : by which windows name it. spans : of its sentences."""

    number: int
    text: str
    spans: list[tuple[int, int]]


def windows_of(
    loaded: LoadedModel, texts: Sequence[Whole], special_tokens: bool
) -> tuple[list[Window], dict[int, list[str]]]:
    """The windows of all texts, those of one text in its order, and what is said of texts that need several.

    special_tokens : whether the tokenizer adds its own.
    """
    room = WINDOW if loaded.max_tokens is None else min(WINDOW, loaded.max_tokens)
    short = [one for one in texts if len(one.text) <= _LETTERS * room]
    long = [one for one in texts if len(one.text) > _LETTERS * room]
    windows = []
    for one, window in zip(short, _encoded(loaded, [(o, 0, len(o.text)) for o in short], special_tokens), strict=True):
        if len(window.encoded.ids) <= room:
            windows.append(window)
        else:
            long.append(one)
    said: dict[int, list[str]] = {}
    for one in long:
        cuts = list(_cuts(loaded, one, max(1, room - _MARGIN)))
        own = _encoded(loaded, [(one, start, end) for start, end in cuts], special_tokens)
        read = [window for window in own if len(window.encoded.ids) <= room]
        windows += read
        said[one.number] = [f"read in {len(cuts)} parts, since one pass takes {room} tokens"] if len(cuts) > 1 else []
        if len(read) < len(own):
            said[one.number].append(f"{len(own) - len(read)} of them not read: they have more")
    whole = []
    for window in windows:
        why = beyond(loaded, window.encoded.ids.tolist())
        if why:
            said.setdefault(window.text, []).append(f"{len(window.encoded.ids)} tokens not read: the text {why}")
        else:
            whole.append(window)
    return whole, said


def _encoded(loaded: LoadedModel, pieces: Sequence[tuple[Whole, int, int]], special_tokens: bool) -> list[Window]:
    """Parts of texts, each with where it begins and ends there."""
    if not pieces:
        return []
    coded = loaded.tokenizer(
        [one.text[start:end] for one, start, end in pieces],
        add_special_tokens=special_tokens,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    found = []
    for (one, start, end), ids, spans, special in zip(
        pieces, coded["input_ids"], coded["offset_mapping"], coded["special_tokens_mask"], strict=True
    ):
        kept, ends = token_ends(spans, special, end - start)
        content = torch.zeros(len(ids), dtype=torch.bool)
        content[kept] = True
        found.append(Window(one.number, Encoded(torch.tensor(ids, dtype=torch.long), content), ends + start))
    return found


def _cuts(loaded: LoadedModel, one: Whole, room: int) -> Iterator[tuple[int, int]]:
    """A long text in windows of whole sentences; a sentence that is longer than a window is cut between tokens."""
    offsets = loaded.tokenizer(
        [one.text[start:end] for start, end in one.spans],
        add_special_tokens=False,
        return_offsets_mapping=True,
        verbose=False,
    )["offset_mapping"]
    begin, held = 0, 0
    for (start, _), own in zip(one.spans, offsets, strict=True):
        for k in range(0, max(1, len(own)), room):
            cut, n = start + (own[k][0] if k else 0), min(room, len(own) - k)
            if held + n > room and cut > begin:
                yield begin, cut
                begin, held = cut, 0
            held += n
    yield begin, len(one.text)
