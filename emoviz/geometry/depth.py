"""Every quantity that is drawn over depth, and the rules that pick a best layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
from ..types import DepthCurve, VectorSet
from .ranks import spearman_matrix, standard_ranks
from .signs import arousal_signs, sign_correlation, valence_signs
from .vectors import CENTRINGS, check_centring, class_vectors, condensed_cosine, rdm_of, unit

CURVES = (
    "decoding_accuracy",
    "split_half_rho",
    "mean_cosine",
    "rdm_std",
    "anisotropy",
    "anisotropy_centred",
    "participation_ratio",
    "effective_rank",
    "vector_norm",
    "residual_norm",
    "valence_r",
    "arousal_r",
)
# How words, token embeddings and sentences explain the RDM; a set has those that could be made.
WORDS = "bag of words"
CONTROLS = (WORDS, "token embeddings", "sentence encoder")
_OF_VECTORS = (
    "mean_cosine",
    "rdm_std",
    "split_half_rho",
    "participation_ratio",
    "effective_rank",
    "vector_norm",
)
_OF_CLASS_CENTRED = ("valence_r", "arousal_r")
_MIN_CORRELATED = 3


def depth_curves(vectors: VectorSet, centring: str = "class") -> dict[str, DepthCurve]:
    """All curves of `CURVES` and of the controls for one set, with 95 % intervals where topics were resampled.

    Values are NaN at non-finite layers and where a class vector has no direction; `DepthCurve.reason` says which.

    mean_cosine : mean off-diagonal cosine of the class vectors; its reference is the floor -1/(C - 1) that class
        centring forces when the vectors are equally long.
    rdm_std : standard deviation of the RDM. split_half_rho : Spearman rho between the RDMs of the two topic halves.
    decoding_accuracy : see `held_out_accuracy`; its reference is chance. anisotropy : see `mean_pairwise_cosine`;
        `anisotropy_centred` after the mean over the passages has been taken off the sentences.
    participation_ratio, effective_rank : see the functions of that name. vector_norm : mean length of the class vectors
        as a share of the residual norm. residual_norm : median norm of the residual stream over content tokens.
    valence_r, arousal_r : |Pearson's r| of the first and the second principal component of the class-centred unit
        vectors with the quadrant signs.
    control NAME : Spearman rho of the class-centred RDM with that of a control, see `VectorSet.controls`.
    Raises : InputError for a centring that the set does not have.
    """
    check_centring(centring, vectors.classes)
    values = {name: np.full(vectors.n_layers, np.nan) for name in (*_OF_VECTORS, *_OF_CLASS_CENTRED)}
    values |= {f"control {name}": np.full(vectors.n_layers, np.nan) for name in vectors.controls}
    reasons: dict[str, str] = {}
    control_ranks = {name: standard_ranks(condensed) for name, condensed in vectors.controls.items()}
    for layer in vectors.finite_layers:
        for names, found in (
            (_OF_VECTORS, lambda k: _of_vectors(vectors, k, centring)),
            (
                (*_OF_CLASS_CENTRED, *(f"control {c}" for c in control_ranks)),
                lambda k: _fits(vectors, k, control_ranks),
            ),
        ):
            try:
                for name, value in found(layer).items():
                    values[name][layer] = value
            except InputError as error:
                for name in names:
                    reasons.setdefault(name, f"layer {layer}: {error}")
    missing = np.full(vectors.n_layers, np.nan)
    for name in ("decoding_accuracy", "anisotropy", "anisotropy_centred", "residual_norm"):
        stored = getattr(vectors, name)
        values[name] = missing if stored is None else np.asarray(stored, np.float64)
    n_compared = len(vectors.classes) - (centring == "neutral")
    reference = {"decoding_accuracy": 1 / len(vectors.classes), "anisotropy": 0.0, "anisotropy_centred": 0.0}
    if centring == "class" and n_compared > 1:
        reference["mean_cosine"] = -1 / (n_compared - 1)
    return {
        name: _curve(vectors, name, centring, values[name], reference.get(name), reasons.get(name, ""))
        for name in (*CURVES, *(f"control {c}" for c in vectors.controls))
    }


def _of_vectors(vectors: VectorSet, layer: int, centring: str) -> dict[str, float]:
    rows, classes = class_vectors(vectors.class_means[layer], vectors.classes, centring)
    if len(classes) < 2:
        raise InputError(
            f"{len(classes)} class is left under {centring} centring; a cosine needs at least 2; use a set with more classes."
        )
    cosines = condensed_cosine(rows, classes)
    spectrum = _spectrum(unit(rows, classes))
    found = {
        "mean_cosine": cosines.mean(),
        "rdm_std": cosines.std(),
        "participation_ratio": participation_ratio(spectrum),
        "effective_rank": effective_rank(spectrum),
        "vector_norm": np.linalg.norm(rows, axis=1).mean() / vectors.residual_norm[layer],
    }
    means = vectors.half_means[:, layer]
    if len(cosines) >= _MIN_CORRELATED and np.isfinite(means).all():
        halves = [condensed_cosine(*class_vectors(half, vectors.classes, centring)) for half in means]
        found["split_half_rho"] = spearman_matrix(np.stack(halves))[0, 1]
    return found


def _fits(vectors: VectorSet, layer: int, control_ranks: Mapping[str, np.ndarray]) -> dict[str, float]:
    rows = unit(*class_vectors(vectors.class_means[layer], vectors.classes, "class"))
    rows -= rows.mean(0)
    # Principal components of the classes, largest last: of the small matrix of products, not of the wide one of states.
    components = np.linalg.eigh(rows @ rows.T)[1]
    found = {
        name: abs(sign_correlation(components[:, -1 - k], signs(vectors.classes)))
        for k, (name, signs) in enumerate(zip(_OF_CLASS_CENTRED, (valence_signs, arousal_signs), strict=True))
    }
    if control_ranks and len(rows) >= _MIN_CORRELATED:
        own = standard_ranks(rdm_of(vectors.class_means[layer], vectors.classes, "class")[0])
        found |= {f"control {name}": float(own @ ranks) for name, ranks in control_ranks.items()}
    return found


def _curve(
    vectors: VectorSet, name: str, centring: str, values: np.ndarray, reference: float | None, reason: str
) -> DepthCurve:
    depth = (np.arange(vectors.n_layers) + 1) / vectors.n_layers
    low = high = None
    resampled = vectors.resampled
    if resampled is not None and name in resampled.half_width:
        low, high = _interval(
            name, values, np.asarray(resampled.half_width[name][CENTRINGS.index(centring)], np.float64)
        )
    if not reason and np.isnan(values).any():
        reason = _why_missing(vectors, name, values)
    return DepthCurve(name, vectors.name, depth, values, reference, low, high, reason)


def _interval(name: str, values: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends; for a correlation the width is on Fisher's z scale, and shares stay within 0 and 1."""
    if name in ("split_half_rho", *_OF_CLASS_CENTRED) or name.startswith("control "):
        z = np.arctanh(np.clip(values, -1 + 1e-9, 1 - 1e-9))
        low, high = np.tanh(z - half_width), np.tanh(z + half_width)
        return (np.clip(low, 0, 1), high) if name in _OF_CLASS_CENTRED else (low, high)
    low, high = values - half_width, values + half_width
    return (np.clip(low, 0, 1), np.clip(high, 0, 1)) if name == "decoding_accuracy" else (low, high)


def _why_missing(vectors: VectorSet, name: str, values: np.ndarray) -> str:
    left_out = vectors.provenance.nonfinite_layers
    if left_out and np.isfinite(values[list(vectors.finite_layers)]).all():
        layers = ", ".join(map(str, left_out))
        return f"layers {layers} hold values that are not finite in {vectors.provenance.precision}"
    if name == "split_half_rho" and np.isnan(vectors.half_means).all():
        return "the set has no halves; a set that was extracted by emoviz has them"
    if name == "split_half_rho" or name.startswith("control "):
        return "fewer than 3 pairs of classes are too few to correlate"
    if name in _OF_CLASS_CENTRED:
        return "the classes have no known valence and arousal signs that differ"
    if name == "anisotropy_centred":
        return "the set was made by an earlier version; extract it again"
    return f"the set holds no finite {name.replace('_', ' ')} there"


def participation_ratio(spectrum: np.ndarray) -> float:
    """Effective number of dimensions, (sum of eigenvalues)^2 / sum of squared eigenvalues, from 1 to C - 1.

    spectrum : singular values of the unit class vectors less their mean.
    Source : Gao et al. 2017 (participation ratio of a covariance spectrum).
    """
    eigenvalues = spectrum**2
    return float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def effective_rank(spectrum: np.ndarray) -> float:
    """Exponential of the entropy of the normalised singular values, from 1 to C - 1.

    spectrum : as for `participation_ratio`, which weighs the large dimensions more.
    Source : Roy and Vetterli 2007 (the effective rank).
    """
    share = spectrum / spectrum.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def _spectrum(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(0)
    return np.sqrt(np.clip(np.linalg.eigvalsh(rows @ rows.T), 0, None))


def explained_by_controls(vectors: VectorSet, layer: int) -> dict[str, float]:
    """How much of the ranks of the class-centred RDM the control RDMs explain.

    Returns R^2 of each control alone, of `all` together, and of each `only NAME`: what R^2 loses without it. NaN where an
    RDM has no ranks: fewer than 3 pairs of classes, or no spread.
    Source : commonality of a rank regression; R^2 of one predictor is its squared Spearman rho.
    """
    own = standard_ranks(rdm_of(vectors.class_means[layer], vectors.classes, "class")[0])
    ranks = {name: standard_ranks(condensed) for name, condensed in vectors.controls.items()}

    def r_squared(names: list[str]) -> float:
        if not names:
            return 0.0
        fitted = np.stack([ranks[name] for name in names], axis=1)
        if len(own) < _MIN_CORRELATED or not np.isfinite([own @ own, fitted.sum()]).all():
            return float("nan")
        return float(own @ fitted @ np.linalg.lstsq(fitted, own, rcond=None)[0])

    names = list(ranks)
    whole = r_squared(names)
    return {
        **{name: r_squared([name]) for name in names},
        "all": whole,
        **{f"only {name}": whole - r_squared([other for other in names if other != name]) for name in names},
    }


def best_layers(vectors: VectorSet, curves: Mapping[str, DepthCurve] | None = None) -> dict[str, int | None]:
    """The layer that each rule picks; always on class-centred vectors, so that the view's centring changes nothing.

    decoding : highest held-out decoding accuracy. reliability : highest split-half rho (None below 3 classes).
    separation : lowest mean cosine, the rule of Jeong 2026 (arXiv 2604.11050). The first layer wins a tie.
    curves : those of class centring, where they are at hand already.
    """
    curves = depth_curves(vectors, "class") if curves is None else curves
    return {
        "decoding": _first_highest(curves["decoding_accuracy"].values),
        "reliability": _first_highest(curves["split_half_rho"].values),
        "separation": _first_highest(-curves["mean_cosine"].values),
    }


def preferred_layer(vectors: VectorSet, best: Mapping[str, int | None]) -> int:
    """The layer that stands for a set: the pick of its protocol's rule, else of another rule, else the middle."""
    rule, middle = vectors.provenance.protocol.layer_rule, vectors.n_layers // 2
    if rule == "middle" and middle in vectors.finite_layers:
        return middle
    return next((k for k in (best.get(rule), best["separation"], best["decoding"]) if k is not None), middle)


def _first_highest(values: np.ndarray) -> int | None:
    return None if np.isnan(values).all() else int(np.nanargmax(values))
