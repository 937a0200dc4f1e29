"""What exactly a model's weights are: the sha256 of their files, read once and remembered."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..store.folders import home


def sha256(files: list[Path]) -> str:
    """The sha256 of the files' bytes, one after another.

    Hashing gigabytes at every load would take longer than loading them, so the result is remembered in the user's
    folder under the files' paths, sizes and times of change. Where that cannot be written, they are hashed every time.
    """
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    stamp = home() / "digests" / hashlib.sha256(repr(stats).encode()).hexdigest()
    try:
        return stamp.read_text("ascii")
    except OSError:
        digest = _sha256(files)
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        temporary = stamp.with_name(f".{stamp.name}.{os.getpid()}.part")
        temporary.write_text(digest, "ascii")
        temporary.replace(stamp)
    except OSError:
        pass
    return digest


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()
