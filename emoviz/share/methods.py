"""How the numbers of a view came about, as the methods section of a paper says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..geometry import preferred_layer
from ..geometry.curves import CONTROL_RDMS, CURVES
from ..geometry.layers import layer_rule
from ..types import Comparison, VectorSet
from ..types.vectors import IMPORTED
from ..words import counted
from .contents import pooling_words
from .figures import View

_CENTRED = {
    "class": "the mean over the classes was subtracted from every class mean (class centring)",
    "neutral": "the mean state of the neutral class was subtracted from every class mean (neutral centring)",
    "none": "nothing was subtracted from the class means (no centring)",
}
_RULES = {
    "decoding": "highest held-out decoding accuracy",
    "reliability": "highest split-half reliability",
    "separation": "lowest mean cosine of the class-centred vectors",
    "middle": "the middle, or of those with vectors the one next to it",
}


def methods(view: View, compared: Comparison | None) -> list[tuple[str, str]]:
    """(heading, paragraph) in the order of a methods section."""
    found = [
        ("Models", _models(view.sets)),
        ("Texts", " ".join(_once(_texts(s) for s in view.sets))),
        ("Vectors", _vectors(view)),
        ("Layers", _layers(view)),
        (
            "Geometry",
            "The representational dissimilarity matrix (RDM) of a set holds 1 − cos(v_i, v_j) for every two class "
            "vectors v. Maps are the first two principal components of the class-centred unit vectors. Correlations "
            "with valence and arousal are Pearson's r of the scores on the first three components with the quadrant "
            "signs of the classes; p is two-sided, by 10,000 relabellings, and choosing the best of the three "
            "components is part of the test.",
        ),
        ("Curves over depth", _curves(view.sets)),
    ]
    if compared is not None:
        found.append(("Agreement between sets", _agreement(compared)))
    if any(s.control_rdms for s in view.sets):
        found.append(
            (
                "Controls",
                f"Each RDM was compared with RDMs of the same texts as {_and(CONTROL_RDMS)}: squared Spearman "
                "correlations, and R² of a regression of ranks on the ranks of all of them.",
            )
        )
    return found


def _models(sets: Sequence[VectorSet]) -> str:
    said = _once(f"{s.provenance.model} ({_known(s)})" for s in sets)
    return f"{counted(len(sets), 'vector set')} of {counted(len(said), 'model')} were examined: {'; '.join(said)}."


def _known(vectors: VectorSet) -> str:
    """What is known of the model of a set, in words."""
    p = vectors.provenance
    revision = p.revision[:12] if p.revision else "revision unknown"
    parts = [f"weights {p.weights}, {revision}" if p.weights else revision]
    parts += [f"computed in {p.precision}"] if p.precision else []
    size = f"{vectors.n_layers} layers, width {vectors.d_model}"
    return "; ".join([f"{p.architecture}, {size}" if p.architecture else size, *parts])


def _texts(vectors: VectorSet) -> str:
    p = vectors.provenance
    if p.method == IMPORTED:
        names = counted(len(vectors.classes), "class")
        return f"The vectors of {vectors.name} ({names}) were made by another tool; from which texts is not known."
    size = f"{counted(p.n_passages, 'text')} of {counted(len(vectors.classes), 'class')}"
    size += f" on {counted(len(p.topics), 'topic')}" if p.topics else ""
    neutral = (
        f"Anisotropy was measured on {counted(p.n_neutral_sentences, 'neutral sentence')}."
        if p.n_neutral_sentences
        else ""
    )
    w = p.protocol.writing
    if w is None:
        return f"By comprehension, the model read {size} ({p.corpus}, SHA-256 {p.corpus_hash[:12]}). {neutral}".strip()
    how = "greedily" if w.temperature == 0 else f"at temperature {w.temperature:g}, top-p {w.top_p:g}, seed {w.seed}"
    return (
        f"By generation, {p.model} wrote {counted(w.stories, 'story')} per class itself ({size}), {how}, up to "
        f"{w.max_new_tokens} tokens, {'through its chat template' if w.chat else 'without chat template'}, and the "
        f"states of the written tokens were read. {neutral}"
    ).strip()


def _vectors(view: View) -> str:
    ways = _once(
        f"protocol {s.provenance.protocol.name}: {pooling_words(s)}"
        for s in view.sets
        if s.provenance.method != IMPORTED
    )
    read = (
        "The residual stream was read after every transformer block, before the final norm. The states of a text were "
        f"pooled ({'; '.join(ways)}), and pooled states averaged per class. "
    )
    return (
        f"{read if ways else ''}For the figures {_CENTRED[view.centring]}, "
        "unless a figure says otherwise. Numbers across models use unit vectors or ranks alone, so that the scale of a "
        "model's states does not matter."
    )


def _layers(view: View) -> str:
    said = []
    for vectors, layer in zip(view.sets, view.layers, strict=True):
        why = f", the layer of {_RULES[layer_rule(vectors)]}" if layer == preferred_layer(vectors) else ""
        said.append(f"{vectors.name}: layer {layer} of {vectors.n_layers}, depth {vectors.depth(layer):.2f}{why}")
    return f"Layers count from 0; depth is (layer + 1) / number of layers. Shown are {'; '.join(said)}."


def _curves(sets: Sequence[VectorSet]) -> str:
    named = " ".join(f"{curve.label}: {curve.aid}." for curve in CURVES.values())
    resampled = [s.resampled for s in sets if s.resampled is not None]
    seeds = _once(f"{one.n:,} resamples of the topics, seed {one.seed}" for one in resampled)
    intervals = (
        f" Intervals are 95 % bootstrap intervals ({_and(seeds)}; of the neutral sentences for anisotropy): half a "
        "width is the bootstrap standard error × Student's t × √(n / (n − 1)), on Fisher's z scale for correlations."
        if resampled
        else ""
    )
    return (
        f"{named} Decoding is held out: whole topics are left out in turn, and a text counts as right if the nearest "
        f"centroid of the other topics, by cosine, is that of its class.{intervals}"
    )


def _agreement(found: Comparison) -> str:
    return (
        "Agreement is Spearman's rho between two condensed RDMs, on the classes that both sets have. p is the share of "
        f"{found.n_permutations:,} relabellings of the classes that reach it (Mantel test, one-sided). Its interval is "
        f"a 95 % bootstrap over topics ({found.n_bootstrap:,} resamples, seed {found.seed}). The noise ceiling is the "
        "square root of the product of the two reliabilities. The disjoint rho takes one set on half of the topics "
        "against the other set on the other half; without noise, it is divided by the square root of the product of "
        "the split-half rhos. Partial rhos hold constant the RDM of the texts as bags of words, or all control RDMs."
    )


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _and(words: Iterable[str]) -> str:
    *first, last = list(words)
    return f"{', '.join(first)} and {last}" if first else last
