"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ..errors import not_writable
from .making import being_made, sweep_folder


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes through a temporary file in the same folder, so that a reader sees the old file or the new one, never
    half.

    Raises InputError if it cannot be written.
    """
    all_atomically({path: write})


def all_atomically(files: Mapping[Path, Callable[[Path], object]]) -> None:
    """Several files as `atomically`: all are written before the first takes its place."""
    with ExitStack() as places:
        for path, write in files.items():
            write(places.enter_context(_placed(path)))


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """A temporary file that takes its place when all has gone well."""
    try:
        with being_made(path) as folder:
            temporary = folder / path.name
            yield temporary
            # safetensors writes for the owner alone; a shared folder is shared by the umask's word.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise not_writable(path, error) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole. Raises InputError if it cannot be written."""
    atomically(path, lambda temporary: temporary.write_bytes(content))


def check_writable(folder: Path) -> None:
    """Raises InputError if a file could not be written into the folder, so that this is known before it is made.

    What killed processes were making in it is removed.
    """
    try:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with being_made(existing / "probe"):
            sweep_folder(existing)
    except OSError as error:
        raise not_writable(folder, error) from error
