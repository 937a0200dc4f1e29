"""The jobs of a sweep on the machines of a Ray cluster: given to whichever has room, again where one is lost."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import InputError, first_line
from ...store.copies import opened, stored
from ...store.making import scratch_folder
from ...store.remote import push_set
from ...types import Job
from ...types.sweeps import DONE, FAILED, RUNNING, THERE
from .board import Board
from .jobs import Foresight, Needs, protocol_of
from .plan import corpus_in

# Seconds: until a host answers at all; until what answers shows that it is a cluster.
_ANSWERS, _SHOWS = 5, 20
# How often a job is begun again after the machine that ran it was lost.
RETRIES = 3
# Options whose value is a file of the machine that the sweep is run from.
_FILES = ("passages", "labels")


@contextmanager
def cluster(address: str, store: str) -> Iterator[Cluster]:
    """Joins a Ray cluster for as long as the block lasts.

    address : host:port of its head. store : the URL that every machine puts its sets to.
    Raises InputError if ray is not installed here, nothing or something else answers, or this machine is no part of it.
    """
    # Ray reports to its makers by default.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--ray needs ray, which is not installed. Run pip install 'emoviz[cluster]', here and on every machine."
        ) from error
    _check(address)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    # Ray raises what it likes, without a common kind.
    except Exception as error:
        raise InputError(
            f"the Ray cluster at {address} cannot be joined ({first_line(error):.200}). Run this on one of its "
            "machines."
        ) from error
    try:
        # Ray says on stdout what it has lost.
        with redirect_stdout(sys.stderr):
            yield Cluster(ray, store)
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Raises InputError unless a Ray cluster answers: Ray itself waits for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(
            f"Ray address {address!r:.80} was given; host:port of the head is needed, such as 10.0.0.1:6379."
        )
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWERS).close()
    except OSError as error:
        raise InputError(
            f"nobody answers at {address} ({error.strerror or error}). Start Ray there: ray start --head --port={port}"
        ) from error
    ask = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        asked = subprocess.run(ask, capture_output=True, text=True, timeout=_SHOWS)
    except subprocess.TimeoutExpired:
        raise InputError(f"what answers at {address} is no Ray cluster. Give host:port of the head.") from None
    if asked.returncode:
        said = (asked.stderr.strip() or asked.stdout.strip() or "no reason given").splitlines()[-1]
        raise InputError(f"the Ray cluster at {address} cannot be used ({said:.200}). `ray status` there says more.")


class Cluster:
    """The machines of a cluster, as they are when the sweep begins."""

    def __init__(self, ray: Any, store: str) -> None:
        self._ray, self._store, self._foresight = ray, store, Foresight()
        nodes = [node for node in ray.nodes() if node["Alive"]]
        self._names = {node["NodeID"]: node["NodeName"] for node in nodes}
        self._sizes = [node["Resources"] for node in nodes]
        counts = [int(size["CPU"]) for size in self._sizes if size.get("CPU", 0) >= 1]
        # As many as the smallest machine has: a job there has it for itself.
        self._cpus = min(counts, default=1)
        self._gpus = any(size.get("GPU", 0) >= 1 for size in self._sizes)

    def needs(self, job: Job) -> Needs:
        """Raises InputError for a job that can only fail, such as one that fits into no machine."""
        on_gpu = self._gpus and job.options.get("device", "auto") in ("auto", "cuda")
        needs = self._foresight.needs(job, "cuda" if on_gpu else "cpu")
        asked = self.resources(job, needs)
        if not any(all(size.get(name, 0) >= n for name, n in asked.items()) for size in self._sizes):
            wanted = f"{asked['CPU']} CPUs, {asked.get('GPU', 0)} GPUs and {asked.get('memory', 0) / 1e9:.1f} GB"
            raise InputError(
                f"no machine of the cluster has the {wanted} that {job.model} needs in {job.precision}. Add one, or "
                "use a lower precision."
            )
        return needs

    def resources(self, job: Job, needs: Needs) -> dict[str, float]:
        """What Ray keeps free for a job, by Ray's names."""
        on_gpu = needs.device == "cuda"
        asked: dict[str, float] = {"CPU": 1 if on_gpu else self._cpus}
        if on_gpu:
            asked["GPU"] = job.options.get("gpus", 1)
        if needs.bytes is not None:
            asked["memory"] = int(needs.bytes)
        return asked

    def run(self, jobs: Mapping[int, Needs], board: Board) -> None:
        """Runs jobs, by their place in the plan, and tells the board what becomes of them."""
        ray = self._ray
        # A process for every job, so that its memory comes back.
        task = ray.remote(num_returns="streaming", max_calls=1, max_retries=RETRIES)(_run)
        files: dict[tuple, Any] = {}
        running = {}
        for k, needs in jobs.items():
            job = board.jobs[k]
            paths = tuple(str(job.options.get(name, "")) for name in _FILES)
            if paths not in files:
                files[paths] = ray.put(_contents(job))
            asked = self.resources(job, needs)
            options = {"num_cpus": asked["CPU"], "num_gpus": asked.get("GPU", 0), "memory": asked.get("memory")}
            running[task.options(**options).remote(job, files[paths], self._store)] = k
        while running:
            for steps in ray.wait(list(running), timeout=1, fetch_local=False)[0]:
                k = running[steps]
                try:
                    node, status, made, why = ray.get(next(steps))
                except StopIteration:
                    del running[steps]
                    continue
                except ray.exceptions.RayError as error:
                    del running[steps]
                    board.ended(k, FAILED, error=_reason(error))
                    continue
                node = self._names.get(node, node)
                if status == RUNNING:
                    board.began(k, node)
                else:
                    board.ended(k, status, made, why, node)
            board.tick()


def _contents(job: Job) -> dict[str, tuple[str, bytes]]:
    """The files of a job, to be sent to where it runs: option -> name and content."""
    paths = {name: Path(job.options[name]) for name in _FILES if name in job.options}
    return {name: (path.name, path.read_bytes()) for name, path in paths.items()}


def _run(job: Job, files: Mapping[str, tuple[str, bytes]], store: str) -> Iterator[tuple]:
    """The job, on a machine of the cluster: yields (machine, status, set, error) as it begins, and at its end."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield node, RUNNING, None, ""
    try:
        with scratch_folder() as folder:
            options = dict(job.options)
            for option, (name, content) in files.items():
                # Each in a folder of its own: a corpus is called by its file.
                options[option] = str(folder / option / name)
                (folder / option).mkdir()
                Path(options[option]).write_bytes(content)
            status, made = _made(replace(job, options=options), store)
        yield node, status, made, ""
    except InputError as error:
        yield node, FAILED, None, str(error)


def _made(job: Job, store: str) -> tuple[str, str]:
    """(status, set) of a job whose set is made here, unless the store has it, and then put there."""
    from ...models.load import load_model, pick_device
    from ..capture import DEFAULT_BATCH_TOKENS
    from ..make import extract

    options = job.options
    device = options.get("device", "auto")
    known = Foresight().needs(job, pick_device(device)).set
    if known is not None and stored(opened(store), known) is not None:
        return THERE, known
    protocol = protocol_of(job)
    vectors = extract(
        load_model(job.origin, precision=job.precision, device=device, layer_path=options.get("layer_path")),
        corpus_in(options) if protocol.writing is None else None,
        protocol,
        keep=options.get("activations", "best"),
        batch_tokens=options.get("batch_tokens", DEFAULT_BATCH_TOKENS),
        allow_base=options.get("allow_base", False),
        progress=False,
    )
    push_set(vectors, store)
    return DONE, vectors.name


def _reason(error: Exception) -> str:
    """Why a job failed that could not say it itself, in a line."""
    cause = getattr(error, "cause", None)
    return first_line(error) if cause is None else f"{type(cause).__name__}: {first_line(cause)}"
