"""Every quantity that is drawn over depth, and the rules that pick a best layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
from ..types import DepthCurve, VectorSet
from .ranks import spearman_matrix
from .vectors import class_vectors, condensed_cosine

CURVES = (
    "decoding_accuracy",
    "split_half_rho",
    "mean_cosine",
    "rdm_std",
    "anisotropy",
    "participation_ratio",
    "residual_norm",
)


def depth_curves(vectors: VectorSet, centring: str = "class") -> dict[str, DepthCurve]:
    """All curves of `CURVES` for one set; values are NaN at non-finite layers.

    mean_cosine : mean off-diagonal cosine of the class vectors; its reference is the floor -1/(C - 1) that class
        centring forces when the vectors are equally long.
    rdm_std : standard deviation of the RDM. split_half_rho : Spearman rho between the RDMs of the two topic halves.
    decoding_accuracy : see `held_out_accuracy`; its reference is chance. anisotropy : see `mean_pairwise_cosine`.
    participation_ratio : (sum of eigenvalues)^2 / sum of squared eigenvalues of the class-centred unit vectors.
    residual_norm : median norm of the residual stream over content tokens.
    """
    shape = vectors.n_layers
    values = {
        name: np.full(shape, np.nan) for name in ("mean_cosine", "rdm_std", "split_half_rho", "participation_ratio")
    }
    n_compared = 0
    for layer in vectors.finite_layers:
        rows, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
        n_compared = len(classes)
        if n_compared < 2:
            raise InputError(
                f"{vectors.name} has one class left under {centring} centring; at least 2 are needed for curves; "
                "choose class centring."
            )
        cosines = condensed_cosine(rows, classes)
        values["mean_cosine"][layer] = cosines.mean()
        values["rdm_std"][layer] = cosines.std()
        values["participation_ratio"][layer] = participation_ratio(rows)
        halves = [
            condensed_cosine(*class_vectors(vectors.half_means[half, layer], vectors.classes, centring))
            for half in (0, 1)
        ]
        if len(halves[0]) > 2:
            values["split_half_rho"][layer] = spearman_matrix(np.stack(halves))[0, 1]
    for name in ("decoding_accuracy", "anisotropy", "residual_norm"):
        values[name] = np.asarray(getattr(vectors, name), np.float64)
    depth = (np.arange(shape) + 1) / shape
    reference = {"decoding_accuracy": 1 / len(vectors.classes)}
    if centring == "class":
        reference["mean_cosine"] = -1 / (n_compared - 1)
    return {name: DepthCurve(name, vectors.name, depth, values[name], reference.get(name)) for name in CURVES}


def participation_ratio(rows: np.ndarray) -> float:
    """Effective number of dimensions that the unit class vectors fill, from 1 to C - 1.

    Source : Gao et al. 2017 (participation ratio of a covariance spectrum).
    """
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    spectrum = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    return float(spectrum.sum() ** 2 / (spectrum**2).sum())


def best_layers(vectors: VectorSet) -> dict[str, int | None]:
    """The layer that each rule picks; always on class-centred vectors, so that the view's centring changes nothing.

    decoding : highest held-out decoding accuracy. reliability : highest split-half rho (None below 3 classes).
    separation : lowest mean cosine, the rule of Jeong 2026 (arXiv 2604.11050). The first layer wins a tie.
    """
    curves = depth_curves(vectors, "class")
    return {
        "decoding": _first_highest(curves["decoding_accuracy"].values),
        "reliability": _first_highest(curves["split_half_rho"].values),
        "separation": _first_highest(-curves["mean_cosine"].values),
    }


def preferred_layer(vectors: VectorSet, best: Mapping[str, int | None]) -> int:
    """The layer that stands for a set: the pick of its protocol's rule, or of separation where that rule has none."""
    rule = vectors.provenance.protocol.layer_rule
    if rule == "middle" and vectors.n_layers // 2 in vectors.finite_layers:
        return vectors.n_layers // 2
    pick = best.get(rule)
    return best["separation"] if pick is None else pick


def _first_highest(values: np.ndarray) -> int | None:
    return None if np.isnan(values).all() else int(np.nanargmax(values))
