"""What depth curves are computed from: class means at one layer, one set of them or many resampled ones at once."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..types import VectorSet
from .dissimilarity import SAME, condensed_cosine, rdm_of
from .ranks import spearman_matrix
from .signs import told_apart
from .vectors import class_vectors, lengths_of, unit

# With fewer pairs of classes there is nothing to rank.
MIN_CORRELATED = 3


class Means(Protocol):
    """Class means of one model at one layer, B sets of them: a vector set itself (B = 1), or the replicates of a
    bootstrap.

    A depth curve is a function from this to B values. P is the number of pairs of the C' classes that the centring
    leaves. Where a class vector has no direction, the set itself raises InputError and a replicate is NaN.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """All C classes, those that the centring drops too."""

    @property
    def cosines(self) -> np.ndarray:
        """Between the class vectors, condensed, (B, P)."""

    @property
    def half_cosines(self) -> np.ndarray:
        """The same for the two topic halves, (2, B, P); NaN where a set has no halves."""

    @property
    def lengths(self) -> np.ndarray:
        """Of the class vectors, (B, C')."""

    @property
    def spectrum(self) -> np.ndarray:
        """Singular values of the unit class vectors less their mean, smallest first, (B, C'); 0 below rounding."""

    @property
    def components(self) -> np.ndarray:
        """Principal axes of the class-centred unit vectors as columns, largest last, (B, C, C), under any centring. Of
        the set itself NaN where an axis is not told apart from others."""

    def control_rho(self, name: str) -> np.ndarray:
        """Spearman's rho of the class-centred RDM with a control RDM of the same passages, (B,), under any centring."""

    @property
    def residual_norm(self) -> np.ndarray:
        """Median length of the states of the passages' tokens, (B,)."""

    @property
    def norm_unit(self) -> np.ndarray:
        """The residual norm of the set itself, what lengths are a share of; a replicate has that of the set."""

    @property
    def decoding_accuracy(self) -> np.ndarray:
        """See `held_out_accuracy`, (B,)."""

    @property
    def anisotropy(self) -> np.ndarray:
        """Of the neutral sentences, see `mean_pairwise_cosine`, (B,)."""

    @property
    def anisotropy_centred(self) -> np.ndarray:
        """The same after the mean over the passages has been taken off, (B,)."""

    def spearman(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Spearman's rho of each row of `a` with the same row of `b`, (B, P) each, to (B,); NaN below 3 pairs."""


class LayerMeans:
    """The class means of a vector set at one finite layer, as a batch of one."""

    def __init__(self, vectors: VectorSet, layer: int, centring: str):
        self.vectors, self.layer, self.centring = vectors, layer, centring

    @property
    def classes(self) -> tuple[str, ...]:
        return self.vectors.classes

    @cached_property
    def _vectors(self) -> tuple[np.ndarray, tuple[str, ...]]:
        rows, classes = class_vectors(self.vectors.class_means[self.layer], self.classes, self.centring)
        if len(classes) < 2:
            raise InputError(f"{len(classes)} class is left under {self.centring} centring; a cosine needs at least 2.")
        return rows, classes

    @cached_property
    def cosines(self) -> np.ndarray:
        return condensed_cosine(*self._vectors)[None]

    @cached_property
    def half_cosines(self) -> np.ndarray:
        means = self.vectors.halves(self.layer)
        if not np.isfinite(means).all():
            return np.full((2, 1, self.cosines.shape[1]), np.nan)
        halves = (class_vectors(half, self.classes, self.centring) for half in means)
        return np.stack([condensed_cosine(*half)[None] for half in halves])

    @cached_property
    def lengths(self) -> np.ndarray:
        return lengths_of(self._vectors[0])[None]

    @cached_property
    def spectrum(self) -> np.ndarray:
        rows = unit(*self._vectors)
        rows = rows - rows.mean(0)
        values = np.sqrt(np.clip(np.linalg.eigvalsh(rows @ rows.T), 0, None))
        return np.where(values > SAME, values, 0.0)[None]

    @cached_property
    def components(self) -> np.ndarray:
        rows = unit(*class_vectors(self.vectors.class_means[self.layer], self.classes, "class"))
        rows -= rows.mean(0)
        # Of the small matrix of products, not of the wide one of states.
        values, axes = np.linalg.eigh(rows @ rows.T)
        return np.where(told_apart(values), axes, np.nan)[None]

    @cached_property
    def _class_centred(self) -> np.ndarray:
        return rdm_of(self.vectors.class_means[self.layer], self.classes, "class")[0][None]

    def control_rho(self, name: str) -> np.ndarray:
        return self.spearman(self._class_centred, np.asarray(self.vectors.control_rdms[name], np.float64)[None])

    @property
    def residual_norm(self) -> np.ndarray:
        return self._stored(self.vectors.residual_norm)

    @property
    def norm_unit(self) -> np.ndarray:
        return np.where(self.residual_norm > 0, self.residual_norm, np.nan)

    @property
    def decoding_accuracy(self) -> np.ndarray:
        return self._stored(self.vectors.decoding_accuracy)

    @property
    def anisotropy(self) -> np.ndarray:
        return self._stored(self.vectors.anisotropy)

    @property
    def anisotropy_centred(self) -> np.ndarray:
        return self._stored(self.vectors.anisotropy_centred)

    def spearman(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.shape[1] < MIN_CORRELATED or not (np.isfinite(a).all() and np.isfinite(b).all()):
            return np.full(1, np.nan)
        if min(np.ptp(a), np.ptp(b)) <= SAME:
            raise InputError("an RDM has no spread: every pair of classes is equally far apart.")
        return spearman_matrix(np.concatenate([a, b]))[None, 0, 1]

    def _stored(self, values: np.ndarray | None) -> np.ndarray:
        return np.full(1, np.nan) if values is None else np.asarray(values[self.layer : self.layer + 1])
