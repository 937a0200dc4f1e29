"""The jobs of a sweep on this machine: one at a time on every device, each in a process of its own, so that its memory
comes back."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from ...errors import InputError
from ...models.load import pick_device
from ...models.memory import device_bytes
from ...process import run_command
from ...store import load_set
from ...store.remote import push_set
from ...types import Job
from ...types.sweeps import DONE, FAILED, THERE
from ..work import is_being_made
from .board import Board
from .jobs import Foresight, Needs, words_of


class Here:
    """The devices of this machine. store : the URL that the sets go to, None for the user's own folder."""

    def __init__(self, store: str | None) -> None:
        self._store, self._foresight = store, Foresight()

    def needs(self, job: Job) -> Needs:
        """Raises InputError for a job that can only fail, such as one whose model does not fit."""
        needs = self._foresight.needs(job, pick_device(job.options.get("device", "auto")))
        sizes, asked = device_bytes(needs.device), job.options.get("gpus", 1)
        if needs.device == "cuda" and asked > len(sizes):
            raise InputError(f"it asks for {asked} GPUs; this machine has {len(sizes)}. Change gpus in the plan.")
        if needs.bytes is not None and needs.bytes > sum(sizes):
            raise InputError(
                f"{job.model} needs about {needs.bytes / 1e9:.1f} GB in {job.precision}; this machine has "
                f"{sum(sizes) / 1e9:.1f} GB on {needs.device}. Use a lower precision, or another machine."
            )
        return needs

    def run(self, jobs: Mapping[int, Needs], board: Board) -> None:
        """Runs jobs, by their place in the plan, and tells the board what becomes of them."""
        free = {kind: _names(kind) for kind in {needs.device for needs in jobs.values()}}
        waiting = dict(jobs)
        running: dict[Future, tuple[int, str, list[str]]] = {}
        stop = Event()
        with ThreadPoolExecutor(max(1, sum(map(len, free.values())))) as pool:
            try:
                while waiting or running:
                    for k, needs in list(waiting.items()):
                        job, place = board.jobs[k], free[needs.device]
                        n = _count(job, needs)
                        if n <= len(place):
                            taken = [place.pop(0) for _ in range(n)]
                            board.began(k, ", ".join(taken))
                            running[pool.submit(_until, stop, self._made(job, needs, taken))] = k, needs.device, taken
                            del waiting[k]
                    for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                        k, device, taken = running.pop(future)
                        free[device] += taken
                        try:
                            made = future.result()
                            board.ended(k, DONE if made["tokens"] else THERE, made["set"])
                        except InputError as error:
                            board.ended(k, FAILED, error=str(error))
                    board.tick()
            finally:
                stop.set()

    def _made(self, job: Job, needs: Needs, taken: Sequence[str]) -> Generator[str, None, dict]:
        """Runs a job on the devices and yields what it says; returns its result."""
        while needs.set is not None and is_being_made(needs.set):
            yield "waiting for another process, which is making it"
            time.sleep(1)
        made = yield from run_command(words_of(job), variables=_visible(taken))
        if self._store is not None:
            push_set(load_set(made["path"]), self._store)
        return made


def _names(kind: str) -> list[str]:
    return [f"cuda:{k}" for k in range(len(device_bytes(kind)))] if kind == "cuda" else [kind]


def _count(job: Job, needs: Needs) -> int:
    """How many devices the job takes: as many GPUs as its model fills, or as were asked for."""
    if needs.device != "cuda":
        return 1
    filled = 1 if needs.bytes is None else math.ceil(needs.bytes / min(device_bytes("cuda")))
    return job.options.get("gpus", filled)


def _visible(taken: Sequence[str]) -> dict[str, str]:
    """What a process must be told to see these GPUs alone."""
    numbers = [int(name.removeprefix("cuda:")) for name in taken if name.startswith("cuda:")]
    known = os.environ.get("CUDA_VISIBLE_DEVICES")
    ids = [str(k) if known is None else known.split(",")[k] for k in numbers]
    return {"CUDA_VISIBLE_DEVICES": ",".join(ids)} if ids else {}


def _until(stop: Event, steps: Generator[str, None, dict]) -> dict:
    """What the steps return; they are closed when it is to stop."""
    try:
        while not stop.is_set():
            next(steps)
        raise InputError("the sweep was stopped.")
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
