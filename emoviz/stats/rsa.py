"""RSA between vector sets, with what a careful reader asks for next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import best_layers, preferred_layer, rdm_of
from ..geometry.ranks import spearman_matrix, standard_ranks
from ..geometry.vectors import check_layer
from ..types import Activations, Comparison, Corpus, VectorSet
from .bootstrap import resampled_rdms, rho_interval, topic_means
from .lexical import lexical_rdm, partial_rho
from .mantel import MIN_CLASSES, mantel_p
from .reliability import disjoint_rho, noise_ceiling

# Fewer classes have fewer than three pairs, too few to rank.
MIN_COMMON = 3


def layers_of(sets: Sequence[VectorSet], at: str | float) -> tuple[int, ...]:
    """One layer per set: `best` for each set's own best layer, or a relative depth in (0, 1] for all.

    `best` follows the layer rule of the set's protocol. A depth d means the block whose (layer + 1) / L is nearest d.
    """
    if at == "best":
        return tuple(preferred_layer(s, best_layers(s)) for s in sets)
    if not isinstance(at, (int, float)) or not 0 < at <= 1:
        raise InputError(
            f"layer {at!r} was asked for; 'best' or a relative depth above 0 and up to 1 is allowed; choose one."
        )
    return tuple(int(np.clip(round(at * s.n_layers) - 1, 0, s.n_layers - 1)) for s in sets)


def compare(
    sets: Sequence[VectorSet],
    layers: Sequence[int],
    *,
    centring: str = "class",
    activations: Sequence[Activations | None] | None = None,
    corpus: Corpus | None = None,
    n_permutations: int = 10_000,
    n_bootstrap: int = 1_000,
    seed: int = 0,
) -> Comparison:
    """Spearman's rho between the RDMs of sets, each at its layer, on the classes that all of them have.

    p from `mantel_p`; interval from `rho_interval` (needs stored activations of the layer, same passages in both sets);
    ceiling and disjoint rho from the halves; partial rho given `lexical_rdm` (needs the passages that all sets were made
    from). What cannot be computed is NaN, with the reason in `Comparison.reasons`.

    activations : one entry per set, None where there are none. corpus : used only if every set was made from it.
    Raises  : InputError for fewer than 2 sets, fewer than 3 common classes, or a layer that a set does not have.
    """
    if len(sets) < 2:
        raise InputError(f"{len(sets)} set(s) given; a comparison needs at least 2; name another one (emoviz list).")
    for vectors, layer in zip(sets, layers, strict=True):
        check_layer(vectors, layer)
    classes = _common_classes(sets)
    condensed, halves = _rdms(sets, layers, classes, centring)
    rho = spearman_matrix(condensed)
    reasons: dict[str, str] = {}

    p = np.full_like(rho, np.nan)
    n_compared = len(classes) - (centring == "neutral")
    if n_compared >= MIN_CLASSES:
        p = mantel_p(condensed, n_compared, n_permutations, seed)
    else:
        reasons["p"] = f"{n_compared} common classes; below {MIN_CLASSES} there are too few relabellings for a p value"

    stored = [None] * len(sets) if activations is None else activations
    resampled = [
        _resampled(vectors, layer, kept, classes, centring, n_bootstrap, seed)
        for vectors, layer, kept in zip(sets, layers, stored, strict=True)
    ]
    low, high = np.full((2, *rho.shape), np.nan)
    for i, j in combinations(range(len(sets)), 2):
        why = _not_resampled_together(sets[i], sets[j], resampled[i], resampled[j])
        if why:
            reasons[f"ci {sets[i].name} x {sets[j].name}"] = why
            continue
        low[i, j], high[i, j] = low[j, i], high[j, i] = rho_interval(rho[i, j], resampled[i], resampled[j])

    partial = np.full_like(rho, np.nan)
    same = [corpus is not None and s.provenance.corpus_hash == corpus.hash for s in sets]
    if centring != "class":
        reasons["rho_partial_lexical"] = "defined for class centring only"
    elif sum(same) < 2:
        reasons["rho_partial_lexical"] = "the passages are not at hand, or they differ"
    else:
        to_words = standard_ranks(condensed) @ standard_ranks(lexical_rdm(corpus, classes))
        partial = partial_rho(rho, to_words[:, None], to_words[None, :])
        np.fill_diagonal(partial, np.nan)
        for i, j in combinations(range(len(sets)), 2):
            if not (same[i] and same[j]):
                partial[i, j] = partial[j, i] = np.nan
                reasons[f"rho_partial_lexical {sets[i].name} x {sets[j].name}"] = "they were made from other passages"

    ceiling = noise_ceiling(halves)
    if np.isnan(ceiling).any():
        reasons["ceiling"] = "a set's halves do not agree at its layer, so it has no reliable geometry there"
    disjoint = disjoint_rho(halves)
    for i, j in combinations(range(len(sets)), 2):
        if not _same_passages(sets[i], sets[j]):
            # Halves are dealt by the order of the topics: the other half of another corpus may hold the same ones.
            disjoint[i, j] = disjoint[j, i] = np.nan
            reasons[f"rho_disjoint {sets[i].name} x {sets[j].name}"] = (
                "they were made from different passages, so their halves need not be disjoint"
            )
    return Comparison(
        sets=tuple(s.name for s in sets),
        layers=tuple(layers),
        classes=classes,
        rho=rho,
        p=p,
        ci_low=low,
        ci_high=high,
        ceiling=ceiling,
        rho_disjoint=disjoint,
        rho_partial_lexical=partial,
        n_permutations=n_permutations,
        n_bootstrap=n_bootstrap,
        seed=seed,
        reasons=reasons,
    )


def _common_classes(sets: Sequence[VectorSet]) -> tuple[str, ...]:
    common = tuple(name for name in sets[0].classes if all(name in s.classes for s in sets))
    if len(common) < MIN_COMMON:
        raise InputError(
            f"the sets have {len(common)} class(es) in common; at least {MIN_COMMON} are needed to correlate RDMs; "
            "compare sets made from the same classes."
        )
    return common


def _rdms(
    sets: Sequence[VectorSet], layers: Sequence[int], classes: tuple[str, ...], centring: str
) -> tuple[np.ndarray, np.ndarray]:
    """Condensed RDMs (K, P) and those of the halves (2, K, P), on the common classes."""
    whole, halves = [], [[], []]
    for vectors, layer in zip(sets, layers, strict=True):
        at = [vectors.classes.index(name) for name in classes]
        whole.append(rdm_of(vectors.class_means[layer][at], classes, centring)[0])
        for half in (0, 1):
            halves[half].append(rdm_of(vectors.half_means[half, layer][at], classes, centring)[0])
    return np.stack(whole), np.array(halves)


def _resampled(
    vectors: VectorSet,
    layer: int,
    stored: Activations | None,
    classes: tuple[str, ...],
    centring: str,
    n_bootstrap: int,
    seed: int,
) -> np.ndarray | str:
    """Condensed RDMs of resampled topics, or the reason why there are none. Sets with as many topics share the draws."""
    if stored is None or layer not in stored.layers:
        return f"no stored activations of {vectors.name} at layer {layer}, so its topics cannot be resampled"
    means, topics = topic_means(stored, layer, classes)
    if np.isnan(means).any():
        return f"{vectors.name} lacks some classes on some topics, so its topics cannot be resampled"
    draws = np.random.default_rng(seed).integers(len(topics), size=(n_bootstrap, len(topics)))
    return resampled_rdms(means, draws, classes.index(NEUTRAL) if centring == "neutral" else None)


def _not_resampled_together(a: VectorSet, b: VectorSet, first: np.ndarray | str, second: np.ndarray | str) -> str:
    for found in (first, second):
        if isinstance(found, str):
            return found
    return "" if _same_passages(a, b) else "they were made from different passages, which are not resampled together"


def _same_passages(a: VectorSet, b: VectorSet) -> bool:
    return a.provenance.corpus_hash == b.provenance.corpus_hash
