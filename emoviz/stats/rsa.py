"""RSA between vector sets, with what a careful reader asks for next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import CENTRINGS
from ..geometry.curves import WORDS
from ..geometry.dissimilarity import MIN_COMMON, SAME, rdm_or_missing
from ..geometry.layers import layers_of
from ..geometry.ranks import standard_ranks
from ..types import Comparison, Missing, VectorSet
from ..types.given import several_sets
from ..words import counted
from .bootstrap import MIN_TOPICS, rho_interval, rho_spread, rho_spread_apart, topic_means
from .mantel import MIN_CLASSES, mantel_p
from .reliability import disattenuated_rho, disjoint_rho, noise_ceiling

# Pairs of sets by their place in the comparison, and the row that a set has in the arrays of its group.
_Pairs = list[tuple[int, int]]
_Rows = dict[int, int]
# The numbers of a pair that ask how far its rho can be trusted.
_TESTS = ("p", "ci", "ceiling", "rho_disjoint", "rho_partial_lexical", "rho_disattenuated", "rho_partial_controls")


def compare(
    sets: Sequence[VectorSet],
    layers: str | float | Sequence[int] = "best",
    *,
    centring: str = "class",
    intervals: bool = True,
    n_permutations: int = 10_000,
    n_bootstrap: int = 1_000,
    seed: int = 0,
) -> Comparison:
    """Spearman's rho between the RDMs of sets, each at its layer, every pair on the classes that both have.

    layers : `best` for each set's own, a relative depth in (0, 1] for all, or one layer per set.
    centring : of the class means, see `geometry.vectors.class_vectors`. intervals : False leaves them out, which is
    quicker.
    n_permutations : relabellings for p. n_bootstrap : resamples for the interval. seed : of both.
    Returns : Comparison with (K, K) matrices: rho; p from `mantel_p`; interval from `rho_interval` (needs the stored
        activations of the layer; topics are resampled together where both sets have the same passages, else each on
        its own); ceiling, disjoint and disattenuated rho from the
        halves; partial rho given the words of the passages, and given all control RDMs of both sets. What cannot be
        computed is NaN, with the reason in `Comparison.missing`.
    Raises  : InputError for fewer than 2 sets, an unknown centring, or a layer that a set does not have.
    Source  : Kriegeskorte, Mur and Bandettini 2008 (RSA); Jeong 2026 (arXiv 2604.11050) for rho at each model's own
    layer.

    >>> import emoviz as ez
    >>> found = ez.compare([ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")])
    >>> round(float(found.rho[0, 1]), 3), round(float(found.ci_low[0, 1]), 3)
    (0.916, 0.886)
    """
    sets = several_sets(sets)
    if len(sets) < 2:
        raise InputError(f"{counted(len(sets), 'set')} given; a comparison needs at least 2. `emoviz list` names them.")
    if centring not in CENTRINGS:
        raise InputError(f"centring {centring!r} is unknown; {', '.join(CENTRINGS)} are allowed.")
    layers = layers_of(sets, layers)
    job = _Job(tuple(sets), layers, centring, intervals, n_permutations, n_bootstrap, seed)
    found = _Found(len(sets))
    for classes, pairs in _pairs_by_classes(sets).items():
        _compare_on(classes, pairs, job, found)
    return Comparison(
        sets=tuple(s.name for s in sets),
        layers=layers,
        classes=tuple(name for name in sets[0].classes if all(name in s.classes for s in sets)),
        **found.matrices,
        n_permutations=n_permutations,
        n_bootstrap=n_bootstrap,
        seed=seed,
        missing=tuple(
            Missing(number, pair, why) for number, of_pairs in found.reasons.items() for pair, why in of_pairs.items()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """What was asked for."""

    sets: tuple[VectorSet, ...]
    layers: tuple[int, ...]
    centring: str
    intervals: bool
    n_permutations: int
    n_bootstrap: int
    seed: int


class _Found:
    """Matrices that are filled pair by pair, and why an entry stays empty."""

    def __init__(self, k: int):
        names = ("rho", "ci_low", "ci_high", *(name for name in _TESTS if name != "ci"))
        self.matrices = {name: np.full((k, k), np.nan) for name in names} | {"n_classes": np.zeros((k, k), int)}
        self.reasons: dict[str, dict[tuple[int, int], str]] = {}

    def put(self, name: str, pair: tuple[int, int], value: float) -> None:
        self.matrices[name][pair] = self.matrices[name][pair[::-1]] = value

    def why(self, name: str, pair: tuple[int, int], reason: str) -> None:
        """The first reason stands. A set against itself needs none: its pairs with others have it."""
        if pair[0] != pair[1]:
            self.reasons.setdefault(name, {}).setdefault(pair, reason)


def _pairs_by_classes(sets: Sequence[VectorSet]) -> dict[tuple[str, ...], _Pairs]:
    """The pairs of sets, each set with itself too, under the classes that both have, in alphabetical order."""
    common: dict[tuple, tuple[str, ...]] = {}
    groups: dict[tuple[str, ...], _Pairs] = {}
    for i, j in combinations_with_replacement(range(len(sets)), 2):
        both = (sets[i].classes, sets[j].classes)
        if both not in common:
            common[both] = tuple(sorted(set(both[0]) & set(both[1])))
        groups.setdefault(common[both], []).append((i, j))
    return groups


def _compare_on(classes: tuple[str, ...], pairs: _Pairs, job: _Job, found: _Found) -> None:
    """All numbers of the pairs that have these classes in common."""
    n = len(classes) - (job.centring == "neutral" and NEUTRAL in classes)
    for pair in pairs:
        found.put("n_classes", pair, n)
    why = _too_few(classes, n, job.centring)
    if why:
        for pair in pairs:
            found.why("rho", pair, why)
        return
    members = sorted({k for pair in pairs for k in pair})
    at = {k: row for row, k in enumerate(members)}
    whole, halves = zip(*(_rdms_of(job, k, classes) for k in members), strict=True)
    rdms = _stacked(whole, n)
    ranks = standard_ranks(rdms)
    rho = np.clip(ranks @ ranks.T, -1, 1)
    tested = []
    for i, j in pairs:
        reason = next((whole[at[k]].why for k in (i, j) if isinstance(whole[at[k]], Missing)), "")
        if reason:
            found.why("rho", (i, j), reason)
            continue
        found.put("rho", (i, j), rho[at[i], at[j]])
        if i != j and np.abs(rdms[at[i]] - rdms[at[j]]).max() <= SAME:
            for name in _TESTS:
                found.why(name, (i, j), "the two RDMs are the same, so rho is 1 by construction and tests nothing")
        else:
            tested.append((i, j))
    _add_p(tested, at, ranks, n, job, found)
    _add_from_halves(tested, at, halves, n, job, found)
    _add_intervals(tested, at, rho, classes, job, found)
    _add_partial(tested, at, ranks, classes, job, found)


def _too_few(classes: tuple[str, ...], n: int, centring: str) -> str:
    if centring == "neutral" and NEUTRAL not in classes:
        return "neutral centring needs a neutral class in both"
    if n < MIN_COMMON:
        besides = " besides neutral" if centring == "neutral" else ""
        return f"they have {counted(n, 'class')} in common{besides}; at least {MIN_COMMON} are needed to correlate RDMs"
    return ""


def _rdms_of(job: _Job, k: int, classes: tuple[str, ...]) -> tuple[np.ndarray | Missing, list[np.ndarray | Missing]]:
    """The RDM of a set on some of its classes and those of its halves, each as values or what is missing."""
    vectors, layer = job.sets[k], job.layers[k]
    if layer in vectors.provenance.nonfinite_layers:
        why = f"layer {layer} of {vectors.name} {vectors.gap}"
        return Missing("rho", None, why), [Missing("rho", None, why)] * 2
    # A memory-mapped layer is read as it lies where all of its classes are asked for in its own order.
    at = slice(None) if classes == vectors.classes else [vectors.classes.index(name) for name in classes]
    whole = rdm_or_missing(vectors.class_means[layer][at], classes, job.centring)
    where = f"{vectors.name} at layer {layer}"
    if vectors.half_means is None:
        return _told(whole, f"{where}: its"), [Missing("rho", None, f"{vectors.name} has no halves")] * 2
    halves = [rdm_or_missing(half[at], classes, job.centring) for half in vectors.halves(layer)]
    return _told(whole, f"{where}: its"), [_told(half, f"{where}: a half's") for half in halves]


def _told(rdm: np.ndarray | Missing, where: str) -> np.ndarray | Missing:
    """What is missing, with the set in front."""
    return replace(rdm, why=f"{where} {rdm.why}") if isinstance(rdm, Missing) else rdm


def _stacked(rdms: Sequence[np.ndarray | Missing], n_classes: int) -> np.ndarray:
    """(K, P), rows of NaN where an RDM is missing."""
    missing = np.full(n_classes * (n_classes - 1) // 2, np.nan, np.float32)
    return np.stack([missing if isinstance(rdm, Missing) else rdm for rdm in rdms])


def _add_p(tested: _Pairs, at: _Rows, ranks: np.ndarray, n: int, job: _Job, found: _Found) -> None:
    pairs = [(i, j) for i, j in tested if i != j]
    if n < MIN_CLASSES:
        for pair in pairs:
            why = f"{n} common classes; below {MIN_CLASSES} there are too few relabellings for a p value"
            found.why("p", pair, why)
    elif pairs:
        p = mantel_p(ranks, n, job.n_permutations, job.seed)
        for i, j in pairs:
            found.put("p", (i, j), p[at[i], at[j]])


def _add_from_halves(tested: _Pairs, at: _Rows, halves: Sequence[list], n: int, job: _Job, found: _Found) -> None:
    stacked = np.stack([_stacked([half[k] for half in halves], n) for k in (0, 1)])
    disjoint = disjoint_rho(stacked)
    within = disjoint.diagonal()
    numbers = {
        "ceiling": noise_ceiling(disjoint),
        "rho_disjoint": disjoint,
        "rho_disattenuated": disattenuated_rho(disjoint),
    }
    for i, j in tested:
        missing = next((half.why for k in (i, j) for half in halves[at[k]] if isinstance(half, Missing)), "")
        unreliable = [k for k in (i, j) if not within[at[k]] > 0]
        for name, values in numbers.items():
            if missing:
                found.why(name, (i, j), missing)
            elif name != "ceiling" and not _same_passages(job.sets[i], job.sets[j]):
                # Halves are dealt by the order of the topics: the other half of another corpus may hold the same ones.
                why = "they were made from different passages, so their halves need not be disjoint"
                found.why(name, (i, j), why)
            elif name != "rho_disjoint" and unreliable:
                k = unreliable[0]
                why = (
                    f"the halves of {job.sets[k].name} do not agree at layer {job.layers[k]} "
                    f"(rho {within[at[k]]:.2f}), so it has no reliable geometry there"
                )
                found.why(name, (i, j), why)
            else:
                found.put(name, (i, j), values[at[i], at[j]])


def _add_intervals(
    tested: _Pairs, at: _Rows, rho: np.ndarray, classes: tuple[str, ...], job: _Job, found: _Found
) -> None:
    pairs = [(i, j) for i, j in tested if i != j]
    if not job.intervals:
        for pair in pairs:
            found.why("ci", pair, "it was not asked for")
        return
    resampled = {k: _topics_of(job, k, classes) for k in sorted({k for pair in pairs for k in pair})}
    missing = {k: one.why for k, one in resampled.items() if isinstance(one, Missing)}
    means = {k: one for k, one in resampled.items() if not isinstance(one, Missing)}
    neutral = classes.index(NEUTRAL) if job.centring == "neutral" else None
    asked = set(pairs)
    together: dict[tuple, list[int]] = {}
    for k, (_, topics) in means.items():
        together.setdefault((job.sets[k].provenance.corpus_hash, topics), []).append(k)
    for i, j in pairs:
        why = next((missing[k] for k in (i, j) if k in missing), "")
        if why:
            found.why("ci", (i, j), why)
        elif not _same_passages(job.sets[i], job.sets[j]):
            first, second = means[i][0], means[j][0]
            apart = rho_spread_apart(first, second, job.n_bootstrap, job.seed, job.centring, neutral)
            low, high = rho_interval(rho[at[i], at[j]], np.array(apart))
            _put_interval(found, (i, j), float(low), float(high))
        elif means[i][1] != means[j][1]:
            found.why("ci", (i, j), "their stored states are of different topics, which are not resampled together")
    for members in together.values():
        if len(members) < 2:
            continue
        spread = rho_spread([means[k][0] for k in members], job.n_bootstrap, job.seed, job.centring, neutral)
        known = [at[k] for k in members]
        low, high = rho_interval(rho[np.ix_(known, known)], spread)
        for a, b in combinations(range(len(members)), 2):
            pair = (members[a], members[b])
            if pair in asked:
                _put_interval(found, pair, low[a, b], high[a, b])


def _put_interval(found: _Found, pair: tuple[int, int], low: float, high: float) -> None:
    found.put("ci_low", pair, low)
    found.put("ci_high", pair, high)
    if np.isnan(low):
        found.why("ci", pair, "some resamples of the topics have no RDM")


def _topics_of(job: _Job, k: int, classes: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]] | Missing:
    """Means per topic and class with the topics, or why topics cannot be resampled."""
    vectors, layer = job.sets[k], job.layers[k]
    stored = vectors.activations
    if stored is None or layer not in stored.layers:
        why = f"no stored activations of {vectors.name} at layer {layer}, so its topics cannot be resampled"
        return Missing("ci", None, why)
    means, topics = topic_means(stored, layer, classes)
    if len(topics) < MIN_TOPICS:
        why = f"{vectors.name} has {len(topics)} topics; at least {MIN_TOPICS} are needed to resample them"
        return Missing("ci", None, why)
    if not np.isfinite(means).all():
        why = f"{vectors.name} lacks some classes on some topics (or finite states), so its topics cannot be resampled"
        return Missing("ci", None, why)
    return means, topics


def _add_partial(
    tested: _Pairs, at: _Rows, ranks: np.ndarray, classes: tuple[str, ...], job: _Job, found: _Found
) -> None:
    """Agreement of what controls leave over: the words of the passages alone, and all controls of both sets."""
    for i, j in tested:
        if i == j:
            continue
        both = job.sets[i], job.sets[j]
        every = [rdm for s in both for rdm in s.control_rdms.values()]
        words = [rdm for name, rdm in both[0].control_rdms.items() if name == WORDS]
        for name, controls in (("rho_partial_lexical", words), ("rho_partial_controls", every)):
            if job.centring != "class":
                why = "defined for class centring only"
            elif not _same_passages(*both):
                known = all(s.provenance.corpus_hash for s in both)
                why = "they were made from other passages" if known else "the passages of a set are not known"
            elif not (both[0].control_rdms and both[1].control_rdms):
                why = "a set has no controls; one that emoviz extracts has them"
            elif any(s.classes != classes for s in both):
                why = "controls are of all classes of a set, not of some"
            elif any(np.ptp(rdm) <= SAME for rdm in controls):
                why = "a control RDM has no spread: every pair of classes is equally far apart"
            else:
                value = partial_rho(ranks[[at[i], at[j]]], standard_ranks(np.stack(controls)))
                found.put(name, (i, j), value)
                why = "the controls explain an RDM fully" if np.isnan(value) else ""
            if why:
                found.why(name, (i, j), why)


def partial_rho(ranks: np.ndarray, controls: np.ndarray) -> float:
    """Correlation of two rows of ranks with the rows of controls held constant; NaN where these explain one fully."""
    left = ranks - (ranks @ np.linalg.pinv(controls)) @ controls
    length = np.linalg.norm(left, axis=1)
    return float(left[0] @ left[1] / length.prod()) if (length > 1e-6).all() else float("nan")


def _same_passages(a: VectorSet, b: VectorSet) -> bool:
    """False where the passages of one are not known."""
    return a.provenance.corpus_hash == b.provenance.corpus_hash != ""
