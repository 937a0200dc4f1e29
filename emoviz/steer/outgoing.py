"""The vectors of a set as other programs add them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..geometry.directions import emotion_units
from ..types import Recipe, SteeringVectors, Towards, VectorSet
from ..words import ranges
from .directions import directions, directions_of
from .doses import doses_of
from .recipes import Layers, check_recipe, parse_layers, recipe

# Where and how a vector is added, for whoever finds the file.
CONVENTION = "added to the output of the 0-based block, at every token"


def steering_vectors(
    vectors: VectorSet,
    towards: Towards | Iterable[Towards] | None = None,
    *,
    layers: Layers = "window",
    centring: str | None = None,
    dose: float | None = None,
) -> SteeringVectors:
    """What `steer_texts` adds at a dose, `dose * r * u` at each layer; without a dose `r * u`, so that strength s is
    dose s.

    towards : emotions, mixtures or controls; None for all emotions. layers : as for a recipe. centring : None for that
    of the recipe.
    Raises InputError as `recipe` and `directions`, for dose 0, and for a dose where r is not known. Without a dose such
    a set gives unit vectors.
    """
    chosen = recipe(vectors, layers=layers)
    chosen = chosen if centring is None else replace(chosen, centring=centring)
    check_recipe(chosen, vectors)
    found = directions_of(vectors.emotions if towards is None else towards)
    names = tuple(one if isinstance(one, str) else one.label for one in found)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{twice!r:.60} was given twice; each direction is exported once. Leave one out.")
    strength, *more = [1.0] if dose is None else doses_of(dose)
    if more or not strength:
        raise InputError(f"dose {dose!r:.60} was given; one number other than 0 is allowed. Without one it is 1.")
    norms = np.asarray(vectors.residual_norm)[list(chosen.layers)]
    known = bool((norms > 0).all())
    if dose is not None and not known:
        raise InputError(
            f"dose {dose:g} was given, but {vectors.name} does not say how long states are at these layers. Leave the "
            "dose out for unit vectors."
        )
    units = _units(vectors, found, chosen)
    # In the order in which `steer_texts` multiplies, so that not a bit differs.
    values = (strength * norms[:, None] * units if known else units).astype(np.float32)
    missing = [layer for layer in parse_layers(layers, vectors.n_layers) if layer not in chosen.layers]
    notes = [f"{_layers_are(missing)} left out: the set has no finite vectors there"] if missing else []
    if not known:
        notes.append(f"unit vectors are written: {vectors.name} does not say how long states are")
    return SteeringVectors(
        names=names,
        layers=chosen.layers,
        values=values,
        residual_norm=norms,
        about=_about(vectors, chosen, strength if known else None),
        notes=tuple(notes),
    )


def _units(vectors: VectorSet, towards: Sequence[Towards], chosen: Recipe) -> np.ndarray:
    """(E, L, D). Emotions together: a set may have hundreds, and each is centred on all of them."""
    plain = [one for one in towards if isinstance(one, str) and one in vectors.classes]
    emotions = dict(zip(plain, emotion_units(vectors, plain, chosen.layers, chosen.centring), strict=True))
    rows = [
        emotions[one]
        if isinstance(one, str) and one in emotions
        else directions(vectors, one, chosen.layers, chosen.centring)
        for one in towards
    ]
    return np.stack(rows)


def _layers_are(layers: Sequence[int]) -> str:
    """`layer 0 is`, `layers 3, 4, 10-20 are`."""
    return f"layer{'s' * (len(layers) > 1)} {ranges(layers)} {'are' if len(layers) > 1 else 'is'}"


def _about(vectors: VectorSet, chosen: Recipe, dose: float | None) -> dict[str, str | float]:
    from .. import __version__

    p = vectors.provenance
    about: dict[str, str | float] = {
        "version": __version__,
        "set": vectors.name,
        "model": p.model,
        "revision": p.revision,
        "architecture": p.architecture,
        "n_layers": vectors.n_layers,
        "weights": p.weights,
        "precision": p.precision,
        "method": p.method,
        "protocol": p.protocol.name,
        "pooling": p.protocol.pooling,
        "corpus": p.corpus,
        "created": p.created,
        "centring": chosen.centring,
        "convention": CONVENTION,
        "strength": "unit vector" if dose is None else f"1 is dose {dose:g}",
    }
    if vectors.cleaned is not None:
        about["cleaning"] = vectors.cleaned.name
    return about if dose is None else {**about, "dose": dose}
