"""Cleaner directions as a choice: what else than its emotion an emotion vector may carry, taken out of it.

The vector of class k is m_k - c, its mean less what the centring subtracts. With x the states of texts at a layer:

- `neutral`: (I - U U') (m_k - c), U the first principal components of the states of neutral sentences: as many as carry
  half of their variance, a given share (`neutral 80 %`) or a given number (`neutral 5`).
- `whitened`: S^-1 (m_k - c), S the covariance of the passages around the means of their classes, shrunk towards a
  multiple of the identity (Ledoit and Wolf 2004); the directions of a linear discriminant analysis.
- `against E`: m_k - m_E, the contrast with one class in place of the mean; E itself then has no direction.

Sources : Sofroniew et al. 2026 (arXiv 2604.07729) for neutral components and the half of their variance; Fisher 1936
and Ledoit and Wolf 2004 (J. Multivariate Analysis 88) for the covariance. All are linear in the means, so that what is
made of them (mixtures, centrings, control directions) is made of the cleaned ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..numerals import SHARES, value_of
from ..types import Cleaned, VectorSet
from .directions import class_of

NONE, NEUTRAL_COMPONENTS, WHITENED, AGAINST = "none", "neutral", "whitened", "against"
# Of the variance of neutral states, as in the source.
SHARE = 0.5
_ALLOWED = "none, neutral, neutral 5, neutral 80 %, whitened and against EMOTION"
CHOICES = {
    NONE: "the class means less their mean",
    NEUTRAL_COMPONENTS: "without the components that carry half of the variance of neutral sentences (neutral 5: five)",
    WHITENED: "divided by the covariance within the classes",
    f"{AGAINST} EMOTION": "less the mean of that class",
}


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A cleaning as it is asked for.

    how : one of the four. components : how many neutral components are taken out, or which share of the variance they
    carry. against : the class that is subtracted.
    """

    how: str
    components: int | float | None = None
    against: str = ""

    @property
    def name(self) -> str:
        """As it is printed, and read again."""
        if self.how == AGAINST:
            return f"{AGAINST} {self.against}"
        if self.components is None:
            return self.how
        n = self.components
        return f"{self.how} {n}" if isinstance(n, int) else f"{self.how} {100 * n:g} %"


def parse_cleaning(text: str) -> Cleaning:
    """Raises InputError for what is none of the choices."""
    if isinstance(text, str):
        words = " ".join(text.split())
        if words in (NONE, WHITENED):
            return Cleaning(words)
        if words == NEUTRAL_COMPONENTS:
            return Cleaning(NEUTRAL_COMPONENTS, SHARE)
        how, _, number = words.partition(" ")
        wanted = value_of(number, SHARES) if how == NEUTRAL_COMPONENTS else 0
        if words.endswith("%") and 0 < wanted < 1:
            return Cleaning(NEUTRAL_COMPONENTS, wanted)
        if not words.endswith("%") and 0 < wanted < 10_000 and wanted == int(wanted):
            return Cleaning(NEUTRAL_COMPONENTS, int(wanted))
        if words.startswith(f"{AGAINST} ") and words != f"{AGAINST} EMOTION":
            # A class may have several blanks in its name.
            return Cleaning(AGAINST, against=text.strip().removeprefix(AGAINST).strip())
    raise InputError(f"cleaning {text!r:.60} is unknown; {_ALLOWED} are allowed.")


def parted(name: str) -> tuple[str, str]:
    """The name of a set as that of the stored one and its cleaning, which is empty where there is none."""
    found = re.fullmatch(rf"(.*?), ({NEUTRAL_COMPONENTS} \d.*|{WHITENED}|{AGAINST} .*)", name)
    return (found[1], found[2]) if found else (name, "")


def principal_components(states: np.ndarray, wanted: int | float) -> np.ndarray:
    """The first principal components of some states around their mean, (K, D), orthonormal rows.

    states : (n, D). wanted : how many, or the share of the variance that the fewest that suffice carry.
    Raises InputError for more than can be taken out, n - 1 or D - 1.
    """
    states = np.asarray(states, np.float64)
    _, values, rows = np.linalg.svd(states - states.mean(0), full_matrices=False)
    most = min(len(states), states.shape[1]) - 1
    if isinstance(wanted, int):
        if wanted > most:
            raise InputError(
                f"{wanted} neutral components were asked for; {len(states)} neutral sentences have {most}. Ask for "
                "fewer."
            )
        return rows[:wanted]
    share = np.cumsum(values**2) / np.sum(values**2)
    return rows[: int(np.searchsorted(share, wanted - 1e-12)) + 1]


def without_components(rows: np.ndarray, components: np.ndarray) -> np.ndarray:
    """What is left of some vectors, (n, D), at right angles to the components, (K, D) orthonormal."""
    rows = np.asarray(rows, np.float64)
    return rows - (rows @ components.T) @ components


def within_covariance(states: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """The shrunk covariance of states around the means of their classes, (D, D) float64.

    states : (n, D). labels : n class names. Source : Ledoit and Wolf 2004.
    """
    from sklearn.covariance import ledoit_wolf

    states = np.array(states, np.float64)
    _, label = np.unique(labels, return_inverse=True)
    for k in range(label.max() + 1):
        states[label == k] -= states[label == k].mean(0)
    return ledoit_wolf(states, assume_centered=True)[0]


def whitened_rows(rows: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Vectors times the inverse of a covariance, (n, D)."""
    from scipy.linalg import solve

    return solve(covariance, np.asarray(rows, np.float64).T, assume_a="pos").T


def with_means(
    vectors: VectorSet, cleaning: Cleaning, means: np.ndarray, origin: np.ndarray | None = None
) -> VectorSet:
    """The set with cleaned means (L, C, D) as what its directions are differences of. origin : as in `Cleaned`."""
    name, seen = f"{vectors.name}, {cleaning.name}", Cleaned(cleaning.name, means, origin)
    # Of no file: what can be deleted or opened is the set that it was made from.
    return replace(vectors, name=name, cleaned=seen, path=None, shipped=False)


def against(vectors: VectorSet, cleaning: Cleaning) -> VectorSet:
    """The set without one class, whose mean is taken off instead of the mean over the classes.

    Raises InputError for a class that is not in the set, or where fewer than two others are.
    """
    name = class_of(vectors, cleaning.against)
    if len(vectors.classes) < 3:
        raise InputError(f"{vectors.name} has 2 classes, and a contrast with one of them leaves 1; 2 are needed.")
    at = vectors.classes.index(name)
    means = np.delete(vectors.class_means, at, axis=1)
    left = replace(
        vectors,
        classes=vectors.classes[:at] + vectors.classes[at + 1 :],
        class_means=means,
        half_means=None if vectors.half_means is None else np.delete(vectors.half_means, at, axis=2),
        umap=None,
        control_rdms={},
        resampled=None,
    )
    return with_means(left, cleaning, means, np.asarray(vectors.class_means[:, at], np.float64))
