"""The script of every token of a vocabulary, and how much probability lies on scripts that a prompt does not use.

A leak shows here before it is sampled: greedy text stays Latin while a third of the probability is already on Chinese.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ..models.blocks import text_config
from ..models.loaded import LoadedModel
from .scripts import script_shares

PARTIAL = "partial"


@dataclass(frozen=True, eq=False)
class VocabularyScripts:
    """Scripts of a tokenizer's vocabulary.

    scripts : their names; `partial` stands for tokens that hold bytes of an unfinished character.
    codes : (V,) index into `scripts` per token, -1 for tokens of no script: signs, digits, special and unused tokens.
    A token of several scripts counts for the one with the most letters.
    """

    scripts: tuple[str, ...]
    codes: np.ndarray

    def of(self, token: int) -> str | None:
        code = int(self.codes[token])
        return None if code < 0 else self.scripts[code]

    def foreign(self, own: Set[str]) -> np.ndarray:
        """(V,) bool: tokens of scripts other than `own`. Unfinished characters are not among them, see `partial`."""
        other = [k for k, name in enumerate(self.scripts) if name != PARTIAL and name not in own]
        return np.isin(self.codes, other)

    def shares(self) -> dict[str, float]:
        """Script -> share of the vocabulary in it, `none` for tokens of no script; together 1."""
        return {name: float((self.codes == k).mean()) for k, name in [*enumerate(self.scripts), (-1, "none")]}

    @property
    def partial(self) -> np.ndarray:
        """(V,) bool: tokens that hold bytes of an unfinished character, which may become any script but Latin."""
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
        name = PARTIAL if "\ufffd" in text else next(iter(script_shares(text)), None)
        if name is not None:
            codes[token] = index.setdefault(name, len(index))
    return VocabularyScripts(tuple(index), codes)


def probability_mass(logits: Tensor, tokens: np.ndarray) -> np.ndarray:
    """Probability on a part of the vocabulary: logits (rows, V), tokens (V,) bool -> (rows,) float64, 0 to 1."""
    probabilities = torch.softmax(logits.float(), -1)
    return probabilities[..., torch.from_numpy(tokens).to(logits.device)].sum(-1).double().cpu().numpy()
