"""Where half-done extractions live, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError, not_writable
from ..store.folders import home
from ..store.making import discard, is_locked, lock_of, locked


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
    folder = home() / "work" / name
    with locked(folder, busy=f"{name} is being made"):
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise not_writable(folder, error) from error
        yield folder
        discard(folder)


def drop_work(name: str) -> None:
    """Removes what a run has left that was killed at its very end: its result is there."""
    if (home() / "work" / name).exists():
        # Of another process that has just made it, and is about to remove it itself.
        with suppress(InputError), work_folder(name):
            pass


def is_being_made(name: str) -> bool:
    """Whether a process is making the set of this name on this machine."""
    return is_locked(lock_of(home() / "work" / name))


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
