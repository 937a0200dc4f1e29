"""`emoviz lint FILE`: what is to be mended in a passage file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result, add_passage_columns, passages_of


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?")
    add_passage_columns(parser)


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..stimuli import lint_corpus

    corpus = passages_of(given, given.file)
    findings = lint_corpus(corpus)
    result = {
        "corpus": corpus.name,
        "hash": corpus.hash,
        "passages": len(corpus.passages),
        "classes": corpus.classes,
        "topics": corpus.topics,
        "findings": [asdict(f) for f in findings],
    }
    head = f"{corpus.name}: {len(corpus.passages)} passages, {len(corpus.classes)} classes, {len(corpus.topics)} topics"
    lines = [f"{f.check}: {f.where}: {f.message}" for f in findings]
    return result, "\n".join([head, *lines, f"{len(findings)} finding(s)"]), 1 if findings else 0
