"""What exactly a model's weights are: the sha256 of their files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..store.stamps import remembered


def sha256(files: list[Path]) -> str:
    """The sha256 of the files' bytes, one after another.

    Hashing gigabytes at every load would take longer than loading them, so the result is remembered under the files'
    paths, sizes and times of change.
    """
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return remembered("digests", stats, lambda: _sha256(files))


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()
