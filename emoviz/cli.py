"""The command line: which commands there are, and how they end.

Every command prints a short table, or with --json one JSON object on stdout; progress and logs go to stderr. Input that
cannot be used ends with exit code 2 and one line on stderr. Only what was asked for is imported.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from . import __version__
from .errors import InputError, faults_told
from .words import visible

# Group -> command -> what it does; each command is the file of its name in `commands`.
COMMANDS: dict[str, dict[str, str]] = {
    "sets": {
        "list": "list the vector sets, here or in a store",
        "extract": "make a vector set from a model",
        "sweep": "make the vector sets of many models, protocols, precisions and corpora",
        "import": "make a vector set of vectors that another tool made",
        "show": "curves over depth and best layers of a set",
        "rdm": "the RDM of a set at one layer",
        "push": "put a vector set into a store: the Hugging Face hub, S3, a shared folder, ...",
        "export": "a set for other programs: llama.cpp, vLLM, NumPy, spreadsheets, a citation, a model card",
        "lint": "check a passage file (default: the shipped corpus)",
    },
    "compare": {
        "compare": "Spearman between the RDMs of sets, with p, interval, ceiling and control RDMs",
        "claims": "what of the two papers stands on some sets, each headline by its own rule",
        "figures": "every figure of some sets as files, for slides and papers, or in one archive",
        "report": "one HTML page of some sets: figures, tables, methods, provenance",
        "talk": "figures of some sets as a talk, one page that needs no network",
    },
    "steer": {
        "steer": "continue a prompt under several emotions and doses",
        "chat": "several turns with several models, emotions and doses side by side",
        "doses": "what every dose of every emotion does to the texts of one model, stored",
        "leak": "how much of other scripts steering brings out, in the text and behind it, stored",
        "effects": "what steering breaks, and what else it makes a model say, stored",
        "lens": "the tokens that an emotion vector raises and lowers most",
        "read": "score a text token by token, a dialogue, or many texts, for every emotion",
        "vary": "what a number in a sentence, or in several, does to its scores",
    },
    "judge": {
        "regimes": "judge texts of any origin: loop, leak, and sense where it can be told",
        "verify": "does steering reach the emotion? k of 40, by a witness, beside random directions",
        "witness": "the classifier that judges steered texts, and how well it does",
    },
    "system": {
        "models": "list the models that emoviz knows by name",
        "fetch": "get the weights of a known model, verified",
        "serve": "open the dashboard",
        "cache": "show what emoviz keeps in the user's folder, and clear it",
        "doctor": "check this installation",
    },
}
_HELP = {name: text for group in COMMANDS.values() for name, text in group.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code (0 done, 1 findings, 2 unusable input)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Models write in any script, whatever the terminal's encoding is.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    told = logging.StreamHandler(sys.stderr)
    told.setFormatter(_Visible("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[told])
    for noisy in ("httpx", "filelock", "matplotlib", "choreographer", "logistro", "browser_proc", "gguf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        with faults_told():
            return _run(_joined(_readable(sys.argv[1:] if argv is None else argv)))
    except InputError as error:
        print(f"emoviz: {visible(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("emoviz: stopped", file=sys.stderr)
        return 130


def _run(words: list[str]) -> int:
    name = _parser().parse_args(words[:1]).command
    command = import_module(f"{__package__}.commands.{name}")
    parser = _Parser(prog=f"emoviz {name}", description=_HELP[name])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    command.arguments(parser)
    given = parser.parse_args(words[1:])
    result, text, code = command.run(given)
    if result is not None:
        from .store.jsonable import plain

        _print(json.dumps(plain(result), ensure_ascii=False, allow_nan=False) if given.json else text)
    return code


def _readable(words: Sequence[str]) -> Sequence[str]:
    """The arguments, if they are text: a byte that is not UTF-8 arrives as half of a surrogate pair."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(f"{word!r} is not UTF-8 text.") from None
    return words


def _joined(words: Sequence[str]) -> list[str]:
    """`--dose -0.1,0.1` as one word: argparse takes a list that begins with a minus for an option."""
    out: list[str] = []
    for word in words:
        if out and out[-1] == "--dose" and word[:1] == "-" and word[1:2] in "0123456789.":
            out[-1] += f"={word}"
        else:
            out.append(word)
    return out


def _print(text: str) -> None:
    try:
        # In JSON too: what is written out is its own way of writing it.
        print(visible(text), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"the result cannot be written ({error.strerror}). Make room, or choose another file."
        ) from error


class _Visible(logging.Formatter):
    """What names would do to a terminal is written out."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. `{self.prog} --help` says what is allowed.")


class _Grouped(_Parser):
    """Lists the commands by group, without importing any of them."""

    def format_help(self) -> str:
        width = max(map(len, _HELP))
        lines = [f"usage: {self.prog} COMMAND ...\n", f"{self.description}\n"]
        for group, commands in COMMANDS.items():
            lines += [f"{group}:", *(f"  {name.ljust(width)}  {text}" for name, text in commands.items()), ""]
        lines.append(f"`{self.prog} COMMAND --help` says what a command takes. Every command takes --json.\n")
        return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = _Grouped(prog="emoviz", description="See, compare and steer how small language models represent emotion.")
    parser.add_argument("--version", action="version", version=f"emoviz {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=list(_HELP))
    return parser


if __name__ == "__main__":
    sys.exit(main())
