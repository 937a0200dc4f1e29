"""A prompt as the tokens that a model is given."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from .loaded import LoadedModel


def prompt_ids(loaded: LoadedModel, prompt: str, chat: bool) -> list[int]:
    """The bare text, or one user turn of the model's chat template that the model is to answer.

    Raises InputError for a chat turn of a model that has no template.
    """
    if not chat:
        return loaded.tokenizer(prompt)["input_ids"]
    if loaded.tokenizer.chat_template is None:
        raise InputError(f"{loaded.name} has no chat template. Turn the template off, or use an instruct model.")
    turn = [{"role": "user", "content": prompt}]
    return loaded.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=True)["input_ids"]


def text_ids(loaded: LoadedModel, text: str) -> list[int]:
    """Token ids of a text that stands after a prompt: no special tokens."""
    return loaded.tokenizer(text, add_special_tokens=False)["input_ids"]


def until_end(loaded: LoadedModel, ids: Sequence[int]) -> list[int]:
    """The ids before the first end token, which is no part of the text, and neither is what pads the row after it."""
    ends = set(loaded.end_tokens)
    stop = next((k for k, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])
