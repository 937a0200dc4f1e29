"""The words of Latin script that lie next to a token in the model's own embedding: what the token is to the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..models.loaded import LoadedModel

# Words that are named, letters that one has at least, and tokens among which they are looked for.
_NAMED, _LETTERS, _NEAREST = 3, 4, 400
# Below this cosine the neighbours of 40 tokens whose meaning is known said nothing of it (Qwen2.5-Coder-0.5B, Gemma).
_LEAST = 0.25
# Rows of the embedding that are compared at once.
_ROWS = 16_384


def latin_neighbours(loaded: LoadedModel, pieces: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Piece -> up to three whole words, the nearest first, by cosine of the input embeddings less their mean.

    A piece that is no single token, or has no word near, is left out. Words of any language in Latin letters count.
    """
    tokenizer = loaded.tokenizer
    ids = {piece: _single(tokenizer, piece) for piece in pieces}
    known = {piece: token for piece, token in ids.items() if token is not None}
    if not known:
        return {}
    embed = loaded.model.get_input_embeddings()
    # An embedding that was left on the disk has its numbers in a pass alone.
    table = embed(torch.arange(embed.num_embeddings)) if embed.weight.is_meta else embed.weight
    table = table.detach()[: len(tokenizer)]
    mean = table.mean(0, dtype=torch.float32)
    wanted = torch.nn.functional.normalize(table[list(known.values())].float() - mean, dim=1)
    cosines = torch.cat(
        [torch.nn.functional.normalize(rows.float() - mean, dim=1) @ wanted.T for rows in table.split(_ROWS)]
    )
    nearest = cosines.topk(min(_NEAREST, len(table)), dim=0)
    found = {}
    for k, piece in enumerate(known):
        words: list[str] = []
        for token, cosine in zip(nearest.indices[:, k].tolist(), nearest.values[:, k].tolist(), strict=True):
            text = tokenizer.decode([token])
            word = text.strip()
            if cosine >= _LEAST and text[:1] == " " and word.isascii() and word.isalpha() and len(word) >= _LETTERS:
                words.append(word)
        if words:
            found[piece] = tuple(dict.fromkeys(words))[:_NAMED]
    return found


def _single(tokenizer, piece: str) -> int | None:
    """The token that says this piece and nothing more, with a blank before it or without."""
    for text in (piece, f" {piece}"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) == 1 and tokenizer.decode(ids).strip() == piece:
            return ids[0]
    return None
