"""The script of every token of a vocabulary, and how much probability lies on scripts that a prompt does not use.

A leak shows here before it is sampled: greedy text stays Latin while a third of the probability is already on Chinese.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from functools import cache, lru_cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ..models.blocks import text_config
from ..models.loaded import LoadedModel
from .scripts import PARTIAL, script_of


@dataclass(frozen=True, eq=False)
class VocabularyScripts:
    """Scripts of a tokenizer's vocabulary.

    scripts : their names; `partial` stands for tokens that hold nothing but bytes of a character of several possible
    scripts. codes : (V,) index into `scripts` per token, -1 for tokens of no script: signs, digits, special and unused
    tokens. A token of several scripts counts for the one with the most letters. The first bytes of a character, of
    which a byte-level vocabulary makes tokens, count as a letter of the script that they can only become.
    """

    scripts: tuple[str, ...]
    codes: np.ndarray

    def of(self, token: int) -> str | None:
        code = int(self.codes[token])
        return None if code < 0 else self.scripts[code]

    def foreign(self, own: Set[str]) -> np.ndarray:
        """(V,) bool: tokens of scripts other than `own`. Bytes that may become several are not among them."""
        other = [k for k, name in enumerate(self.scripts) if name != PARTIAL and name not in own]
        return np.isin(self.codes, other)

    def shares(self) -> dict[str, float]:
        """Script -> share of the vocabulary in it, `none` for tokens of no script; together 1."""
        return {name: float((self.codes == k).mean()) for k, name in [*enumerate(self.scripts), (-1, "none")]}

    @property
    def partial(self) -> np.ndarray:
        """(V,) bool: tokens that hold nothing but bytes of a character of several possible scripts."""
        return self.codes == (self.scripts.index(PARTIAL) if PARTIAL in self.scripts else -2)


# A table takes seconds for 262,144 tokens; it goes when its tokenizer does.
_TABLES: WeakKeyDictionary = WeakKeyDictionary()


def vocabulary_scripts(loaded: LoadedModel) -> VocabularyScripts:
    """The table of a loaded model, as long as its logits; made once per tokenizer."""
    if loaded.tokenizer not in _TABLES:
        _TABLES[loaded.tokenizer] = script_table(loaded.tokenizer, text_config(loaded.model).vocab_size)
    return _TABLES[loaded.tokenizer]


def script_table(tokenizer, size: int) -> VocabularyScripts:
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    known = min(size, len(tokenizer))
    texts = tokenizer.batch_decode([[k] for k in range(known)], clean_up_tokenization_spaces=False)
    index: dict[str, int] = {}
    codes = np.full(size, -1, np.int16)
    for token, text in enumerate(texts):
        if token in special:
            continue
        # Bytes that are no whole character decode to U+FFFD.
        data = _bytes_of(tokenizer.convert_ids_to_tokens(token)) if "\ufffd" in text else None
        name = _script(text) if data is None else _script_of_bytes(data)
        if name is not None:
            codes[token] = index.setdefault(name, len(index))
    return VocabularyScripts(tuple(index), codes)


def _script(text: str) -> str | None:
    """The script with the most letters; `partial` where there are none, but something that is no whole character."""
    found = Counter(script for script in map(script_of, text) if script is not None)
    return found.most_common(1)[0][0] if found else PARTIAL if "\ufffd" in text else None


def _script_of_bytes(data: bytes) -> str | None:
    """The same of bytes, in which the first bytes of a last character count by what they can become."""
    found = _UNFINISHED.search(data)
    possible = _scripts_of_prefix(found[0]) if found else frozenset()
    letters = [one for one in map(script_of, data.decode("utf-8", "ignore")) if one is not None]
    letters += possible if len(possible) == 1 else []
    if letters:
        return Counter(letters).most_common(1)[0][0]
    # The beginning of what is no letter, such as an emoji, is no beginning of a script.
    return None if found and not possible else PARTIAL


# The first bytes of a character at the end, by how many it has in all (RFC 3629).
_UNFINISHED = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4](?:[\x80-\xbf](?:[\x80-\xbf])?)?)\Z")
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@cache
def _scripts_of_prefix(prefix: bytes) -> frozenset[str]:
    """The scripts of all letters whose UTF-8 begins with these bytes."""
    size = 2 if prefix[0] < 0xE0 else 3 if prefix[0] < 0xF0 else 4
    missing = size - len(prefix)
    head = prefix[0] & (0xFF >> (size + 1))
    for byte in prefix[1:]:
        head = head << 6 | byte & 0x3F
    first, end = head << 6 * missing, (head + 1) << 6 * missing
    # Shorter forms of a character are no UTF-8, and neither are surrogates.
    first, end = max(first, {2: 0x80, 3: 0x800, 4: 0x10000}[size]), min(end, 0x110000)
    letters = (chr(point) for point in range(first, end) if not 0xD800 <= point < 0xE000)
    return frozenset(script for script in map(script_of, letters) if script is not None)


def _bytes_of(piece: str) -> bytes | None:
    """The bytes of a piece of a byte-level vocabulary, or of one that falls back to bytes; None of others."""
    found = _BYTE.fullmatch(piece)
    if found:
        return bytes([int(found[1], 16)])
    known = _byte_letters()
    return bytes(known[letter] for letter in piece) if all(letter in known for letter in piece) else None


@lru_cache(maxsize=1)
def _byte_letters() -> dict[str, int]:
    """Letter -> the byte that it stands for in byte-level vocabularies, as GPT-2 introduced them."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(0x100) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(0x100 + k): byte for k, byte in enumerate(rest)}


def script_mass(logits: Tensor, table: VocabularyScripts, tokens: np.ndarray) -> np.ndarray:
    """Probability on a part of the vocabulary, by script: logits (rows, V), tokens (V,) bool, each of a script ->
    (rows, S) float64 over `table.scripts`."""
    probabilities = torch.softmax(logits.float(), -1)
    kept = np.flatnonzero(tokens)
    found = torch.zeros(len(logits), len(table.scripts), device=logits.device)
    codes = torch.from_numpy(table.codes[kept].astype(np.int64)).to(logits.device)
    found.index_add_(1, codes, probabilities[:, torch.from_numpy(kept).to(logits.device)])
    return found.double().cpu().numpy()
