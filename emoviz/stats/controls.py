"""What the stimuli alone explain of an RDM."""

from __future__ import annotations

import numpy as np

from ..geometry.dissimilarity import rdm_of
from ..geometry.means import MIN_CORRELATED
from ..geometry.ranks import standard_ranks
from ..types import VectorSet


def explained_by_controls(vectors: VectorSet, layer: int) -> dict[str, float]:
    """How much of the ranks of the class-centred RDM the control RDMs explain.

    Returns R^2 of each control alone, of `all` together, and of each `only NAME`: what R^2 loses without it. NaN where
    an RDM has no ranks: fewer than 3 pairs of classes, or no spread.
    Source : commonality of a rank regression; R^2 of one predictor is its squared Spearman rho.
    """
    own = standard_ranks(rdm_of(vectors.class_means[layer], vectors.classes, "class")[0])
    ranks = {name: standard_ranks(condensed) for name, condensed in vectors.control_rdms.items()}

    def r_squared(names: list[str]) -> float:
        if not names:
            return 0.0
        fitted = np.stack([ranks[name] for name in names], axis=1)
        if len(own) < MIN_CORRELATED or not np.isfinite([own @ own, fitted.sum()]).all():
            return float("nan")
        return float(own @ fitted @ np.linalg.lstsq(fitted, own, rcond=None)[0])

    names = list(ranks)
    whole = r_squared(names)
    return {
        **{name: r_squared([name]) for name in names},
        "all": whole,
        **{f"only {name}": whole - r_squared([other for other in names if other != name]) for name in names},
    }
