"""`emoviz lint FILE`: what is to be mended in a passage file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import defaultdict

from ..types import Finding
from ..words import counted
from .arguments import Result, add_passage_columns, passages_of

# Findings of each kind that are printed; --json has all.
SHOWN = 5


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?")
    add_passage_columns(parser)
    parser.add_argument("--all", action="store_true", help=f"print every finding, not {SHOWN} of each kind")


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..stimuli import lint_corpus

    corpus = passages_of(given, given.file)
    findings = lint_corpus(corpus)
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.check].append(finding)
    result = {
        "corpus": corpus.name,
        "hash": corpus.hash,
        "passages": len(corpus.passages),
        "classes": corpus.classes,
        "topics": corpus.topics,
        "counts": {kind: len(found) for kind, found in kinds.items()},
        "findings": [asdict(f) for f in findings],
    }
    sizes = (counted(len(corpus.passages), "passage"), counted(len(corpus.classes), "class"))
    head = f"{corpus.name}: {', '.join(sizes)}, {counted(len(corpus.topics), 'topic')}"
    each = ", ".join(f"{kind} {len(found):,}" for kind, found in kinds.items())
    lines = [head, f"{counted(len(findings), 'finding')}{f': {each}' if each else ''}"]
    for kind, found in kinds.items():
        shown = found if given.all else found[:SHOWN]
        lines += [f"{kind}: {f.where}: {f.message}" for f in shown]
        if len(shown) < len(found):
            lines.append(f"{kind}: {len(found) - len(shown):,} more (--all prints them)")
    return result, "\n".join(lines), 1 if findings else 0
