"""python -m fuzz [--seconds N] [--seed N] [--reader NAME]: damaged files for every reader.

One process damages files by chance, in the same way for one seed. The other, where atheris is installed (pip install
'emoviz[fuzz]'), goes on from those that have reached new lines of the code. Each reader has a share of the time and a
process whose memory is bounded. Prints a line a reader, and the number of inputs in all.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random

from .damage import damaged

CHANCE, COVERAGE = "chance", "coverage"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Damaged files for every reader.")
    parser.add_argument("--seconds", type=float, default=300, help="for all readers together (default: 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", help="one of them alone")
    parser.add_argument("--way", choices=(CHANCE, COVERAGE), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        return _of_all(given, Path(os.environ["EMOVIZ_FUZZ"]))
    ways = [CHANCE, *([COVERAGE] if find_spec("atheris") else [])]
    if COVERAGE not in ways:
        print("atheris is not installed: files are damaged by chance alone", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="emoviz-fuzz-") as folder:
        at = {way: Path(folder, way) for way in ways}
        running = [_begin(way, path) for way, path in at.items()]
        code = max(one.wait() for one in running)
        found = [json.loads(line) for path in at.values() for line in (path / "found").read_text().splitlines()]
    total, accepted, peak = (
        sum(one["inputs"] for one in found),
        sum(one["accepted"] for one in found),
        max(one["peak_mb"] for one in found),
    )
    failed = [one for one in found if one["failed"]]
    print(f"{total:,} inputs, {accepted:,} accepted, {len(failed)} failures; peak memory {peak:,} MB")
    return 1 if failed or code else 0


def _begin(way: str, folder: Path) -> subprocess.Popen:
    folder.mkdir()
    own = {
        "EMOVIZ_FUZZ": str(folder),
        "EMOVIZ_HOME": str(folder / "home"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    call = [sys.executable, "-m", "fuzz", *sys.argv[1:], "--way", way]
    return subprocess.Popen(call, env={**os.environ, **own})


def _of_all(given: argparse.Namespace, folder: Path) -> int:
    """Every reader in a process that is forked from this one, which has all whole files."""
    if given.way == COVERAGE:
        import atheris

        logging.disable(logging.CRITICAL)
        with atheris.instrument_imports(include=["emoviz.files", "emoviz.store", "emoviz.stimuli", "emoviz.extract"]):
            from .readers import readers
    else:
        from .readers import readers
    from .trial import Trial

    with tempfile.TemporaryDirectory() as made:
        known = readers(Path(made))
    names = [given.reader] if given.reader else list(known)
    code = 0
    for name in names:
        if os.fork() == 0:
            trial = Trial(name, known[name], folder / name.replace(" ", "-"))
            (_by_coverage if given.way == COVERAGE else _by_chance)(trial, given.seed, given.seconds / len(names))
        ended = os.waitstatus_to_exitcode(os.wait()[1])
        found = folder / name.replace(" ", "-") / "found"
        nothing = {"inputs": 0, "accepted": 0, "peak_mb": 0, "failed": f"the process ended with {ended}"}
        row = json.loads(found.read_text()) if found.exists() else nothing
        with (folder / "found").open("a") as out:
            out.write(json.dumps(row) + "\n")
        said = f"{row['inputs']:,} inputs by {given.way}, {row['accepted']:,} accepted, peak {row['peak_mb']:,} MB"
        print(f"{name}: {said}", *([row["failed"]] if row["failed"] else []), sep="\n", flush=True)
        code = max(code, bool(row["failed"]))
    return code


def _by_chance(trial, seed: int, seconds: float) -> None:
    trial.bounded()
    trial.by_chance(seed, seconds)
    trial.end()


def _by_coverage(trial, seed: int, seconds: float) -> None:
    import atheris

    trial.bounded()
    started = time.monotonic()

    def one(content: bytes) -> None:
        trial.one(content)
        if trial.failed or time.monotonic() - started > seconds:
            trial.end()

    def mutated(content: bytes, most: int, seed: int) -> bytes:
        return damaged(content, Random(seed))[:most]

    corpus = trial.folder / "corpus"
    corpus.mkdir()
    (corpus / "whole").write_bytes(trial.reader.whole)
    # It has a clock of its own, and says much.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    options = [
        "-max_len=200000",
        "-rss_limit_mb=0",
        "-timeout=3600",
        f"-artifact_prefix={trial.folder}/",
        f"-seed={seed + 1}",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options], one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
