"""Dialogues from files: a message a line, in the usual JSON of chat logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError

# What logs call who speaks, and what was said.
ROLE_KEYS, TEXT_KEYS = ("role", "speaker", "from"), ("content", "text", "value")
_ROLES = {"human": "user", "prompter": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
# Bytes of a dialogue; no model reads more.
_MOST = 4 * 2**20


def load_dialogue(path: Path | str) -> list[tuple[str, str]]:
    """(role, text) of every message of a .jsonl file: one object a line, or one object with a list of `messages`.

    Keys: role, speaker or from; content, text or value. Roles user (human), assistant (gpt, bot, model), system.
    Raises InputError for a file that cannot be read, a line that is none of this (named), and a file without messages.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
        if len(content) > _MOST:
            raise InputError(f"{path} has more than {_MOST // 2**20} MB; a dialogue of that length fits no model.")
        lines = content.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 text ({getattr(error, 'strerror', None) or error})."
        ) from error
    messages: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _object(path, number, line)
            many = row.get("messages") or row.get("conversations")
            messages += (
                [_message(path, number, one) for one in many]
                if isinstance(many, list)
                else [_message(path, number, row)]
            )
    if not messages:
        raise InputError(f"{path} holds no message.")
    return messages


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}, line {number} is not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number} is no object with a role and a text.")
    return row


def _message(path: Path, number: int, row: Any) -> tuple[str, str]:
    found = [
        next((row[key] for key in keys if isinstance(row, dict) and isinstance(row.get(key), str)), None)
        for keys in (ROLE_KEYS, TEXT_KEYS)
    ]
    role, text = found
    if role is None or text is None:
        missing, keys = ("role", ROLE_KEYS) if role is None else ("text", TEXT_KEYS)
        raise InputError(f"{path}, line {number} has no {missing}; {', '.join(keys)} are looked for.")
    role = role.strip().lower()
    return _ROLES.get(role, role), text
