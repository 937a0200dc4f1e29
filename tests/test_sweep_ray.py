"""Sweeps on a Ray cluster: every result once, whatever is lost on the way."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import psutil
import pytest

import emoviz as ez
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.extract.sweeps import on_ray
from emoviz.extract.sweeps.plan import parse_plan
from emoviz.store.sweeps import list_sweeps

from .conftest import ROOT, write_passages

# Seconds that the slowest machine may take for one step.
WAIT = 150
MB = 1_000_000


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def _node(name, folder, *options):
    """A machine of a cluster, with a home of its own; ended with all that it has started."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--node-name={name}", *options]
    command += ["--disable-usage-stats", f"--object-store-memory={80 * MB}"]
    variables = {"PYTHONPATH": str(ROOT), "EMOVIZ_HOME": str(folder / name), "RAY_USAGE_STATS_ENABLED": "0"}
    log = folder / f"{name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _until(lambda: "Ray runtime started" in log.read_text("utf-8"), process)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(tmp_path):
    """The address of a head without room for jobs, and the processes of its machines a and b, with room for one
    each."""
    # Not in tmp_path: the names of sockets must be short.
    folder = tempfile.mkdtemp(prefix="ray")
    port = _free_port()
    head = ["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={folder}"]
    worker = [f"--address=127.0.0.1:{port}", "--num-cpus=1", f"--memory={1000 * MB}"]
    try:
        with ExitStack() as stack:
            stack.enter_context(_node("head", tmp_path, *head))
            # One after another: two that start at once may choose the same port.
            yield f"127.0.0.1:{port}", {name: stack.enter_context(_node(name, tmp_path, *worker)) for name in "ab"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until(test, process):
    """Waits for what another process does; a test that is never true fails, as does a process that ends."""
    end = time.monotonic() + WAIT
    while not test():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)


def _results():
    return list_sweeps()[0].results if list_sweeps() else ()


def _running():
    """(place, machine) of every job that is being run."""
    return [(k, one.node) for k, one in enumerate(_results()) if one.status == "running"]


def _plan(tmp_path, llama_folder):
    """Three jobs that take some seconds each: one passage at a time is read."""
    for verb in ("ran", "sat", "was"):
        rows = [
            {"emotion": emotion, "text": f"the {word} cat sat on a mat and {verb} .", "topic": f"{k}"}
            for emotion, word in (("up", "joyous"), ("down", "grim"))
            for k in range(150)
        ]
        write_passages(tmp_path / f"{verb}.jsonl", rows)
    plan = {"models": [str(llama_folder)], "corpora": ["ran.jsonl", "sat.jsonl", "was.jsonl"]}
    path = tmp_path / "three.yaml"
    path.write_text(json.dumps({**plan, "defaults": {"batch_tokens": 1}}), "utf-8")
    return path


def test_a_lost_driver_and_a_lost_machine_cost_no_result_and_double_none(tmp_path, llama_folder, cluster):
    address, machines = cluster
    store = f"file://{tmp_path}/store"
    plan = _plan(tmp_path, llama_folder)
    call = [sys.executable, "-m", "emoviz", "sweep", str(plan), "--ray", address, "--store", store, "--json"]
    first = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: any(one.status == "done" for one in _results()), first)
    first.kill()
    first.wait()
    made = {one.set for one in _results() if one.status == "done"}
    assert not list_sweeps()[0].running

    second = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _until(lambda: list_sweeps()[0].running and _running(), second)
    k, name = _running()[0]
    (raylet,) = [one for one in psutil.Process(machines[name].pid).children(recursive=True) if one.name() == "raylet"]
    raylet.kill()
    out, err = second.communicate(timeout=WAIT)
    assert second.returncode == 0, err
    jobs = json.loads(out)["jobs"]
    sets = [row["set"] for row in jobs]
    assert len(set(sets)) == 3 and {vectors.name for vectors in ez.list_sets(store)} == set(sets)
    assert {row["set"] for row in jobs if row["status"] == "there"} >= made
    assert {name, jobs[k]["node"]} == {"a", "b"}, "by the machine that was left, or found in the store by it"
    assert {row["status"] for row in jobs} <= {"done", "there"} and {row["error"] for row in jobs} == {""}


def _refused(capsys, *words):
    assert main(["sweep", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_an_address_where_no_cluster_answers_is_refused_in_seconds(tmp_path, llama_folder, capsys, monkeypatch):
    plan, to = str(_plan(tmp_path, llama_folder)), ("--store", f"file://{tmp_path}/store")
    began = time.monotonic()
    assert "nobody answers at 127.0.0.1:" in _refused(capsys, plan, "--ray", f"127.0.0.1:{_free_port()}", *to)
    for wrong in ("auto", "ray://host:10001", "host:0", "host:port", ":6379"):
        assert "host:port of the head is needed" in _refused(capsys, plan, "--ray", wrong, *to)
    assert "was given without a store" in _refused(capsys, plan, "--ray", "127.0.0.1:6379")
    assert time.monotonic() - began < 30
    monkeypatch.setattr(on_ray, "_SHOWS", 4)
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        said = _refused(capsys, plan, "--ray", f"127.0.0.1:{other.server_port}", *to)
        other.shutdown()
    assert "is no Ray cluster" in said
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "ray, which is not installed" in _refused(capsys, plan, "--ray", "127.0.0.1:6379", *to)


def _cluster_of(*sizes):
    """A cluster as Ray describes it, without one."""
    nodes = [{"NodeID": f"{k}", "NodeName": f"n{k}", "Alive": True, "Resources": size} for k, size in enumerate(sizes)]
    dead = {"NodeID": "x", "NodeName": "x", "Alive": False, "Resources": {}}
    return on_ray.Cluster(SimpleNamespace(nodes=lambda: [*nodes, dead]), "memory://x")


def _job(model, **options):
    (job,) = parse_plan(
        json.dumps({"models": [{"model": model, **options}], "precisions": ["bf16"]}).encode(), "p"
    ).jobs
    return job


LLAMA = "meta-llama/Llama-3.1-8B"


def test_a_job_asks_for_gpus_cores_and_memory_by_what_its_model_needs():
    with_gpus = _cluster_of({"CPU": 64.0, "GPU": 8.0, "memory": 2e12}, {"CPU": 16.0, "memory": 64e9})
    needs = with_gpus.needs(_job(LLAMA))
    assert needs.device == "cuda" and needs.bytes == 2 * 8_030_261_248 + 500_000_000
    asked = with_gpus.resources(_job(LLAMA, gpus=2), needs)
    assert asked == {"CPU": 1, "GPU": 2, "memory": int(needs.bytes)}
    small = _job(LLAMA, device="cpu")
    assert with_gpus.resources(small, with_gpus.needs(small)) == {"CPU": 16, "memory": int(needs.bytes)}
    with pytest.raises(InputError, match="has the 1 CPUs, 9 GPUs and 16.6 GB that Llama-3.1-8B needs in bf16"):
        with_gpus.needs(_job(LLAMA, gpus=9))
    with pytest.raises(InputError, match="has the 4 CPUs, 0 GPUs and 16.6 GB that Llama-3.1-8B needs in bf16"):
        _cluster_of({"CPU": 4.0, "memory": 8e9}, {"CPU": 8.0, "memory": 16e9}).needs(_job(LLAMA))
