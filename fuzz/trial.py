"""One reader, tried with one damaged file after another."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import NoReturn

from emoviz.errors import InputError

from .damage import damaged
from .readers import Reader

# Bytes that a reader may take beyond what the process has when it begins, and seconds for one file.
MEMORY, SECONDS = 1536 << 20, 30


class Trial:
    """inputs, accepted : how many files were tried, and were not refused. failed : what a reader did that it must not,
    empty if nothing."""

    def __init__(self, name: str, reader: Reader, folder: Path) -> None:
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        self.name, self.reader, self.folder = name, reader, folder
        self.place = folder / "files"
        self.place.mkdir(parents=True)
        for file, content in self.reader.beside:
            (self.place / file).write_bytes(content)
        self.path = self.place / self.reader.file
        self.path.write_bytes(self.reader.whole)
        self.reader.look(self.reader.read(self.path))
        self.there = {path.name for path in self.place.iterdir()}
        self.inputs = self.accepted = 0
        self.failed = ""
        signal.signal(signal.SIGPROF, self._late)

    @staticmethod
    def bounded() -> None:
        """Bounds the memory of this process to what it has and `MEMORY` more, where the system says what it has."""
        statm = Path("/proc/self/statm")
        if statm.exists():
            most = int(statm.read_text().split()[0]) * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def by_chance(self, seed: int, seconds: float, inputs: int = 0) -> None:
        """Files that are damaged by chance, the same for a seed, until the time, or the number, is reached."""
        started = time.monotonic()
        while not self.failed and time.monotonic() - started < seconds and self.inputs != inputs or not self.inputs:
            self.one(damaged(self.reader.whole, Random(f"{self.name} {seed} {self.inputs}")))

    def one(self, content: bytes) -> None:
        """Tries a file. InputError is an answer, and so is a value that can be looked at."""
        self.inputs += 1
        self.path.write_bytes(content)
        # Of the processor, which others may have meanwhile.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            found = self.reader.read(self.path)
            self.accepted += 1
            self.reader.look(found)
        except InputError:
            pass
        except BaseException:
            self._fail(content, traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if {path.name for path in self.place.iterdir()} != self.there:
            self._fail(content, "it wrote a file\n")

    def end(self) -> NoReturn:
        """Leaves what was found in the folder, and ends the process."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found = {"inputs": self.inputs, "accepted": self.accepted, "peak_mb": peak, "failed": self.failed}
        (self.folder / "found").write_text(json.dumps(found))
        os._exit(bool(self.failed))

    def _fail(self, content: bytes, why: str) -> None:
        kept = Path(tempfile.gettempdir(), f"emoviz-fuzz-{self.name.replace(' ', '-')}{self.path.suffix}")
        kept.write_bytes(content)
        self.failed = f"{self.name}: file {self.inputs}, kept as {kept}\n{why}"

    def _late(self, _signal, _frame) -> None:
        raise TimeoutError(f"a file took more than {SECONDS} seconds")
