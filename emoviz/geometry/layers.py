"""Which layer stands for a set: the rules that pick one, and layers as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from ..types.given import one_set
from ..words import counted
from .curves import depth_curves
from .vectors import check_exists

BEST, MIDDLE = "best", "middle"


# The rules that a protocol may name. The last takes block L // 2; the others need curves.
RULES = ("decoding", "reliability", "separation", MIDDLE)


def best_layers(vectors: VectorSet) -> dict[str, int | None]:
    """The layer that each rule picks, on class-centred vectors whatever the view's centring.

    Returns : rule -> layer, None where there is nothing to pick from. `decoding`: highest held-out decoding accuracy.
        `reliability`: highest split-half rho (None below 3 classes). `separation`: lowest mean cosine. The first layer
        wins a tie; of two classes, whose centred vectors are opposite everywhere, it picks none.
    Source  : `separation` is the rule of Jeong 2026 (arXiv 2604.11050).

    >>> import emoviz as ez
    >>> ez.best_layers(ez.find_set("gemma-3-270m_emoviz"))
    {'decoding': 10, 'reliability': 10, 'separation': 6}
    """
    curves = depth_curves(vectors, "class")
    return {
        "decoding": _first_highest(curves["decoding_accuracy"].values),
        "reliability": _first_highest(curves["split_half_rho"].values),
        "separation": _first_highest(-curves["mean_cosine"].values) if len(vectors.classes) > 2 else None,
    }


def preferred_layer(vectors: VectorSet) -> int:
    """The layer that stands for a set, by the rule of `layer_rule`."""
    rule, middle = layer_rule(vectors), vectors.n_layers // 2
    found = best_layers(vectors).get(rule)
    if found is not None:
        return found
    return min(vectors.finite_layers, key=lambda layer: (abs(layer - middle), layer), default=middle)


def layer_note(vectors: VectorSet) -> str:
    """What has to be said of the layer that stands for a set; empty where its protocol's own rule picks it."""
    own, rule, layer = vectors.provenance.protocol.layer_rule, layer_rule(vectors), preferred_layer(vectors)
    if rule == own and (rule != MIDDLE or layer == vectors.n_layers // 2):
        return ""
    by = "the middle one of those with vectors" if rule == MIDDLE else f"that of {rule}"
    lacks = "vectors in the middle" if own == MIDDLE else own
    return f"the set has no {lacks}, so layer {layer} is {by}"


def layer_rule(vectors: VectorSet) -> str:
    """The rule that picks the layer that stands for a set: its protocol's, else the first of RULES that it has the
    numbers for, at last the middle layer, or of those with vectors the one next to it."""
    best, own = best_layers(vectors), vectors.provenance.protocol.layer_rule
    if own == MIDDLE and vectors.n_layers // 2 in vectors.finite_layers:
        return own
    return next((rule for rule in (own, *RULES) if best.get(rule) is not None), MIDDLE)


def layer_of(vectors: VectorSet, layer: int | float | str) -> int:
    """A layer as it is asked for: its number, `best` for the set's own, or a relative depth as a float in (0, 1].

    A depth d means the block whose (layer + 1) / L is nearest d. Raises InputError for anything else, and for a layer
    that the set does not have; whether its states are finite is for `check_layer`.
    """
    vectors = one_set(vectors)
    if isinstance(layer, str) and layer == BEST:
        return preferred_layer(vectors)
    if isinstance(layer, (int, np.integer)) and not isinstance(layer, bool):
        check_exists(vectors, int(layer))
        return int(layer)
    if isinstance(layer, (float, np.floating)) and 0 < layer <= 1:
        return int(np.clip(round(layer * vectors.n_layers) - 1, 0, vectors.n_layers - 1))
    raise InputError(
        f"layer {layer!r:.40} was asked for; 'best' or a relative depth above 0 and up to 1 is allowed, or the number "
        f"of a layer from 0 to {vectors.n_layers - 1}."
    )


def layers_of(sets: Sequence[VectorSet], at: str | float | Sequence[int]) -> tuple[int, ...]:
    """One layer per set: `best` for each set's own, a relative depth in (0, 1] for all, or the layers themselves.

    For a set that is broken somewhere, so that its curves cannot be had, `best` is the layer of its highest stored
    decoding accuracy, or the middle one. Raises InputError for anything else, or another number of layers than of sets.
    """
    if isinstance(at, (int, np.integer)):
        if len(sets) > 1:
            raise InputError(
                f"layer {at} was given for {len(sets)} sets. Give a list with one layer for each, or a relative depth "
                "as a float, such as 0.5."
            )
        at = [int(at)]
    if isinstance(at, (str, float, np.floating)):
        return tuple(layer_of(s, at) for s in sets)
    if len(at) != len(sets):
        raise InputError(f"{counted(len(at), 'layer')} given for {counted(len(sets), 'set')}. Give one for each.")
    return tuple(layer_of(s, layer) for s, layer in zip(sets, at, strict=True))


def _first_highest(values: np.ndarray) -> int | None:
    return None if np.isnan(values).all() else int(np.nanargmax(values))
