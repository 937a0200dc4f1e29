"""How a whole file becomes a damaged one, in bytes and in what it means. The same seed gives the same file."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

# Values that no field expects, as JSON writes them: absurd sizes, other kinds, text that is none, paths.
_ODD = (
    "null", "true", "-1", "0", "1e999", "-1e999", "NaN", "1" * 400, "1" * 19, "-0.0", "2.5", '""', '" "', "[]", "{}",
    "[[]]", '{"a": [1]}', '["a"]', "[1]", '"../../x"', '"/dev/zero"', '"a\\u0000b"', '"\\ud800"', '"<b>"',
    "[" * 3000 + "]" * 3000, '"' + "x" * 5000 + '"', "[" + "1," * 3000 + "1]",
)  # fmt: skip
# Bytes of a text that is not damaged within: the copies that this takes count as the reader's memory.
_LARGE = 16 << 20
_NUMBERS = (b"\xff" * 8, b"\0" * 8, struct.pack("<Q", 2**63), struct.pack("<q", -1), struct.pack("<I", 2**31), b"\x7f")


def damaged(whole: bytes, random: Random) -> bytes:
    """A file that is damaged in one to three ways."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        whole = random.choice(_ways(whole))(whole, random)
    return whole


def _ways(whole: bytes) -> list[Callable[[bytes, Random], bytes]]:
    ways: list[Callable[[bytes, Random], bytes]] = [_cut, _flip, _fill, _splice, _repeat]
    if whole[:2] == b"\x1f\x8b":
        return [_gzip] * 12 + ways
    if len(whole) > 8 and whole[8:9] == b"{":
        return [_header] * 12 + ways
    return [_document] * 5 + ways if whole[:1] in (b"{", b"[") else ways


def _cut(whole: bytes, random: Random) -> bytes:
    return whole[: random.randrange(len(whole) + 1)]


def _flip(whole: bytes, random: Random) -> bytes:
    found = bytearray(whole)
    for _ in range(random.choice((1, 2, 8))):
        if found:
            found[random.randrange(len(found))] ^= 1 << random.randrange(8)
    return bytes(found)


def _fill(whole: bytes, random: Random) -> bytes:
    at, n = random.randrange(len(whole) + 1), random.choice((1, 4, 8, 64, 1024))
    return whole[:at] + random.choice((b"\0", b"\xff", b"[", b"9", b"\x80")) * n + whole[at + n :]


def _splice(whole: bytes, random: Random) -> bytes:
    # Sizes stand at the beginning.
    at = random.randrange(min(len(whole), random.choice((16, 64, 512, 1 << 20))) + 1)
    number = random.choice(_NUMBERS)
    return whole[:at] + number + whole[at + len(number) * random.randrange(2) :]


def _repeat(whole: bytes, random: Random) -> bytes:
    at = random.randrange(len(whole) + 1)
    end = min(len(whole), at + random.choice((1, 8, 100)))
    return whole[:end] + whole[at:end] * random.choice((1, 50)) + whole[end:]


def _gzip(whole: bytes, random: Random) -> bytes:
    try:
        inner = gzip.decompress(whole)
    except (OSError, EOFError, zlib.error):
        return _flip(whole, random)
    if len(inner) > _LARGE:
        return _flip(whole, random)
    if random.randrange(60) == 0:
        # A bomb: 136 or 409 MB in a 230th of that.
        return gzip.compress(random.choice((b" ", b"[", b"[],")) * (130 << 20), 1)
    return gzip.compress(random.choice(_ways(inner))(inner, random), 1)


def _header(whole: bytes, random: Random) -> bytes:
    """Of safetensors: shapes, types and places of tensors, the numbers in them, and what ours say beside them."""
    size = int.from_bytes(whole[:8], "little")
    try:
        head = json.loads(whole[8 : 8 + size])
        inner = json.loads(head["__metadata__"]["emoviz"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return _splice(whole, random)
    data = whole[8 + size :]
    way = random.randrange(4)
    if way == 0:
        text = _changed(head, random)
    elif way == 1 and data:
        at = random.randrange(len(data))
        wrong = random.choice((b"\x00\x7c", b"\xff\xff", b"\x00\x00\x80\x7f", b"\x00\x00\xc0\x7f", b"\0\0\0\0"))
        data = data[:at] + wrong + data[at + len(wrong) :]
        text = json.dumps(head)
    else:
        head["__metadata__"]["emoviz"] = _changed(inner, random)
        text = json.dumps(head)
    packed = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(packed)) + packed + data


def _document(whole: bytes, random: Random) -> bytes:
    try:
        lines = [json.loads(line) for line in whole.decode().split("\n") if line] if b"\n{" in whole else None
        document = json.loads(whole) if lines is None else random.choice(lines)
    except (ValueError, RecursionError):
        return _flip(whole, random)
    text = _changed(document, random)
    if lines is not None:
        text = "\n".join(text if line is document else json.dumps(line) for line in lines)
    return text.encode("utf-8", "surrogatepass")


def _changed(document: Any, random: Random) -> str:
    """The document as JSON with one value changed, at any depth."""
    mark = "a value that is changed"
    holder, key = document, None
    places = []
    while isinstance(holder, (dict, list)) and holder:
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        places.append((holder, key))
        holder = holder[key]
    if not places:
        return random.choice(_ODD)
    # The outer ones are as likely as all others together.
    holder, key = random.choice(places)
    way, old = random.randrange(5), holder[key]
    if way == 0 and isinstance(holder, dict):
        del holder[key]
    elif way == 0:
        holder.insert(random.randrange(len(holder)), old)
    elif way == 1 and isinstance(holder, list):
        holder.pop(key)
    elif way == 1 and isinstance(old, list):
        holder[key] = old[: len(old) // 2]
    elif way == 2 and isinstance(holder, dict):
        holder[random.choice(list(holder))] = old
    else:
        holder[key] = mark
    return json.dumps(document).replace(json.dumps(mark), random.choice(_ODD))
