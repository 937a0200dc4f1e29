"""Do the leading components of the class vectors follow valence and arousal?"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geometry.components import N_COMPONENTS, components_over_layers
from ..geometry.once import once_per_set
from ..geometry.signs import MIN_SIGNED, arousal_signs, valence_signs
from ..types import Norms, TraitFit, ValenceArousal, VectorSet
from ..words import counted
from .mantel import MIN_CLASSES

N_PERMUTATIONS = 10_000
TRAITS = ("valence", "arousal")
QUADRANT_SIGNS = "quadrant signs"


@once_per_set
def valence_arousal(
    vectors: VectorSet,
    norms: Norms | None = None,
    *,
    anchor: int | None = None,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
) -> ValenceArousal:
    """Pearson's r of PC1 to PC3 with valence and arousal at every layer, with a two-sided permutation p.

    Components are those of `components_over_layers`, of all classes of the set; r is over the words that have a value:
    the emotions with a quadrant (signs -1 and 1), or, where norms are given, the words of the set that stand in them.
    p = (1 + #{|r*| >= |r|}) / (1 + n_permutations); the same relabellings for all layers and components.
    anchor : see `components_over_layers`.
    Raises : InputError if no word of the set stands in the norms.
    """
    if norms is None:
        source = QUADRANT_SIGNS
        pleasant, aroused = valence_signs(vectors.classes), arousal_signs(vectors.classes)
        known = pleasant != 0
    else:
        source, rated = norms.name, [norms.ratings.get(name.casefold()) for name in vectors.classes]
        known = np.array([r is not None for r in rated])
        pleasant, aroused = (np.array([np.nan if r is None else r[k] for r in rated]) for k in (0, 1))
        if not known.any():
            raise InputError(
                f"{norms.name} has no word of {vectors.name}, whose classes are "
                f"{', '.join(vectors.classes[:4])}{', ...' if len(vectors.classes) > 4 else ''}. Add lines for them."
            )
    scores = np.full((vectors.n_layers, len(vectors.classes), N_COMPONENTS), np.nan)
    for layer, found in components_over_layers(vectors, anchor).items():
        scores[layer] = np.where(found.told, found.scores, np.nan)
    words = tuple(name for name, k in zip(vectors.classes, known, strict=True) if k)
    valence, arousal = (
        _fit(trait, scores[:, known], value[known].astype(float), words, n_permutations, seed)
        for trait, value in zip(TRAITS, (pleasant, aroused), strict=True)
    )
    return ValenceArousal(vectors.name, source, valence, arousal, n_permutations, seed)


def _fit(
    trait: str, scores: np.ndarray, values: np.ndarray, words: tuple[str, ...], n_permutations: int, seed: int
) -> TraitFit:
    """scores : (L, n, 3) of the n words. values : (n,)."""
    n_layers, n = scores.shape[:2]
    shape = (n_layers, N_COMPONENTS)
    r, p, level = np.full((3, *shape), np.nan)
    best_p, best_level = np.full((2, n_layers), np.nan)
    reason = ""
    if n < MIN_SIGNED:
        reason = f"{counted(n, 'word')} with a value for {trait}; at least {MIN_SIGNED} are needed for a correlation"
    elif np.ptp(values) == 0:
        reason = f"all {n} words have the same {trait}"
    else:
        columns, target = _standard(scores.transpose(0, 2, 1).reshape(-1, n)), _standard(values[None])[0]
        r = np.clip(columns @ target, -1.0, 1.0).reshape(shape)
        if n < MIN_CLASSES:
            reason = (
                f"{n} words with a value for {trait}; below {MIN_CLASSES} there are too few relabellings for a p value"
            )
        else:
            relabelled = np.random.default_rng(seed).permuted(np.tile(target, (n_permutations, 1)), axis=1)
            null = np.abs(columns @ relabelled.T).reshape(*shape, n_permutations)
            p, level = _against(null, np.abs(r))
            best_p, best_level = _against(_largest(null, 1), _largest(np.abs(r), 1))
    best = np.where(np.isnan(r).all(1), -1, np.where(np.isnan(r), -1.0, np.abs(r)).argmax(1))
    return TraitFit(trait, r, p, level, best, best_p, best_level, words, reason)


def _standard(rows: np.ndarray) -> np.ndarray:
    """Rows centred and of length 1, so that dot products are Pearson's r; NaN where a row has no spread."""
    centred = rows - rows.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    # What rounding leaves of a constant row is no spread.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 1e-12, centred / length, np.nan)


def _largest(values: np.ndarray, axis: int) -> np.ndarray:
    """The maximum that passes over NaN, NaN where there is nothing else."""
    filled = np.where(np.isnan(values), -np.inf, values).max(axis)
    return np.where(np.isinf(filled), np.nan, filled)


def _against(null: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p of each observed |r| and the level that 95 % of its null stay below. null : (..., N)."""
    at_least = (null >= observed[..., None] - 1e-12).sum(-1)
    missing = np.isnan(observed)
    level = np.quantile(null, 0.95, axis=-1)
    return np.where(missing, np.nan, (1 + at_least) / (1 + null.shape[-1])), np.where(missing, np.nan, level)
