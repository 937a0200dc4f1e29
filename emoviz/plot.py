"""The public figures: vector sets or results in, plotly figures out. Everything that is not given is derived.

Each figure of the dashboard is one of these. They take a set or several, and draw themselves in a notebook;
`fig.show()` opens one in a browser, `fig.update_layout(template=ez.plot.DARK)` puts it on a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from .errors import InputError
from .experiments.contrasts import contrasts
from .experiments.effects_summary import PROJECTION
from .geometry import best_layers, class_vectors, depth_curves, map_at, maps_over_layers, onto_first, preferred_layer
from .geometry import rdm as rdm_at
from .geometry.curves import CURVES, Curve
from .geometry.dissimilarity import condensed_cosine
from .geometry.layers import layers_of
from .geometry.maps import METHODS, half_residual
from .geometry.vectors import check_layer
from .models.registry import place_of
from .plots.controls import controls_figure
from .plots.corpora import corpora_figure
from .plots.cosines import cosines_figure
from .plots.decomposition import Chain, decomposition_figure
from .plots.depth import depth_figure
from .plots.dialogue import dialogue_figure
from .plots.difference import depth_difference_figure, difference_figure
from .plots.dose_response import dose_response_figure
from .plots.emotion_map import map_figure
from .plots.gauge import gauge_figure
from .plots.group_difference import group_difference_figure
from .plots.heat_map import heat_map_figure
from .plots.leak import leak_figure
from .plots.leak_scripts import leak_scripts_figure
from .plots.lens import lens_figure
from .plots.marks import Marked
from .plots.number import number_figure
from .plots.off_target import off_target_figure
from .plots.precision import precision_figure
from .plots.published_rsa import published_figure
from .plots.rdm import ORDERS, rdm_figure
from .plots.regime_map import regime_map_figure
from .plots.rsa import comparison_figure
from .plots.rsa_pair import pair_figure
from .plots.separation import separation_figure
from .plots.side_effects import side_effects_figure
from .plots.text_distribution import text_distribution_figure
from .plots.theme import DARK, LIGHT, SERIES, Style, short_label, styles
from .plots.token import token_figure
from .plots.valence import valence_figure
from .plots.variants import variants_figure
from .plots.verification import verification_figure
from .readout.summary import layer_of as layer_of_reading
from .readout.summary import ranked, text_scores
from .reference import (
    published_decomposition,
    published_models,
    published_pairs,
    published_rho,
    published_step_means,
)
from .stats import (
    class_lines,
    compare,
    mean_cosine_shape,
    method_pairs,
    pooled,
    pooled_shape,
    shape_words,
    steps,
)
from .stats.contrasts import CHAINS, EXACTNESS
from .stats.corpora import corpus_pair, half_corpora
from .stats.curve_difference import curve_difference
from .stats.methods import difference as difference_of_samples
from .stats.pairs import paired_rdms
from .stats.valence import valence_arousal
from .store import find_set, list_sets
from .store.effects import list_side_effects
from .store.leaks import list_leak_runs
from .types import (
    Comparison,
    Contrast,
    DialogueReading,
    DoseResponse,
    GroupDifference,
    LeakRun,
    Norms,
    Reading,
    Separation,
    SideEffects,
    TextReadings,
    Variation,
    VectorSet,
    Verification,
    VocabularyLens,
)
from .types.given import several_sets

__all__ = [
    "DARK",
    "LIGHT",
    "anisotropy",
    "controls",
    "corpora",
    "cosines",
    "decomposition",
    "depth",
    "depth_difference",
    "dialogue",
    "difference",
    "dose_response",
    "emotion_map",
    "group_difference",
    "leak",
    "leak_scripts",
    "number",
    "off_target",
    "pair",
    "precision",
    "published_rsa",
    "rdm",
    "reading",
    "regime_map",
    "rsa",
    "separation",
    "side_effects",
    "text_distribution",
    "token",
    "valence",
    "variants",
    "verification",
    "vocabulary",
]

Sets = VectorSet | Sequence[VectorSet]
Layers = str | float | int | Sequence[int]
Styles = Mapping[str, Style]
# More chains than these in one figure are bars too thin to be read.
MAX_CHAINS = 4


def depth(
    sets: Sets,
    curve: str = "decoding_accuracy",
    *,
    centring: str = "class",
    layers: Layers = "best",
    published: bool = False,
    style: Styles | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """One depth curve of every set over relative depth, with its interval, best layers and, where it was tested, its U
    shape.

    curve : one of `geometry.curves.CURVES`. centring : `class`, `neutral` or `none`. layers : what is ringed. published
    : the published models in grey, where the quantity was published.
    style : set name -> Style; by default a colour per model and a dash per protocol. notes : more lines under the
    figure.
    Raises : InputError for an unknown curve, centring or layer.
    Source : Jeong 2026 (arXiv 2604.11050) for the curves over depth; docs/methods.md.

    >>> import emoviz as ez
    >>> ez.plot.depth(ez.find_set("gemma-3-270m_emoviz")).layout.title.text
    'Decoding accuracy peaks at depth 0.61'
    """
    sets, entry = several_sets(sets), _curve(curve)
    found = [depth_curves(s, centring)[curve] for s in sets]
    shapes, said = [], []
    if entry.tested_for_u:
        shapes = [mean_cosine_shape(s, c, centring) for s, c in zip(sets, found, strict=True)]
        said = [f"{short_label(s)}: {shape_words(shape)}" for s, shape in zip(sets, shapes, strict=True)]
        if len(sets) > 1:
            said.append(f"all sets pooled: {shape_words(pooled_shape(sets, found, centring))}")
    return depth_figure(
        sets,
        found,
        [best_layers(s) for s in sets],
        _style(sets, style),
        centring=centring,
        shown=layers_of(sets, layers),
        shapes=shapes,
        second=[depth_curves(s, centring)[entry.beside] for s in sets] if entry.beside else (),
        published=published_models() if published else (),
        notes=[*said, *notes],
    )


def controls(sets: Sets, *, layers: Layers = "best", style: Styles | None = None) -> go.Figure:
    """How far words, token embeddings and a sentence encoder explain the RDM of each set, over depth.

    layers : where the thin line stands.
    Raises : InputError for a set without control RDMs.
    Source : docs/statistics.md.

    >>> import emoviz as ez
    >>> len(ez.plot.controls(ez.find_set("gemma-3-270m_emoviz")).data) > 6
    True
    """
    sets = several_sets(sets)
    for vectors in sets:
        if not vectors.control_rdms:
            raise InputError(f"{vectors.name} has no control RDMs. A set that emoviz extracts has them.")
    return controls_figure(sets, layers_of(sets, layers), [depth_curves(s) for s in sets], _style(sets, style))


def rdm(
    sets: Sets,
    *,
    layers: Layers = "best",
    centring: str = "class",
    order: str = "quadrant",
    emotion: Marked = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """The RDM of each set as a heat map; same order and colours for all.

    layers : `best`, a relative depth, or one layer per set. order : of the classes, one of `plots.rdm.ORDERS`. emotion
    : is marked; several may be, the first before all.
    Raises : InputError for an unknown order or centring, or a layer without finite values.
    Source : Kriegeskorte, Mur and Bandettini 2008.

    >>> import emoviz as ez
    >>> ez.plot.rdm(ez.find_set("gemma-3-270m_emoviz"), layers=10).layout.meta["kind"]
    'rdm'
    """
    sets = several_sets(sets)
    if order not in ORDERS:
        raise InputError(f"order {order!r} is unknown; {', '.join(ORDERS)} are allowed.")
    found = [rdm_at(s, layer, centring) for s, layer in zip(sets, _at(sets, layers), strict=True)]
    return rdm_figure(sets, found, order=order, emotion=emotion, notes=notes)


def emotion_map(
    sets: Sets,
    *,
    method: str = "PCA",
    layers: Layers = "best",
    emotion: Marked = None,
    halves: bool = False,
    title: str | None = None,
    notes: Sequence[str] = (),
    height: int = 520,
) -> go.Figure:
    """A map of the classes of each set: what is near is alike. Maps of different sets are never drawn on shared axes.

    method : `PCA`, `MDS` or `UMAP`. emotion : is marked; several may be, the first before all. height : in pixels.
    halves : how far the maps of the two topic halves differ, in the title of each panel.
    Raises : InputError for an unknown method, or a layer without a map of it.
    Source : Torgerson 1952 (MDS); McInnes, Healy and Melville 2018 (UMAP).

    >>> import emoviz as ez
    >>> ez.plot.emotion_map(ez.find_set("gemma-3-270m_emoviz"), emotion="calm").layout.meta["kind"]
    'map'
    """
    sets = several_sets(sets)
    if method not in METHODS:
        raise InputError(f"map {method!r} is unknown; {', '.join(METHODS)} are allowed.")
    at = _at(sets, layers)
    found = [map_at(s, maps_over_layers(s, method), layer) for s, layer in zip(sets, at, strict=True)]
    if len(sets) > 1:
        found = onto_first(found)
    if halves:
        found = [
            replace(m, params={**m.params, "halves": half_residual(s, m.layer, method)})
            for s, m in zip(sets, found, strict=True)
        ]
    return map_figure(sets, found, emotion=emotion, title=title, notes=notes, height=height)


def valence(
    sets: Sets,
    *,
    norms: Norms | Sequence[Norms | None] | None = None,
    style: Styles | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """How far the first components of each set follow valence and arousal, over depth, with the level of chance.

    norms : ratings of words, from `ez.load_norms`, for all sets or one for each; None for the signs of the quadrants.
    Raises : InputError if no class of a set stands in the norms.

    >>> import emoviz as ez
    >>> ez.plot.valence(ez.find_set("gemma-3-270m_emoviz")).layout.meta["kind"]
    'valence'
    """
    sets = several_sets(sets)
    ratings = [norms] * len(sets) if norms is None or isinstance(norms, Norms) else list(norms)
    if len(ratings) != len(sets):
        raise InputError(f"{len(ratings)} norms were given for {len(sets)} sets. Give one for each, or one for all.")
    fits = [valence_arousal(s, own) for s, own in zip(sets, ratings, strict=True)]
    return valence_figure(sets, fits, _style(sets, style), notes=notes)


def rsa(
    sets: Sequence[VectorSet],
    *,
    layers: Layers = "best",
    centring: str = "class",
    comparison: Comparison | None = None,
) -> go.Figure:
    """Do the geometries of several sets agree? Spearman's rho between their RDMs, as a matrix.

    layers, centring : as for `compare`. comparison : what it has found for these sets; None has it computed, without
    intervals.
    Raises : InputError for fewer than two sets, or none that can be compared.
    Source : Kriegeskorte, Mur and Bandettini 2008; Jeong 2026 (arXiv 2604.11050).

    >>> import emoviz as ez
    >>> pair = [ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")]
    >>> ez.plot.rsa(pair).layout.title.text
    'Geometries agree: rho = 0.92'
    """
    sets = several_sets(sets)
    found = _compared(sets, layers, centring, comparison)
    if not np.isfinite(found.rho[np.triu_indices(len(sets), 1)]).any():
        raise InputError(f"none of these sets can be compared: {found.missing[0].why}.")
    return comparison_figure(sets, found, centring=centring)


def pair(
    sets: Sequence[VectorSet],
    *,
    layers: Layers = "best",
    centring: str = "class",
    emotion: Marked = None,
    comparison: Comparison | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> go.Figure:
    """Two sets, one dot per pair of emotions: where do their RDMs agree, and where do they differ most?

    layers, centring, comparison : as for `rsa`, of these two sets. emotion : its pairs are marked; of several those
    among them. names : what they are called beside other sets.
    Raises : InputError for other than two sets, or two that cannot be compared.

    >>> import emoviz as ez
    >>> two = [ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")]
    >>> ez.plot.pair(two, emotion="afraid").layout.meta["kind"]
    'pair'
    """
    two, at, found = _paired(sets, layers, centring, comparison)
    return pair_figure(
        two,
        at,
        paired_rdms(two, at, centring),
        names,
        rho=float(found.rho[0, 1]),
        centring=centring,
        emotion=emotion,
        notes=class_lines(two, names),
    )


def difference(
    sets: Sequence[VectorSet],
    *,
    layers: Layers = "best",
    centring: str = "class",
    emotion: Marked = None,
    comparison: Comparison | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> go.Figure:
    """The RDM of one set less that of another, as a heat map: by the ranks of the pairs, from 0 to 1, since
    dissimilarities of two models share no scale.

    layers, centring, emotion, comparison, names : as for `pair`. Raises : as `pair`.

    >>> import emoviz as ez
    >>> two = [ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")]
    >>> ez.plot.difference(two).layout.meta["kind"]
    'difference'
    """
    two, at, _ = _paired(sets, layers, centring, comparison)
    return difference_figure(
        two,
        at,
        paired_rdms(two, at, centring),
        names,
        centring=centring,
        emotion=emotion,
        notes=class_lines(two, names),
    )


def depth_difference(
    sets: Sequence[VectorSet],
    curve: str = "decoding_accuracy",
    *,
    centring: str = "class",
    names: tuple[str, str] = ("A", "B"),
    notes: Sequence[str] = (),
) -> go.Figure:
    """One depth curve of one set less that of another, over relative depth.

    curve, centring, notes : as for `depth`. names : what the two sets are called.
    Raises : InputError for other than two sets, and for a curve whose unit is each model's own.

    >>> import emoviz as ez
    >>> two = [ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")]
    >>> ez.plot.depth_difference(two).layout.meta["kind"]
    'depth'
    """
    two = _two(sets)
    found = curve_difference(two, _curve(curve).name, centring)
    return depth_difference_figure(two, found, names, centring=centring, notes=notes)


def published_rsa() -> go.Figure:
    """The published correlations between the RDMs of twelve models, marked as published.

    Source : Jeong 2026 (arXiv 2604.11050).

    >>> import emoviz as ez
    >>> ez.plot.published_rsa().layout.title.text
    'Published: twelve models, 1B to 8B'
    """
    return published_figure(published_models(), published_rho())


def anisotropy(
    sets: Sets, *, layers: Layers = "best", published: bool = True, style: Styles | None = None
) -> go.Figure:
    """How far all states of a model point the same way: a dial per set, from 0 (isotropic) to 1 (all alike).

    layers : `best`, a relative depth, or one layer per set. published : marks of the published models.
    Source : Ethayarajh 2019; Jeong 2026 (arXiv 2604.11050).

    >>> import emoviz as ez
    >>> ez.plot.anisotropy(ez.find_set("gemma-3-270m_emoviz")).layout.meta["kind"]
    'gauge'
    """
    sets = several_sets(sets)
    curves = [(depth_curves(s)["anisotropy"], depth_curves(s)["anisotropy_centred"]) for s in sets]
    return gauge_figure(
        sets, layers_of(sets, layers), curves, _style(sets, style), published=published_models() if published else ()
    )


def cosines(
    sets: Sets,
    *,
    layers: Layers = "best",
    emotion: Marked = None,
    style: Styles | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """The cosines of all pairs of classes, raw and after class centring: what anisotropy hides.

    emotion : its pairs are drawn large, of several those among them.
    Raises : InputError for a layer without finite values.

    >>> import emoviz as ez
    >>> ez.plot.cosines(ez.find_set("gemma-3-270m_emoviz")).layout.meta["kind"]
    'cosines'
    """
    sets = several_sets(sets)
    at = _at(sets, layers)
    pairs = []
    for vectors, layer in zip(sets, at, strict=True):
        means, classes = vectors.class_means[layer], vectors.classes
        raw, centred = (condensed_cosine(*class_vectors(means, classes, c)) for c in ("none", "class"))
        pairs.append((raw, centred, rdm_at(vectors, layer).pairs))
    return cosines_figure(sets, at, pairs, _style(sets, style), emotion=emotion, notes=notes)


def decomposition(sets: Sets | None = None, *, style: Styles | None = None, notes: Sequence[str] = ()) -> go.Figure:
    """What changes a geometry more: the method, the other parameters, or the precision? Ours beside the published
    steps.

    sets : those at hand; None for all. What sets that are too large to ship gave is added, as in `ez.contrasts`.
    Source : Jeong 2026 (arXiv 2604.11050), the layered decomposition.

    >>> import emoviz as ez
    >>> ez.plot.decomposition().layout.meta["kind"]
    'decomposition'
    """
    found, colour = _contrasts(sets, style)
    chains = []
    for model in dict.fromkeys(c.models[0] for c in found if c.kind != "variant"):
        for name, protocols in CHAINS.items():
            parts = steps(found, model, protocols)
            if any(c is not None for c in parts.values()):
                chains.append(Chain(f"{model}, {name}", colour[model], protocols, parts))
    more = [f"not drawn: {chain.label}" for chain in chains[MAX_CHAINS:]]
    return decomposition_figure(
        chains[:MAX_CHAINS], published_decomposition(), published_step_means(), notes=[*notes, *more]
    )


def separation(sets: Sets | None = None, *, style: Styles | None = None, notes: Sequence[str] = ()) -> go.Figure:
    """Generation against comprehension: how far apart the emotion vectors of each set point, with the test between
    them.

    sets : as for `decomposition`. Raises : InputError where no model has sets by both methods.
    Source : Jeong 2026 (arXiv 2604.04064), Mann-Whitney and Cohen's d on pairwise cosines.

    >>> import emoviz as ez
    >>> ez.plot.separation().layout.meta["kind"]
    'separation'
    """
    found = contrasts(_at_hand(sets)).separations
    pairs = method_pairs(found)
    if not pairs:
        raise InputError(
            "no model has sets by generation and by comprehension. Extract a set with --method generation."
        )
    tests = {written.set: (read, difference_of_samples(written.cosines, read.cosines)) for written, read in pairs}
    return separation_figure(
        found,
        tests,
        _model_colours([s.model for s in found], sets, style),
        notes=[*_SEPARATION_NOTES, *_over_models(pairs), *notes],
    )


def precision(sets: Sets | None = None, *, style: Styles | None = None, notes: Sequence[str] = ()) -> go.Figure:
    """Is an emotion vector the same in another precision? The cosine of every emotion to the most exact one.

    sets : as for `decomposition`. Raises : InputError where no model has sets in two precisions.

    >>> import emoviz as ez
    >>> ez.plot.precision().layout.meta["kind"]
    'precision'
    """
    found, colour = _contrasts(sets, style)
    rows = sorted((c for c in found if c.kind == "precision"), key=lambda c: c.methods[1])
    if not rows:
        raise InputError("no model has sets in two precisions. Extract one with --precision bf16.")
    return precision_figure(rows, colour, notes=notes)


def corpora(sets: Sets | None = None, *, style: Styles | None = None, notes: Sequence[str] = ()) -> go.Figure:
    """How much of a geometry is the passages'? The same model on two corpora, beside the halves of each.

    Two halves of one corpus are what two corpora of half the size, drawn from one source, would give; half of one
    corpus against half of the other is as large, so the two can be compared. Models that have read one corpus have
    their halves alone.

    sets : as for `decomposition`. Raises : InputError where no set was made by reading passages.

    >>> import emoviz as ez
    >>> ez.plot.corpora().layout.meta["kind"]
    'corpora'
    """
    known = {s.name: s for s in _at_hand(sets)}
    found, colour = _contrasts(sets, style)
    pairs = [
        corpus_pair(c, (known[c.sets[0]], known[c.sets[1]]))
        for c in found
        if c.kind == "corpus" and set(c.sets) <= set(known)
    ]
    compared = {(c.models[0], c.protocols[0]) for c in found if c.kind == "corpus"}
    alone: dict[tuple[str, str], VectorSet] = {}
    read = [s for s in known.values() if s.provenance.method == "comprehension" and s.provenance.precision in EXACTNESS]
    for vectors in sorted(read, key=lambda s: (EXACTNESS.index(s.provenance.precision), place_of(s.provenance.model))):
        recipe = (vectors.provenance.model, vectors.provenance.protocol.name)
        if recipe not in compared:
            alone.setdefault(recipe, vectors)
    if not pairs and not alone:
        raise InputError("no set was made by reading passages. Extract one with --passages FILE, or without it.")
    colour |= _model_colours([model for model, _ in alone], sets, style)
    halves = [half_corpora(s, preferred_layer(s)) for s in alone.values()]
    return corpora_figure(pairs, halves, colour, notes=notes)


def variants(sets: Sets | None = None, *, style: Styles | None = None) -> go.Figure:
    """Base against instruct: how alike are the geometries of the two models of a family? Ours beside the published
    pairs.

    sets : as for `decomposition`. Source : Jeong 2026 (arXiv 2604.11050).

    >>> import emoviz as ez
    >>> ez.plot.variants().layout.meta["kind"]
    'variants'
    """
    found, colour = _contrasts(sets, style)
    return variants_figure(published_pairs(), [c for c in found if c.kind == "variant"], colour)


def dose_response(
    runs: DoseResponse | Sequence[DoseResponse],
    direction: str | None = None,
    *,
    colours: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """What every dose of one direction does to the texts of a model: perplexity, repetition, witness, projection,
    regimes.

    runs : from `ez.dose_response` or `ez.list_dose_responses`. direction : an emotion, a mixture or a control that all
    runs have; None for the first of the first run. colours : by model.
    Raises : InputError for a direction that a run lacks.
    Source : Jeong 2026 (arXiv 2604.04064) for the regimes over doses.

    >>> import emoviz as ez
    >>> ez.plot.dose_response(ez.list_dose_responses(), "afraid").layout.meta["kind"]
    'dose-response'
    """
    runs = _runs(runs)
    direction = _direction(runs, direction)
    colour = _colours(runs) if colours is None else colours
    return dose_response_figure(runs, direction, colour, notes=notes)


def regime_map(runs: DoseResponse | Sequence[DoseResponse], *, notes: Sequence[str] = ()) -> go.Figure:
    """What became of the texts for every direction at every dose: a map per run. Source : as `dose_response`.

    >>> import emoviz as ez
    >>> ez.plot.regime_map(ez.list_dose_responses()).layout.meta["kind"]
    'regimes'
    """
    return regime_map_figure(_runs(runs), notes=notes)


def leak(
    runs: LeakRun | Sequence[LeakRun | str] | None = None,
    direction: str | None = None,
    *,
    colours: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """How much of other scripts a direction brings out at every dose, hidden and visible, by each recipe; beside it the
    unsteered level, the random direction and all other emotions.

    runs : from `ez.leak_run` or `ez.list_leak_runs`, or their names; None for all that are stored. direction : an
    emotion, a mixture or a control that all runs have; None for the first of the first run. colours : by model.
    Raises : InputError for an unknown run, and for a direction that a run lacks.
    Source : Jeong 2026 (arXiv 2604.04064), which saw Chinese tokens in Qwen; the hidden leak is ours.

    >>> import emoviz as ez
    >>> ez.plot.leak(ez.list_leak_runs(), "calm").layout.meta["kind"]
    'leak'
    """
    found, direction = _leaks(runs, direction)
    return leak_figure(found, direction, _colours(found) if colours is None else colours, notes=notes)


def leak_scripts(
    runs: LeakRun | Sequence[LeakRun | str] | None = None, direction: str | None = None, *, notes: Sequence[str] = ()
) -> go.Figure:
    """On which scripts the hidden leak of a direction is, and at which token it starts, beside the random direction.

    runs, direction : as for `leak`.
    Raises : InputError as `leak`. Source : as for `leak`.

    >>> import emoviz as ez
    >>> ez.plot.leak_scripts(ez.list_leak_runs(), "calm").layout.meta["kind"]
    'leak-scripts'
    """
    found, direction = _leaks(runs, direction)
    return leak_scripts_figure(found, direction, notes=notes)


def side_effects(
    run: SideEffects | str | None = None,
    emotion: str | None = None,
    *,
    colour: str | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """What steering breaks: the change in loss on plain passages and in right answers, of every direction and dose.

    run : from `ez.side_effects` or `ez.list_side_effects`, or its name; None for the first that is stored. emotion :
    the direction that is marked. colour : of the model. Raises : InputError for an unknown run.
    Source : docs/steering.md.

    >>> import emoviz as ez
    >>> ez.plot.side_effects(ez.list_side_effects()[0], "calm").layout.meta["kind"]
    'side-effects'
    """
    found = _side_effects(run)
    return side_effects_figure(found, emotion, SERIES[0] if colour is None else colour, notes=notes)


def off_target(
    run: SideEffects | str | None = None,
    dose: float | None = None,
    reader: str = PROJECTION,
    *,
    emotion: str | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """What else steering makes a model say: pushed towards the row, read as the column, random directions last.

    run : as for `side_effects`. dose : one of the run's; None for the middle one. reader : `projection`, `witness` or
    `outside`, of those that read the run's texts. emotion : the direction that is marked. Raises : InputError for a
    dose or a reader that the run does not have. Source : docs/steering.md.

    >>> import emoviz as ez
    >>> ez.plot.off_target(ez.list_side_effects()[0], 0.03, "witness", emotion="calm").layout.meta["kind"]
    'off-target'
    """
    found = _side_effects(run)
    dose = found.doses[len(found.doses) // 2] if dose is None else dose
    for what, given, known in (("dose", dose, found.doses), ("reader", reader, tuple(found.off_target))):
        if given not in known:
            raise InputError(f"{what} {given!r:.40} is not in {found.name}; {', '.join(map(str, known))} are.")
    return off_target_figure(found, reader, dose, emotion, notes=notes)


def verification(
    found: Verification, *, emotion: str | None = None, prompt: int | None = None, notes: Sequence[str] = ()
) -> go.Figure:
    """Does steering move a model to the emotions it is named for? Every scenario, beside its random direction.

    emotion, prompt : the scenario that is marked.
    Raises : InputError for anything but one verification.
    Source : Jeong 2026 (arXiv 2604.04064) reports 37 of 40.

    >>> import emoviz as ez
    >>> ez.plot.verification(ez.list_verifications()[0]).layout.meta["kind"]
    'verification'
    """
    if not isinstance(found, Verification):
        raise InputError(f"{type(found).__name__} was given; one verification is needed, from ez.list_verifications.")
    return verification_figure(found, emotion=emotion, prompt=prompt, notes=notes)


def vocabulary(found: VocabularyLens, layer: int | None = None, *, vectors: VectorSet | None = None) -> go.Figure:
    """In which scripts are the tokens that an emotion raises most, over the layers?

    found : from `ez.vocabulary_lens`. layer : the one of the title; None for the set's own. vectors : the set, where it
    is not stored. Source : nostalgebraist 2020 (logit lens).

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> ez.plot.vocabulary(ez.vocabulary_lens(model, None, "angry")).layout.meta["kind"]
    'lens'
    """
    vectors = find_set(found.set) if vectors is None else vectors
    layer = preferred_layer(vectors) if layer is None else layer
    check_layer(vectors, layer)
    return lens_figure(found, vectors, layer)


def reading(
    found: Reading,
    emotion: str | None = None,
    *,
    layer: int | None = None,
    vectors: VectorSet | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """Which emotions every token of a text lights up, at one layer.

    found : from `ez.read_text`. emotion : its row is marked. layer : None for the set's own. vectors : the set, where
    it is not stored. Raises : InputError for an emotion that the reading lacks.

    >>> import emoviz as ez
    >>> found = ez.read_text(ez.load_model("SmolLM2-135M-Instruct"), None, "She could not stop crying.")
    >>> ez.plot.reading(found, "sad").layout.meta["kind"]
    'reading'
    """
    vectors, layer, emotion = _reading_at(found, emotion, layer, vectors)
    return heat_map_figure(found, vectors, layer, emotion, notes=notes)


def token(
    found: Reading,
    number: int,
    emotion: str | None = None,
    *,
    layer: int | None = None,
    vectors: VectorSet | None = None,
) -> go.Figure:
    """One token of a text through the layers: the emotion, and the three that are highest at the layer.

    number : of the token, from 0. The rest is as for `reading`. Raises : InputError for a token or an emotion that is
    not there.

    >>> import emoviz as ez
    >>> found = ez.read_text(ez.load_model("SmolLM2-135M-Instruct"), None, "She could not stop crying.")
    >>> ez.plot.token(found, 4, "sad").layout.meta["kind"]
    'token'
    """
    vectors, layer, emotion = _reading_at(found, emotion, layer, vectors)
    if not 0 <= number < len(found.tokens):
        raise InputError(f"token {number} does not exist; the text has tokens 0 to {len(found.tokens) - 1}.")
    return token_figure(found, vectors, number, emotion, layer)


def text_distribution(found: TextReadings, emotion: str | None = None) -> go.Figure:
    """How the scores of many texts are spread over the emotions.

    found : from `ez.read_texts` or `ez.load_readings`. emotion : its row is marked.
    Raises : InputError for anything else, and where no text could be read.

    >>> import emoviz as ez
    >>> texts = ["She could not stop crying.", "They won at last, and danced.", "The bus was late."]
    >>> found = ez.read_texts(ez.load_model("SmolLM2-135M-Instruct"), None, texts, progress=False)
    >>> ez.plot.text_distribution(found, "sad").layout.meta["kind"]
    'texts'
    """
    if not isinstance(found, TextReadings):
        raise InputError(f"{type(found).__name__} was given; what ez.read_texts gives is needed.")
    if found.unread == found.texts:
        raise InputError(f"none of the {found.texts} texts could be read; the table says why.")
    return text_distribution_figure(found, emotion)


def group_difference(found: GroupDifference, emotion: str | None = None) -> go.Figure:
    """What two groups of texts differ in, an effect size with its interval for each emotion.

    found : from `ez.compare_groups`. emotion : its row is marked. Raises : InputError for anything else.

    >>> import emoviz as ez
    >>> import pandas as pd
    >>> rows = [("She wept.", "a"), ("He mourned her.", "a"), ("They won!", "b"), ("What a lovely day!", "b")]
    >>> model, table = ez.load_model("SmolLM2-135M-Instruct"), pd.DataFrame(rows, columns=["text", "side"])
    >>> found = ez.compare_groups(ez.read_texts(model, None, table, progress=False), "side")
    >>> ez.plot.group_difference(found, "sad").layout.meta["kind"]
    'texts'
    """
    if not isinstance(found, GroupDifference):
        raise InputError(f"{type(found).__name__} was given; what ez.compare_groups gives is needed.")
    return group_difference_figure(found, emotion)


def dialogue(
    found: DialogueReading, emotion: str | Sequence[str] | None = None, *, vectors: VectorSet | None = None
) -> go.Figure:
    """The emotional state in a dialogue: over each message, and at the position before each answer.

    found : from `ez.read_dialogue`. emotion : one or several; None for the three that move most. vectors : the set that
    read; None finds it. Raises : InputError for an emotion that it lacks.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> said = [("user", "Everybody has left me."), ("assistant", "I am so sorry. Do you want to talk about it?")]
    >>> ez.plot.dialogue(ez.read_dialogue(model, None, said), "sad").layout.meta["kind"]
    'dialogue'
    """
    chosen = [emotion] if isinstance(emotion, str) else emotion
    if chosen is None:
        spread = np.ptp(np.nan_to_num(found.over), axis=0)
        chosen = [found.classes[k] for k in np.argsort(-spread, kind="stable")[:3]]
    missing = [name for name in chosen if name not in found.classes]
    if missing or not chosen:
        given = ", ".join(map(repr, missing))
        raise InputError(f"emotion {given} is not in {found.set}; {', '.join(found.classes)} are.")
    return dialogue_figure(find_set(found.set) if vectors is None else vectors, found, chosen)


def number(found: Variation, emotion: str | None = None, *, vectors: VectorSet | None = None) -> go.Figure:
    """What a number in a sentence does: the scores of the emotion, and of the three classes that change most.

    found : what `ez.vary` gives; several sentences have intervals. emotion : None for the one that changes most.
    vectors : the set that read; None finds it. Raises : InputError for an emotion that it lacks.

    >>> import emoviz as ez
    >>> model, sentence = ez.load_model("SmolLM2-135M-Instruct"), "He is driving home after {n} hours without sleep."
    >>> ez.plot.number(ez.vary(model, None, sentence, "1, 24"), "afraid").layout.meta["kind"]
    'number'
    """
    if emotion is None:
        emotion = found.classes[int(np.ptp(found.scores.mean(0), axis=0).argmax())]
    if emotion not in found.classes:
        raise InputError(f"emotion {emotion!r} is not in {found.set}; {', '.join(found.classes)} are.")
    return number_figure(find_set(found.set) if vectors is None else vectors, found, emotion)


_SEPARATION_NOTES = (
    "d and rank-biserial are negative where generation points further apart; pairs of one set share vectors and are "
    "not independent, so p is too small; noise: share of the vectors' mean squared length, by how far the topic halves "
    "are apart",
    "published, not ours: Mann-Whitney p = 0.007 and d = -107.5 (arXiv 2604.04064). Without its pooled SD that d "
    "cannot be read as a standardised difference, whose size is a few units at most",
)


def _at_hand(given: Sets | None) -> list[VectorSet]:
    """For figures that also show what is shipped, so that there may be no set."""
    if given is None:
        return list(list_sets())
    return several_sets(given) if given else []


def _curve(name: str) -> Curve:
    if name not in CURVES:
        raise InputError(f"curve {name!r} is unknown; {', '.join(CURVES)} are allowed.")
    return CURVES[name]


def _style(sets: Sequence[VectorSet], given: Styles | None) -> Styles:
    return styles(sets) if given is None else given


def _at(sets: Sequence[VectorSet], given: Layers) -> tuple[int, ...]:
    """The same, for figures that need the vectors there. Raises InputError for a layer without finite values."""
    layers = layers_of(sets, given)
    for vectors, layer in zip(sets, layers, strict=True):
        check_layer(vectors, layer)
    return layers


def _compared(sets: Sequence[VectorSet], layers: Layers, centring: str, given: Comparison | None) -> Comparison:
    if given is None:
        return compare(sets, layers, centring=centring, intervals=False)
    if given.sets != tuple(s.name for s in sets):
        raise InputError(f"the comparison is of {', '.join(given.sets)}; give those sets, in that order.")
    return given


def _two(sets: Sequence[VectorSet]) -> tuple[VectorSet, VectorSet]:
    sets = several_sets(sets)
    if len(sets) != 2:
        raise InputError(f"{len(sets)} sets were given; a pair is two.")
    return sets[0], sets[1]


def _paired(
    sets: Sequence[VectorSet], layers: Layers, centring: str, comparison: Comparison | None
) -> tuple[tuple[VectorSet, VectorSet], tuple[int, int], Comparison]:
    """Two sets that can be compared, their layers, and their comparison."""
    two = _two(sets)
    found = _compared(two, layers, centring, comparison)
    if np.isnan(found.rho[0, 1]):
        raise InputError(f"these two sets cannot be compared: {found.missing[0].why}.")
    return two, (found.layers[0], found.layers[1]), found


def _contrasts(sets: Sets | None, style: Styles | None) -> tuple[tuple[Contrast, ...], dict[str, str]]:
    found = contrasts(_at_hand(sets)).contrasts
    return found, _model_colours([model for c in found for model in c.models], sets, style)


def _model_colours(models: Sequence[str], sets: Sets | None, style: Styles | None) -> dict[str, str]:
    """The colour that a model has everywhere; the last of the series where no set of it is at hand."""
    known = _at_hand(sets)
    look = _style(known, style)
    return dict.fromkeys(models, SERIES[-1]) | {s.provenance.model: look[s.name].colour for s in known}


def _over_models(pairs: Sequence[tuple[Separation, Separation]]) -> list[str]:
    """Both methods compared over all models that have them, per pair of protocols."""
    said = []
    for protocols in dict.fromkeys((written.protocol, read.protocol) for written, read in pairs):
        same = [(w, r) for w, r in pairs if (w.protocol, r.protocol) == protocols]
        if len(same) > 1:
            d = pooled(same)
            said.append(
                f"pooled over {len(same)} models, {protocols[0]} against {protocols[1]}: d = {d.cohen_d:.2f} (pooled "
                f"SD {d.pooled_sd:.3f}), rank-biserial {d.rank_biserial:.2f}, p = {d.p:.1g}, n = {d.n[0]} and {d.n[1]}"
            )
    return said if said else ["one model with both methods: pooled over models is the same"]


def _runs(given: DoseResponse | Sequence[DoseResponse]) -> list[DoseResponse]:
    runs = [given] if isinstance(given, DoseResponse) else list(given)
    if not runs:
        raise InputError("no dose-response run was given. Make one with ez.dose_response.")
    return runs


def _leaks(given: LeakRun | Sequence[LeakRun | str] | None, direction: str | None) -> tuple[list[LeakRun], str]:
    """The runs, opened where they are named, and the direction that is shown."""
    if isinstance(given, LeakRun):
        given = [given]
    wanted: Sequence[LeakRun | str] = list_leak_runs() if given is None else list(given)
    if not wanted:
        raise InputError("no leak run was given. Make one with ez.leak_run.")
    known = {run.name: run for run in list_leak_runs()} if any(isinstance(one, str) for one in wanted) else {}
    runs = []
    for one in wanted:
        if isinstance(one, str) and one not in known:
            raise InputError(f"leak run {one!r:.80} is not stored; {', '.join(known) if known else 'none'} are.")
        runs.append(known[one] if isinstance(one, str) else one)
    return runs, _direction(runs, direction)


def _side_effects(given: SideEffects | str | None) -> SideEffects:
    if isinstance(given, SideEffects):
        return given
    known = {run.name: run for run in list_side_effects()}
    if given is None and known:
        return next(iter(known.values()))
    if given not in known:
        what = "no run of side effects is stored" if given is None else f"run {given!r:.80} is not stored"
        raise InputError(f"{what}; {', '.join(known) if known else 'none'} are. Make one with ez.side_effects.")
    return known[given]


def _direction(runs: Sequence[DoseResponse] | Sequence[LeakRun], given: str | None) -> str:
    """A direction that all runs have. Raises InputError for one that a run lacks."""
    direction = runs[0].directions[0] if given is None else given
    for run in runs:
        if direction not in (*run.directions, *run.controls):
            raise InputError(
                f"{direction!r} is not in {run.name}; it has {', '.join((*run.directions, *run.controls))}."
            )
    return direction


def _colours(runs: Sequence[DoseResponse] | Sequence[LeakRun]) -> dict[str, str]:
    models = dict.fromkeys(run.model for run in runs)
    return dict(zip(models, SERIES * (1 + len(models) // len(SERIES)), strict=False))


def _reading_at(
    found: Reading, emotion: str | None, layer: int | None, vectors: VectorSet | None
) -> tuple[VectorSet, int, str]:
    """The set of a reading, the layer, and the emotion: by default the strongest of the whole text."""
    vectors = find_set(found.set) if vectors is None else vectors
    layer = layer_of_reading(found, "best" if layer is None else str(layer))
    if emotion is None:
        emotion = ranked(found.classes, text_scores(found, layer), 1)[0][0]
    if emotion not in found.classes:
        raise InputError(f"emotion {emotion!r} is not in {found.set}; {', '.join(found.classes)} are.")
    return vectors, layer, emotion
