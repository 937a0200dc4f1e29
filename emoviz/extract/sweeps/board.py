"""What has become of every job of a sweep so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ...store.sweeps import save_sweep
from ...types import JobResult, Plan, Sweep
from ...types.sweeps import RUNNING

# How often it is written how long the running jobs have run.
_EVERY_SECONDS = 2.0


class Board:
    """What has become of every job so far, written where the page finds it."""

    def __init__(self, plan: Plan, store: str | None, show: Callable[[JobResult], None], kept: bool) -> None:
        self.jobs = plan.jobs
        self._name, self._store, self._show, self._kept = plan.name, store, show, kept
        self._results = [JobResult(job) for job in plan.jobs]
        # When those that run were begun.
        self._begun: dict[int, float] = {}
        self._at, self._written = datetime.now(UTC), -math.inf

    def known(self, k: int, status: str, set: str | None = None, error: str = "") -> None:
        """What is known of a job without running it. Of thousands at once: it is written with what comes next."""
        self._results[k] = JobResult(self.jobs[k], status, set, error=error)
        self._show(self._results[k])

    def began(self, k: int, node: str) -> None:
        self._begun[k] = time.monotonic()
        self._results[k] = replace(self._results[k], status=RUNNING, node=node)
        self.save()

    def ended(self, k: int, status: str, set: str | None = None, error: str = "", node: str | None = None) -> None:
        """node : that ended it, None for the one that began it."""
        now = time.monotonic()
        passed = now - self._begun.pop(k, now)
        node = self._results[k].node if node is None else node
        self._results[k] = JobResult(self.jobs[k], status, set, passed, node, error)
        self.save()
        self._show(self._results[k])

    def tick(self) -> None:
        """Called while jobs run."""
        if time.monotonic() - self._written >= _EVERY_SECONDS:
            self.save()

    def close(self) -> None:
        """What was running when it was stopped waits again."""
        for k in self._begun:
            self._results[k] = JobResult(self.jobs[k])
        self._begun.clear()
        self.save()

    def sweep(self) -> Sweep:
        now = time.monotonic()
        passed = {k: now - begun for k, begun in self._begun.items()}
        results = (replace(one, seconds=passed.get(k, one.seconds)) for k, one in enumerate(self._results))
        return Sweep(self._name, tuple(results), self._at, store="" if self._store is None else self._store)

    def save(self) -> None:
        """Where the page finds it; nothing for a dry run."""
        if self._kept:
            save_sweep(self.sweep())
            self._written = time.monotonic()
