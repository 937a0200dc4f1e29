"""What a process is making, told from what a killed one has left.

Whatever is made is made in a folder `.NAME.1f2e3d4c.part` beside its place, with a lock in it that ends with its
process, however that ends. So a folder whose lock is free is made by nobody, which neither its age nor the number of a
process tells.
"""

from __future__ import annotations

import atexit
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InputError, not_writable

SUFFIX, LOCK_SUFFIX = ".part", ".lock"
MAKING = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)
_DIGITS = "[0-9a-f]" * 8
# Of the beginning of a name: most file systems take 255 bytes in all.
_BYTES = 200
# Whoever only looks whether a lock is held, holds it for a moment.
_LOOK_SECONDS = 0.5


@contextmanager
def being_made(path: Path) -> Iterator[Path]:
    """A folder beside `path` for what shall take its place; removed at the end, with what was not moved away.

    What killed processes have left of the same is removed first. Raises OSError as the disk does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in _made(path):
        remove(left, lock_of(left))
    while True:
        folder = _new(path)
        # What is made is nobody else's before it is there, and what visitors send to a page never is.
        folder.mkdir(0o700)
        lock = FileLock(lock_of(folder))
        try:
            lock.acquire()
            break
        # The latter where it goes while the lock looks for it.
        except (FileNotFoundError, FileExistsError):
            # Somebody has found it without its lock, and taken it for left behind.
            continue
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def scratch_folder() -> AbstractContextManager[Path]:
    """A folder among the temporary ones of the system, for files that are needed for a moment."""
    return being_made(temporary() / "emoviz")


def lasting_scratch_folder() -> Path:
    """As `scratch_folder`, until this process ends."""
    until = ExitStack()
    atexit.register(until.close)
    return until.enter_context(scratch_folder())


def temporary() -> Path:
    """Where the system keeps what is temporary."""
    return Path(tempfile.gettempdir())


def _new(path: Path) -> Path:
    return path.with_name(f".{_beginning(path)}.{secrets.token_hex(4)}{SUFFIX}")


def sweep(path: Path) -> None:
    """Removes what killed processes have left of a path that is there: what they were making, and their lock."""
    for left in _made(path):
        remove(left, lock_of(left))
    if lock_of(path).exists():
        remove(lock_of(path), lock_of(path))


def sweep_folder(folder: Path) -> None:
    """Removes all that killed processes were making in a folder."""
    for left in folder.glob(f".*.{_DIGITS}{SUFFIX}"):
        remove(left, lock_of(left))


def _made(path: Path) -> list[Path]:
    """The folders in which it is being made, or was."""
    return list(path.parent.glob(f".{escape(_beginning(path))}.{_DIGITS}{SUFFIX}"))


def _beginning(path: Path) -> str:
    return path.name.encode()[:_BYTES].decode(errors="ignore")


def lock_of(path: Path) -> Path:
    """The lock of what is being made, inside it; of anything else beside it."""
    inside = MAKING.fullmatch(path.name)
    return path / f"making{LOCK_SUFFIX}" if inside else path.with_name(f"{path.name}{LOCK_SUFFIX}")


@contextmanager
def locked(path: Path, *, busy: str = "") -> Iterator[None]:
    """Inside, a path is this process's alone; what killed processes have left of it is removed.

    busy : how the InputError begins that is raised where another process has it; without it, that one is waited for.
    Raises InputError if the folder cannot be written, too.
    """
    lock = FileLock(lock_of(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_LOOK_SECONDS if busy else -1)
    except Timeout:
        raise InputError(f"{busy} by another process. Wait for it, or stop it.") from None
    except OSError as error:
        raise not_writable(path.parent, error) from error
    try:
        for left in _made(path):
            remove(left, lock_of(left))
        yield
    finally:
        # While it is held: whoever waits for it sees that the file is gone, and makes another.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def discard(folder: Path) -> None:
    """Removes a folder that is this process's, at once for whoever looks for it."""
    away = _new(folder)
    folder.rename(away)
    shutil.rmtree(away, ignore_errors=True)


def is_locked(lock: Path) -> bool:
    """Whether a process holds a lock, or nobody can tell."""
    try:
        if not lock.exists():
            return False
        with FileLock(lock).acquire(timeout=0):
            return False
    # The latter where it is another user's.
    except (Timeout, OSError):
        return True


def remove(path: Path, lock: Path) -> bool:
    """Removes a file or a folder whose lock no process has; whether it did."""
    try:
        with FileLock(lock).acquire(timeout=0):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except (Timeout, OSError):
        return False
    return True
