"""Reading texts to be judged (JSONL: text, optional prompt)."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError
from .files import read_text

_LINE_FORM = '{"text": "...", "prompt": "..."}'


def load_texts(path: Path | str) -> list[tuple[str, str | None]]:
    """(text, prompt) per line, the prompt None where a line has none; a text may be empty.

    Raises InputError for a missing, empty or broken file, and for a line without a text.
    """
    raw = read_text(Path(path), "a JSONL file of texts is", path)
    lines = [(f"{path}, line {number}", line) for number, line in enumerate(raw.split("\n"), 1) if line.strip()]
    if not lines:
        raise InputError(f"{path} holds no texts. It needs one JSON object a line: {_LINE_FORM}.")
    return [_text(line, where) for where, line in lines]


def _text(line: str, where: str) -> tuple[str, str | None]:
    try:
        row = json.loads(line)
        # Half of a surrogate pair can be escaped in JSON, but is no text.
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON. Write it as {_LINE_FORM}.") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise InputError(f"{where} has no 'text', or one that is no text. Write it as {_LINE_FORM}.")
    prompt = row.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        raise InputError(f"{where} has a prompt that is not text. Leave it out, or write it as {_LINE_FORM}.")
    return row["text"], prompt
