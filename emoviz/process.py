"""A command of emoviz in a process of its own: it does not slow the page down, takes its memory with it when it ends,
and can be stopped at once."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from .errors import InputError

# A checkout that was never installed, such as a Space's, is found by the process too.
_ROOT = str(Path(__file__).resolve().parents[1])

# Those that run: a server that ends takes them with it.
_RUNNING: set[subprocess.Popen] = set()


@atexit.register
def _end_all() -> None:
    for process in list(_RUNNING):
        process.kill()


def run_command(
    words: Sequence[str], first: str = "loading the model", variables: Mapping[str, str] | None = None
) -> Generator[str, None, dict]:
    """Runs `emoviz WORDS` and yields what it says, `first` until it says something; returns its JSON result.

    variables : of its environment, beside those of this process.
    Closing the generator ends the process. Raises InputError with the command's complaint.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "emoviz", *words],
        env={
            **os.environ,
            **({} if variables is None else variables),
            "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _RUNNING.add(process)
    said = deque([first], maxlen=1)
    result: list[str] = []
    listeners = [
        threading.Thread(target=lambda: said.extend(map(str.strip, process.stderr or ())), daemon=True),
        # A result larger than a pipe holds would never end otherwise.
        threading.Thread(target=lambda: result.extend(process.stdout or ()), daemon=True),
    ]
    for listener in listeners:
        listener.start()
    try:
        while process.poll() is None:
            yield said[-1]
            time.sleep(0.4)
        for listener in listeners:
            listener.join()
    finally:
        process.kill()
        process.wait()
        _RUNNING.discard(process)
    if process.returncode < 0:
        ended = signal.Signals(-process.returncode).name
        raise InputError(
            f"its process was ended by {ended}, as happens where memory runs out. It last said: {said[-1]}"
        )
    if process.returncode:
        raise InputError(said[-1].removeprefix("emoviz: "))
    return json.loads("".join(result))
