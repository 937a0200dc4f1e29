"""Where half-done extractions live, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..store.folders import home


@dataclass(frozen=True, slots=True)
class Arrays:
    """pooled : (L, n, D) float32; norms : (L, T) float32 over all content tokens; done : (n,) which texts are read."""

    pooled: np.ndarray
    norms: np.ndarray
    done: np.ndarray


def arrays(folder: Path | None, n_layers: int, n_texts: int, width: int, n_tokens: int) -> Arrays:
    """Arrays in memory, or in files of `folder`, where those of an earlier run are found again.

    What a killed process had written stays in the files: the states of a text are written before its `done` mark.
    Raises InputError if the disk cannot hold them.
    """
    shapes = {"pooled": (n_layers, n_texts, width), "norms": (n_layers, n_tokens), "done": (n_texts,)}
    types = {"pooled": np.float32, "norms": np.float32, "done": bool}
    if folder is None:
        return Arrays(**{name: np.zeros(shape, types[name]) for name, shape in shapes.items()})
    found = {}
    for name, shape in shapes.items():
        path = folder / f"{name}.bin"
        size = int(np.prod(shape)) * np.dtype(types[name]).itemsize
        if not path.exists() or path.stat().st_size != size:
            _reserve(path, size)
        found[name] = np.memmap(path, types[name], "r+", shape=shape)
    return Arrays(**found)


@contextmanager
def work_folder(name: str) -> Iterator[Path]:
    """The folder of one set's half-done extraction, for one process at a time; removed when the block ends well.

    Raises InputError if another process is making the same set, or the folder cannot be made.
    """
    from filelock import FileLock, Timeout

    folder = home() / "work" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}). Set EMOVIZ_HOME to a folder that can be written to."
        ) from error
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{name} is being made by another process. Wait for it, or stop it.") from None
    try:
        yield folder
        shutil.rmtree(folder)
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def is_being_made(name: str) -> bool:
    """Whether a process is making the set of this name on this machine."""
    from filelock import FileLock, Timeout

    path = home() / "work" / f"{name}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _reserve(path: Path, size: int) -> None:
    """Takes the space at once: a mapped file that meets a full disk later would kill the process without a word."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate") and size:
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(
            f"{path.parent} cannot hold the {size / 1e9:.2f} GB that this extraction needs ({error.strerror}). Make "
            "room, or set EMOVIZ_HOME to another disk."
        ) from error
