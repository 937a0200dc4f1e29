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

from .errors import InputError, first_line

# A checkout that was never installed, such as a Space's, is found by the process too.
_ROOT = str(Path(__file__).resolve().parents[1])

# Those that run: a server that ends takes them with it.
_RUNNING: set[subprocess.Popen] = set()


@atexit.register
def _end_all() -> None:
    for process in list(_RUNNING):
        process.kill()


def words_of(command: str, operand: str, **options: str | Sequence[str] | bool | None) -> list[str]:
    """The words of a command of emoviz. However a text is written, it cannot become an option: each is one word with
    its own option, and the operand, such as a model, comes after `--`.

    options : by name, `text_column` for --text-column; several texts for an option that takes several, True for one
    that takes none. None and False leave it out. Raises InputError for the text `--`, which parsers drop.

    >>> words_of("doses", "gpt2", prompt=["I am", "--out=/tmp"])
    ['doses', '--json', '--prompt=I am', '--prompt=--out=/tmp', '--', 'gpt2']
    """
    words = [command, "--json"]
    for name, given in options.items():
        option = f"--{name.replace('_', '-')}"
        if given is True:
            words.append(option)
        elif given is not None and given is not False:
            if "--" in ([given] if isinstance(given, str) else given):
                raise InputError(f"{option} '--' was given; that alone is no text. Write another.")
            words += [f"{option}={text}" for text in ([given] if isinstance(given, str) else given)]
    return [*words, "--", operand]


def run_command(
    words: Sequence[str], first: str = "loading the model", variables: Mapping[str, str] | None = None
) -> Generator[str, None, dict]:
    """Runs `emoviz WORDS` and yields what it says, `first` until it says something; returns its JSON result.

    variables : of its environment, beside those of this process.
    Closing the generator ends the process. Raises InputError with the command's complaint, and for words that no
    command can be given.
    """
    try:
        process = _started(words, variables)
    # A character 0, half of a surrogate pair, or more letters than the system passes on.
    except (ValueError, OSError) as error:
        raise InputError(f"the texts cannot be used ({first_line(error)}). Give fewer, or write them anew.") from error
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


def _started(words: Sequence[str], variables: Mapping[str, str] | None) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "emoviz", *words],
        env={
            **os.environ,
            **({} if variables is None else variables),
            "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
