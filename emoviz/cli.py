"""The command line: what can be asked, and how it ends.

Every command prints a short table, or with --json one JSON object on stdout; progress and logs go to stderr. Input that
cannot be used ends with exit code 2 and one line on stderr.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from . import __version__, commands
from .errors import InputError
from .steer.doses import RUN_DOSES
from .steer.mixtures import CONTROLS
from .steer.recipes import EMOVIZ, NORMS, PRESET_DOSES, PRESETS, SCOPES
from .store.jsonable import plain


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code (0 done, 1 findings, 2 unusable input)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Models write in any script, whatever the terminal's encoding is.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    for noisy in ("httpx", "filelock", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        arguments = _parser().parse_args(_joined(_readable(sys.argv[1:] if argv is None else argv)))
        result, text, code = arguments.run(arguments)
        if result is not None:
            _print(json.dumps(plain(result), ensure_ascii=False, allow_nan=False) if arguments.json else text)
        return code
    except InputError as error:
        print(f"emoviz: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("emoviz: stopped", file=sys.stderr)
        return 130


def _readable(words: Sequence[str]) -> Sequence[str]:
    """The arguments, if they are text: a byte that is not UTF-8 arrives as half of a surrogate pair."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(f"{word!r} is not UTF-8 text; write it in UTF-8 and try again.") from None
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
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"the result cannot be written ({error.strerror}); make room or choose another file."
        ) from error


def _whole(low: int, high: int) -> Callable[[str], int]:
    """An argument that is a whole number from low to high."""

    def read(text: str) -> int:
        # Digits are counted first: Python refuses to read thousands of them.
        if len(text) > 20 or not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text[:24]!r} was given; a whole number from {low} to {high} is allowed")
        return int(text)

    return read


_SEED = _whole(0, 2**32 - 1)


def _listed(choices: Mapping[str, str]) -> str:
    """The first of the choices is the default."""
    return "; ".join(f"{name}: {text}" for name, text in choices.items())


def _recipe_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--recipe", default=EMOVIZ, help=_listed(PRESETS))
    sub.add_argument("--layers", help="window (the middle third), all, a layer, or 10-20, instead of the recipe's")
    sub.add_argument("--scope", help=_listed(SCOPES))
    sub.add_argument("--norm", help=_listed(NORMS))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; `{self.prog} --help` says what is allowed; correct the call.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="emoviz", description="See, compare and steer how small language models represent emotion.")
    parser.add_argument("--version", action="version", version=f"emoviz {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        sub.set_defaults(run=run)
        return sub

    command("models", commands.models, "list the models that emoviz knows by name")

    sub = command("cache", commands.cache, "show what emoviz keeps in the user's folder, and clear it")
    sub.add_argument(
        "--clear", metavar="PART", help="models, sets, work, responses, heads, verifications or all: delete that part"
    )

    sub = command("extract", commands.extract, "make a vector set from a model")
    sub.add_argument("model", metavar="MODEL", help="short name, hub id, model folder or .gguf file")
    sub.add_argument("--method", help="comprehension (default) or generation")
    sub.add_argument(
        "--protocol",
        help="comprehension: emoviz (default), jeong2026b; generation: emoviz-stories (default), jeong2026a, "
        "jeong2026a-loose",
    )
    sub.add_argument("--precision", default="auto", help="fp32, bf16, fp16 or int8 (default: bf16 on CUDA, else fp32)")
    sub.add_argument("--passages", metavar="FILE.jsonl", help="passages of your own instead of the shipped corpus")
    sub.add_argument("--stories", type=_whole(2, 10_000), metavar="N", help="stories per class, by generation")
    sub.add_argument("--allow-base", action="store_true", help="let a base model write stories all the same")
    sub.add_argument("--pooling", help="mean, last or mid, instead of the protocol's own")
    sub.add_argument(
        "--activations", default="best", help="keep pooled states at the best layers (default), all or none"
    )
    sub.add_argument("--layer-path", metavar="PATH", help="where the blocks are, such as model.layers, if not found")
    sub.add_argument(
        "--batch-tokens", type=_whole(1, 1_000_000), metavar="N", help="padded tokens per batch (default 2048)"
    )
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: the user's cache folder)")

    command("list", commands.list_, "list the vector sets")

    sub = command("show", commands.show, "curves over depth and best layers of a set")
    sub.add_argument("set", metavar="SET", help="name, beginning of a name, or path")
    sub.add_argument("--centring", default="class", help="class (default), neutral or none")
    sub.add_argument("--norms", metavar="FILE", help="your own ratings (CSV or TSV: word, valence, arousal)")

    sub = command("rdm", commands.rdm, "the RDM of a set at one layer")
    sub.add_argument("set", metavar="SET")
    sub.add_argument("--layer", default="best", help="a layer or best (default)")
    sub.add_argument("--centring", default="class", help="class (default), neutral or none")

    sub = command(
        "compare", commands.compare, "Spearman between the RDMs of sets, with p, interval, ceiling and controls"
    )
    sub.add_argument("sets", metavar="SET", nargs="+")
    sub.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    sub.add_argument("--centring", default="class", help="class (default), neutral or none")
    sub.add_argument("--permutations", type=_whole(1, 10_000_000), default=10_000, metavar="N")
    sub.add_argument("--bootstrap", type=_whole(2, 100_000), default=1_000, metavar="N")
    sub.add_argument("--seed", type=_SEED, default=0)

    sub = command("steer", commands.steer, "continue a prompt under several emotions and doses")
    sub.add_argument("models", metavar="MODEL", nargs="+")
    sub.add_argument(
        "--emotion",
        nargs="+",
        required=True,
        metavar="E",
        help="emotions, or mixtures such as '0.7 calm + 0.3 grateful'",
    )
    sub.add_argument("--dose", help=f"fractions of the residual norm (default {PRESET_DOSES[EMOVIZ]})")
    sub.add_argument("--prompt", required=True, metavar="TEXT")
    sub.add_argument("--max-new-tokens", type=_whole(1, 400), default=40, metavar="N")
    sub.add_argument("--temperature", type=float, default=0.0, help="0 (default) is greedy")
    sub.add_argument("--seed", type=_SEED, default=0, help="of the sampling, with --temperature")
    _recipe_options(sub)
    sub.add_argument("--controls", nargs="*", default=[], metavar="C", help=f"rows beside: {', '.join(CONTROLS)}")
    sub.add_argument("--chat", action="store_true", help="put the prompt into the chat template")
    sub.add_argument(
        "--witness", default="auto", metavar="W", help="auto (default), none, or a classifier: hub id or folder"
    )
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")

    sub = command("doses", commands.doses, "what every dose of every emotion does to the texts of one model, stored")
    sub.add_argument("model", metavar="MODEL")
    sub.add_argument("--emotion", nargs="+", metavar="E", help="emotions or mixtures (default: all of the set)")
    sub.add_argument("--dose", help=f"fractions of the residual norm (default {RUN_DOSES})")
    sub.add_argument("--prompt", nargs="+", metavar="TEXT", help="texts to continue (default: two shipped openings)")
    sub.add_argument("--max-new-tokens", type=_whole(1, 400), default=40, metavar="N")
    sub.add_argument("--temperature", type=float, default=0.0, help="0 (default) is greedy")
    sub.add_argument("--seed", type=_SEED, default=0, help="of the sampling, with --temperature")
    _recipe_options(sub)
    sub.add_argument("--controls", nargs="*", metavar="C", help=f"directions beside (default {' '.join(CONTROLS)})")
    sub.add_argument("--chat", action="store_true", help="put the prompt into the chat template")
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    sub.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: the user's cache folder)")

    sub = command(
        "regimes", commands.regimes, "judge texts of any origin: loop, leak, and sense where that can be told"
    )
    sub.add_argument("--texts", required=True, metavar="FILE.jsonl", help='lines {"text": "...", "prompt": "..."}')

    sub = command("lens", commands.lens, "the tokens that an emotion vector raises and lowers most")
    sub.add_argument("set", metavar="SET")
    sub.add_argument("--emotion", required=True, metavar="E")
    sub.add_argument("--layer", default="best", help="a layer or best (default)")
    sub.add_argument("--top", type=_whole(1, 1000), default=20, metavar="K", help="tokens of each kind (default 20)")
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")

    sub = command("read", commands.read, "score every token of a text for every emotion")
    sub.add_argument("model", metavar="MODEL")
    sub.add_argument("--text", required=True, metavar="TEXT")
    sub.add_argument("--layer", default="best", help="a layer or best (default); `layer` says which it was")
    sub.add_argument("--set", metavar="SET", help="vector set of this model (default: protocol emoviz before others)")
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")

    sub = command("verify", commands.verify, "k of 40: does steering reach the emotion, by a witness, beside a control")
    sub.add_argument("model", metavar="MODEL", help="short name, hub id, model folder or .gguf file, with a vector set")
    sub.add_argument(
        "--witness",
        metavar="MODEL",
        help="a text classifier by hub id or folder, instead of the one that emoviz trains",
    )
    sub.add_argument("--recalibrate", action="store_true", help="choose doses anew instead of the stored ones")
    sub.add_argument("--precision", default="auto", help="fp32, bf16, fp16 or int8 (default: bf16 on CUDA, else fp32)")
    sub.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")

    sub = command("witness", commands.witness, "the classifier that judges steered texts, and how well it does")
    sub.add_argument("--for", dest="model", metavar="MODEL", help="the steered model, which is never its own judge")
    sub.add_argument("--text", metavar="TEXT", help="a text to judge")

    sub = command("lint", commands.lint, "check a passage file (default: the shipped corpus)")
    sub.add_argument("file", metavar="FILE", nargs="?")

    sub = command("serve", commands.serve, "open the dashboard")
    sub.add_argument("--port", type=_whole(1, 65_535), metavar="N", help="default: the first free one from 7860")
    sub.add_argument("--open", action="store_true", help="open the page in a browser")

    command("doctor", commands.doctor, "check this installation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
