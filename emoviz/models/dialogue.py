"""A conversation as the tokens that a model is given: in its chat template, or as a plain transcript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .loaded import LoadedModel
from .prompts import bare_ids, check_ids, check_text, control_tokens, text_ids

# How a model without a template is shown who speaks.
USER, ASSISTANT = "User:", "Assistant:"
# Where such a model begins to write the other speaker's next line itself.
STOP = f"\n{USER}"
ROLES = ("system", "user", "assistant")
# What bytes decode to that are no whole character, and over how many tokens one is looked for.
_UNFINISHED, _MOST_PARTS = "\ufffd", 8


@dataclass(frozen=True, slots=True)
class Form:
    """How a model is shown a conversation.

    templated : by its chat template, or as a plain transcript. system : the system prompt that the template adds by
    itself, empty for none. takes_system : whether one's own can be given.
    """

    templated: bool
    system: str
    takes_system: bool


def form_of(loaded: LoadedModel) -> Form:
    """How a model is shown a conversation. Raises InputError for a template that fails."""
    if loaded.tokenizer.chat_template is None:
        return Form(False, "", True)
    user, own = _unused("user", ()), _unused("system", ())
    plain = _rendered(loaded, [_said("user", user)])
    try:
        given = _rendered(loaded, [_said("system", own), _said("user", user)])
    except InputError:
        return Form(True, "", False)
    before, found, after = given.partition(own)
    if not found:
        return Form(True, "", False)
    if plain.startswith(before) and plain.endswith(after) and len(plain) >= len(before) + len(after):
        return Form(True, plain[len(before) : len(plain) - len(after)], True)
    return Form(True, "", True)


def pieces_of(loaded: LoadedModel, users: Sequence[str], system: str | None = None) -> list[list[int]]:
    """The tokens before each answer: what stands between the last answer and the next, the message of the user in it.

    users : their messages. system : None for what the template adds by itself.
    Answers are joined between the pieces as the tokens that were written, so that nothing is ever tokenized anew.
    Raises InputError for an empty message, a control token in a text, a model that takes no system prompt, and a
    template that fails or leaves an answer out.
    """
    for text in (*users, *(() if system is None else (system,))):
        check_text(loaded, text)
    if any(not text.strip() for text in users):
        raise InputError("the message is empty. Write what the model is to answer.")
    answers = [_unused(f"answer {k}", users) for k in range(len(users) - 1)]
    whole = _templated if loaded.tokenizer.chat_template is not None else _transcript
    text = whole(loaded, users, answers, system)
    parts = []
    for answer in answers:
        part, found, text = text.partition(answer)
        if not found:
            raise InputError(f"the chat template of {loaded.name} leaves earlier answers out. Use another model.")
        parts.append(part)
    first, *others = [*parts, text]
    begin = text_ids if loaded.tokenizer.chat_template is not None else bare_ids
    return [begin(loaded, first), *(text_ids(loaded, part) for part in others)]


def spans_of(
    loaded: LoadedModel, messages: Sequence[tuple[str, str]], *, more: bool = False
) -> tuple[list[int], list[tuple[int, int]], list[int]]:
    """A whole dialogue as the tokens that a model is given: (ids, where each message stands, what comes before it).

    messages : (role, text), roles `system`, `user` and `assistant`. Spans are (first, after the last) token of the
    message's own words; `before` is the last token before it, which an answer is written from, -1 where there is none.
    more : whether it ends where another answer is to begin.
    Raises InputError for an unknown role, an empty message, a control token in a text, a template that fails or
    changes a message, and a tokenizer that does not say where its tokens stand.
    """
    for role, text in messages:
        if role not in ROLES:
            raise InputError(f"role {role!r:.40} was given; {', '.join(ROLES)} are allowed.")
        check_text(loaded, text)
        if not text.strip():
            raise InputError(f"a message of the {role} is empty. Leave it out.")
    if not loaded.tokenizer.is_fast:
        raise InputError(f"the tokenizer of {loaded.name} does not say where its tokens stand in a text.")
    texts = [text.strip() for _, text in messages]
    marks = [_unused(f"message {k}", texts) for k in range(len(messages))]
    marked = [(role, mark) for (role, _), mark in zip(messages, marks, strict=True)]
    between, rest = [], _whole(loaded, marked, more)
    for (role, _), mark in zip(messages, marks, strict=True):
        part, found, rest = rest.partition(mark)
        if not found:
            raise InputError(f"the chat template of {loaded.name} leaves out a message of the {role}.")
        between.append(part)
    whole = ""
    places: list[tuple[int, int]] = []
    for part, own in zip(between, texts, strict=True):
        whole += part
        places.append((len(whole), len(whole) + len(own)))
        whole += own
    whole += rest
    if whole != _whole(loaded, [(role, own) for (role, _), own in zip(messages, texts, strict=True)], more):
        raise InputError(
            f"the chat template of {loaded.name} changes the messages, so that they cannot be found in it."
        )
    templated = loaded.tokenizer.chat_template is not None
    coded = loaded.tokenizer(whole, add_special_tokens=not templated, return_offsets_mapping=True, verbose=False)
    ids, ends = coded["input_ids"], [end for _, end in coded["offset_mapping"]]
    # What the tokenizer ends texts with stands nowhere in it.
    while ends and not ends[-1]:
        ids, ends = ids[:-1], ends[:-1]
    check_ids(loaded, ids, "the dialogue")
    spans: list[tuple[int, int]] = []
    before: list[int] = []
    for start, end in places:
        inside = [k for k, last in enumerate(ends) if start < last <= end]
        if not inside:
            raise InputError(f"a message leaves no token to read ({whole[start:end]!r:.40}).")
        spans.append((inside[0], inside[-1] + 1))
        before.append(inside[0] - 1)
    return ids, spans, before


def _whole(loaded: LoadedModel, messages: Sequence[tuple[str, str]], more: bool) -> str:
    """A dialogue that ends with its last message, or where another answer is to begin."""
    if loaded.tokenizer.chat_template is not None:
        return _rendered(loaded, [_said(role, text) for role, text in messages], more=more)
    names = {"user": f"{USER} ", "assistant": f"{ASSISTANT} ", "system": ""}
    # A blank line after the system prompt, as where an answer is to be written.
    lines = [f"{names[role]}{text}" + ("\n" if role == "system" else "") for role, text in messages]
    return "\n".join([*lines, ASSISTANT] if more else lines)


def _templated(loaded: LoadedModel, users: Sequence[str], answers: Sequence[str], system: str | None) -> str:
    messages = [] if system is None else [_said("system", system)]
    for k, text in enumerate(users):
        messages.append(_said("user", text))
        messages += [_said("assistant", answers[k])] if k < len(answers) else []
    return _rendered(loaded, messages)


def _transcript(_loaded: LoadedModel, users: Sequence[str], answers: Sequence[str], system: str | None) -> str:
    text = "" if system is None or not system.strip() else f"{system.strip()}\n\n"
    for k, said in enumerate(users):
        text += f"{USER} {said.strip()}\n{ASSISTANT}"
        text += f"{answers[k]}\n" if k < len(answers) else ""
    return text


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _rendered(loaded: LoadedModel, messages: list[dict[str, str]], *, more: bool = True) -> str:
    from jinja2.exceptions import TemplateError

    try:
        return loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=more, tokenize=False)
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError) as error:
        roles = ", ".join(dict.fromkeys(message["role"] for message in messages))
        raise InputError(f"the chat template of {loaded.name} fails on messages of {roles}: {error}.") from error


def _unused(name: str, texts: Sequence[str]) -> str:
    """A mark that stands in none of the texts."""
    mark = f"\ue000{name}\ue001"
    while any(mark in text for text in texts):
        mark = f"\ue000{mark}\ue001"
    return mark


def exact_tokens(loaded: LoadedModel, ids: Sequence[int]) -> list[tuple[str, bool]]:
    """(text, whether it is a control token) of every token that a model is given.

    A character whose bytes are spread over several tokens goes to the first of them, and the others are empty.
    """
    control, decode = control_tokens(loaded), loaded.tokenizer.decode
    out: list[tuple[str, bool]] = []
    at = 0
    while at < len(ids):
        text, n = decode([ids[at]]), 1
        while text.endswith(_UNFINISHED) and n < _MOST_PARTS and at + n < len(ids):
            n += 1
            text = decode(ids[at : at + n])
        # Bytes that never become a character are shown as what they are.
        n, text = (1, decode([ids[at]])) if text.endswith(_UNFINISHED) else (n, text)
        out += [(text, text in control), *[("", False)] * (n - 1)]
        at += n
    return out
