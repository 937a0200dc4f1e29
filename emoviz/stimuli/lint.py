"""What a corpus must be before vectors made from it can be trusted."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from importlib.resources import files
from itertools import chain

from ..emotions import CLASSES
from ..types import Corpus, Finding, Passage
from ..words import counted
from .labels import alike, alike_words
from .segments import words_in

MIN_WORDS, MAX_WORDS = 30, 60
# Class means of the passage length may differ from the overall mean by this share.
LENGTH_TOLERANCE = 0.10
# Word sets of two passages that overlap more than this (Jaccard) are near-duplicates.
NEAR_DUPLICATE = 0.5
# Two passages may not share a run of this many words.
SHARED_RUN = 6
# Passages of one word that others are compared with.
_REMEMBERED = 20
# The words of every passage in small letters.
Spelled = list[list[str]]
# Names that are written out where there are many.
_NAMED = 5
_COMPLETE = "every class needs the same number on every topic."

_BANS: dict[str, list[str]] = json.loads((files(__package__) / "data" / "bans.json").read_text("utf-8"))
_COMMONEST = ("the", "and", "of", "was", "that", "with")
_QUOTED = re.compile(r'"[^"]*"')
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I'd|I'll|I've|me|my|mine|myself|we|us|our)\b")


def lint_corpus(corpus: Corpus) -> list[Finding]:
    """Labels, completeness, banned words, length, length balance, person and duplicates; an empty list is a clean
    corpus.

    A corpus of the 21 classes is held to the word lists of all of them, since a passage that names any emotion gives
    its class away; in other corpora a passage must not contain its own class name.
    """
    spelled = [words_in(p.text.lower()) for p in corpus.passages]
    return [
        *_labels(corpus),
        *_completeness(corpus),
        *_banned_words(corpus),
        *_lengths(corpus, spelled),
        *_length_balance(corpus, spelled),
        *_person(corpus, spelled),
        *_near_duplicates(corpus, spelled),
        *_shared_phrases(corpus, spelled),
    ]


def _where(passage: Passage) -> str:
    return f"{passage.emotion} / {passage.topic}"


def _labels(corpus: Corpus) -> list[Finding]:
    return [
        Finding(f"{what} look alike", first, f"{alike_words(first, other, why)}. Write them alike.")
        for what, names in (("classes", corpus.classes), ("topics", corpus.topics))
        for first, other, why in alike(names)
    ]


def _completeness(corpus: Corpus) -> list[Finding]:
    """A finding for each cell, or for each topic that several classes lack."""
    counts = Counter((p.emotion, p.topic) for p in corpus.passages)
    per_cell = Counter(counts.values()).most_common(1)[0][0]
    classes, findings = corpus.classes, []
    for topic in corpus.topics:
        wrong = [name for name in classes if counts.get((name, topic), 0) != per_cell]
        if len(wrong) == 1:
            n = f"{counted(counts[wrong[0], topic], 'passage')} where most cells have {per_cell}"
            findings.append(Finding("completeness", f"{wrong[0]} / {topic}", f"{n}; {_COMPLETE}"))
        elif wrong:
            n = f"{len(wrong)} of {len(classes)} classes have not {per_cell} as most cells: {_few(wrong)}"
            findings.append(Finding("completeness", topic, f"{n}; {_COMPLETE}"))
    return findings


def _few(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _banned_words(corpus: Corpus) -> list[Finding]:
    ours = set(corpus.classes) <= set(CLASSES)
    rules = _BANS if ours else {name: [re.escape(name) + r"\w*"] for name in corpus.classes}
    compiled = {owner: re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE) for owner, patterns in rules.items()}
    return [
        Finding("banned word", _where(p), f"{match.group()!r} is on the word list of {owner!r}; show it instead.")
        for p in corpus.passages
        for owner, pattern in (compiled.items() if ours else [(p.emotion, compiled[p.emotion])])
        for match in pattern.finditer(p.text)
    ]


def _lengths(corpus: Corpus, spelled: Spelled) -> list[Finding]:
    return [
        Finding("length", _where(p), f"{n} words; {MIN_WORDS} to {MAX_WORDS} are asked for.")
        for p, row in zip(corpus.passages, spelled, strict=True)
        if not MIN_WORDS <= (n := len(row)) <= MAX_WORDS
    ]


def _length_balance(corpus: Corpus, spelled: Spelled) -> list[Finding]:
    lengths: dict[str, list[int]] = defaultdict(list)
    for p, row in zip(corpus.passages, spelled, strict=True):
        lengths[p.emotion].append(len(row))
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


def _person(corpus: Corpus, spelled: Spelled) -> list[Finding]:
    """The grammatical person must be the same in all classes of a topic (quoted speech aside); told of English."""
    if not _english(spelled):
        return []
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


def _english(spelled: Spelled) -> bool:
    """Whether the commonest words of English are as common as they are in English, 6 to 15 %."""
    counts = Counter(word for row in spelled for word in row)
    return sum(counts[word] for word in _COMMONEST) > 0.03 * counts.total()


def _near_duplicates(corpus: Corpus, spelled: Spelled) -> list[Finding]:
    """Passages that repeat an earlier one, each beside the first of these that is found.

    Two sets of which one has n words overlap by more than t only if they share one of its rarest n - ceil(t n) + 1
    words (prefix filtering, Chaudhuri et al. 2006), so that few pairs are looked at; of each word the first passages.
    """
    counts = Counter(word for row in spelled for word in set(row))
    findings = []
    seen: dict[str, list[int]] = defaultdict(list)
    sets: list[set[str]] = []
    for i, row in enumerate(spelled):
        own = set(row)
        sets.append(own)
        most = len(own) - math.ceil(NEAR_DUPLICATE * len(own)) + 1
        rarest = sorted(own, key=lambda word: (counts[word], word))[:most]
        for j in dict.fromkeys(chain.from_iterable(seen[word] for word in rarest)):
            shared = len(own & sets[j])
            overlap = shared / (len(own) + len(sets[j]) - shared)
            if overlap > NEAR_DUPLICATE:
                kind = "duplicate" if row == spelled[j] else "near-duplicate"
                message = f"{overlap:.0%} of the words of {_where(corpus.passages[j])}."
                findings.append(Finding(kind, _where(corpus.passages[i]), message))
                break
        for word in rarest:
            if len(seen[word]) < _REMEMBERED:
                seen[word].append(i)
    return findings


def _shared_phrases(corpus: Corpus, spelled: Spelled) -> list[Finding]:
    first: dict[int, int] = {}
    findings = []
    for i, row in enumerate(spelled):
        runs = [tuple(row[k : k + SHARED_RUN]) for k in range(len(row) - SHARED_RUN + 1)]
        shared = [(run, other) for run in runs if (other := first.setdefault(hash(run), i)) != i]
        if shared:
            run, other = shared[0]
            more = f", and {counted(len(shared) - 1, 'run')} of {SHARED_RUN} words more" if len(shared) > 1 else ""
            message = f"{' '.join(run)!r} stands in {_where(corpus.passages[other])} too{more}."
            findings.append(Finding("shared phrase", _where(corpus.passages[i]), message))
    return findings
