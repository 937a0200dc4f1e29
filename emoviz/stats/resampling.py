"""Topic bootstrap of every depth curve: what other topics, as many as these, would have given.

The curves depend on the states only through inner products between (topic, class) cells. One kernel per layer therefore
serves all replicates, whatever the width of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..emotions import NEUTRAL, arousal, valence
from ..geometry.vectors import CENTRINGS
from ..types import Resampled
from .bootstrap import MIN_TOPICS, resample_weights, t_factor

N_BOOTSTRAP = 1_000
# Replicates at a time: what they need fits into the cache of a core.
_CHUNK = 100
_NORM_BINS = 512


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read from a model, layer by layer.

    states, sentences : layer -> (N, D) pooled states of the passages, (S, D) of the neutral sentences.
    norms : layer -> (K,) norm of every content token of the passages. token_topics : (K,) index into `topics` of each.
    emotions : class of each passage. topic_of : (N,) index into `topics` of each.
    halves : (T,) 0 or 1 per topic. controls : name -> (N, F) features of the passages that the RDMs are correlated with.
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
) -> Resampled | str:
    """Intervals of all curves of `depth_curves`, or the reason why topics cannot be resampled.

    Topics are drawn with replacement, as many as there are, and every curve is computed anew from the drawn ones; for
    anisotropy the neutral sentences are drawn. Half the width of a 95 % interval is the bootstrap standard error times
    `t_factor`. Simulated coverage of each curve is in docs/statistics.md.

    layers : the finite ones; spreads are NaN elsewhere. n_layers : of the model, the last axis of what is returned.
    progress : called with `resampling`, and layers done and in all.
    """
    classes = tuple(sorted(set(read.emotions)))
    cell = read.topic_of * len(classes) + np.array([classes.index(name) for name in read.emotions])
    n_cells = len(read.topics) * len(classes)
    missing = np.flatnonzero(np.bincount(cell, minlength=n_cells) == 0)
    if len(read.topics) < MIN_TOPICS:
        return f"{len(read.topics)} topics are too few to resample; {MIN_TOPICS} are needed"
    if missing.size:
        topic, name = divmod(int(missing[0]), len(classes))
        return (
            f"class {classes[name]!r} has no passage on topic {read.topics[topic]!r}, so the topics cannot be resampled"
        )
    weights = resample_weights(len(read.topics), n, seed)
    sentence_weights = resample_weights(len(read.sentences(layers[0])), n, seed + 1)
    controls = {name: _control_ranks(features, cell, classes, weights) for name, features in read.controls.items()}
    factor = {"topics": t_factor(len(read.topics)), "sentences": t_factor(sentence_weights.shape[1])}
    half_width: dict[str, np.ndarray] = {}
    deviations = np.full((len(CENTRINGS), n, n_layers), np.nan, np.float32)
    for k, layer in enumerate(layers):
        progress("resampling", k, len(layers))
        states = read.states(layer)
        drawn = _passage_curves(Kernel.of(states, cell, classes), weights, read.halves, controls)
        sentences = read.sentences(layer)
        drawn["anisotropy"] = _mean_pair_cosine(sentences, sentence_weights)
        drawn["anisotropy_centred"] = _centred_pair_cosine(sentences, sentence_weights, states, read.topic_of, weights)
        drawn["residual_norm"] = _median(read.norms(layer), read.token_topics, weights)
        drawn["vector_norm"] = drawn["vector_norm"] / np.median(read.norms(layer))
        for name, values in drawn.items():
            error = _over_replicates(np.nanstd, values, ddof=1)
            width = half_width.setdefault(name, np.full((len(CENTRINGS), n_layers), np.nan, np.float32))
            width[:, layer] = error * factor["sentences" if name.startswith("anisotropy") else "topics"]
        cosine = drawn["mean_cosine"]
        deviations[:, :, layer] = cosine - _over_replicates(np.nanmean, cosine)[:, None]
    progress("resampling", len(layers), len(layers))
    return Resampled(n, seed, half_width, deviations)


def _over_replicates(statistic: Callable, values: np.ndarray, **options: int) -> np.ndarray:
    """A statistic of the replicates that there are, per row; NaN where there are fewer than two."""
    values = np.atleast_2d(values)
    known = np.isfinite(values).sum(1) > 1
    return np.where(known, statistic(np.where(known[:, None], values, 0), axis=1, **options), np.nan)


def _control_ranks(features: np.ndarray, cell: np.ndarray, classes: tuple[str, ...], weights: np.ndarray) -> np.ndarray:
    """Ranks of the control RDM of every replicate, (B, P)."""
    cells = Kernel.of(features, cell, classes).cells
    parts = (weights[k : k + _CHUNK] for k in range(0, len(weights), _CHUNK))
    return np.concatenate([_ranks(_rdm(_double_centred(_gram(_to_cells(cells, w), w)))) for w in parts])


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


def _passage_curves(
    kernel: Kernel, weights: np.ndarray, halves: np.ndarray, controls: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Curves that topics decide, (centrings, B); those that no centring changes are the same in each row."""
    parts = [
        _chunk(kernel, weights[k : k + _CHUNK], halves, {name: r[k : k + _CHUNK] for name, r in controls.items()})
        for k in range(0, len(weights), _CHUNK)
    ]
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}


def _chunk(
    kernel: Kernel, weights: np.ndarray, halves: np.ndarray, controls: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        to_cell = _to_cells(kernel.cells, weights)
        whole = Means(_gram(to_cell, weights), weights @ kernel.offset)
        split = []
        for half in (0, 1):
            kept = halves == half
            own = weights[:, kept] / weights[:, kept].sum(1, keepdims=True)
            split.append(Means(_gram(_to_cells(kernel.cells[kept][:, :, kept], own), own), own @ kernel.offset[kept]))
        rows: dict[str, list[np.ndarray]] = {}
        for centring in CENTRINGS:
            for name, value in _of_centring(kernel, centring, whole, split).items():
                rows.setdefault(name, []).append(value)
        out = {name: np.stack(value) for name, value in rows.items()}
        single = {
            "decoding_accuracy": decode(kernel, weights, to_cell, whole.gram),
            **_class_centred(kernel, whole.gram, controls),
        }
    return out | {name: np.tile(value, (len(CENTRINGS), 1)) for name, value in single.items()}


@dataclass(frozen=True, slots=True)
class Means:
    """Class means of every replicate: gram (B, C, C) of the centred ones, offset (B, C) with what was taken off."""

    gram: np.ndarray
    offset: np.ndarray


def _of_centring(kernel: Kernel, centring: str, whole: Means, split: Sequence[Means]) -> dict[str, np.ndarray]:
    missing = np.full(len(whole.gram), np.nan, np.float32)
    names = ("mean_cosine", "rdm_std", "participation_ratio", "effective_rank", "vector_norm", "split_half_rho")
    if centring == "neutral" and NEUTRAL not in kernel.classes:
        return dict.fromkeys(names, missing)
    cosine, length = _cosines(_centred(kernel, whole, centring))
    upper = cosine[:, *np.triu_indices(cosine.shape[1], 1)]
    spectrum = np.clip(_eigen(_double_centred(cosine))[0], 0, None)
    ranks = [_ranks(_rdm(_centred(kernel, half, centring))) for half in split]
    values = (
        upper.mean(1),
        upper.std(1),
        spectrum.sum(1) ** 2 / (spectrum**2).sum(1),
        _exp_entropy(np.sqrt(spectrum)),
        length.mean(1),
        np.arctanh(np.clip((ranks[0] * ranks[1]).sum(1), -1 + 1e-6, 1 - 1e-6)),
    )
    return dict(zip(names, values, strict=True))


def _class_centred(kernel: Kernel, whole: np.ndarray, controls: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fits of the leading components and of the control RDMs, always on class-centred vectors."""
    gram = _double_centred(whole)
    out = {}
    components = _eigen(_double_centred(_cosines(gram)[0]))[1]
    for k, (name, sign) in enumerate((("valence_r", valence), ("arousal_r", arousal))):
        signs = np.array([sign(c) for c in kernel.classes], float)
        known = signs != 0
        if known.sum() > 1 and np.ptp(signs[known]) > 0:
            axis = components[:, known, -1 - k]
            axis = axis - axis.mean(1, keepdims=True)
            side = signs[known] - signs[known].mean()
            r = axis @ side / np.linalg.norm(axis, axis=1) / np.linalg.norm(side)
            out[name] = np.arctanh(np.clip(np.abs(r), 0, 1 - 1e-6))
    own = _ranks(_rdm(gram))
    for name, ranks in controls.items():
        out[f"control {name}"] = np.arctanh(np.clip((own * ranks).sum(1), -1 + 1e-6, 1 - 1e-6))
    return out


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


def _centred(kernel: Kernel, means: Means, centring: str) -> np.ndarray:
    gram, offset = means.gram, means.offset
    if centring == "class":
        return _double_centred(gram)
    if centring == "none":
        return gram + offset[:, :, None] + offset[:, None] + kernel.square
    k = kernel.classes.index(NEUTRAL)
    shifted = gram - gram[:, :, [k]] - gram[:, [k]] + gram[:, [k]][:, :, [k]]
    return np.delete(np.delete(shifted, k, axis=1), k, axis=2)


def _double_centred(gram: np.ndarray) -> np.ndarray:
    rows = gram.mean(1, keepdims=True)
    return gram - rows - rows.transpose(0, 2, 1) + gram.mean((1, 2), keepdims=True)


def _eigen(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors, smallest first; NaN for a replicate in which a vector has no direction."""
    defined = np.isfinite(matrices).all((1, 2))
    values, vectors = np.linalg.eigh(np.where(defined[:, None, None], matrices, 0.0))
    values[~defined], vectors[~defined] = np.nan, np.nan
    return values, vectors


def _cosines(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (B, C, C) and lengths (B, C)."""
    length = np.sqrt(np.einsum("bcc->bc", gram))
    return gram / length[:, :, None] / length[:, None], length


def _rdm(gram: np.ndarray) -> np.ndarray:
    """Condensed RDMs, (B, P), of inner products between emotion vectors, (B, C, C)."""
    cosine, _ = _cosines(gram)
    return 1 - cosine[:, *np.triu_indices(cosine.shape[1], 1)]


def _ranks(condensed: np.ndarray) -> np.ndarray:
    """Ranks of each row, centred and of length 1; ties, which resampled floats do not have, are broken by place."""
    if condensed.shape[1] < 3:
        return np.full_like(condensed, np.nan)
    n = condensed.shape[1]
    ranks = np.empty(condensed.shape, np.float32)
    np.put_along_axis(ranks, condensed.argsort(1), np.arange(n, dtype=np.float32)[None], axis=1)
    ranks -= (n - 1) / 2
    ranks[~np.isfinite(condensed).all(1)] = np.nan
    return ranks / np.sqrt(n * (n * n - 1) / 12)


def _exp_entropy(values: np.ndarray) -> np.ndarray:
    share = values / values.sum(1, keepdims=True)
    return np.exp(-(share * np.log(np.where(share > 0, share, 1))).sum(1))


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
    return _over_pairs(_cosines(gram)[0], weights)


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
