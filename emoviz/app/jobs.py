"""Long work that goes on when the page that started it is closed: one job of a kind at a time, the others in line.

Jobs live as long as the server. Whoever started one may cancel and dismiss it and reads what it says; others only see
that the machine is busy. No gradio.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from ..errors import InputError, faults_told
from .faults import UNEXPECTED, line_of
from .limits import limits

log = logging.getLogger(__name__)

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
OPEN = WAITING, RUNNING
MAX_WAITING = 8
# Ended jobs that nobody has dismissed; the oldest go first.
MAX_ENDED = 50
# The owner of what the server begins itself, whom no visitor can be.
SERVER = secrets.token_hex()

# Yields what it is doing, returns its result in one line; raises InputError where it cannot go on. Closed to cancel it.
Work = Callable[[], Generator[str, None, str]]


@dataclass(frozen=True, slots=True)
class Job:
    """One job as one visitor sees it.

    said : what it does, its result or why it failed; empty for other visitors, unless the server began it.
    before : jobs that come first, of one that waits. seconds : since it began, or until it ended.
    """

    number: int
    label: str
    state: str
    said: str
    before: int
    seconds: int
    mine: bool
    of_server: bool


@dataclass(eq=False)
class _Kept:
    number: int
    kind: str
    label: str
    owner: str
    work: Work
    state: str = WAITING
    said: str = ""
    began: float = 0.0
    ended: float = 0.0
    stop: bool = False


class Jobs:
    """All jobs of a server. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}
        self._count = 0
        self._busy: set[str] = set()
        # How many have ended so far: what is stored may have changed when this has.
        self.ended = 0

    def start(self, kind: str, label: str, owner: str, work: Work) -> int:
        """Puts a job in line; returns its number.

        label : seen by everybody. owner : a secret of the visitor. Raises InputError where the line is full, and for
        more jobs of one visitor than the page allows.
        """
        if not owner:
            raise InputError("this page has not told the server who it is. Reload it.")
        with self._lock:
            waiting = sum(job.kind == kind and job.state == WAITING for job in self._kept.values())
            own, most = sum(job.owner == owner and job.state in OPEN for job in self._kept.values()), limits().jobs
            if own >= most:
                raise InputError(f"{own} jobs of yours wait or run already; up to {most} may. Cancel one, or wait.")
            if waiting >= MAX_WAITING:
                raise InputError(f"{waiting} jobs wait already; up to {MAX_WAITING} may. Try again later.")
            self._count += 1
            number = self._count
            self._kept[number] = _Kept(number, kind, label, owner, work)
            idle = kind not in self._busy
            self._busy.add(kind)
        if idle:
            threading.Thread(target=self._work_off, args=(kind,), daemon=True).start()
        return number

    def seen_by(self, owner: str) -> list[Job]:
        """A visitor's own jobs and those of others that have not ended, the oldest first."""
        with self._lock:
            return [self._seen(job, owner) for job in self._kept.values() if job.state in OPEN or _is_owned(job, owner)]

    def cancel(self, number: int, owner: str) -> None:
        """Ends a job at its next step; one that waits at once. Nothing happens to another visitor's."""
        with self._lock:
            job = self._kept.get(number)
            if job is None or not _is_owned(job, owner) or job.state not in OPEN:
                return
            job.stop = True
            if job.state == WAITING:
                self._end(job, CANCELLED, "")

    def dismiss(self, number: int, owner: str) -> None:
        """Forgets a job that has ended. Nothing happens to another visitor's."""
        with self._lock:
            job = self._kept.get(number)
            if job is not None and _is_owned(job, owner) and job.state not in OPEN:
                del self._kept[number]

    def _seen(self, job: _Kept, owner: str) -> Job:
        mine, of_server = _is_owned(job, owner), job.owner == SERVER
        line = [one.number for one in self._kept.values() if one.kind == job.kind and one.state in OPEN]
        until = time.monotonic() if job.state == RUNNING else job.ended
        seconds = max(0, int(until - job.began)) if job.began else 0
        return Job(
            job.number,
            job.label,
            job.state,
            job.said if mine or of_server else "",
            sum(number < job.number for number in line) if job.state == WAITING else 0,
            seconds,
            mine,
            of_server,
        )

    def _work_off(self, kind: str) -> None:
        """One after another, until none of the kind waits."""
        while (job := self._next(kind)) is not None:
            state, said = self._run(job)
            with self._lock:
                self._end(job, state, said)

    def _next(self, kind: str) -> _Kept | None:
        with self._lock:
            for job in self._kept.values():
                if job.kind == kind and job.state == WAITING:
                    job.state, job.began = RUNNING, time.monotonic()
                    return job
            self._busy.discard(kind)
            return None

    def _run(self, job: _Kept) -> tuple[str, str]:
        steps = job.work()
        try:
            with faults_told():
                while not job.stop:
                    try:
                        said = next(steps)
                    except StopIteration as end:
                        return DONE, end.value
                    with self._lock:
                        job.said = said
            return CANCELLED, ""
        except InputError as error:
            return FAILED, line_of(error)
        except Exception:
            # A bug: it must neither go by in silence nor hold up those in line.
            log.exception("%s failed", job.label)
            return FAILED, UNEXPECTED
        finally:
            steps.close()

    def _end(self, job: _Kept, state: str, said: str) -> None:
        job.state, job.said, job.ended = state, said, time.monotonic()
        self.ended += 1
        ended = [number for number, one in self._kept.items() if one.state not in OPEN]
        for number in ended[:-MAX_ENDED]:
            del self._kept[number]


def _is_owned(job: _Kept, owner: str) -> bool:
    return bool(owner) and job.owner == owner


# Those of this server.
JOBS = Jobs()
