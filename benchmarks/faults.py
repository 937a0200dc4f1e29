"""Jobs whose machine fails them: what they say, and what is lost.

Each must end as undisturbed, or with exit code 2 and one line. What was there before stays as it was, and once the
fault is over, the job ends with what it gives undisturbed.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .kills import JOBS, SEED, Place, begun, counted, forked, made_place, state

_NOBODY, _FILE_BYTES = 65534, 2048
# Of a path; and what is left of it to files in the folder.
_PATH, _SPARE = 4096, 50
# What a job writes to.
_FOLDERS = ("home", "out")
DONE, LINE, WRONG = "done", "one line", "wrong"
# What happens to a job that runs, from one of the changes that it makes on; how it ended.
Fault = Callable[[Place, Callable[[], object], int], str]


def faults(kinds: Sequence[str] = tuple(JOBS), tries: int = 1, names: Sequence[str] | None = None) -> dict:
    """Of each kind of job and fault: how often the job ended as undisturbed, with one line, or otherwise.

    names : of the faults; None for all.
    """
    import torch

    from emoviz.commands.printing import table

    # As in `kills`.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = made_place(Path(folder))
        # Nobody may read what is given.
        place.folder.chmod(0o755)
        happening = FAULTS if names is None else {name: FAULTS[name] for name in names}
        rows = [row for kind in kinds for row in _failed(place, kind, tries, happening)]
    rows.append({"kind": "all", "fault": "", **{name: sum(row[name] for row in rows) for name in (DONE, LINE, WRONG)}})
    print(table(rows), file=sys.stderr)
    return {"seed": SEED, "rows": rows}


def _failed(place: Place, kind: str, tries: int, happening: Mapping[str, Fault]) -> list[dict[str, Any]]:
    run = begun(place, kind)
    before = state(place.now)
    changes, undisturbed = counted(place, run), state(place.now)
    earlier = {path: one for path, one in before.items() if undisturbed.get(path) == one}
    rng = np.random.default_rng([SEED, *kind.encode()])
    rows = []
    for fault, happen in happening.items():
        row: dict[str, Any] = {"kind": kind, "fault": fault, DONE: 0, LINE: 0, WRONG: 0}
        for _ in range(tries):
            place.anew()
            outcome = happen(place, run, int(rng.integers(1, changes + 1)))
            if (place.now / "home").is_dir():
                found = state(place.now)
                kept = all(found.get(path) == one for path, one in earlier.items())
            else:
                place.anew()
                kept = True
            healed = forked(place, run, said="healed") == 0
            found = state(place.now)
            healed = healed and all(found.get(path) == one for path, one in undisturbed.items())
            row[outcome if kept and healed else WRONG] += 1
            if outcome == WRONG or not kept or not healed:
                said = (place.folder / "said").read_text() + (place.folder / "healed").read_text()
                print(f"{outcome}, kept {kept}, healed {healed}\n{said[-3000:]}", file=sys.stderr)
        ends = ", ".join(f"{row[name]} {name}" for name in (DONE, LINE, WRONG))
        print(f"{kind}, {fault}: {ends}", file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def _outcome(place: Place, code: int, said: str = "said") -> str:
    lines = (place.folder / said).read_text().strip().splitlines()
    if code == 0:
        return DONE
    if not lines or any("Traceback" in one for one in lines):
        return WRONG
    # A sweep goes on after a job that failed, and has a line for each.
    told = lines[-1].startswith("emoviz: ") if code == 2 else code == 1 and lines[-1].endswith(" failed")
    return LINE if told else WRONG


def _full(place: Place, run: Callable[[], object], at: int) -> str:
    """From a random change on nothing more can be made on the disk."""

    def look(change: int, event: str, path: object) -> None:
        if change >= at and event in ("open", "os.mkdir") and str(path).startswith(str(place.now)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    return _outcome(place, forked(place, run, look=look))


def _small(place: Place, run: Callable[[], object], _at: int) -> str:
    """No file can grow beyond a few bytes."""

    def limited() -> None:
        # What it says goes to a file too.
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, resource.RLIM_INFINITY))
        run()

    return _outcome(place, forked(place, limited))


def _closed(mode: int, place: Place, run: Callable[[], object], _at: int) -> str:
    """The folder is another user's, who lets nobody write, or look."""

    def as_nobody() -> None:
        # Where Python lies nobody may look: once as usual, so that all is imported.
        run()
        place.anew()
        for name in _FOLDERS:
            (place.now / name).chmod(mode)
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
        run()

    outcome = _outcome(place, forked(place, as_nobody))
    for name in _FOLDERS:
        (place.now / name).chmod(0o755)
    return outcome


def _deleted(place: Place, run: Callable[[], object], at: int) -> str:
    """Somebody deletes the folders while it runs."""

    def look(change: int, _event: str, _path: object) -> None:
        if change == at:
            for name in _FOLDERS:
                shutil.rmtree(place.now / name, ignore_errors=True)

    outcome = _outcome(place, forked(place, run, look=look))
    shutil.rmtree(place.now / "home", ignore_errors=True)
    return outcome


def _elsewhere(place: Place, run: Callable[[], object], home: Path) -> str:
    """The folder of the user is another one."""

    def there() -> None:
        os.environ["EMOVIZ_HOME"] = str(home)
        run()

    return _outcome(place, forked(place, there))


def _file(place: Place, run: Callable[[], object], _at: int) -> str:
    """There is a file where the folder should be."""
    home = place.folder / "file"
    home.write_bytes(b"")
    return _elsewhere(place, run, home)


def _long(place: Place, run: Callable[[], object], _at: int) -> str:
    """The folder lies so deep that the paths of its files are longer than the system takes."""
    own, deep = place.now / "home", place.folder / "deep"
    while len(str(deep)) + 202 < _PATH - _SPARE:
        deep /= "d" * 200
    deep /= "d" * (_PATH - _SPARE - len(str(deep)) - 1)
    deep.parent.mkdir(parents=True, exist_ok=True)
    own.rename(deep)
    outcome = _elsewhere(place, run, deep)
    deep.rename(own)
    return outcome


def _clock(place: Place, run: Callable[[], object], _at: int) -> str:
    """The clock is set back, again and again, and all files are of tomorrow."""
    tomorrow = time.time() + 86_400

    def back() -> None:
        first = time.time()
        time.time = lambda: first - time.monotonic()
        run()

    for path in place.now.rglob("*"):
        os.utime(path, (tomorrow, tomorrow))
    return _outcome(place, forked(place, back))


def _twice(place: Place, run: Callable[[], object], _at: int) -> str:
    """Two processes do the same at once."""
    first = forked(place, run, said="first", wait=False)
    second = _outcome(place, forked(place, run))
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    both = (_outcome(place, code, "first"), second)
    return WRONG if DONE not in both or WRONG in both else DONE


FAULTS: dict[str, Fault] = {
    "full disk": _full,
    "no file may grow": _small,
    "read-only": partial(_closed, 0o555),
    "closed": partial(_closed, 0o000),
    "deleted in mid-run": _deleted,
    "a file in its place": _file,
    "path too long": _long,
    "clock set back": _clock,
    "two at once": _twice,
}
