"""`emoviz claims [SET ...]`: what of the two papers stands on these models, headline by headline."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from ..types import ClaimCheck
from ..types.claims import OUTCOMES, UNTESTED
from ..words import written
from .arguments import Result

_WIDTH, _INDENT = 112, 13


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sets", metavar="SET", nargs="*", help="vector sets (default: all at hand)")


def run(given: Namespace) -> Result:
    from ..experiments.claims import claims
    from ..store import find_set, list_sets

    found = claims([find_set(name) for name in given.sets] if given.sets else list_sets())

    counts = ", ".join(f"{found.count(outcome)} {outcome}" for outcome in OUTCOMES)
    summary = f"{len(found)} claims on {', '.join(found.models)}: {counts}"
    result = {
        "sets": found.sets,
        "models": found.models,
        "claims": [{**asdict(check), "verdict": check.verdict} for check in found],
    }
    return result, "\n\n".join([*(_block(check) for check in found), summary]), 0


def _block(check: ClaimCheck) -> str:
    """A claim with its rule, and what came of it, a name and a folded text for each."""
    rows = {
        "published": f"{check.published} ({check.source})",
        "measured": check.quantity,
        "rule": check.rule,
        "here": _here(check),
        "verdict": check.verdict,
        # An untested claim says in its verdict what is missing.
        "missing": "" if check.outcome == UNTESTED else "; ".join(check.missing),
    }
    lines = [f"{check.claim} (arXiv {check.paper}, {check.id})"]
    for name, text in rows.items():
        folded = textwrap.wrap(text, _WIDTH - _INDENT, break_on_hyphens=False, break_long_words=False)
        lines += [f"  {(name if k == 0 else ''):<{_INDENT - 2}}{line}" for k, line in enumerate(folded)]
    return "\n".join(lines)


def _here(check: ClaimCheck) -> str:
    """What was measured, one by one where it is of several."""
    beside = f"; {check.control}" if check.control else ""
    told = f"{check.measured}{beside}" if check.measured else "nothing"
    if len(check.values) > 1:
        told += " (" + "; ".join(f"{v.of} {written(v.value, '.3g')}" for v in check.values) + ")"
    return told
