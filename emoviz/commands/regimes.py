"""`emoviz regimes --texts FILE`: verdicts on texts of any origin."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from ..words import written
from .arguments import Result
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--texts", required=True, metavar="FILE.jsonl", help='lines {"text": "...", "prompt": "..."}')


def run(given: Namespace) -> Result:
    from ..judge.verdict import text_verdict
    from ..stimuli.texts import load_texts

    rows: list[dict[str, Any]] = []
    for text, prompt in load_texts(given.texts):
        found = text_verdict(text, prompt)
        rows.append(
            {
                "repetition": found.repetition,
                "leak": found.leak,
                "n_words": found.n_tokens,
                "regime": found.regime,
                "reason": found.reason,
            }
        )
    shown = [
        {
            "line": k,
            "regime": row["regime"] if row["regime"] else "-",
            **{name: written(row[name], ".2f") for name in ("repetition", "leak")},
            "n_words": row["n_words"],
            "reason": row["reason"],
        }
        for k, row in enumerate(rows, 1)
    ]
    return {"rows": rows}, table(shown), 0
