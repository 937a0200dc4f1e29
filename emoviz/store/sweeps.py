"""Sweeps on disk: one gzip JSON file each, written anew whenever a job begins or ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..types import Job, JobResult, Sweep
from ..types.sweeps import DONE, FAILED, RUNNING, THERE, WAITING, job_row
from .fields import check_facts, check_fields
from .folders import sweeps_folder
from .jsonable import plain
from .making import is_locked, lock_of, locked
from .packed import check_form, list_packed, read_packed, write_packed

SUFFIX = ".sweep.json.gz"
FORMAT, SCHEMA_VERSION = "emoviz sweep", 1


def save_sweep(sweep: Sweep) -> None:
    """Writes a sweep atomically, where `list_sweeps` finds it. Raises InputError if it cannot be written."""
    # What only its tables have shortened is kept in full.
    jobs = [
        {**job_row(one), "seconds": one.seconds, "origin": one.job.origin, "options": one.job.options}
        for one in sweep.results
    ]
    found = {"name": sweep.name, "begun": sweep.begun.isoformat(), "store": sweep.store, "jobs": jobs}
    text = json.dumps({"format": FORMAT, "schema_version": SCHEMA_VERSION, **plain(found)}, ensure_ascii=False)
    write_packed(sweeps_folder() / f"{sweep.name}{SUFFIX}", text)


def load_sweep(path: Path, *, shipped: bool = False) -> Sweep:
    """A sweep from its file, and whether a process is at it. Raises InputError if the file is missing or damaged."""
    name = path.name.removesuffix(SUFFIX)
    found = read_packed(path, lambda data: _sweep(data, name), "a sweep", "Run emoviz sweep again")
    return replace(found, running=is_locked(lock_of(sweeps_folder() / found.name)))


def list_sweeps() -> list[Sweep]:
    """The sweeps that were run on this machine, or are being run, the newest first.

    A damaged file is logged and left out.

    >>> import emoviz as ez
    >>> all(sweep.counts for sweep in ez.list_sweeps())
    True
    """
    found = list_packed([(sweeps_folder(), False)], f"*{SUFFIX}", load_sweep)
    return sorted(found.values(), key=lambda sweep: sweep.begun, reverse=True)


@contextmanager
def at_work(name: str) -> Iterator[None]:
    """Inside, the sweep of this name is this process's alone. Raises InputError if another is at it."""
    with locked(sweeps_folder() / name, busy=f"sweep {name} is being run"):
        yield


def _sweep(data: Mapping, name: str) -> Sweep:
    check_form(data, FORMAT, SCHEMA_VERSION)
    results = tuple(
        JobResult(
            Job(row["model"], row["origin"], row["protocol"], row["precision"], row["corpus"], dict(row["options"])),
            *(row[name] for name in ("status", "set", "seconds", "node", "error")),
        )
        for row in data["jobs"]
    )
    found = Sweep(data["name"], results, datetime.fromisoformat(data["begun"]), store=data["store"])
    check_fields(found)
    check_facts(
        {
            # A lock is called by it.
            "it is another than its name says": found.name == name,
            "it does not say in what zone it was begun": found.begun.tzinfo is not None,
            "a status is unknown": {one.status for one in results} <= {WAITING, RUNNING, DONE, THERE, FAILED},
        }
    )
    return found
