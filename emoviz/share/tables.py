"""The tables of the page, out of values: {columns: [name or [name, explanation]], rows, groups: {row: heading}, notes}.

The page shows them, a report prints them and an archive holds them as CSV.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..experiments.effects_summary import Change, effects
from ..experiments.leak_summary import leak_peak, summary
from ..geometry import best_layers, depth_curves, nearest_neighbours, rdm
from ..geometry.curves import CONTROL_RDMS
from ..plots import marks
from ..plots.marks import Marked
from ..plots.rsa_pair import N_NAMED
from ..plots.theme import short_label
from ..plots.wording import dose_label, minus, p_text
from ..reference import SOURCE, published_models, published_rho
from ..reference.claims import claim_rules
from ..stats import class_lines, letters, reason_lines
from ..stats.controls import explained_by_controls
from ..stats.pairs import paired_rdms
from ..stats.recomputed import base_and_instruct, pair_groups, size_effects
from ..stats.reliability import stepped_up
from ..stats.valence import QUADRANT_SIGNS, TRAITS
from ..steer.grammar import UNSTEERED
from ..stimuli.effects import CHANCE
from ..types import Claims, Comparison, DepthCurve, LeakRun, SideEffects, TraitFit, ValenceArousal, VectorSet
from ..words import counted, percent, written
from .cells import depth_of, highest, interval_of, number

Table = dict[str, Any]


def key_numbers(vectors: VectorSet, layer: int) -> list[dict[str, str]]:
    """How good a set is at a layer: [{name, value, note}]."""
    curves = depth_curves(vectors)
    best = best_layers(vectors)["decoding"]

    def fact(name: str, curve: DepthCurve, of: str) -> dict[str, str]:
        value = curve.values[layer]
        note = f"{interval_of(curve, layer)}{of}" if np.isfinite(value) else curve.reason
        return {"name": name, "value": number(value, 2), "note": note}

    return [
        fact("decoding", curves["decoding_accuracy"], f"chance {1 / len(vectors.classes):.2f}"),
        fact("reliability", curves["split_half_rho"], "split-half rho"),
        {
            "name": "peak depth",
            "value": depth_of(vectors, best),
            "note": "of decoding" if best is None else f"layer {best}",
        },
        fact("anisotropy", curves["anisotropy"], "of 1"),
    ]


def sets_table(sets: Sequence[VectorSet]) -> Table:
    """Every set, then the published models under their own heading."""
    rows = []
    for vectors in sets:
        best = best_layers(vectors)
        layer = best["separation"]
        curves = depth_curves(vectors)
        rows.append(
            [
                short_label(vectors),
                f"{vectors.n_layers} x {vectors.d_model}",
                number(highest(curves["decoding_accuracy"].values), 2),
                number(highest(curves["split_half_rho"].values), 2),
                *(depth_of(vectors, best[rule]) for rule in ("decoding", "reliability", "separation")),
                "–" if layer is None else number(vectors.anisotropy[layer], 3),
                "–" if layer is None else number(curves["rdm_std"].values[layer], 3),
            ]
        )
    ours = len(rows)
    for model in published_models():
        rows.append(
            [
                model.id.split("/")[1],
                f"{model.n_layers} x {model.d_model}",
                "–",
                "–",
                "–",
                "–",
                f"{model.best_depth:.2f}",
                f"{model.anisotropy_best:.3f}",
                f"{model.rdm_std:.3f}",
            ]
        )
    return {
        "columns": [
            "set",
            ["layers x width", "number of transformer blocks, and length of a state"],
            ["decoding accuracy", "highest share of passages on unseen topics that are nearest to their own class"],
            ["split-half rho", "highest Spearman rho between the RDMs of two halves of the topics"],
            ["depth of best decoding", "share of the layers passed where decoding is highest"],
            ["depth of best reliability", "share of the layers passed where split-half rho is highest"],
            [
                "depth of best separation",
                "share of the layers passed where the mean cosine is lowest, the paper's rule",
            ],
            ["anisotropy there", "mean cosine of neutral sentences at the depth of best separation"],
            ["RDM spread there", "standard deviation of the RDM at the depth of best separation"],
        ],
        "rows": rows,
        "groups": {0: "measured with emoviz", ours: f"published, not measured by us: {SOURCE}"},
    }


def explained_table(sets: Sequence[VectorSet], layers: Sequence[int], notes: Sequence[str] = ()) -> Table:
    """What words, token embeddings and an encoder explain of each RDM. Raises KeyError without control RDMs."""
    rows = []
    for vectors, layer in zip(sets, layers, strict=True):
        shares = explained_by_controls(vectors, layer)
        half = depth_curves(vectors)["split_half_rho"].values[layer]
        rows.append(
            [
                f"{short_label(vectors)}, layer {layer}",
                *(_share(shares.get(name)) for name in CONTROL_RDMS),
                _share(shares["all"]),
                *(_share(shares.get(f"only {name}")) for name in CONTROL_RDMS),
                _share(float(stepped_up(half))),
            ]
        )
    return {
        "columns": [
            "share of the RDM's ranks explained (R²)",
            *(
                [name, f"squared Spearman rho of the set's RDM with the RDM of the same passages as {name}"]
                for name in CONTROL_RDMS
            ),
            ["all together", "R² of a regression of ranks on the ranks of all control RDMs"],
            *([f"only {name}", f"what R² loses without {name}"] for name in CONTROL_RDMS),
            [
                "explainable at most",
                "reliability of the RDM: noise in the passages leaves no more than this to explain",
            ],
        ],
        "rows": rows,
        "notes": list(notes),
    }


def neighbours_table(
    sets: Sequence[VectorSet], layers: Sequence[int], centring: str, emotion: Marked = None, notes: Sequence[str] = ()
) -> Table:
    """The three nearest classes of each, the marked one's first; where several are marked, of these alone."""
    marked = marks.names(emotion)
    found = [nearest_neighbours(rdm(s, layer, centring)) for s, layer in zip(sets, layers, strict=True)]
    known = {name for near in found for name in near}
    names = sorted(known & {*marked} if marked[1:] else known, key=lambda name: (name not in marked[:1], name))
    rows = [[name, *(_near(near.get(name)) for near in found)] for name in names]
    columns = [f"{short_label(s)}, layer {layer}" for s, layer in zip(sets, layers, strict=True)]
    others = f"{counted(len(marked) - 1, 'emotion')} marked beside it; all others are hidden"
    groups = {0: f"nearest to {marked[0]}", 1: others if marked[1:] else "all others"} if marked else {}
    return {
        "columns": [
            ["emotion", "the three nearest others with the cosine of the class vectors, nearest first"],
            *columns,
        ],
        "rows": rows,
        "groups": groups if names[:1] == [*marked[:1]] else {},
        "kind": "neighbours",
        "ids": [[name] for name in names],
        "marked": [k for k, name in enumerate(names) if name in marked],
        "wrap": True,
        "notes": [f"cosine under {centring} centring", *notes],
    }


def traits_table(
    sets: Sequence[VectorSet], layers: Sequence[int], fits: Sequence[ValenceArousal], problems: Sequence[str] = ()
) -> Table:
    """How far the first components follow valence and arousal, at the layers shown."""
    rows = [
        [
            short_label(s),
            f"{layer}",
            f"{len(fit.valence.words)} of {len(s.classes)}",
            *(cell for trait in TRAITS for cell in _trait_cells(getattr(fit, trait), layer, fit.n_permutations)),
        ]
        for s, fit, layer in zip(sets, fits, layers, strict=True)
    ]
    return {
        "columns": [
            "set",
            "layer",
            ["words", "words of the set that have a value; the others take part in the components only"],
            *(
                column
                for trait in TRAITS
                for column in (
                    [f"{trait}: r of PC1, PC2, PC3", "Pearson's r of the class scores at the layer shown"],
                    [
                        "p, best of three",
                        "two-sided: relabellings whose largest |r| of the three reaches the largest here",
                    ],
                )
            ),
        ],
        "rows": rows,
        "notes": [*problems, f"correlated with {_sources(fits)}", *_reasons(sets, fits)],
    }


def pairs_table(
    sets: Sequence[VectorSet], found: Comparison, notes: Sequence[str] = (), reference: bool = False
) -> Table:
    """A line of statistics per pair. reference : whether the first set is what the others are compared with."""
    short, rows = letters(len(sets)), []
    for i, j in combinations(range(len(sets)), 2):
        rows.append(
            [
                f"{short[i]} and {short[j]}",
                str(found.n_classes[i, j]),
                number(found.rho[i, j], 3),
                f"{found.ci_low[i, j]:.3f} to {found.ci_high[i, j]:.3f}" if np.isfinite(found.ci_low[i, j]) else "–",
                p_text(found.p[i, j], found.n_permutations) if np.isfinite(found.p[i, j]) else "–",
                number(found.ceiling[i, j], 3),
                number(found.rho_disjoint[i, j], 3),
                number(found.rho_disattenuated[i, j], 3),
                number(found.rho_partial_lexical[i, j], 3),
                number(found.rho_partial_controls[i, j], 3),
            ]
        )
    above_one = (found.rho_disattenuated > 1).any()
    return {
        "columns": [
            "pair",
            ["classes", "that both sets have; the pair is compared on them"],
            ["Spearman rho", "agreement of the two RDMs as observed, which noise in the passages lowers"],
            ["95 % interval", "of the observed rho over other topics, as many as these; not of a noise-free rho"],
            ["p", "share of relabellings of the classes that reach this rho (Mantel, one-sided)"],
            ["noise ceiling", "the rho that two noisy copies of one geometry would reach"],
            ["disjoint topics", "one set on half of the topics against the other set on the other half"],
            ["without noise", "the disjoint rho divided by the reliability of the halves (Spearman 1904)"],
            ["given shared words", "partial rho with the RDM of the passages as bags of words (TF-IDF) held constant"],
            [
                "given all controls",
                "the same with the words, both models' token embeddings and a sentence encoder held constant; the "
                "encoder reads meaning, so some of what is taken out is emotion",
            ],
        ],
        "rows": rows,
        "groups": {0: f"with the reference, {short[0]}", len(sets) - 1: "between the others"} if reference else {},
        "notes": [
            *notes,
            *class_lines(sets, short),
            *reason_lines(found.missing, short),
            *(["a rho without noise above 1 is sampling error: the truth is near 1"] if above_one else []),
        ],
    }


def disagreements(
    two: tuple[VectorSet, VectorSet],
    at: tuple[int, int],
    centring: str,
    names: tuple[str, str],
    emotion: Marked = None,
) -> Table:
    """The pairs of emotions whose ranks differ most between two sets; where several are marked, of these alone."""
    paired, chosen = paired_rdms(two, at, centring), marks.names(emotion)
    marked, some = marks.marked_pairs(paired.pairs, chosen), len(chosen) > 1
    ranked = paired.most_different(len(paired.pairs) if some else N_NAMED)
    named = [k for k in ranked if marked[k] or not some][:N_NAMED]
    among = f" among the {len(chosen)} marked emotions" if some else ""
    rows = [
        [
            " and ".join(paired.pairs[k]),
            *(f"{value:.3f}" for value in paired.values[:, k]),
            *(f"{rank:g}" for rank in paired.ranks[:, k]),
        ]
        for k in named
    ]  # fmt: skip
    return {
        "columns": [
            f"largest disagreements, {names[0]} vs {names[1]}",
            *([f"in {name}", "dissimilarity, 1 - cosine"] for name in names),
            *([f"rank in {name}", "1 = the most alike pair of emotions"] for name in names),
        ],
        "rows": rows,
        "notes": [
            f"ranks among {len(paired.pairs)} pairs; those that differ most{among}, the largest difference first"
        ],
        "kind": "differences",
        "ids": [list(paired.pairs[k]) for k in named],
        "marked": [place for place, k in enumerate(named) if marked[k]],
    }


def leak_table(runs: Sequence[LeakRun]) -> Table:
    """Every direction and control of each run where it leaks most, by each recipe."""
    rows = []
    for run in runs:
        means = summary(run)
        for direction in (*run.directions, *run.controls):
            peaks = [leak_peak(means, run.controls, direction, recipe) for recipe in run.recipes]
            rows += [
                [
                    run.model,
                    peak.recipe,
                    f"{direction} (control)" if direction in run.controls else direction,
                    dose_label(peak.dose),
                    f"{percent(peak.hidden)} %",
                    f"{percent(peak.visible)} %",
                    f"{percent(peak.unsteered)} %",
                    f"{percent(peak.control)} %" if peak.controlled else "–",
                    "–" if peak.script is None else peak.script,
                    "–" if peak.starts is None else str(peak.starts),
                ]
                for peak in peaks
                if peak is not None
            ]
    return {
        "columns": [
            *("model", "recipe", "steered to", "dose", "hidden", "visible"),
            ["unsteered", "hidden leak of the unsteered texts"],
            ["control", "highest hidden leak of the control directions at any dose"],
            "mostly",
            ["from token", "at which the hidden leak starts"],
        ],
        "rows": rows,
        "notes": ["at the dose with the highest hidden leak, means over the prompts"],
    }


def effects_table(run: SideEffects, direction: str) -> Table:
    """What a direction does at each dose of a run, below the unsteered model."""
    each = effects(run)
    shown = [each[UNSTEERED, 0.0], *(each[direction, dose] for dose in run.doses)]
    rows = [
        [
            dose_label(one.dose) if one.dose else "unsteered",
            written(one.loss.after, ".2f"),
            _change(one.loss) if one.dose else "–",
            written(one.accuracy.after, ".2f"),
            _change(one.accuracy) if one.dose else "–",
            *(written(share, ".2f") for share in one.by_kind.values()),
            written(one.length, ".0f"),
            f"{percent(one.repetition)} %",
        ]
        for one in shown
    ]
    return {
        "columns": [
            "dose",
            ["loss", "nats per token, mean over plain passages"],
            "change [95 %]",
            ["right", f"share of right answers; by guessing {CHANCE:.2f}"],
            "change [95 %]",
            *(f"{kind}s" if kind == "fact" else kind for kind in shown[0].by_kind),
            ["tokens", "length of the texts"],
            ["repeated", "share of a text's tokens that repeat what stands before them"],
        ],
        "rows": [[minus(cell) for cell in row] for row in rows],
        "notes": [f"dose {dose_label(one.dose)}: {one.broken}" for one in shown if one.broken],
    }


def _change(found: Change) -> str:
    if not np.isfinite(found.change):
        return "–"
    return f"{found.change:+.2f} [{written(found.low, '+.2f')}, {written(found.high, '+.2f')}]"


def published_table() -> Table:
    """What the paper says of its matrix and its models, recomputed."""
    models, rho = published_models(), published_rho()
    groups = pair_groups(models, rho)
    families = base_and_instruct(models, rho)
    effects = size_effects(models)
    rows = [
        *([g.name, f"{g.mean:.3f}", f"{g.low:.3f} to {g.high:.3f}", str(g.n)] for g in groups),
        *([name, f"{value:.3f}", "–", "1"] for name, value in families.items()),
        *([e.name, f"{e.rho:.3f}", f"p = {e.p:.2g}", str(e.n)] for e in effects),
    ]
    over = f"Over the means of the {effects[0].n_families} families: " + ", ".join(
        f"{e.name} {e.rho_families:.2f}" for e in effects
    )
    return {
        "columns": [
            "published, recomputed",
            ["rho", "Spearman's rho; the mean of a group"],
            ["range or p", "lowest to highest of a group; scipy's p of a correlation over models"],
            ["n", "pairs or models"],
        ],
        "rows": rows,
        "groups": {
            0: "between RDMs, mean of the pairs",
            len(groups): "between RDMs, base and instruct of one family",
            len(groups) + len(families): "over the twelve models",
        },
        "notes": [
            f"{SOURCE}; recomputed from the published matrix and table. The twelve models come from six families: base "
            "and instruct of a family are much alike, and pairs share models. So neither models nor pairs are "
            f"independent, and the p values, which assume that, are too small. {over}.",
        ],
    }


def claims_table(found: Claims) -> Table:
    """What of the papers stands: published and measured value, and the verdict, a row per claim."""
    rows = [
        [
            check.claim,
            f"{check.published} ({check.source})",
            minus("; ".join(text for text in (check.measured, check.control) if text)) if check.measured else "–",
            minus(check.verdict),
        ]
        for check in found
    ]
    papers = [check.paper for check in found]
    return {
        "columns": [
            "claim",
            ["published", "the value of the paper, with its place"],
            ["here", "measured in these sets, with its 95 % interval or its range; then the control"],
            ["verdict", "by the rule of the claim, which is the same for all models"],
        ],
        "rows": rows,
        "groups": {papers.index(paper): f"arXiv {paper}" for paper in dict.fromkeys(papers)},
        "wrap": True,
        "notes": [f"on {', '.join(found.models)}; sets and stored runs of other models do not count"],
    }


def rules_table() -> Table:
    """How each claim is decided."""
    rules = claim_rules()
    papers = [rule.paper for rule in rules]
    return {
        "columns": ["claim", "measured", "beside", "rule"],
        "rows": [[rule.claim, rule.quantity, rule.control, rule.rule] for rule in rules],
        "groups": {papers.index(paper): f"arXiv {paper}" for paper in dict.fromkeys(papers)},
        "wrap": True,
    }


def _share(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.2f}"


def _near(found: list[tuple[str, float]] | None) -> str:
    return "–" if found is None else ", ".join(f"{name} {cosine:.2f}" for name, cosine in found)


def _trait_cells(fit: TraitFit, layer: int, n_permutations: int) -> list[str]:
    r = ", ".join("–" if np.isnan(value) else f"{value:+.2f}" for value in fit.r[layer])
    p = fit.best_p[layer]
    return [r, "–" if np.isnan(p) else f"{p_text(p, n_permutations)}, PC{fit.best[layer] + 1}"]


def _sources(fits: Sequence[ValenceArousal]) -> str:
    used = dict.fromkeys(fit.source for fit in fits)
    return ", ".join(f"{name} (pleasant or not, aroused or not)" if name == QUADRANT_SIGNS else name for name in used)


def _reasons(sets: Sequence[VectorSet], fits: Sequence[ValenceArousal]) -> list[str]:
    return [
        f"{short_label(s)}: {getattr(fit, trait).reason}"
        for s, fit in zip(sets, fits, strict=True)
        for trait in TRAITS
        if getattr(fit, trait).reason
    ]
