"""Sweeps: the jobs of a plan, one at a time on every device of this machine, or on the machines of a Ray cluster.

A job whose set is there is not run again, one that was killed goes on where it stopped, and one that fails does not
stop the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from ...errors import InputError
from ...store import sets_folder, shipped_folder
from ...store.copies import opened, stored
from ...store.sweeps import at_work
from ...store.tensors import SUFFIX
from ...types import Job, JobResult, Plan, Sweep
from ...types.sweeps import DONE, FAILED, THERE
from ...words import visible
from .board import Board
from .here import Here
from .jobs import Needs
from .plan import plan_of


class Machines(Protocol):
    """Where jobs run: `Here`, or a `Cluster`."""

    def needs(self, job: Job) -> Needs: ...

    def run(self, jobs: Mapping[int, Needs], board: Board) -> None: ...


def sweep(
    plan: Plan | Mapping | Path | str,
    *,
    ray: str | None = None,
    store: str | None = None,
    dry_run: bool = False,
    progress: bool | Callable[[JobResult], None] = True,
) -> Sweep:
    """Makes every vector set of a plan that is not there yet, one at a time on every device.

    plan : the path of a YAML file, or what such a file holds as a dictionary; docs/guides/sweep.md describes it.
    ray : host:port of a Ray cluster, on whose machines the jobs run instead; it needs a store.
    store : the URL of a store that the sets are put to (docs/stores.md); None for the user's own folder.
    dry_run : whether it only says what would be run; nothing is written.
    progress : True prints a line as every job ends, False is silent; or a function of a JobResult.
    Returns : Sweep, with one result of each job, in the order of the plan.
    Raises  : InputError, before anything runs, for a plan that cannot be run, a cluster or a store that does not
        answer, and where another process runs a sweep of this name. A job that fails raises nothing.

    >>> import emoviz as ez
    >>> plan = {"name": "shipped", "models": ["SmolLM2-135M-Instruct"], "protocols": ["emoviz", "jeong2026b"]}
    >>> ez.sweep(plan, progress=False)
    Sweep('shipped': 2 there)
    """
    found = plan_of(plan)
    show = _Lines(len(found.jobs)) if progress is True else (lambda result: None) if progress is False else progress
    if ray is not None and store is None:
        raise InputError(f"a Ray cluster ({ray}) was given without a store. Name one that all its machines reach.")
    there = _in_folders if store is None else _in_store(store)
    board = Board(found, store, show, kept=not dry_run)
    with nullcontext() if dry_run else at_work(found.name), _machines(ray, store) as machines:
        # What an earlier run has left is no more.
        board.save()
        jobs = {}
        for k, job in enumerate(found.jobs):
            try:
                needs = machines.needs(job)
            except InputError as error:
                board.known(k, FAILED, error=str(error))
                continue
            if needs.set is not None and there(needs.set):
                board.known(k, THERE, needs.set)
            else:
                jobs[k] = needs
        if not dry_run:
            try:
                machines.run(jobs, board)
            finally:
                board.close()
    return board.sweep()


def _machines(ray: str | None, store: str | None) -> AbstractContextManager[Machines]:
    if ray is None or store is None:
        return nullcontext(Here(store))
    # Ray is there where it was asked for.
    from .on_ray import cluster

    return cluster(ray, store)


def _in_folders(name: str) -> bool:
    return any((folder / f"{name}{SUFFIX}").exists() for folder in (shipped_folder(), sets_folder()))


def _in_store(url: str) -> Callable[[str], bool]:
    """Whether a store has the set of a name. Raises InputError if it cannot be reached."""
    store = opened(url)
    return lambda name: stored(store, name) is not None


class _Lines:
    """A line as every job ends."""

    def __init__(self, n: int) -> None:
        self._n, self._done = n, 0

    def __call__(self, result: JobResult) -> None:
        self._done += 1
        count = f"{self._done:>{len(str(self._n))}} of {self._n}"
        took = f"{result.seconds:8.1f} s  {result.node:<8}" if result.status == DONE else ""
        why = f": {result.error}" if result.error else ""
        print(f"{count}  {result.status:<6}  {took:<20}  {visible(result.job.name + why)}", file=sys.stderr, flush=True)
