"""Pairs of vector sets that differ in a known way: which there are, and how alike the two of a pair are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import class_vectors
from ..geometry.vectors import unit
from ..reference import STEPS
from ..stimuli import DEFAULT_CORPUS
from ..types import Contrast, Missing, VectorSet
from .rsa import compare

# Kind -> what is asked of such a pair, in the order of tables.
KINDS: dict[str, str] = {
    "method": "generation against comprehension, in one precision",
    "sub-parameters": "two protocols of one method, in one precision",
    "precision": "one protocol, in two precisions",
    "conflated": "method and precision both differ",
    "corpus": "one protocol in one precision, on other passages",
    "variant": "a base model against its instruct twin",
}
# From the most exact to the least: the first that is at hand is what the others are set against.
EXACTNESS = ("fp32", "bf16", "fp16", "int8")
# Kinds of which both sets are read at one layer.
ONE_LAYER = ("precision", "corpus")
# Protocols that stand for the conditions A, B and C of the published decomposition: those of the papers, and ours,
# whose A and C differ in nothing but the texts.
CHAINS: dict[str, tuple[str, str, str]] = {
    "the papers' protocols": ("jeong2026b", "jeong2026a-loose", "jeong2026a"),
    "our protocols": ("emoviz", "jeong2026a-loose", "emoviz-stories"),
}
_SAME_TEXTS = "pooling", "special_tokens", "skip_first", "equal_norm"
_WRITING = "templates", "stories", "chat", "max_new_tokens", "temperature", "top_p"


def find_contrasts(
    sets: Sequence[VectorSet], twins: Mapping[str, str] | None = None
) -> list[tuple[str, VectorSet, VectorSet]]:
    """(kind, reference, other) of every pair of sets that differ in a known way, in the order of `KINDS`.

    Each protocol stands with its most exact set; its other precisions are set against that one, and those by generation
    also against comprehension (conflated). Two corpora are compared in the most exact precision that both have, the
    shipped one as the reference. twins : the name of each base model -> that of its instruct model.
    """
    groups: dict[tuple, dict[str, VectorSet]] = {}
    for vectors in sorted((s for s in sets if s.provenance.precision in EXACTNESS), key=_order):
        p = vectors.provenance
        # What a model writes depends on its precision, so texts of its own are no part of the recipe.
        texts = p.corpus_hash if p.method == "comprehension" else p.corpus
        groups.setdefault((p.model, p.revision, p.protocol, texts), {}).setdefault(p.precision, vectors)
    found: dict[str, list[tuple[str, VectorSet, VectorSet]]] = {kind: [] for kind in KINDS}
    for exact, *others in (tuple(group.values()) for group in groups.values()):
        found["precision"] += [("precision", exact, other) for other in others]
    for (key, first), (other_key, second) in combinations(groups.items(), 2):
        if key[:2] == other_key[:2]:
            for kind, a, b in _of_one_model(tuple(first.values()), tuple(second.values())):
                found[kind].append((kind, a, b))
        elif key[2:] == other_key[2:]:
            a, b = next(iter(first.values())), next(iter(second.values()))
            if (twins or {}).get(b.provenance.model) == a.provenance.model:
                a, b = b, a
            same = a.provenance.precision == b.provenance.precision
            if same and (twins or {}).get(a.provenance.model) == b.provenance.model:
                found["variant"].append(("variant", a, b))
    return [entry for kind in KINDS for entry in found[kind]]


def _of_one_model(
    first: tuple[VectorSet, ...], second: tuple[VectorSet, ...]
) -> Iterable[tuple[str, VectorSet, VectorSet]]:
    """Kinds of pairs between two groups of sets of one model, each from the most exact on."""
    if first[0].provenance.method == second[0].provenance.method:
        p, q = first[0].provenance, second[0].provenance
        other_passages = p.method == "comprehension" and p.corpus_hash != q.corpus_hash
        if other_passages and p.protocol == q.protocol:
            in_both = ((a, b) for a in first for b in second if a.provenance.precision == b.provenance.precision)
            yield from (("corpus", a, b) for a, b in islice(in_both, 1))
        elif p.precision == q.precision and p.protocol != q.protocol and not other_passages:
            yield "sub-parameters", first[0], second[0]
        return
    read, written = (first, second) if first[0].provenance.method == "comprehension" else (second, first)
    for other in written:
        if other.provenance.precision == read[0].provenance.precision:
            yield "method", read[0], other
        else:
            yield "conflated", read[0], other


def _order(vectors: VectorSet) -> tuple[int, bool, str]:
    """The most exact first, and of these the shipped passages before others."""
    p = vectors.provenance
    return EXACTNESS.index(p.precision), p.method == "comprehension" and p.corpus != DEFAULT_CORPUS, vectors.name


def contrast(
    kind: str,
    reference: VectorSet,
    other: VectorSet,
    layers: tuple[int | None, int | None],
    *,
    n_permutations: int = 10_000,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Contrast:
    """How alike two sets are: rho of their RDMs as `compare` gives it, and the cosine of each emotion's two vectors.

    Both are of the emotions that the two have in common, each set minus its own mean over them. Neutral is left out, as
    in the published decomposition; between a base and an instruct model it stays, as in the published pairs.
    layers : one for each set, None where it has no finite one. Between precisions and between corpora the reference's
    layer is used for both: a difference of layers must not pass for one of precision or of passages.
    """
    first, second = (layers[0], layers[0]) if kind in ONE_LAYER else layers
    layers, sets = (first, second), (reference, other)
    p, q = reference.provenance, other.provenance
    values = {"rho": np.nan, "p": np.nan, "ceiling": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    cosines, n_classes = None, 0
    missing = _missing_layer(sets, layers)
    reasons = dict.fromkeys(("rho", "p", "ceiling", "ci", "cosines"), missing)
    if first is not None and second is not None and not missing:
        kept = sets if kind == "variant" else (_without_neutral(reference), _without_neutral(other))
        at = (first, second)
        try:
            found = compare(kept, at, n_permutations=n_permutations, n_bootstrap=n_bootstrap, seed=seed)
        except InputError as error:
            reasons = dict.fromkeys(reasons, str(error))
        else:
            values = {name: float(getattr(found, name)[0, 1]) for name in values}
            n_classes = len(found.classes)
            reasons = _reasons(found.missing, values)
            if "rho" in reasons:
                cosines, why = None, reasons["rho"]
            else:
                cosines, why = _cosines(kept, at, found.classes)
            if why:
                reasons["cosines"] = why
    return Contrast(
        kind=kind,
        models=(p.model, q.model),
        sets=(reference.name, other.name),
        methods=(p.method, q.method),
        protocols=(p.protocol.name, q.protocol.name),
        precisions=(p.precision, q.precision),
        corpora=(p.corpus, q.corpus),
        layers=layers,
        nonfinite_layers=(p.nonfinite_layers, q.nonfinite_layers),
        differs=_differs(sets, layers),
        n_classes=n_classes,
        n_permutations=n_permutations,
        **values,
        cosines=cosines,
        reasons=reasons,
    )


def steps(contrasts: Iterable[Contrast], model: str, chain: tuple[str, str, str]) -> dict[str, Contrast | None]:
    """The layered decomposition of one model: a contrast for each of `reference.STEPS`, None where a set is missing.

    chain : the protocols of conditions A, B and C. A to C are in the model's most exact precision, D is C in int8.
    Source : Jeong 2026 (arXiv 2604.11050).
    """
    own = [c for c in contrasts if c.models == (model, model)]
    exact = min((p for c in own for p in c.precisions), key=EXACTNESS.index, default=EXACTNESS[0])
    recipe = {**{letter: (name, exact) for letter, name in zip("ABC", chain, strict=True)}, "D": (chain[2], "int8")}
    by_pair = {frozenset(zip(c.protocols, c.precisions, strict=True)): c for c in reversed(own)}
    return {step: by_pair.get(frozenset(recipe[letter] for letter in pair)) for step, pair in STEPS.items()}


def _missing_layer(sets: tuple[VectorSet, VectorSet], layers: tuple[int | None, int | None]) -> str:
    for vectors, layer in zip(sets, layers, strict=True):
        p = vectors.provenance
        if layer is None:
            return f"{p.model} has no finite layer in {p.precision}"
        if layer in p.nonfinite_layers:
            return f"layer {layer} of {p.model} {vectors.gap}"
    return ""


def _without_neutral(vectors: VectorSet) -> VectorSet:
    """The set on its emotions alone, without the controls, which are of all its classes."""
    kept = [k for k, name in enumerate(vectors.classes) if name != NEUTRAL]
    return replace(
        vectors,
        classes=tuple(vectors.classes[k] for k in kept),
        class_means=vectors.class_means[:, kept],
        half_means=None if vectors.half_means is None else vectors.half_means[:, :, kept],
        control_rdms={},
    )


def _cosines(
    sets: tuple[VectorSet, VectorSet], layers: tuple[int, int], classes: tuple[str, ...]
) -> tuple[dict[str, float] | None, str]:
    """Cosine of each class's two vectors, or None and the reason."""
    if layers[0] != layers[1]:
        return None, "their layers differ, and a direction means something else in each layer"
    if sets[0].d_model != sets[1].d_model:
        return None, "their states are of different width"
    a, b = (
        unit(class_vectors(s.class_means[k][[s.classes.index(name) for name in classes]], classes, "class")[0], classes)
        for s, k in zip(sets, layers, strict=True)
    )
    return dict(zip(classes, map(float, np.clip((a * b).sum(1), -1, 1)), strict=True)), ""


def _reasons(given: Sequence[Missing], values: Mapping[str, float]) -> dict[str, str]:
    """Those of the reasons of a `Comparison` of two that belong to a value that is missing here."""
    why = {one.number: one.why for one in given}
    missing = {"ci" if name.startswith("ci") else name for name, value in values.items() if np.isnan(value)}
    # What rho lacks, every number of the pair lacks.
    return {name: why.get(name, why.get("rho", "")) for name in missing}


def _differs(sets: tuple[VectorSet, VectorSet], layers: tuple[int | None, int | None]) -> tuple[str, ...]:
    """What is not the same in the making of two sets, besides what they read."""
    p, q = (s.provenance for s in sets)
    pairs = [(name.replace("_", " "), getattr(p.protocol, name), getattr(q.protocol, name)) for name in _SAME_TEXTS]
    if p.protocol.writing is not None and q.protocol.writing is not None:
        pairs += [
            (name.replace("_", " "), getattr(p.protocol.writing, name), getattr(q.protocol.writing, name))
            for name in _WRITING
        ]
    pairs += [("layer", *layers), ("precision", p.precision, q.precision)]
    words = {True: "yes", False: "no"}
    told = [(name, *(words[v] if isinstance(v, bool) else v for v in both)) for name, *both in pairs]
    method = [] if p.method == q.method else [f"{p.method} / {q.method}"]
    return (*method, *(f"{name} {a} / {b}" for name, a, b in told if a != b))
