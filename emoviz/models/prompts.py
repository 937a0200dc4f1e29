"""A prompt as the tokens that a model is given."""

from __future__ import annotations

from ..errors import InputError
from .load import LoadedModel


def prompt_ids(loaded: LoadedModel, prompt: str, chat: bool) -> list[int]:
    """The bare text, or one user turn of the model's chat template that the model is to answer.

    Raises InputError for a chat turn of a model that has no template.
    """
    if not chat:
        return loaded.tokenizer(prompt)["input_ids"]
    if loaded.tokenizer.chat_template is None:
        raise InputError(
            f"{loaded.name} has no chat template; an instruct model is needed for a chat turn; turn the template off."
        )
    turn = [{"role": "user", "content": prompt}]
    return loaded.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=True)["input_ids"]
