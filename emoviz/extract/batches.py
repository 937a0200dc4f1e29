"""Texts to padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..models.loaded import LoadedModel
from ..models.prompts import check_ids, special_ids
from ..types import Protocol


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text: its token ids, and which of them are content (text rather than special tokens)."""

    ids: Tensor
    content: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, attention, content : (batch, tokens); rows : which text each row is."""

    rows: list[int]
    ids: Tensor
    attention: Tensor
    content: Tensor

    def part(self, rows: slice) -> Batch:
        """Some of its rows, padded to the longest of them."""
        longest = int(self.attention[rows].sum(1).max())
        return Batch(self.rows[rows], *(one[rows, :longest] for one in (self.ids, self.attention, self.content)))


def encode(loaded: LoadedModel, texts: Sequence[str], protocol: Protocol) -> list[Encoded]:
    """Tokenizes texts and marks their content tokens: neither what the tokenizer adds nor special ones that are typed.

    Raises InputError for a text that is longer than the model's context, that leaves no content token, or that holds a
    token which the model does not have.
    """
    out, special = [], torch.tensor(sorted(special_ids(loaded)))
    for text in texts:
        coded = loaded.tokenizer(
            text, add_special_tokens=protocol.special_tokens, return_special_tokens_mask=True, verbose=False
        )
        ids = torch.tensor(coded["input_ids"], dtype=torch.long)
        content = (torch.tensor(coded["special_tokens_mask"], dtype=torch.long) == 0) & ~torch.isin(ids, special)
        if protocol.skip_first and len(content):
            content[0] = False
        check_ids(loaded, coded["input_ids"], f"a passage ({_short(text)})")
        if loaded.max_tokens is not None and len(ids) > loaded.max_tokens:
            raise InputError(
                f"a passage has {len(ids)} tokens ({_short(text)}); {loaded.name} reads at most {loaded.max_tokens}. "
                "Shorten it."
            )
        if not content.any():
            raise InputError(f"a passage leaves no token to read ({_short(text)}). Write a longer one.")
        out.append(Encoded(ids, middle_only(content) if protocol.pooling == "mid" else content))
    return out


def middle_only(content: Tensor) -> Tensor:
    """The mask of the middle content token alone, the later one of two."""
    places = content.nonzero()[:, 0]
    only = torch.zeros_like(content)
    only[places[len(places) // 2]] = True
    return only


def batches(encoded: Sequence[Encoded], batch_tokens: int) -> Iterator[Batch]:
    """Texts of like length together, at most `batch_tokens` padded tokens a batch (one text at least).

    Padded on the right whatever the tokenizer says: under a causal mask nothing that a real token sees can then depend
    on the padding, and positions count from the text's own start.
    """
    order = sorted(range(len(encoded)), key=lambda row: len(encoded[row].ids), reverse=True)
    start = 0
    while start < len(order):
        longest = len(encoded[order[start]].ids)
        rows = order[start : start + max(1, batch_tokens // longest)]
        start += len(rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        attention = torch.zeros(len(rows), longest, dtype=torch.long)
        content = torch.zeros(len(rows), longest, dtype=torch.bool)
        for k, row in enumerate(rows):
            n = len(encoded[row].ids)
            ids[k, :n], attention[k, :n], content[k, :n] = encoded[row].ids, 1, encoded[row].content
        yield Batch(rows, ids, attention, content)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


def padded(prompt: list[int], rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prompt and continuation of every row, padded on the right: ids, attention mask, and where a continuation's tokens
    are.

    ids and attention are (rows, prompt + longest), the last is (rows, longest) bool.
    """
    lengths = torch.tensor([len(ids) for ids in rows])
    longest = int(lengths.max())
    # The causal mask keeps what stands behind a row's end out of it; any id may pad.
    targets = torch.tensor([ids + [0] * (longest - len(ids)) for ids in rows])
    there = torch.arange(longest) < lengths[:, None]
    ids = torch.cat([torch.tensor(prompt, dtype=torch.long).expand(len(rows), -1), targets], 1)
    attention = torch.cat([torch.ones(len(rows), len(prompt), dtype=torch.bool), there], 1).long()
    return ids, attention, there
