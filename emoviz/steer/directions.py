"""Unit directions of a vector set at its layers: emotions, mixtures of them, and directions that carry no emotion."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry.directions import check_emotions, means_of, mixed, units_at
from ..geometry.vectors import unit
from ..types import Direction, Towards, VectorSet
from ..types.given import one_set
from .grammar import MEAN, control_in, control_seed, parse_direction


def direction(vectors: VectorSet, text: str) -> Direction:
    """A direction of a vector set as an object that adds, subtracts and scales.

    text : an emotion of the set (`calm`) or a mixture (`0.7 calm + 0.3 grateful`).
    Returns : Direction; the weighted sum of unit vectors, which is made unit again when it is added.
    Raises  : InputError for an emotion that the set lacks, and for a control, which goes into `steering` by its name.

    >>> import emoviz as ez
    >>> vectors = ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")
    >>> 0.7 * ez.direction(vectors, "calm") + 0.3 * ez.direction(vectors, "grateful")
    Direction(0.7 calm + 0.3 grateful, of SmolLM2-135M-Instruct_emoviz_fp32_b1164d71)
    >>> (ez.direction(vectors, "happy") - ez.direction(vectors, "sad")).label
    '1 happy - 1 sad'
    """
    vectors = one_set(vectors)
    if not isinstance(text, str):
        raise InputError(f"direction {text!r:.60} was given; an emotion or a mixture as text is needed.")
    if control_in(text, vectors.classes) is not None:
        raise InputError(f"{text!r} is a control, not an emotion. Give its name to ez.steering, without ez.direction.")
    terms = parse_direction(text, vectors.classes).terms
    check_emotions(vectors, [name for name, _ in terms])
    return Direction(terms, vectors.name)


def directions_of(given: Towards | Iterable[Towards]) -> list[Towards]:
    """One direction or several, as a list. Raises InputError for none, and for what is no direction."""
    found = [given] if isinstance(given, (str, Direction)) or not isinstance(given, Iterable) else list(given)
    wrong = next((one for one in found if not isinstance(one, (str, Direction))), None)
    if wrong is not None or not found or found == [None]:
        what = f"direction {given!r:.60} was" if found else "0 directions were"
        raise InputError(f"{what} given; an emotion, a mixture, a control or what ez.direction gives is needed.")
    return found


def directions(
    vectors: VectorSet, towards: Towards, layers: tuple[int, ...], centring: str | None = None
) -> np.ndarray:
    """One unit vector per layer, (len(layers), D) float64.

    towards : an emotion or a mixture (`parse_direction`: the weighted sum of unit vectors, made unit), or a control,
    which is written `control random` or `control mean` where a class has its name:

    - `random`, or `random 7` for another: drawn from the normal distribution with the same cosines between its layers
      as the emotions have on average, so that its steps add up over the layers as theirs do. Its length is theirs.
    - `mean`: the mean over the emotions minus neutral, what all emotions share.

    Raises InputError for an emotion that is not in the set, a direction of another set, a mixture that cancels out, or
    `mean` without a neutral class.
    """
    if isinstance(towards, Direction):
        if towards.set not in ("", vectors.name):
            raise InputError(
                f"{towards.label} is a direction of {towards.set}, the vector set is {vectors.name}. Take the "
                "direction from the set that steers."
            )
        return mixed(vectors, towards.terms, layers, centring)
    seed = control_seed(towards, vectors.classes)
    if seed is not None:
        return _random(vectors, layers, centring, seed)
    if control_in(towards, vectors.classes) == MEAN:
        return _mean(vectors, layers)
    return mixed(vectors, parse_direction(towards, vectors.classes).terms, layers, centring)


def _random(vectors: VectorSet, layers: tuple[int, ...], centring: str | None, seed: int) -> np.ndarray:
    stacked = np.stack([units_at(vectors, layer, centring)[0] for layer in layers])
    gram = np.einsum("acd,bcd->ab", stacked, stacked) / stacked.shape[1]
    values, basis = np.linalg.eigh(gram)
    # Orthonormal rows, so that the cosines between layers come out exactly.
    drawn = np.random.default_rng(seed).normal(size=(len(layers), vectors.d_model))
    orthonormal = np.linalg.qr(drawn.T)[0].T
    found = (basis * np.sqrt(np.clip(values, 0, None))) @ orthonormal
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _mean(vectors: VectorSet, layers: tuple[int, ...]) -> np.ndarray:
    if NEUTRAL not in vectors.classes:
        raise InputError(
            f"control {MEAN!r} was asked for, but {vectors.name} has no neutral class. "
            'Use the control "random" instead.'
        )
    at = vectors.classes.index(NEUTRAL)
    means = means_of(vectors)
    rows = np.stack(
        [np.delete(np.asarray(means[layer], np.float64), at, 0).mean(0) - means[layer][at] for layer in layers]
    )
    return unit(rows, (MEAN,) * len(rows))
