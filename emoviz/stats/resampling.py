"""Topic bootstrap of every depth curve: what other topics, as many as these, would have given.

The curves depend on the states only through inner products between (topic, class) cells. One kernel per layer therefore
serves all replicates, whatever the width of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..emotions import NEUTRAL
from ..geometry.curves import SENTENCES, Curve, curves_with
from ..geometry.dissimilarity import cosines_of_products, rdms_of_products
from ..geometry.means import MIN_CORRELATED
from ..geometry.vectors import CENTRINGS
from ..types import Missing, Resampled
from ..types.condensed import condensed
from .bootstrap import MIN_TOPICS, resample_weights, t_factor

N_BOOTSTRAP = 1_000
# Replicates at a time: what they need fits into the cache of a core.
_CHUNK = 100
_NORM_BINS = 512
# A correlation of 1 has no finite z.
_NEARLY_ONE = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read from a model, layer by layer.

    states, sentences : layer -> (N, D) pooled states of the passages, (S, D) of the neutral sentences.
    norms : layer -> (K,) norm of every content token of the passages. token_topics : (K,) index into `topics` of each.
    emotions : class of each passage. topic_of : (N,) index into `topics` of each.
    halves : (T,) 0 or 1 per topic. controls : name -> (N, F) features of the passages that control RDMs are made of.
    """

    states: Callable[[int], np.ndarray]
    sentences: Callable[[int], np.ndarray]
    norms: Callable[[int], np.ndarray]
    token_topics: np.ndarray
    emotions: tuple[str, ...]
    topic_of: np.ndarray
    topics: tuple[str, ...]
    halves: np.ndarray
    controls: Mapping[str, np.ndarray]


def resample_curves(
    read: Readings,
    layers: Sequence[int],
    n_layers: int,
    *,
    n: int = N_BOOTSTRAP,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Resampled | Missing:
    """Intervals of all depth curves, or why topics cannot be resampled.

    Topics are drawn with replacement, as many as there are, and every curve is computed anew from the drawn ones; for
    anisotropy the neutral sentences are drawn. Half the width of a 95 % interval is the bootstrap standard error times
    `t_factor`. Simulated coverage of each curve is in docs/statistics.md.

    layers : the finite ones; spreads are NaN elsewhere. n_layers : of the model, the last axis of what is returned.
    progress : called with `resampling`, and layers done and in all.
    """
    classes = tuple(sorted(set(read.emotions)))
    cell = read.topic_of * len(classes) + np.array([classes.index(name) for name in read.emotions])
    why = _cannot_resample(read, cell, classes)
    if why:
        return Missing("intervals", None, why)
    curves = curves_with(tuple(read.controls))
    weights = resample_weights(len(read.topics), n, seed)
    sentence_weights = resample_weights(len(read.sentences(layers[0])), n, seed + 1)
    controls = {name: _control_ranks(features, cell, classes, weights) for name, features in read.controls.items()}
    factor = {curve.over: t_factor(len(read.topics)) for curve in curves.values()}
    factor[SENTENCES] = t_factor(sentence_weights.shape[1])
    half_width = {name: np.full((len(CENTRINGS), n_layers), np.nan, np.float32) for name in curves}
    deviations = np.full((len(CENTRINGS), n, n_layers), np.nan, np.float32)
    for k, layer in enumerate(layers):
        progress("resampling", k, len(layers))
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = _drawn(curves, list(_replicates(read, layer, cell, classes, weights, sentence_weights, controls)))
        for name, values in drawn.items():
            error = _over_replicates(np.nanstd, values, ddof=1)
            half_width[name][:, layer] = error * factor[curves[name].over]
        cosine = drawn["mean_cosine"]
        deviations[:, :, layer] = cosine - _over_replicates(np.nanmean, cosine)[:, None]
    progress("resampling", len(layers), len(layers))
    known = {name: width for name, width in half_width.items() if not np.isnan(width).all()}
    return Resampled(n, seed, known, deviations)


def _cannot_resample(read: Readings, cell: np.ndarray, classes: tuple[str, ...]) -> str:
    missing = np.flatnonzero(np.bincount(cell, minlength=len(read.topics) * len(classes)) == 0)
    if len(read.topics) < MIN_TOPICS:
        return f"{len(read.topics)} topics are too few to resample; {MIN_TOPICS} are needed"
    if missing.size:
        topic, name = divmod(int(missing[0]), len(classes))
        return (
            f"class {classes[name]!r} has no passage on topic {read.topics[topic]!r}, so the topics cannot be resampled"
        )
    return ""


def _drawn(curves: Mapping[str, Curve], replicates: Sequence[Replicates]) -> dict[str, np.ndarray]:
    """Every curve of every replicate, (centrings, B), correlations on Fisher's z scale."""
    under = [[ReplicateMeans(part, centring) for part in replicates] for centring in CENTRINGS]
    return {
        name: np.stack([np.concatenate([_on_scale(curve, curve.value(m)) for m in parts]) for parts in under])
        for name, curve in curves.items()
    }


def _on_scale(curve: Curve, values: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(values, -_NEARLY_ONE, _NEARLY_ONE)) if curve.is_correlation else values


def _over_replicates(statistic: Callable[..., np.ndarray], values: np.ndarray, **options: int) -> np.ndarray:
    """A statistic of the replicates that there are, per row; NaN where there are fewer than two."""
    values = np.atleast_2d(values)
    known = np.isfinite(values).sum(1) > 1
    return np.where(known, statistic(np.where(known[:, None], values, 0), axis=1, **options), np.nan)


def _control_ranks(features: np.ndarray, cell: np.ndarray, classes: tuple[str, ...], weights: np.ndarray) -> np.ndarray:
    """Ranks of the control RDM of every replicate, (B, P)."""
    cells = Kernel.of(features, cell, classes).cells
    return np.concatenate(
        [_ranks(rdms_of_products(_double_centred(_gram(_to_cells(cells, w), w)))) for w in _chunks(weights)]
    )


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[k : k + _CHUNK] for k in range(0, len(rows), _CHUNK))


@dataclass(frozen=True, slots=True)
class Kernel:
    """Inner products of centred states.

    cells : (T, C, T, C) between cell means. passages : (N, T, C) of each passage with the cell means.
    topic, label : (N,) topic and class of each passage. offset : (T, C) of the cell means with the mean that was taken
    off; square : of that mean with itself. Uncentred products are recovered from these two.
    """

    cells: np.ndarray
    passages: np.ndarray
    topic: np.ndarray
    label: np.ndarray
    offset: np.ndarray
    square: float
    classes: tuple[str, ...]

    @staticmethod
    def of(states: np.ndarray, cell: np.ndarray, classes: tuple[str, ...]) -> Kernel:
        """states : (N, F). cell : (N,) topic * C + class; every cell has a passage."""
        n_classes = len(classes)
        n_topics = (int(cell.max()) + 1) // n_classes
        states = np.asarray(states, np.float64)
        centre = states.mean(0)
        # The common mean can be a thousand times longer than what differs: float32 is for what is left without it.
        centred = (states - centre).astype(np.float32)
        member = (cell == np.arange(n_topics * n_classes)[:, None]).astype(np.float32)
        means = member @ centred / member.sum(1, keepdims=True)
        shape = (n_topics, n_classes)
        return Kernel(
            cells=(means @ means.T).reshape(*shape, *shape),
            passages=(centred @ means.T).reshape(-1, *shape),
            topic=cell // n_classes,
            label=cell % n_classes,
            offset=(means @ centre.astype(np.float32)).reshape(shape),
            square=float(centre @ centre),
            classes=classes,
        )


@dataclass(frozen=True, slots=True)
class Products:
    """Class means of every replicate: gram (B, C, C) of the centred ones, offset (B, C) with what was taken off."""

    gram: np.ndarray
    offset: np.ndarray


def _replicates(
    read: Readings,
    layer: int,
    cell: np.ndarray,
    classes: tuple[str, ...],
    weights: np.ndarray,
    sentence_weights: np.ndarray,
    controls: Mapping[str, np.ndarray],
) -> Iterator[Replicates]:
    """All replicates of one layer, some at a time."""
    states, sentences, norms = read.states(layer), read.sentences(layer), read.norms(layer)
    kernel, unit = Kernel.of(states, cell, classes), np.median(norms)
    whole = (
        weights,
        _mean_pair_cosine(sentences, sentence_weights),
        _centred_pair_cosine(sentences, sentence_weights, states, read.topic_of, weights),
        _median(norms, read.token_topics, weights),
    )
    ranks = {name: _chunks(rows) for name, rows in controls.items()}
    for w, anisotropy, anisotropy_centred, norm in zip(*map(_chunks, whole), strict=True):
        own = {name: next(parts) for name, parts in ranks.items()}
        yield Replicates(kernel, w, read.halves, own, anisotropy, anisotropy_centred, norm, unit)


class Replicates:
    """B replicates of one layer: what they have whatever the centring."""

    def __init__(
        self,
        kernel: Kernel,
        weights: np.ndarray,
        halves: np.ndarray,
        control_ranks: Mapping[str, np.ndarray],
        anisotropy: np.ndarray,
        anisotropy_centred: np.ndarray,
        residual_norm: np.ndarray,
        norm_unit: np.ndarray,
    ):
        self.kernel, self.weights, self.halves, self.control_ranks = kernel, weights, halves, control_ranks
        self.anisotropy, self.anisotropy_centred = anisotropy, anisotropy_centred
        self.residual_norm, self.norm_unit = residual_norm, norm_unit

    @cached_property
    def _to_cells(self) -> np.ndarray:
        return _to_cells(self.kernel.cells, self.weights)

    @cached_property
    def whole(self) -> Products:
        return Products(_gram(self._to_cells, self.weights), self.weights @ self.kernel.offset)

    @cached_property
    def split(self) -> tuple[Products, Products]:
        """Of the drawn topics of each half."""
        first, second = (self._of_half(self.halves == half) for half in (0, 1))
        return first, second

    def _of_half(self, kept: np.ndarray) -> Products:
        own = self.weights[:, kept] / self.weights[:, kept].sum(1, keepdims=True)
        gram = _gram(_to_cells(self.kernel.cells[kept][:, :, kept], own), own)
        return Products(gram, own @ self.kernel.offset[kept])

    @cached_property
    def decoding_accuracy(self) -> np.ndarray:
        return decode(self.kernel, self.weights, self._to_cells, self.whole.gram)

    @cached_property
    def components(self) -> np.ndarray:
        class_centred = cosines_of_products(_double_centred(self.whole.gram))[0]
        return _where_finite(_double_centred(class_centred), lambda m: np.linalg.eigh(m)[1])

    @cached_property
    def ranks(self) -> np.ndarray:
        """Of the class-centred RDM."""
        return _ranks(rdms_of_products(_double_centred(self.whole.gram)))


class ReplicateMeans:
    """Replicates under one centring; see `geometry.means.Means`."""

    def __init__(self, replicates: Replicates, centring: str):
        self._all, self.centring = replicates, centring

    @property
    def classes(self) -> tuple[str, ...]:
        return self._all.kernel.classes

    @cached_property
    def _products(self) -> np.ndarray:
        return self._centred(self._all.whole)

    @cached_property
    def _matrices(self) -> tuple[np.ndarray, np.ndarray]:
        return cosines_of_products(self._products)

    @cached_property
    def cosines(self) -> np.ndarray:
        return condensed(self._matrices[0])

    @cached_property
    def half_cosines(self) -> np.ndarray:
        return np.stack([condensed(cosines_of_products(self._centred(half))[0]) for half in self._all.split])

    @property
    def lengths(self) -> np.ndarray:
        return self._matrices[1]

    @cached_property
    def spectrum(self) -> np.ndarray:
        return np.sqrt(
            np.clip(_where_finite(_double_centred(self._matrices[0]), lambda m: np.linalg.eigh(m)[0]), 0, None)
        )

    @property
    def components(self) -> np.ndarray:
        return self._all.components

    def control_rho(self, name: str) -> np.ndarray:
        return (self._all.ranks * self._all.control_ranks[name]).sum(1)

    @property
    def residual_norm(self) -> np.ndarray:
        return self._all.residual_norm

    @property
    def norm_unit(self) -> np.ndarray:
        return self._all.norm_unit

    @property
    def decoding_accuracy(self) -> np.ndarray:
        return self._all.decoding_accuracy

    @property
    def anisotropy(self) -> np.ndarray:
        return self._all.anisotropy

    @property
    def anisotropy_centred(self) -> np.ndarray:
        return self._all.anisotropy_centred

    def spearman(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (_ranks(a) * _ranks(b)).sum(1)

    def _centred(self, means: Products) -> np.ndarray:
        """Inner products of the class vectors; a class without direction where there is no neutral one to centre on."""
        gram, offset = means.gram, means.offset
        if self.centring == "class":
            return _double_centred(gram)
        if self.centring == "none":
            return gram + offset[:, :, None] + offset[:, None] + self._all.kernel.square
        if NEUTRAL not in self.classes:
            return np.full((len(gram), 2, 2), np.nan)
        k = self.classes.index(NEUTRAL)
        shifted = gram - gram[:, :, [k]] - gram[:, [k]] + gram[:, [k]][:, :, [k]]
        return np.delete(np.delete(shifted, k, axis=1), k, axis=2)


def decode(kernel: Kernel, weights: np.ndarray, to_cell: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`held_out_accuracy` of every replicate, (B,); all copies of a topic are left out together.

    to_cell, whole : as `_to_cells` and `_gram` give them.
    """
    topic, label = kernel.topic, kernel.label
    share = weights[:, :, None]
    # (B, T, C): what the left-out topic had given to the class means is taken back.
    own = np.einsum("tctd->tcd", kernel.cells)
    left = 1 - share
    diagonal = np.einsum("bcc->bc", whole)[:, None]
    squares = diagonal - 2 * share * np.einsum("btcc->btc", to_cell) + share**2 * np.einsum("tcc->tc", own)
    crossed = to_cell.mean(2) + to_cell.mean(3)
    to_centre = (whole.mean(1)[:, None] - share * crossed + share**2 * own.mean(1)) / left**2
    centre = to_centre.mean(2, keepdims=True)
    length = np.sqrt(squares / left**2 - 2 * to_centre + centre)
    # (B, N, C): each passage with the class means of the other topics.
    if len(topic) == to_cell.shape[1] * to_cell.shape[2]:
        product = to_cell[:, topic, label]  # each passage is a cell of its own
    else:
        flat = kernel.passages.transpose(1, 0, 2).reshape(weights.shape[1], -1)
        product = (weights @ flat).reshape(len(weights), len(topic), -1)
    product -= weights[:, topic, None] * kernel.passages[np.arange(len(topic)), topic]
    product /= left[:, topic]
    product -= product.mean(2, keepdims=True)
    product -= (to_centre - centre)[:, topic]
    product /= length[:, topic]
    hits = product.argmax(2) == label
    return (hits * weights[:, topic]).sum(1) / weights[:, topic].sum(1)


def _to_cells(cells: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Inner products of the cells with the class means of each replicate, (B, T, C, C)."""
    n_topics, n_classes = cells.shape[:2]
    flat = np.ascontiguousarray(cells.transpose(2, 0, 1, 3)).reshape(n_topics, -1)
    return (weights @ flat).reshape(len(weights), n_topics, n_classes, n_classes)


def _gram(to_cell: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Inner products of the class means of each replicate, (B, C, C) float64."""
    n, n_topics, n_classes, _ = to_cell.shape
    gram = (weights[:, None] @ to_cell.reshape(n, n_topics, -1)).reshape(n, n_classes, n_classes)
    # Small arrays from here on, where differences of nearly equal numbers and roots of small ones are taken.
    gram = gram.astype(np.float64)
    return (gram + gram.transpose(0, 2, 1)) / 2


def _double_centred(gram: np.ndarray) -> np.ndarray:
    rows = gram.mean(1, keepdims=True)
    return gram - rows - rows.transpose(0, 2, 1) + gram.mean((1, 2), keepdims=True)


def _where_finite(matrices: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A function of symmetric matrices, (B, C, C) to (B, ...); NaN where a vector of the replicate has no direction."""
    defined = np.isfinite(matrices).all((1, 2))
    found = function(np.where(defined[:, None, None], matrices, 0.0))
    found[~defined] = np.nan
    return found


def _ranks(pairs: np.ndarray) -> np.ndarray:
    """Ranks of each row, centred and of length 1; ties, which resampled floats do not have, are broken by place."""
    n = pairs.shape[1]
    if n < MIN_CORRELATED:
        return np.full_like(pairs, np.nan)
    ranks = np.empty(pairs.shape, np.float32)
    np.put_along_axis(ranks, pairs.argsort(1), np.arange(n, dtype=np.float32)[None], axis=1)
    ranks -= (n - 1) / 2
    ranks[~np.isfinite(pairs).all(1)] = np.nan
    return ranks / np.sqrt(n * (n * n - 1) / 12)


def _mean_pair_cosine(states: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`mean_pairwise_cosine` of resampled rows, (B,); a row is never paired with its own copy."""
    rows = np.asarray(states, np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = rows @ rows.T
    return _over_pairs(np.broadcast_to(cosine, (len(weights), *cosine.shape)), weights)


def _centred_pair_cosine(
    sentences: np.ndarray, weights: np.ndarray, states: np.ndarray, topic_of: np.ndarray, topic_weights: np.ndarray
) -> np.ndarray:
    """The same after the mean over the passages is taken off, whose topics are resampled as well, (B,)."""
    centre = np.asarray(states, np.float64).mean(0)
    rows = sentences - centre
    topics = np.stack([states[topic_of == t].mean(0) - centre for t in range(topic_weights.shape[1])])
    shift = topic_weights @ (topics @ rows.T)
    square = ((topic_weights @ (topics @ topics.T)) * topic_weights).sum(1)
    gram = rows @ rows.T - shift[:, :, None] - shift[:, None] + square[:, None, None]
    return _over_pairs(cosines_of_products(gram)[0], weights)


def _over_pairs(cosine: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of (B, S, S) cosines over pairs of different rows."""
    weights = weights.astype(np.float64)
    total = np.einsum("bs,bst,bt->b", weights, cosine, weights, optimize=True)
    own = np.einsum("bs,bss->b", weights**2, cosine)
    return (total - own) / (1 - (weights**2).sum(1))


def _median(values: np.ndarray, group: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted median of values that belong to groups, (B,), from a histogram with bins of equal counts."""
    edges = np.quantile(values, np.linspace(0, 1, _NORM_BINS + 1))
    place = np.clip(np.searchsorted(edges, values, "right") - 1, 0, _NORM_BINS - 1)
    counts = np.zeros((weights.shape[1], _NORM_BINS))
    np.add.at(counts, (group, place), 1)
    passed = np.cumsum(weights @ counts, axis=1)
    return edges[1:][(passed >= passed[:, [-1]] / 2).argmax(1)]
