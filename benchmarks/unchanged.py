"""Does the command line give the same JSON as at another revision? `python -m benchmarks.unchanged REVISION`.

Both programs run with this interpreter on the shipped results and a user's folder of their own. Numbers must be the
same to the last bit; texts that differ are listed, since words may be mended; seconds, dates and paths are left out.
`--models` adds the commands that write and read texts (minutes), `--verify` the verifications (forty minutes).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_SET, _OTHER = "SmolLM2-135M-Instruct_emoviz_fp32", "gemma-3-270m_emoviz_fp32"
_SETS = (_SET, "SmolLM2-135M-Instruct_emoviz-stories_fp32", "SmolLM2-135M-Instruct_jeong2026b_fp32", _OTHER)
_SETS = (*_SETS, "gemma-3-270m_jeong2026b_fp32")
_MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
_PROMPT = ("--prompt", "When I opened the letter, I", "--max-new-tokens", "16")
_CENTRINGS = ("class", "neutral", "none")
# Of a run, not of its result.
_LEFT_OUT = {"seconds", "calibration_seconds", "created", "path", "computed", "tokens_per_second", "peak_rss_mb"}


def commands(*, models: bool, verify: bool) -> Iterator[tuple[str, ...]]:
    for name in _SETS:
        for centring in _CENTRINGS:
            yield "show", name, "--centring", centring
            yield "rdm", name, "--centring", centring
        yield "rdm", name, "--layer", "5"
    yield from (("compare", *_SETS, "--centring", centring) for centring in _CENTRINGS)
    yield "compare", *_SETS, "--layer", "0.5", "--permutations", "2000"
    yield from (("doses", model) for model in _MODELS)
    yield from (("list",), ("models",), ("lint",), ("regimes", "--texts", "tests/data/steered_texts.jsonl"))
    if models:
        mixed = ("afraid", "0.7 calm + 0.3 grateful", "--controls", "random", "mean", "--dose", "0,0.02,0.05,-0.03")
        yield "steer", *_MODELS, *_PROMPT, "--emotion", *mixed
        yield "steer", _MODELS[0], *_PROMPT, "--emotion", "calm", "--recipe", "jeong2026a", "--temperature", "0.7"
        yield "read", _MODELS[0], "--text", "She waited all night by the telephone. Then the door opened."
        yield "lens", _OTHER, "--emotion", "calm"
        yield "witness", "--for", _MODELS[0], "--text", "I was terrified of the dark."
    if verify:
        yield from (("verify", model, "--precision", "bf16") for model in _MODELS)


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Every place where two JSON values differ, in one line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after} - _LEFT_OUT):
            if key not in before or key not in after:
                yield f"{place}.{key} is {'new' if key in after else 'gone'}"
            else:
                yield from differences(before[key], after[key], f"{place}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for k, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{place}[{k}]")
    elif before != after:
        what = "words" if isinstance(before, str) and isinstance(after, str) else "NUMBER"
        yield f"{what} {place}: {json.dumps(before)[:100]} -> {json.dumps(after)[:100]}"


def _json_of(code: Path, home: Path, words: Sequence[str]) -> Any:
    command, *rest = words
    done = subprocess.run(
        [sys.executable, "-m", "emoviz", command, "--json", *rest],
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code), "EMOVIZ_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout) if done.returncode in (0, 1) else {"error": done.stderr.splitlines()[-1]}


def main(words: Sequence[str]) -> int:
    revision, *options = words
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder, "old")
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", old, revision], cwd=_ROOT, check=True)
        try:
            for asked in commands(models="--models" in options, verify="--verify" in options):
                before, after = (_json_of(code, Path(folder, "home"), asked) for code in (old, _ROOT))
                found = list(differences(before, after))
                numbers = [line for line in found if not line.startswith("words")]
                wrong += len(numbers)
                print(f"{'same' if not found else f'{len(found)} differ'}: emoviz {' '.join(asked)}", flush=True)
                print(*(f"    {line}" for line in found[:20]), sep="\n", end="\n" if found else "")
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", old], cwd=_ROOT, check=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
