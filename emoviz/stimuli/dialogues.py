"""Dialogues as text: a message a line, in the usual JSON of chat logs, or with who speaks before each."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import content, why
from .files import MARK

# What logs call who speaks, and what was said.
ROLE_KEYS, TEXT_KEYS = ("role", "speaker", "from"), ("content", "text", "value")
# A line on which somebody begins to speak.
_SPEAKS = re.compile(r"\s*([A-Za-z]+)\s*:\s*(.*)", re.DOTALL)
_ROLES = {"human": "user", "prompter": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
_ROLES |= {role: role for role in ("user", "assistant", "system")}
# Bytes of a dialogue; no model reads more.
_MOST = 4 * 2**20


def load_dialogue(path: Path | str) -> list[tuple[str, str]]:
    """(role, text) of every message of a file, as `parse_dialogue` reads it.

    Raises InputError for a file that cannot be read, and as `parse_dialogue`.
    """
    path = Path(path)
    try:
        text = content(path, _MOST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 text ({why(error)}). Give a dialogue of up to {_MOST // 2**20} MB."
        ) from error
    return parse_dialogue(text, f"{path}")


@cache
def neutral_exchanges() -> tuple[tuple[str, str], ...]:
    """The shipped questions of a user and answers to them in which nothing is felt; what dialogues are read against."""
    messages = load_dialogue(Path(__file__).parent / "data" / "neutral_exchanges.txt")
    return tuple((asked, told) for (_, asked), (_, told) in zip(messages[::2], messages[1::2], strict=True))


def parse_dialogue(text: str, name: str = "the dialogue") -> list[tuple[str, str]]:
    """(role, text) of every message.

    As JSON lines: one object each, or one with a list of `messages`; keys role, speaker or from, and content, text or
    value. Or with who speaks before each message, `User: Hello.`; lines that name nobody go on with the message before.
    Roles user (human), assistant (gpt, bot, model), system.
    Raises InputError for a line that is none of this (named), and where there is no message. name : what it says then.
    """
    lines = [(number, line.removeprefix(MARK)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise InputError(f"{name} holds no message.")
    if not lines[0][1].lstrip().startswith(("{", "[")):
        return _spoken(name, lines)
    messages: list[tuple[str, str]] = []
    for number, line in lines:
        row = _object(name, number, line)
        many = row.get("messages") or row.get("conversations")
        messages += (
            [_message(name, number, one) for one in many] if isinstance(many, list) else [_message(name, number, row)]
        )
    return messages


def _spoken(name: str, lines: list[tuple[int, str]]) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    for number, line in lines:
        found = _SPEAKS.fullmatch(line)
        role = None if found is None else _ROLES.get(found[1].lower())
        if found is not None and role is not None:
            messages.append((role, found[2].strip()))
        elif messages:
            last, said = messages[-1]
            messages[-1] = (last, f"{said}\n{line.strip()}")
        else:
            raise InputError(
                f"{name}, line {number} names nobody who speaks: {line.strip()[:40]!r}. Begin each message with User:, "
                "Assistant: or System:."
            )
    return messages


def _object(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}, line {number} is not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise InputError(f"{name}, line {number} is no object with a role and a text.")
    return row


def _message(name: str, number: int, row: Any) -> tuple[str, str]:
    found = [
        next((row[key] for key in keys if isinstance(row, dict) and isinstance(row.get(key), str)), None)
        for keys in (ROLE_KEYS, TEXT_KEYS)
    ]
    role, text = found
    if role is None or text is None:
        missing, keys = ("role", ROLE_KEYS) if role is None else ("text", TEXT_KEYS)
        raise InputError(f"{name}, line {number} has no {missing}; {', '.join(keys)} are looked for.")
    role = role.strip().lower()
    return _ROLES.get(role, role), text
