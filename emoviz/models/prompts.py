"""A text as the tokens that a model is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError
from .loaded import LoadedModel

# Names of control tokens, such as <|im_end|>, </s> and [INST].
_CONTROL = re.compile(r"<[^\s<>]+>|\[/?[A-Z_]+\]")


def check_whole(text: str, what: str) -> None:
    """Raises InputError for half of a surrogate pair, which no tokenizer takes. what : `prompt`, `text`, ..."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"the {what} holds half of a surrogate pair, which is not UTF-8. Remove it.") from None


def prompt_ids(loaded: LoadedModel, prompt: str, chat: bool) -> list[int]:
    """The bare text, or one user turn of the model's chat template that the model is to answer.

    Raises InputError for a chat turn of a model that has no template, one that holds a control token, and a token that
    the model does not have.
    """
    if not chat:
        return bare_ids(loaded, prompt)
    if loaded.tokenizer.chat_template is None:
        raise InputError(f"{loaded.name} has no chat template. Turn the template off, or use an instruct model.")
    check_text(loaded, prompt)
    turn = [{"role": "user", "content": prompt}]
    ids = loaded.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=True)["input_ids"]
    check_ids(loaded, ids, "the prompt")
    return ids


def bare_ids(loaded: LoadedModel, text: str) -> list[int]:
    """Token ids of a text that is to be continued, after what the tokenizer begins texts with.

    What it ends texts with is left out: the model would begin another text. A start token that is typed already is not
    added again.
    """
    whole: list[int] = loaded.tokenizer(text)["input_ids"]
    own = text_ids(loaded, text)
    first = next((k for k in range(len(whole) - len(own) + 1) if whole[k : k + len(own)] == own), 0)
    start = whole[:first]
    return own if own[:first] == start else [*start, *own]


def text_ids(loaded: LoadedModel, text: str) -> list[int]:
    """Token ids of a text that stands after a prompt: no special tokens."""
    ids = loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    check_ids(loaded, ids, "the text")
    return ids


def until_end(loaded: LoadedModel, ids: Sequence[int]) -> list[int]:
    """The ids before the first end token, which is no part of the text, and neither is what pads the row after it."""
    ends = set(loaded.end_tokens)
    stop = next((k for k, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])


def check_ids(loaded: LoadedModel, ids: Sequence[int], what: str) -> None:
    """Raises InputError for a token of the tokenizer that the model's embedding does not have."""
    why = beyond(loaded, ids)
    if why:
        raise InputError(f"{what} {why}. Leave it out, or load the tokenizer that the model was trained with.")


def beyond(loaded: LoadedModel, ids: Sequence[int]) -> str:
    """What is said of a token that the model's embedding does not have; empty where there is none."""
    rows = loaded.embedding_rows
    token = next((token for token in ids if token >= rows), None)
    if token is None:
        return ""
    name = loaded.tokenizer.convert_ids_to_tokens(token)
    return f"holds {name!r}, token {token} of the tokenizer, and {loaded.name} has the tokens 0 to {rows - 1}"


def special_ids(loaded: LoadedModel) -> frozenset[int]:
    """The tokens that are no text where they are typed in one: start and end tokens, and others that mark a place. Not
    the one for unknown words."""
    tokenizer = loaded.tokenizer
    named = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset((named | set(tokenizer.all_special_ids)) - {tokenizer.unk_token_id})


def control_tokens(loaded: LoadedModel) -> frozenset[str]:
    """The texts that a model reads as control tokens."""
    added = loaded.tokenizer.added_tokens_decoder.values()
    named = {token.content for token in added if token.special or _CONTROL.fullmatch(token.content)}
    return frozenset(named | set(loaded.tokenizer.all_special_tokens))


def check_text(loaded: LoadedModel, text: str) -> None:
    """Raises InputError for a text that holds a control token, which would be obeyed instead of read, and as
    `check_whole`."""
    if not isinstance(text, str):
        raise InputError(f"message {text!r:.60} was given; one text is needed.")
    check_whole(text, "text")
    found = next((token for token in sorted(control_tokens(loaded)) if token in text), None)
    if found is not None:
        raise InputError(
            f"the text holds {found}, a control token of {loaded.name}, which would end or begin a turn instead of "
            "being read. Put a blank into it, or leave it out."
        )
