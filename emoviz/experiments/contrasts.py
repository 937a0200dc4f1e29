"""Every contrast and separation: measured now among the sets at hand, or shipped where those are too large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..emotions import NEUTRAL
from ..geometry import preferred_layer
from ..geometry.once import once_per_set
from ..models.registry import REGISTRY
from ..stats import contrast, find_contrasts, separation
from ..stats.contrasts import EXACTNESS, KINDS
from ..store import list_sets, load_contrasts
from ..types import Contrast, Measured, Separation, VectorSet
from ..types.given import several_sets

# Base model -> its instruct twin, by the names that sets carry.
TWINS = {e.id.split("/")[-1]: e.pair.split("/")[-1] for e in REGISTRY if e.variant == "base" and e.pair is not None}


def contrasts(sets: Sequence[VectorSet] | None = None) -> Measured:
    """What is left of a geometry when method, protocol, precision or instruction tuning change.

    Pairs of shipped sets do not change, and sets of other precisions are too large to ship: what they gave is shipped.
    What a set of the user's takes part in is measured here, once while the sets are in memory.

    sets : those at hand; None for all that `list_sets` finds.
    Returns : Measured; contrasts in the order of `stats.contrasts.KINDS`, separations by model, method and protocol.
    Source  : Jeong 2026 (arXiv 2604.11050) for the decomposition, 2604.04064 for generation against comprehension.

    >>> import emoviz as ez
    >>> [c.kind for c in ez.contrasts([]).contrasts][:1]
    ['method']
    """
    sets = list_sets() if sets is None else several_sets(sets) if sets else []
    shipped = load_contrasts()
    before = {(c.kind, c.sets): c for c in shipped.contrasts}
    found: list[Contrast] = []
    for kind, a, b in find_contrasts(sets, TWINS):
        known = before.get((kind, (a.name, b.name))) if a.shipped and b.shipped else None
        found.append(_contrast(a, b, kind) if known is None else known)
    at_hand = {_what(c) for c in found}
    found += [c for c in shipped.contrasts if _what(c) not in at_hand]
    found.sort(key=lambda c: list(KINDS).index(c.kind))
    separations = _separations(sets)
    there = {(s.model, s.protocol, s.precision) for s in separations}
    separations += [s for s in shipped.separations if (s.model, s.protocol, s.precision) not in there]
    separations.sort(key=lambda s: (s.model, s.method, s.protocol))
    return replace(shipped, contrasts=tuple(found), separations=tuple(separations))


def _what(c: Contrast) -> tuple:
    return c.kind, c.models, frozenset(zip(c.protocols, c.precisions, c.corpora, strict=True))


@once_per_set
def _contrast(reference: VectorSet, other: VectorSet, kind: str) -> Contrast:
    return contrast(kind, reference, other, (preferred_layer(reference), preferred_layer(other)))


@once_per_set
def _separation(vectors: VectorSet) -> Separation:
    return separation(vectors, preferred_layer(vectors))


def _separations(sets: Sequence[VectorSet]) -> list[Separation]:
    """Of every model with sets by both methods, those in its most exact precision with neutral and a finite layer."""
    found = []
    for model in dict.fromkeys(s.provenance.model for s in sets):
        own = [s for s in sets if s.provenance.model == model and s.provenance.precision in EXACTNESS]
        exact = min((s.provenance.precision for s in own), key=EXACTNESS.index, default=None)
        usable = [
            s
            for s in own
            if s.provenance.precision == exact and NEUTRAL in s.classes and preferred_layer(s) in s.finite_layers
        ]
        if len({s.provenance.method for s in usable}) == 2:
            found += [_separation(s) for s in usable]
    return found
