"""Depth curves: every quantity that is drawn over the layers of a set. Adding one is adding an entry to `CURVES`.

An entry says what its curve is in words and how it is computed, once: a function from batched class means to values.
From it follow the estimate, its bootstrap interval, the figure, the table, the JSON and the glossary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..reference import PublishedModel
from ..types import DepthCurve, DepthCurves, VectorSet
from ..words import ranges
from .means import LayerMeans, Means
from .once import once_per_set
from .signs import MIN_SIGNED, arousal_signs, can_correlate, pearson_with_signs, valence_signs
from .vectors import CENTRINGS, check_centring

PLAIN, SHARE, CORRELATION, ABSOLUTE_CORRELATION = "plain", "share", "correlation", "absolute correlation"
TOPICS, SENTENCES = "topics", "sentences"
# How words, token embeddings and sentences explain the RDM; a set has those that could be made.
WORDS = "bag of words"
CONTROL_RDMS = (WORDS, "token embeddings", "sentence encoder")
CONTROL = "control "


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity over depth.

    label, axis, aid : its name, the name of its y axis with the unit, and one sentence that tells how to read it.
    value : batched class means to (B,) values.
    scale : `share` lies between 0 and 1, `correlation` and `absolute correlation` have intervals on Fisher's z scale.
    over : what its interval resamples, topics or neutral sentences.
    reference, reference_label : from the set's classes and the centring, the level that a line marks, and its name.
    lowest : whether low values are the interesting ones. logarithmic : whether its axis is.
    close_up : whether its axis fits our own values, where published ones lie far off. beside : the curve that is drawn
    thin beside it. tested_for_u : whether the papers call it U-shaped. published : a model's published curve, (depth,
    values).
    why_missing : what to say of a set without a value where nothing else is known.
    """

    name: str
    label: str
    axis: str
    aid: str
    value: Callable[[Means], np.ndarray]
    scale: str = PLAIN
    over: str = TOPICS
    reference: Callable[[tuple[str, ...], str], float | None] = lambda classes, centring: None
    reference_label: str = ""
    lowest: bool = False
    logarithmic: bool = False
    close_up: bool = False
    beside: str = ""
    tested_for_u: bool = False
    published: Callable[[PublishedModel, str], tuple[np.ndarray, np.ndarray] | None] | None = None
    why_missing: Callable[[VectorSet], str] | None = None

    @property
    def is_correlation(self) -> bool:
        return self.scale in (CORRELATION, ABSOLUTE_CORRELATION)


def _chance(classes: tuple[str, ...], _centring: str) -> float:
    return 1 / len(classes)


def _isotropic(_classes: tuple[str, ...], _centring: str) -> float:
    return 0.0


def _floor(classes: tuple[str, ...], centring: str) -> float | None:
    """What class centring forces on the mean cosine of equally long vectors."""
    n = len(classes) - (centring == "neutral")
    return -1 / (n - 1) if centring == "class" and n > 1 else None


def _sign_fit(component: int, signs: Callable[[tuple[str, ...]], np.ndarray]) -> Callable[[Means], np.ndarray]:
    return lambda m: np.abs(pearson_with_signs(m.components[:, :, -1 - component], signs(m.classes)))


def _published_mean_cosine(model: PublishedModel, centring: str) -> tuple[np.ndarray, np.ndarray] | None:
    if centring != "class" or model.mean_cosine is None:
        return None
    return (np.arange(model.n_layers) + 1) / model.n_layers, np.array(model.mean_cosine, float)


def _published_anisotropy(model: PublishedModel, _centring: str) -> tuple[np.ndarray, np.ndarray] | None:
    if not model.anisotropy:
        return None
    depth, values = zip(*model.anisotropy, strict=True)
    return np.array(depth), np.array(values)


def participation_ratio(spectrum: np.ndarray) -> float:
    """Effective number of dimensions, (sum of eigenvalues)^2 / sum of squared eigenvalues, from 1 to C - 1; NaN where
    nothing spreads, and for values that are not finite.

    spectrum : (C,) singular values of the unit class vectors less their mean.
    Source : Gao et al. 2017 (participation ratio of a covariance spectrum).
    """
    if not spectrum.sum() > 0:
        return float("nan")
    eigenvalues = spectrum**2
    return float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def effective_rank(spectrum: np.ndarray) -> float:
    """Exponential of the entropy of the normalised singular values, from 1 to C - 1; NaN as `participation_ratio`.

    spectrum : as for `participation_ratio`, which weighs the large dimensions more.
    Source : Roy and Vetterli 2007 (the effective rank).
    """
    if not spectrum.sum() > 0:
        return float("nan")
    share = spectrum / spectrum.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def _of_spectrum(function: Callable[[np.ndarray], float]) -> Callable[[Means], np.ndarray]:
    return lambda m: np.array([function(row) for row in m.spectrum])


CURVES: dict[str, Curve] = {
    curve.name: curve
    for curve in (
        Curve(
            name="decoding_accuracy",
            label="Decoding accuracy",
            axis="held-out accuracy",
            aid="share of passages on unseen topics that are nearest to their own class",
            value=lambda m: m.decoding_accuracy,
            scale=SHARE,
            reference=_chance,
            reference_label="chance",
            why_missing=lambda s: (
                "a class has no direction from the mean of all there, or all passages are of one topic"
            ),
        ),
        Curve(
            name="split_half_rho",
            label="Reliability",
            axis="Spearman rho between halves",
            aid="agreement of the RDMs of two halves of the topics; 1 = the same geometry whatever the stories are "
            "about",
            value=lambda m: m.spearman(*m.half_cosines),
            scale=CORRELATION,
            why_missing=lambda s: (
                s.notes.get("halves", "the set has no halves; a set that was extracted by emoviz has them")
                if s.half_means is None or np.isnan(s.half_means).all()
                else _TOO_FEW
            ),
        ),
        Curve(
            name="mean_cosine",
            label="Mean cosine",
            axis="mean cosine between classes",
            aid="lower = emotion vectors point further apart; the papers' separation measure. Centred vectors sum to "
            "zero, so n equally long ones have a mean cosine of exactly -1/(n-1), whatever they mean",
            value=lambda m: m.cosines.mean(1),
            reference=_floor,
            reference_label="floor -1/(n-1)",
            lowest=True,
            close_up=True,
            tested_for_u=True,
            published=_published_mean_cosine,
        ),
        Curve(
            name="rdm_std",
            label="RDM spread",
            axis="standard deviation of the RDM",
            aid="higher = some pairs near, others far; 0 = no structure",
            value=lambda m: m.cosines.std(1),
        ),
        Curve(
            name="anisotropy",
            label="Anisotropy",
            axis="mean cosine of neutral sentences",
            aid="1 = all states point the same way, whatever they say; 0 = isotropic",
            value=lambda m: m.anisotropy,
            over=SENTENCES,
            reference=_isotropic,
            reference_label="isotropic",
            beside="anisotropy_centred",
            published=_published_anisotropy,
        ),
        Curve(
            name="anisotropy_centred",
            label="Anisotropy, centred",
            axis="mean cosine of neutral sentences",
            aid="what is left of it after the mean over the emotion passages has been taken off; 0 = nothing",
            value=lambda m: m.anisotropy_centred,
            over=SENTENCES,
            reference=_isotropic,
            reference_label="isotropic",
            why_missing=lambda s: s.notes.get("anisotropy", "the set was made by an earlier version; extract it again"),
        ),
        Curve(
            name="participation_ratio",
            label="Participation ratio",
            axis="effective dimensions",
            aid="how many directions the class vectors spread over, by variance",
            value=_of_spectrum(participation_ratio),
            why_missing=lambda s: _ALL_ALIKE,
        ),
        Curve(
            name="effective_rank",
            label="Effective rank",
            axis="effective dimensions",
            aid="how many directions the class vectors spread over, by entropy: small ones count more than in the "
            "participation ratio",
            value=_of_spectrum(effective_rank),
            why_missing=lambda s: _ALL_ALIKE,
        ),
        Curve(
            name="vector_norm",
            label="Vector norm",
            axis="share of the residual norm",
            aid="mean length of the emotion vectors as a share of the length of the states they are taken from",
            value=lambda m: m.lengths.mean(1) / m.norm_unit,
            why_missing=lambda s: s.notes.get("residual_norm", "the set has no residual norm"),
        ),
        Curve(
            name="residual_norm",
            label="Residual norm",
            axis="median norm of the residual stream",
            aid="the unit that a steering dose is a fraction of",
            value=lambda m: m.residual_norm,
            logarithmic=True,
        ),
        Curve(
            name="valence_r",
            label="Valence",
            axis="|r| of component 1 with valence",
            aid="how far the first principal component sorts pleasant from unpleasant; 0.44 is reached by chance once "
            "in 20 times",
            value=_sign_fit(0, valence_signs),
            scale=ABSOLUTE_CORRELATION,
            why_missing=lambda s: _why_no_fit(valence_signs(s.classes)),
        ),
        Curve(
            name="arousal_r",
            label="Arousal",
            axis="|r| of component 2 with arousal",
            aid="how far the second principal component sorts aroused from quiet; 0.44 is reached by chance once in 20 "
            "times",
            value=_sign_fit(1, arousal_signs),
            scale=ABSOLUTE_CORRELATION,
            why_missing=lambda s: _why_no_fit(arousal_signs(s.classes)),
        ),
    )
}
_TOO_FEW = "fewer than 3 pairs of classes are too few to correlate"
_ALL_ALIKE = "all class vectors point the same way, so that they spread over no dimension"


def _why_no_fit(signs: np.ndarray) -> str:
    if can_correlate(signs):
        return "the classes spread along this component as far as along another, or not at all"
    return f"fewer than {MIN_SIGNED} classes have a known valence and arousal sign, or all have the same"


def control_curve(name: str) -> Curve:
    """Spearman's rho of the class-centred RDM with a control RDM; the curve is called `control NAME`."""
    return Curve(
        name=f"{CONTROL}{name}",
        label=name,
        axis="Spearman rho",
        aid=f"agreement of the RDM with that of the same passages as {name}",
        value=lambda m: m.control_rho(name),
        scale=CORRELATION,
        why_missing=lambda s: _TOO_FEW,
    )


def curves_with(control_rdms: tuple[str, ...]) -> dict[str, Curve]:
    """Every curve of a set with these control RDMs, by name."""
    return {**CURVES, **{curve.name: curve for curve in map(control_curve, control_rdms)}}


@once_per_set
def depth_curves(vectors: VectorSet, centring: str = "class") -> DepthCurves:
    """All depth curves of one set: those of `CURVES`, and one for each of its control RDMs.

    centring : what is taken off the class means, `class`, `neutral` or `none`. Curves of components, control RDMs and
        stored numbers are the same under each.
    Returns : DepthCurves, name -> DepthCurve with (L,) values over depth, their reference line and, where topics were
        resampled, 95 % intervals. NaN at non-finite layers and where a class vector has no direction;
        `DepthCurve.reason` says why. Units and formulas are those of the entries in `CURVES`.
    Raises  : InputError for a centring that the set does not have.
    Source  : Jeong 2026 (arXiv 2604.11050) for mean cosine, RDM spread and anisotropy; the others as their entries say.

    >>> import emoviz as ez
    >>> curves = ez.depth_curves(ez.find_set("SmolLM2-135M-Instruct_emoviz"))
    >>> round(float(curves["decoding_accuracy"].values.max()), 2)
    0.76
    >>> curves.to_frame().columns.tolist()
    ['set', 'curve', 'layer', 'depth', 'value', 'low', 'high', 'reference']
    """
    check_centring(centring, vectors.classes)
    curves = curves_with(tuple(vectors.control_rdms))
    values = {name: np.full(vectors.n_layers, np.nan) for name in curves}
    reasons: dict[str, str] = {}
    for layer in vectors.finite_layers:
        means = LayerMeans(vectors, layer, centring)
        for name, curve in curves.items():
            try:
                values[name][layer] = curve.value(means)[0]
            except InputError as error:
                reasons.setdefault(name, f"layer {layer}: {error}")
    found = {name: _depth_curve(vectors, curve, centring, values[name], reasons) for name, curve in curves.items()}
    return DepthCurves(vectors.name, found)


def _depth_curve(
    vectors: VectorSet, curve: Curve, centring: str, values: np.ndarray, reasons: dict[str, str]
) -> DepthCurve:
    low = high = None
    resampled = vectors.resampled
    if resampled is not None and curve.name in resampled.half_width:
        half_width = np.asarray(resampled.half_width[curve.name][CENTRINGS.index(centring)], np.float64)
        low, high = _interval(curve, values, half_width)
    reason = reasons.get(curve.name, "")
    if not reason and np.isnan(values).any():
        reason = _why_missing(vectors, curve, values)
    depth = (np.arange(vectors.n_layers) + 1) / vectors.n_layers
    reference = curve.reference(vectors.classes, centring)
    return DepthCurve(curve.name, vectors.name, depth, values, reference, low, high, reason)


def _interval(curve: Curve, values: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends; for a correlation the width is on Fisher's z scale, and shares stay within 0 and 1."""
    if curve.is_correlation:
        z = np.arctanh(np.clip(values, -1 + 1e-9, 1 - 1e-9))
        low, high = np.tanh(z - half_width), np.tanh(z + half_width)
        return (np.clip(low, 0, 1), high) if curve.scale == ABSOLUTE_CORRELATION else (low, high)
    low, high = values - half_width, values + half_width
    return (np.clip(low, 0, 1), np.clip(high, 0, 1)) if curve.scale == SHARE else (low, high)


def _why_missing(vectors: VectorSet, curve: Curve, values: np.ndarray) -> str:
    left_out = vectors.provenance.nonfinite_layers
    if left_out and np.isfinite(values[list(vectors.finite_layers)]).all():
        if "layers" in vectors.notes:
            return f"layers {ranges(left_out)} are missing: {vectors.notes['layers']}"
        return f"layers {ranges(left_out)} hold values that are not finite in {vectors.provenance.precision}"
    if curve.name in vectors.notes:
        return vectors.notes[curve.name]
    if curve.why_missing is not None:
        return curve.why_missing(vectors)
    return f"the set holds no finite {curve.name.replace('_', ' ')} there"
