"""What two corpora do to one model's geometry, and the yardstick: what the halves of one corpus do."""

from __future__ import annotations

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry.dissimilarity import MIN_COMMON, rdm_or_missing
from ..geometry.once import once_per_set
from ..geometry.ranks import standard_ranks
from ..types import Contrast, CorpusPair, HalfCorpora, Missing, VectorSet
from ..words import counted
from .reliability import stepped_up


@once_per_set
def half_corpora(vectors: VectorSet, layer: int | None, classes: tuple[str, ...] | None = None) -> HalfCorpora:
    """How alike the geometries of the two halves of a set's passages are, at a layer, class-centred.

    The halves have no passage and no topic in common, and come from one source: two corpora of half the size, written
    (or gathered) by the same rules. classes : those that count; None for all but neutral.
    Returns : HalfCorpora; what cannot be computed is NaN, with its reason.
    """
    classes = vectors.emotions if classes is None else classes
    rho, missing = np.nan, ""
    ranks = _half_ranks(vectors, layer, classes)
    if isinstance(ranks, str):
        missing = ranks
    else:
        rho = float(ranks[0] @ ranks[1])
        if not rho > 0:
            missing = f"the halves do not agree (rho {rho:.2f}), so there is no reliable geometry to step up"
    p = vectors.provenance
    return HalfCorpora(
        set=vectors.name,
        model=p.model,
        protocol=p.protocol.name,
        precision=p.precision,
        corpus=p.corpus,
        n_passages=p.n_passages,
        layer=layer,
        n_classes=len(classes),
        rho=rho,
        whole=float(stepped_up(np.array(rho))),
        missing=missing,
    )


def corpus_pair(found: Contrast, sets: tuple[VectorSet, VectorSet]) -> CorpusPair:
    """A contrast of two corpora beside their halves, on the emotions that both have.

    found : of kind `corpus`. sets : its two sets, the reference first. Raises InputError for other sets.
    """
    if found.kind != "corpus" or found.sets != tuple(s.name for s in sets):
        raise InputError(f"a contrast of kind {found.kind} of {', '.join(found.sets)} was given; give its two corpora.")
    common = tuple(sorted(set(sets[0].classes) & set(sets[1].classes) - {NEUTRAL}))
    first, second = (_half_ranks(s, layer, common) for s, layer in zip(sets, found.layers, strict=True))
    across = np.nan
    if not isinstance(first, str) and not isinstance(second, str):
        across = float((first @ second.T).mean())
    of_first, of_second = (half_corpora(s, layer, common) for s, layer in zip(sets, found.layers, strict=True))
    return CorpusPair(found, (of_first, of_second), across)


def _half_ranks(vectors: VectorSet, layer: int | None, classes: tuple[str, ...]) -> np.ndarray | str:
    """`standard_ranks` of the RDMs of the two halves, (2, P), or why there are none."""
    if len(classes) < MIN_COMMON:
        return f"{counted(len(classes), 'emotion')} in common; at least {MIN_COMMON} are needed to correlate RDMs"
    if layer is None or layer not in vectors.finite_layers:
        return f"layer {layer} of {vectors.name} {vectors.gap}"
    at = [vectors.classes.index(name) for name in classes]
    rdms = []
    for half in vectors.halves(layer):
        rdm = rdm_or_missing(half[at], classes, "class")
        if isinstance(rdm, Missing):
            return f"{vectors.name} at layer {layer}: a half's {rdm.why}"
        rdms.append(rdm)
    return standard_ranks(np.stack(rdms))
