"""The header of a GGUF file, of vectors or of a model, read without believing what it says of its sizes."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...errors import InputError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Of all arrays of the metadata: the largest vocabularies have 1.3 million tokens, scores, kinds and merges together.
_MOST_VALUES = 1 << 22


class Cursor:
    """Where the file is read; never beyond its end, whatever it says.

    refuse : makes the error of a clause on what is wrong.
    """

    def __init__(self, content: mmap.mmap, size: int, refuse: Callable[[str], InputError]) -> None:
        self.content, self.size, self.refuse = content, size, refuse
        self.at = self.values = 0

    def counts(self) -> tuple[int, int]:
        """How many tensors and keys the file says that it has, at its beginning."""
        if self.size < 24 or self.take(4) != b"GGUF":
            raise self.refuse("it is no GGUF file. Give a file that a tool wrote.")
        version = self.number("I")
        if version not in (2, 3):
            raise self.refuse(f"it is GGUF of version {version}; versions 2 and 3, little-endian, are read.")
        return self.number("Q"), self.number("Q")

    def metadata(self, n_keys: int) -> Iterator[tuple[str, int, Any]]:
        """Key, kind and value of each; of an array only how long it is."""
        seen = set()
        for _ in range(n_keys):
            key, kind = self.text(), self.number("I")
            if key in seen:
                raise self.refuse(f"its metadata has {key!r:.60} twice. Write it again.")
            seen.add(key)
            yield key, kind, self._value(kind)

    def tensor(self) -> tuple[str, list[int], int, int]:
        """Name, shape, type and offset of a tensor."""
        name, n_dims = self.text(), self.number("I")
        if n_dims > 4:
            raise self.refuse(f"{name!r:.60} has {n_dims} dimensions; tensors have four at most.")
        return name, [self.number("Q") for _ in range(n_dims)], self.number("I"), self.number("Q")

    def data(self, values: Mapping[str, Any]) -> int:
        """Where the data begin, behind what was read."""
        alignment = values.get("general.alignment", 32)
        if type(alignment) is not int or not 1 <= alignment <= 1 << 16:
            raise self.refuse(f"its alignment is {alignment!r:.20}.")
        return -(-self.at // alignment) * alignment

    def skip(self, size: int) -> int:
        """Where these bytes begin."""
        at = self.at
        if size < 0 or size > self.size - at:
            raise self.refuse(f"it ends before what it says at byte {at:,}. Get or write it again.")
        self.at = at + size
        return at

    def take(self, size: int) -> bytes:
        at = self.skip(size)
        return self.content[at : at + size]

    def number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]

    def text(self) -> str:
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        """A value of the metadata; of an array only how long it is."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise self.refuse(f"its metadata has a value of type {kind}, which GGUF does not have.")
        inner, length = self.number("I"), self.number("Q")
        if inner not in _SCALARS and inner != _STRING:
            raise self.refuse(f"its metadata has an array of type {inner}, which no tool writes.")
        # A text takes the eight bytes of its length at least.
        at = self.skip(length * struct.calcsize(_SCALARS.get(inner, "Q")))
        self.values += length
        if self.values > _MOST_VALUES:
            raise self.refuse(f"its metadata has arrays of more than {_MOST_VALUES:,} values, which no vocabulary has.")
        if inner == _STRING:
            self.at = at
            for _ in range(length):
                self.skip(self.number("Q"))
        return f"array of {length}"
