"""The published statistics of twelve models, computed anew from the published matrix and table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..geometry.ranks import spearman_matrix
from ..reference import PublishedModel
from ..types import PairGroup, SizeEffect

_GEMMA, _ORIGINAL = "Gemma-3 1B", ("Qwen 2.5 1.5B", "SmolLM2 1.7B", "Llama 3.2 3B")
_LARGE = 7.0

_SIZE_EFFECTS: dict[str, tuple[Callable[[PublishedModel], float], Callable[[PublishedModel], float]]] = {
    "anisotropy and width": (lambda m: m.d_model, lambda m: m.anisotropy_best),
    "anisotropy and parameters": (lambda m: m.billions, lambda m: m.anisotropy_best),
    "best depth and parameters": (lambda m: m.billions, lambda m: m.best_depth),
    "RDM spread and parameters": (lambda m: m.billions, lambda m: m.rdm_std),
}


def pair_groups(models: Sequence[PublishedModel], rho: np.ndarray) -> tuple[PairGroup, ...]:
    """The groups of instruct pairs that the paper names, and base against instruct.

    rho : (12, 12), as `published_rho`. "Mature" is the paper's word for all families but Gemma-3 1B.
    """
    instruct = [k for k, m in enumerate(models) if m.variant == "instruct"]
    pairs = [(i, j) for i in instruct for j in instruct if i < j]
    gemma = [pair for pair in pairs if any(models[k].family == _GEMMA for k in pair)]
    mature = [pair for pair in pairs if pair not in gemma]
    members = {
        "original three, instruct": [pair for pair in mature if all(models[k].family in _ORIGINAL for k in pair)],
        "with a model of 7B or more, instruct": [
            pair for pair in mature if any(models[k].billions >= _LARGE for k in pair)
        ],
        "all mature, instruct": mature,
        "with Gemma-3 1B, instruct": gemma,
    }
    return tuple(_group(name, [rho[pair] for pair in chosen]) for name, chosen in members.items())


def base_and_instruct(models: Sequence[PublishedModel], rho: np.ndarray) -> dict[str, float]:
    """rho between the base and the instruct model of each family, in the order of the matrix."""
    at = {(m.family, m.variant): k for k, m in enumerate(models)}
    families = dict.fromkeys(m.family for m in models)
    return {family: float(rho[at[family, "base"], at[family, "instruct"]]) for family in families}


def size_effects(models: Sequence[PublishedModel]) -> tuple[SizeEffect, ...]:
    """Correlations with size over the twelve models.

    p from Student's t, as in the paper. It takes the models for independent, which base and instruct of one family are
    not; so rho is given over the means of the six families too, too few for a p.
    """
    from scipy.special import stdtr

    families = list(dict.fromkeys(m.family for m in models))
    rows = [[m.family == family for m in models] for family in families]
    found = []
    for name, measures in _SIZE_EFFECTS.items():
        values = np.array([[measure(m) for m in models] for measure in measures])
        rho = spearman_matrix(values)[0, 1]
        freedom = len(models) - 2
        p = 2 * stdtr(freedom, -abs(rho) * np.sqrt(freedom / (1 - rho**2)))
        means = np.array([values[:, row].mean(1) for row in rows]).T
        over_families = spearman_matrix(means)[0, 1]
        found.append(SizeEffect(name, float(rho), float(p), len(models), float(over_families), len(families)))
    return tuple(found)


def _group(name: str, values: Sequence[float]) -> PairGroup:
    return PairGroup(name, float(np.mean(values)), float(np.min(values)), float(np.max(values)), len(values))
