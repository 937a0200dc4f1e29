"""Where half-done extractions live, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError, not_writable
from ..store.folders import home
from ..store.kept import read_kept, write_kept
from ..store.making import discard, is_locked, lock_of, locked, sweep

# A variable: bytes that the work of a process may take. Bytes that are left to others on the disk.
MOST_WORK, _SPARE = "EMOVIZ_MOST_WORK", 5e8


@dataclass(frozen=True, slots=True)
class Arrays:
    """pooled : (L, n, D) float32; norms : (L, T) float32 over all content tokens; sums : (n,) uint32, the checksum of
    what was read of each text, 0 where it is not read; first : (n + 1,) where the tokens of each begin."""

    pooled: np.ndarray
    norms: np.ndarray
    sums: np.ndarray
    first: np.ndarray

    def tokens(self, text: int) -> slice:
        return slice(self.first[text], self.first[text + 1])

    def finish(self, text: int) -> None:
        """Says that all of a text is written."""
        self.sums[text] = self._sum(text)

    def done(self) -> np.ndarray:
        """(n,) which texts were read, and are as they were written."""
        found = self.sums != 0
        for text in np.flatnonzero(found).tolist():
            found[text] = self.sums[text] == self._sum(text)
        return found

    def _sum(self, text: int) -> int:
        states, norms = self.pooled[:, text], self.norms[:, self.tokens(text)]
        found = zlib.crc32(norms.tobytes(), zlib.crc32(states.tobytes()))
        return found if found else 1


def arrays(folder: Path | None, n_layers: int, width: int, tokens: np.ndarray) -> Arrays:
    """Arrays in memory, or in files of `folder`, where those of an earlier run are found again.

    What a killed process had written stays in the files: the states of a text are written before their checksum.
    tokens : (n,) content tokens of each text. Raises InputError if the disk cannot hold them.
    """
    first = np.concatenate([[0], np.cumsum(tokens)])
    n_texts = len(tokens)
    shapes = {"pooled": (n_layers, n_texts, width), "norms": (n_layers, int(first[-1])), "sums": (n_texts,)}
    types = {"pooled": np.float32, "norms": np.float32, "sums": np.uint32}
    if folder is None:
        return Arrays(**{name: np.zeros(shape, types[name]) for name, shape in shapes.items()}, first=first)
    sizes = {name: int(np.prod(shape)) * np.dtype(types[name]).itemsize for name, shape in shapes.items()}
    missing = {path: sizes[name] for name in shapes if _size(path := folder / f"{name}.bin") != sizes[name]}
    _check_room(folder, sum(sizes.values()), sum(missing.values()))
    for path, size in missing.items():
        _reserve(path, size)
    found = {}
    for name, shape in shapes.items():
        path = folder / f"{name}.bin"
        found[name] = np.memmap(path, types[name], "r+", shape=shape)
    return Arrays(**found, first=first)


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
        try:
            yield folder
        except BaseException:
            # A run that was refused has left nothing in it.
            with suppress(OSError):
                folder.rmdir()
            raise
        discard(folder)


def drop_work(name: str) -> None:
    """Removes what a run has left that was killed at its very end: its result is there."""
    folder = home() / "work" / name
    if folder.exists():
        # Of another process that has just made it, and is about to remove it itself.
        with suppress(InputError), work_folder(name):
            pass
    # It may have been killed while it removed the folder.
    sweep(folder)


def is_being_made(name: str) -> bool:
    """Whether a process is making the set of this name on this machine."""
    return is_locked(lock_of(home() / "work" / name))


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _check_room(folder: Path, size: int, more: int) -> None:
    """Raises InputError, before anything is taken, for states that leave no room for others on the disk, or that are
    more than whoever began the process lets it take. more : what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    free, most = shutil.disk_usage(folder).free, os.environ.get(MOST_WORK)
    if more > free - _SPARE:
        raise InputError(
            f"the states of these texts take {more / 1e9:.2f} GB while they are read; {free / 1e9:.2f} GB are free in "
            f"{folder.parent}, of which {_SPARE / 1e9:g} GB are left to others. Make room, or give fewer texts."
        )
    if most is not None and size > int(most):
        raise InputError(
            f"the states of these texts take {size / 1e9:.2f} GB while they are read; up to {int(most) / 1e9:g} GB are "
            "allowed on the page. Give fewer texts, or use emoviz extract."
        )


def kept(work: Path | None, name: str, make: Callable[[], list]) -> list:
    """What an earlier run has kept under this name, else what is made, kept for a later one."""
    if work is None:
        return make()
    path = work / f"{name}.json"
    found = read_kept(path)
    if found is None:
        found = make()
        write_kept(path, found)
    return found


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
