"""What killed processes have left in the user's folder and among temporary files, and what of it is of no more use."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .folders import home
from .making import LOCK_SUFFIX, MAKING, SUFFIX, is_locked, lock_of, remove, temporary

HALF, LOCK, TEMPORARY = "half-written", "lock", "temporary files"
RUN, DOWNLOAD = "interrupted; the same command goes on with it", "interrupted; emoviz fetch goes on with it"
# What earlier versions were making has no lock: it is left when it has not changed for a day.
_OLD = re.compile(r"\.(converting|copying)-.*|\..+\.[0-9]+\.part|.+\.part-.*|emoviz-page-[a-z0-9_]{8}")
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Left:
    """path : a file or a folder. bytes : of all in it. seconds : since it changed. what : one of the kinds above.
    lock : what a process that comes to it takes; None of earlier versions."""

    path: Path
    bytes: int
    seconds: float
    what: str
    lock: Path | None

    @property
    def useless(self) -> bool:
        """Whether nothing goes on from it."""
        return self.what in (HALF, LOCK, TEMPORARY)


def left_behind() -> list[Left]:
    """All that is left, the largest first; nothing that a process is at."""
    found = []
    for path, what, lock in _left():
        # It may go while it is looked at.
        with suppress(OSError):
            inside = [one.lstat() for one in (path, *path.rglob("*"))]
            # A clock that was set back makes nothing younger than new.
            seconds = max(0.0, time.time() - max(one.st_mtime for one in inside))
            size = sum(one.st_size for one in inside[path.is_dir() :])
            if lock is not None or seconds > _DAY:
                found.append(Left(path, size, seconds, what, lock))
    return sorted(found, key=lambda left: (-left.bytes, left.path))


def remove_useless(left: Left) -> bool:
    """Removes what nothing goes on from; whether it did, since a process may have come to it."""
    if not left.useless:
        return False
    if left.lock is not None:
        return remove(left.path, left.lock)
    with suppress(OSError):
        shutil.rmtree(left.path) if left.path.is_dir() else left.path.unlink()
    return not left.path.exists()


def _left() -> Iterator[tuple[Path, str, Path | None]]:
    """Each with its kind and its lock."""
    inside = (path for part in (home(), *_inside(home())) for path in _inside(part))
    for path in (*temporary().glob(f".emoviz.*{SUFFIX}"), *temporary().glob("emoviz-page-*"), *inside):
        what, lock = _kind(path)
        if what and not (lock is not None and is_locked(lock)):
            yield path, what, lock


def _inside(folder: Path) -> list[Path]:
    """All that lies in a folder; nothing where nobody may look, or where it is none."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _kind(path: Path) -> tuple[str, Path | None]:
    """What is left and its lock; an empty kind of what is there to stay."""
    name = path.name
    made = TEMPORARY if path.parent == temporary() else HALF
    if MAKING.fullmatch(name):
        return made, lock_of(path)
    if _OLD.fullmatch(name):
        return made, None
    if name.endswith(LOCK_SUFFIX):
        return LOCK, path
    if path.parent.name == "work":
        return RUN, lock_of(path)
    if path.parent.name == "models" and name.endswith(SUFFIX):
        return DOWNLOAD, lock_of(path.with_name(name.removesuffix(SUFFIX)))
    return "", None
