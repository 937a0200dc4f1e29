"""Those claims that vector sets decide: depth, agreement, anisotropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..emotions import NEUTRAL
from ..errors import InputError
from ..geometry import best_layers, depth_curves, preferred_layer
from ..geometry.vectors import CENTRINGS
from ..reference import published_compliance
from ..reference.claims import ClaimRule
from ..types import ClaimCheck, ClaimValue, VectorSet
from ..types.claims import PART
from ..words import counted
from .claims import NAN, Evidence, above, decided, named, reaches, span, untested
from .rsa import compare
from .two_lines import MIN_LAYERS, mean_cosine_shape
from .wilson import wilson_interval

# A permutation cannot fall below 1 / 2,001, which is far enough below the p that rules ask for.
_PERMUTATIONS, _BOOTSTRAP = 2_000, 200
# More pairs than these get no interval, which would take minutes.
_MOST_INTERVALS = 150


def recipe(vectors: VectorSet) -> str:
    """Model, protocol and precision of a set."""
    p = vectors.provenance
    return f"{p.model} {p.protocol.name}" + ("" if p.precision == "fp32" else f" {p.precision}")


def middle_layers(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, peaks, parts = [], [], []
    for vectors in at_hand.sets:
        of = recipe(vectors)
        if NEUTRAL not in vectors.classes:
            values.append(ClaimValue(of, NAN, NAN, NAN, "", None, "it has no neutral passages"))
            continue
        if len(vectors.finite_layers) < MIN_LAYERS:
            why = f"{counted(len(vectors.finite_layers), 'finite layer')}, {MIN_LAYERS} are needed"
            values.append(ClaimValue(of, NAN, NAN, NAN, "", None, why))
            continue
        try:
            curve, peak = depth_curves(vectors, "neutral")["mean_cosine"], best_layers(vectors)["decoding"]
            shape = mean_cosine_shape(vectors, curve, "neutral")
        except InputError as error:
            values.append(ClaimValue(of, NAN, NAN, NAN, "", None, str(error).rstrip(".")))
            continue
        if shape is None:
            why = curve.reason.rstrip(".") if curve.reason else f"fewer than {MIN_LAYERS} layers have a mean cosine"
            values.append(ClaimValue(of, NAN, NAN, NAN, "", None, why))
            continue
        depth = vectors.depth(int(np.nanargmin(curve.values)))
        low, high = _lowest_depth(vectors, curve.values)
        inside = above(depth, low, rule["low"]) and (high if math.isfinite(high) else depth) <= rule["high"]
        best = NAN if peak is None else vectors.depth(peak)
        peaks.append(best)
        parts.append(inside != shape.u_shaped)
        note = f"{'a' if shape.u_shaped else 'no'} U; lowest {'in' if inside else 'outside'} the middle"
        control = "decoding not known" if peak is None else f"decoding is highest at {best:.2f}"
        values.append(ClaimValue(of, depth, low, high, control, inside and shape.u_shaped, note))
    values.sort(key=lambda v: -abs(v.value - 0.5) if math.isfinite(v.value) else 0.0)
    outcome, why = None, ""
    if any(parts) and not any(v.holds for v in values):
        told = [v for v in values if v.holds is not None]
        half = [v for v in told if v.note.startswith("a U") or v.note.endswith("in the middle")]
        outcome = PART
        why = f"a U, or lowest in the middle, but not both, in {len(half)} of {counted(len(told), 'set')}"
    return decided(rule, values, control=f"decoding is highest at {span(peaks)}", outcome=outcome, why=why)


def _lowest_depth(vectors: VectorSet, values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the depth of the lowest value, from the stored replicates; NaN without them."""
    if vectors.resampled is None:
        return NAN, NAN
    kept = np.flatnonzero(np.isfinite(values))
    drawn = values[kept] + vectors.resampled.mean_cosine[CENTRINGS.index("neutral")][:, kept]
    if not np.isfinite(drawn).all():
        return NAN, NAN
    low, high = np.percentile((kept[drawn.argmin(1)] + 1) / vectors.n_layers, [2.5, 97.5])
    return float(low), float(high)


def shared_geometry(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, given, unripe, groups = [], [], [], 0
    immature = {s.name for s in at_hand.sets if anisotropy_at(s, preferred_or_none(s)) >= rule["mature"]}
    intervals = _few_pairs(at_hand)
    for group in _groups(at_hand.sets):
        pairs = [
            (i, j)
            for i, j in combinations(range(len(group)), 2)
            if at_hand.family[group[i].provenance.model] != at_hand.family[group[j].provenance.model]
        ]
        if not pairs:
            continue
        groups += 1
        try:
            found = compare(group, intervals=intervals, n_permutations=_PERMUTATIONS, n_bootstrap=_BOOTSTRAP)
        except InputError as error:
            values += [ClaimValue(recipe(group[0]), NAN, NAN, NAN, "", None, str(error).rstrip("."))]
            continue
        for i, j in pairs:
            a, b = group[i], group[j]
            of = f"{a.provenance.model} × {b.provenance.model}, {a.provenance.protocol.name}"
            rho, low, high = (float(getattr(found, name)[i, j]) for name in ("rho", "ci_low", "ci_high"))
            p, partial = float(found.p[i, j]), float(found.rho_partial_controls[i, j])
            control = f"given all controls {partial:.2f}, disjoint {found.rho_disjoint[i, j]:.2f}"
            young = [s.provenance.model for s in (a, b) if s.name in immature]
            if not math.isfinite(rho) or not math.isfinite(partial):
                number = "rho" if not math.isfinite(rho) else "rho_partial_controls"
                why = next((m.why for m in found.missing if m.pair == (i, j) and m.number in (number, "rho")), "")
                values.append(ClaimValue(of, rho, low, high, control, None, why))
            elif young:
                unripe.append(partial)
                values.append(ClaimValue(of, rho, low, high, control, None, f"{named(young)} is not mature"))
            else:
                given.append(partial)
                supports = reaches(rho, high, rule["low"]) and p < rule["p"] and partial >= rule["given"]
                values.append(ClaimValue(of, rho, low, high, control, supports))
    values.sort(key=lambda v: v.value if math.isfinite(v.value) else math.inf)
    if not groups:
        return untested(rule, *_one_family(at_hand))
    lacking = [] if intervals else [f"no intervals, which are made for up to {_MOST_INTERVALS} pairs"]
    return decided(
        rule, values, what="pair", control=f"given all controls {span(given if given else unripe)}", missing=lacking
    )


def _few_pairs(at_hand: Evidence) -> bool:
    return sum(len(group) * (len(group) - 1) // 2 for group in _groups(at_hand.sets)) <= _MOST_INTERVALS


def _groups(sets: Sequence[VectorSet]) -> list[list[VectorSet]]:
    """Sets by one protocol and corpus, one of each model: the first."""
    groups: dict[tuple, dict[str, VectorSet]] = {}
    for s in sets:
        p = s.provenance
        texts = p.corpus_hash if p.method == "comprehension" else p.corpus
        groups.setdefault((p.protocol.name, texts), {}).setdefault(p.model, s)
    return [list(group.values()) for group in groups.values()]


def _one_family(at_hand: Evidence) -> list[str]:
    families = sorted({at_hand.family[model] for model in at_hand.models})
    return [f"all sets are of one family, {families[0]}"] if len(families) == 1 else []


def preferred_or_none(vectors: VectorSet) -> int | None:
    """The set's own layer; None where it is broken."""
    try:
        return preferred_layer(vectors)
    except InputError:
        return None


def anisotropy_at(vectors: VectorSet, layer: int | None) -> float:
    """NaN where it is not known."""
    return NAN if layer is None else float(vectors.anisotropy[layer])


def papers_layer(vectors: VectorSet) -> int | None:
    """The layer of the second paper's rule, the lowest class-centred mean cosine; None where there is none."""
    try:
        return best_layers(vectors)["separation"]
    except InputError:
        return None


def behaviour_differs(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    scores = {one.id.split("/")[-1]: one for one in published_compliance()}
    both = [s for s in at_hand.sets if s.provenance.model in scores]
    absent = [model for model in scores if model not in {s.provenance.model for s in both}]
    if absent:
        return untested(rule, f"no set of {named(absent)}", command=f"emoviz extract {scores[absent[0]].id}")
    groups = [group for group in _groups(both) if len(group) == len(scores)]
    if not groups:
        return untested(rule, "their sets are by different protocols or of different passages")
    first, second = scores.values()
    apart = abs(first.yields - second.yields) >= rule["gap"]
    intervals = [wilson_interval(round(o.yields * o.n_yields), o.n_yields) for o in (first, second)]
    control = "compliance " + " and ".join(f"[{low:.2f}, {high:.2f}]" for low, high in intervals)
    values, reached = [], False
    for group in groups:
        found = compare(group, n_permutations=_PERMUTATIONS, n_bootstrap=_BOOTSTRAP)
        rho, low, high = (float(getattr(found, name)[0, 1]) for name in ("rho", "ci_low", "ci_high"))
        of = f"{' × '.join(s.provenance.model for s in group)}, {group[0].provenance.protocol.name}"
        if not math.isfinite(rho):
            why = next((m.why for m in found.missing), "no rho")
            values.append(ClaimValue(of, rho, low, high, control, None, why))
            continue
        reached = reached or (apart and reaches(rho, high, rule["rho"]))
        values.append(ClaimValue(of, rho, low, high, control, apart and above(rho, low, rule["rho"])))
    values.sort(key=lambda v: v.value if math.isfinite(v.value) else math.inf)
    partly = reached and not any(v.holds for v in values)
    return decided(
        rule,
        values,
        what="pair",
        control=control,
        outcome=PART if partly else None,
        why=f"the interval of rho only reaches {rule['rho']:g}" if partly else "",
    )


def gemma_anisotropy(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    ours = [s for s in at_hand.sets if _is_base_of(at_hand, s, rule["family"])]
    others = [s for s in at_hand.sets if at_hand.family[s.provenance.model] != rule["family"]]
    if not ours or not others:
        lacking = "no set of a base Gemma" if not ours else "no set of another family"
        return untested(rule, lacking, command=rule.command if not ours else "emoviz extract SmolLM2-135M-Instruct")
    values, highest, shared = [], [], False
    for s in ours:
        value, low, high = _anisotropy(s)
        beside = [o for o in others if o.provenance.protocol.name == s.provenance.protocol.name]
        rivals = {recipe(o): _anisotropy(o) for o in beside}
        top = max((v for v, _, _ in rivals.values() if math.isfinite(v)), default=NAN)
        extreme = math.isfinite(value) and above(value, low, rule["extreme"])
        also = [name for name, (v, _, end) in rivals.items() if math.isfinite(v) and reaches(v, end, rule["extreme"])]
        note = "no anisotropy is known" if not math.isfinite(value) else ""
        if not note and not math.isfinite(top):
            note = f"no set of another family by {s.provenance.protocol.name}"
        shared = shared or (extreme and bool(also))
        highest.append(top)
        values.append(
            ClaimValue(
                recipe(s),
                value,
                low,
                high,
                f"others up to {top:.2f}",
                None if note else extreme and not also,
                note if note else f"{named(also)} as extreme" if also else "",
            )
        )
    values.sort(key=lambda v: v.value)
    partly = shared and not any(v.holds for v in values)
    return decided(
        rule,
        values,
        "{:.3f}",
        control=f"others up to {max(highest, key=lambda v: v if math.isfinite(v) else -1):.3f}",
        outcome=PART if partly else None,
        why="another family is as extreme" if partly else "",
    )


def _is_base_of(at_hand: Evidence, vectors: VectorSet, family: str) -> bool:
    model = vectors.provenance.model
    return at_hand.family[model] == family and at_hand.base[model]


def _anisotropy(vectors: VectorSet) -> tuple[float, float, float]:
    """At the layer of the paper's rule, with its interval over sentences."""
    layer = papers_layer(vectors)
    if layer is None:
        return NAN, NAN, NAN
    interval = depth_curves(vectors)["anisotropy"].interval(layer)
    return (anisotropy_at(vectors, layer), *((NAN, NAN) if interval is None else interval))
