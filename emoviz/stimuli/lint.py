"""What a corpus must be before vectors made from it can be trusted."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from importlib.resources import files
from itertools import combinations

from ..emotions import CLASSES
from ..types import Corpus, Finding, Passage
from ..words import counted

MIN_WORDS, MAX_WORDS = 30, 60
# Class means of the passage length may differ from the overall mean by this share.
LENGTH_TOLERANCE = 0.10
# Word sets of two passages that overlap more than this (Jaccard) are near-duplicates.
NEAR_DUPLICATE = 0.5
# Two passages may not share a run of this many words.
SHARED_RUN = 6

_BANS: dict[str, list[str]] = json.loads((files(__package__) / "data" / "bans.json").read_text("utf-8"))
_QUOTED = re.compile(r'"[^"]*"')
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I'd|I'll|I've|me|my|mine|myself|we|us|our)\b")


def lint_corpus(corpus: Corpus) -> list[Finding]:
    """Completeness, banned words, length, length balance, person and duplicates; an empty list is a clean corpus.

    A corpus of the 21 classes is held to the word lists of all of them, since a passage that names any emotion gives
    its class away; in other corpora a passage must not contain its own class name.
    """
    return [
        *_completeness(corpus),
        *_banned_words(corpus),
        *_lengths(corpus),
        *_length_balance(corpus),
        *_person(corpus),
        *_duplicates(corpus),
    ]


def words(text: str) -> list[str]:
    """Lower-case words with their apostrophes."""
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower())


def _where(passage: Passage) -> str:
    return f"{passage.emotion} / {passage.topic}"


def _completeness(corpus: Corpus) -> list[Finding]:
    counts = Counter((p.emotion, p.topic) for p in corpus.passages)
    per_cell = Counter(counts.values()).most_common(1)[0][0]
    return [
        Finding(
            "completeness",
            f"{emotion} / {topic}",
            f"{counted(counts[emotion, topic], 'passage')} where most cells have {per_cell}; "
            "every class needs the same number on every topic.",
        )
        for emotion in corpus.classes
        for topic in corpus.topics
        if counts[emotion, topic] != per_cell
    ]


def _banned_words(corpus: Corpus) -> list[Finding]:
    ours = set(corpus.classes) <= set(CLASSES)
    rules = _BANS if ours else {name: [re.escape(name) + r"\w*"] for name in corpus.classes}
    compiled = {owner: re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE) for owner, patterns in rules.items()}
    return [
        Finding("banned word", _where(p), f"{match.group()!r} is on the word list of {owner!r}; show it instead.")
        for p in corpus.passages
        for owner, pattern in compiled.items()
        if ours or owner == p.emotion
        for match in pattern.finditer(p.text)
    ]


def _lengths(corpus: Corpus) -> list[Finding]:
    return [
        Finding("length", _where(p), f"{n} words; {MIN_WORDS} to {MAX_WORDS} are asked for.")
        for p in corpus.passages
        if not MIN_WORDS <= (n := len(p.text.split())) <= MAX_WORDS
    ]


def _length_balance(corpus: Corpus) -> list[Finding]:
    lengths: dict[str, list[int]] = defaultdict(list)
    for p in corpus.passages:
        lengths[p.emotion].append(len(p.text.split()))
    means = {name: sum(values) / len(values) for name, values in lengths.items()}
    overall = sum(means.values()) / len(means)
    return [
        Finding(
            "length balance",
            name,
            f"mean of {mean:.1f} words against {overall:.1f} overall; "
            f"stay within {LENGTH_TOLERANCE:.0%}, or length tells the class.",
        )
        for name, mean in means.items()
        if abs(mean - overall) > LENGTH_TOLERANCE * overall
    ]


def _person(corpus: Corpus) -> list[Finding]:
    """The grammatical person must be the same in all classes of a topic (quoted speech aside)."""
    by_topic: dict[str, list[tuple[bool, Passage]]] = defaultdict(list)
    for p in corpus.passages:
        by_topic[p.topic].append((bool(_FIRST_PERSON.search(_QUOTED.sub(" ", p.text))), p))
    findings = []
    for topic, rows in by_topic.items():
        usual = Counter(first for first, _ in rows).most_common(1)[0][0]
        asked = "first" if usual else "third"
        findings += [
            Finding("person", _where(p), f"not in the {asked} person as the other passages on {topic!r}.")
            for first, p in rows
            if first != usual
        ]
    return findings


def _duplicates(corpus: Corpus) -> list[Finding]:
    findings = []
    tokens = [words(p.text) for p in corpus.passages]
    sets = [set(t) for t in tokens]
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        overlap = len(a & b) / max(len(a | b), 1)
        if overlap > NEAR_DUPLICATE:
            kind = "duplicate" if tokens[i] == tokens[j] else "near-duplicate"
            findings.append(
                Finding(
                    kind, _where(corpus.passages[i]), f"{overlap:.0%} of the words of {_where(corpus.passages[j])}."
                )
            )
    runs: dict[tuple[str, ...], int] = {}
    for i, row in enumerate(tokens):
        for start in range(len(row) - SHARED_RUN + 1):
            run = tuple(row[start : start + SHARED_RUN])
            other = runs.setdefault(run, i)
            if other != i:
                findings.append(
                    Finding(
                        "shared phrase",
                        _where(corpus.passages[i]),
                        f"{' '.join(run)!r} stands in {_where(corpus.passages[other])} too.",
                    )
                )
    return findings
