"""Those claims that stored runs decide: dose responses, verifications, leak runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..geometry.ranks import spearman_matrix
from ..judge.regimes import COLLAPSE, EXPLOSIVE, SURGICAL
from ..reference.claims import ClaimRule
from ..stats.bootstrap import mean_interval
from ..stats.claims import NAN, Evidence, decided, named, span, untested
from ..stats.claims_geometry import anisotropy_at, preferred_or_none
from ..stats.wilson import wilson_interval
from ..steer.grammar import UNSTEERED, control_seed
from ..types import ClaimCheck, ClaimValue, DoseResponse, LeakRun, RegimeTable, Verification
from ..types.claims import FAILS, HOLDS, PART, UNTESTED
from ..words import counted
from . import dose_curves
from .leak_summary import summary

# The Qwen that can be had everywhere.
_QWEN = "Qwen2.5-Coder-0.5B-Instruct"
_THREE = {SURGICAL: "surgical", COLLAPSE: "collapse", EXPLOSIVE: "explosive"}


def runs_by_model(at_hand: Evidence) -> dict[str, DoseResponse]:
    """The run of each model that steers towards most emotions; of equal ones the newest."""
    found: dict[str, DoseResponse] = {}
    for run in sorted(at_hand.runs, key=lambda r: (len(_emotions(r)), r.created)):
        if len(_emotions(run)):
            found[run.model] = run
    return {model: found[model] for model in at_hand.models if model in found}


def _emotions(run: DoseResponse) -> tuple[str, ...]:
    """The directions that are single emotions."""
    return tuple(name for name in run.directions if name in run.classes)


def _without_run(at_hand: Evidence) -> list[str]:
    return [f"no dose-response run of {m}" for m in at_hand.models if m not in runs_by_model(at_hand)]


def _make_run(rule: ClaimRule, at_hand: Evidence) -> str | None:
    """The command that makes the first run that is missing, None where every model has one."""
    absent = [m for m in at_hand.models if m not in runs_by_model(at_hand)]
    return at_hand.command(rule.command, absent[0]) if absent else None


def anisotropy_baseline(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    rows, missing = [], _without_run(at_hand)
    for model, run in runs_by_model(at_hand).items():
        vectors = at_hand.known.get(run.set)
        effect = _effect(run, rule["dose"])
        anisotropy = NAN if vectors is None else anisotropy_at(vectors, preferred_or_none(vectors))
        if vectors is None or not math.isfinite(effect) or not math.isfinite(anisotropy):
            missing.append(f"{model}: no effect or no anisotropy is known")
            continue
        rows.append((model, anisotropy, effect * float(vectors.residual_norm[run.layer]), effect))
    values = [
        ClaimValue(model, raw, NAN, NAN, f"anisotropy {a:.2f}; {relative:.2f} of the residual norm", None)
        for model, a, raw, relative in rows
    ]
    told = span([raw for _, _, raw, _ in rows], "{:.3g}")
    if len(rows) < rule["models"]:
        lacking = f"{counted(len(rows), 'model')} with a run"
        command = _make_run(rule, at_hand)
        return decided(
            rule,
            values,
            "{:.3g}",
            what="model",
            control=f"{span([r for *_, r in rows])} of the residual norm" if rows else "",
            missing=[lacking, *missing],
            command=command,
        )
    columns = np.array([row[1:] for row in rows], float).T
    rho = spearman_matrix(columns)
    raw, relative = float(rho[0, 1]), float(rho[0, 2])
    orders, checked = raw >= rule["rho"], relative < raw
    outcome = HOLDS if orders and checked else PART if orders else FAILS
    headline = ClaimValue(
        f"{len(rows)} models: {named([row[0] for row in rows])}", raw, NAN, NAN, f"raw effects {told}", orders
    )
    return decided(
        rule,
        [headline],
        control=f"per residual norm rho {relative:.2f}",
        outcome=outcome,
        why="the residual norm does not lower it",
        missing=missing,
    )


def _effect(run: DoseResponse, highest: float) -> float:
    """Mean rise of the steered emotion's projection, in residual norms, at the highest dose that is allowed."""
    doses = [k for k, dose in enumerate(run.doses) if 0 < dose <= highest]
    if not doses:
        return NAN
    rises = []
    for name in _emotions(run):
        curve = dose_curves.curves(run, name)
        if curve.zero is not None:
            rises.append(curve.projection.mean[doses[-1]] - curve.projection.mean[curve.zero])
    finite = [rise for rise in rises if math.isfinite(rise)]
    return float(np.mean(finite)) if finite else NAN


def three_regimes(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, seen, random = [], set(), set()
    for model, run in runs_by_model(at_hand).items():
        table = dose_curves.regime_table(run)
        own = _highest(table, _emotions(run))
        reached = [name for name, (share, _) in own.items() if share >= rule["share"]]
        seen |= set(reached)
        controls = _highest(table, [name for name in run.controls if control_seed(name) is not None])
        random |= {name for name, (share, _) in controls.items() if share >= rule["share"]}
        parts = [f"{_THREE[name]} {share:.0%} at {dose:g}" for name, (share, dose) in own.items()]
        values.append(ClaimValue(model, float(len(reached)), NAN, NAN, "; ".join(parts), len(reached) == len(_THREE)))
    if not values:
        return untested(rule, *_without_run(at_hand), command=_make_run(rule, at_hand))
    values.sort(key=lambda v: v.value)
    absent = [word for name, word in _THREE.items() if name not in seen]
    outcome = HOLDS if not absent else PART if len(seen) == 2 else FAILS
    also = [_THREE[name] for name in _THREE if name in random]
    return decided(
        rule,
        values,
        "{:.0f} of 3",
        what="model",
        control=f"a random direction: {' and '.join(also)} too" if also else "a random direction: none",
        outcome=outcome,
        why=f"{' and '.join(absent)} is never most texts'" if absent else "",
        missing=_without_run(at_hand),
    )


def _highest(table: RegimeTable, directions: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Regime -> the highest share of the texts of these directions at any dose but 0, and that dose."""
    rows = [k for k, name in enumerate(table.directions) if name in directions]
    counts = table.counts[rows].sum(0)
    steered = table.doses != 0
    total = np.maximum(counts.sum(1), 1)
    found = {}
    for name in _THREE:
        share = np.where(steered, counts[:, dose_curves.OUTCOMES.index(name)] / total, 0.0)
        at = int(share.argmax())
        found[name] = (float(share[at]), float(table.doses[at]))
    return found


def regimes_architecture(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    ends = {model: _coherent_up_to(run) for model, run in runs_by_model(at_hand).items()}
    ends = {model: found for model, found in ends.items() if found}
    values = []
    within, between = [], []
    for a, b in combinations(ends, 2):
        gap = abs(float(np.mean(ends[a]) - np.mean(ends[b])))
        if at_hand.family[a] != at_hand.family[b]:
            between.append(gap)
        elif _ratio(at_hand, [a, b]) >= rule["factor"]:
            within.append(gap)
    for model, found in ends.items():
        low, high = (2.0**end for end in mean_interval(found))
        control = f"{at_hand.family[model]}, {at_hand.parameters[model] / 1e6:,.0f}M"
        values.append(ClaimValue(model, float(2.0 ** np.mean(found)), low, high, control, None))
    told = f"surgical up to {span([v.value for v in values])}" if values else ""
    if not within or not between:
        lacking = "no family at two sizes has runs" if not within else "runs of one family only"
        return decided(
            rule,
            values,
            "dose {:.3f}" if len(values) == 1 else "{:.3f}",
            what="model",
            missing=[lacking, *_without_run(at_hand)],
            command=_make_run(rule, at_hand),
        )
    least, most = min(between), max(within)
    outcome = HOLDS if least > most else FAILS if max(between) <= most else PART
    headline = ClaimValue(
        "smallest difference of families less largest of sizes", least - most, NAN, NAN, told, least > most
    )
    return decided(
        rule,
        [headline],
        "{:+.2f}",
        control=f"sizes of one family {span(within)}, families {span(between)}",
        outcome=outcome,
        why="some differences between families are smaller than between sizes",
        missing=_without_run(at_hand),
    )


def _coherent_up_to(run: DoseResponse) -> list[float]:
    """Per emotion, the base-2 logarithm of the highest usable dose; half the lowest dose where none is usable."""
    positive = [dose for dose in run.doses if dose > 0]
    if not positive:
        return []
    found = []
    for name in _emotions(run):
        _, high, _ = dose_curves.usable_window(dose_curves.curves(run, name))
        found.append(math.log2(high if math.isfinite(high) else min(positive) / 2))
    return found


def _ratio(at_hand: Evidence, models: Sequence[str]) -> float:
    sizes = [at_hand.parameters[model] for model in models]
    return max(sizes) / min(sizes)


def classifier(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, controls, inside_only = [], [], True
    share = rule["k"] / rule["n"]
    for found in at_hand.verifications:
        for witness, outside, k, n, control_k in judgements(found):
            inside_only = inside_only and not outside
            low, high = wilson_interval(k, n)
            _, control_high = wilson_interval(control_k, n)
            if n == 0:
                values.append(ClaimValue(f"{found.model}, {witness}", NAN, NAN, NAN, "", None, "it judges no scenario"))
                continue
            reached, beats = high >= share, low > control_high
            controls.append(f"{control_k} of {n}")
            of = f"{found.model}, {'outside' if outside else 'inside'} witness: {k} of {n}"
            values.append(
                ClaimValue(
                    of,
                    k / n,
                    low,
                    high,
                    f"random directions {control_k} of {n}",
                    reached and beats,
                    "" if outside else f"{witness} learned from the passages that the vectors come from",
                )
            )
    without = [m for m in at_hand.models if m not in {v.model for v in at_hand.verifications}]
    missing = [f"no verification of {m}" for m in without]
    command = at_hand.command(rule.command, without[0]) if without else None
    if not values:
        return untested(rule, *missing, command=command)
    values.sort(key=lambda v: v.value)
    judged = [v for v in values if "outside witness" in v.of]
    support = [v for v in values if v.holds]
    if inside_only:
        outcome = PART if support else FAILS
        why = f"{len(support)} of {counted(len(values), 'verification')}, all by witnesses from inside"
    else:
        supported = [v for v in judged if v.holds]
        outcome = HOLDS if len(supported) == len(judged) else PART if support else FAILS
        why = f"in {len(supported)} of {counted(len(judged), 'verification')} by an outside witness"
    return decided(
        rule,
        values,
        "{:.0%}",
        what="verification",
        control=f"random directions {' and '.join(dict.fromkeys(controls))}",
        outcome=outcome,
        why=why,
        missing=missing,
        command=command,
    )


def judgements(found: Verification) -> list[tuple[str, bool, int, int, int]]:
    """(witness, whether it is from outside, k, n, control k) of every witness of a verification. A witness of the hub
    is from outside: it saw none of our passages."""
    inside = (found.witness.name, found.witness.accuracy is None, found.k, found.n, found.control_k)
    if found.outside is None:
        return [inside]
    return [inside, (found.outside.name, True, found.outside_k, found.outside_n, found.outside_control_k)]


def qwen_leak(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, others = [], []
    runs = {run.model: run for run in sorted(at_hand.leaks, key=lambda r: (len(r.directions), r.created))}
    for model in (m for m in at_hand.models if m in runs):
        value = _leak(rule, runs[model])
        values.append(value)
        if at_hand.family[model] != rule["family"]:
            others.append(value)
    own = [v for v in values if v not in others]
    missing = [f"no leak run of {m}" for m in at_hand.models if m not in runs]
    told, beside = ([v for v in some if v.holds is not None] for some in (own, others))
    absent = [m for m in at_hand.models if m not in runs]
    command = at_hand.command(rule.command, absent[0]) if absent else None
    if not at_hand.of_family(rule["family"]):
        missing.insert(0, "no set of a Qwen model")
        command = rule.command.replace("MODEL", _QWEN)
    if not told or not beside:
        missing += [] if beside else ["no leak run of another family"]
        outcome, why = UNTESTED, ""
    else:
        leaking, also = [v for v in told if v.holds], [v for v in beside if v.holds]
        outcome = FAILS if not leaking else HOLDS if len(leaking) == len(told) and not also else PART
        why = f"{named([v.of for v in also])} leaks too" if also else f"in {len(leaking)} of {len(told)} Qwen models"
    return decided(
        rule,
        [*sorted(own, key=lambda v: v.value), *sorted(others, key=lambda v: -v.value)],
        "{:.2f}",
        what="model",
        control=f"others {span([v.value for v in others])}" if others else "",
        outcome=outcome,
        why=why,
        missing=missing,
        command=command,
    )


def _leak(rule: ClaimRule, run: LeakRun) -> ClaimValue:
    doses = [dose for dose in run.doses if 0 < dose <= rule["dose"]]
    rows = [row for row in summary(run) if row["recipe"] == rule["recipe"]]
    emotions = [name for name in run.directions if name not in run.controls]
    dose = max(doses, default=NAN)

    def at(direction: Sequence[str], dose: float) -> list[float]:
        own = [row for row in rows if row["direction"] in direction and row["dose"] == dose]
        return [float(row["scripts"].get(rule["script"], 0.0)) for row in own]

    steered, random = at(emotions, dose), at([c for c in run.controls if control_seed(c) is not None], dose)
    unsteered = at([UNSTEERED], 0.0)
    if not steered or not random or not unsteered:
        lacks = "texts under the recipe" if not steered else "random control" if not random else "unsteered text"
        return ClaimValue(run.model, NAN, NAN, NAN, "", None, f"its leak run has no {lacks}")
    beside = max(float(np.mean(random)), float(np.mean(unsteered)))
    low, high = (end - beside for end in mean_interval(steered))
    value = float(np.mean(steered)) - beside
    control = f"steered {np.mean(steered):.3f}, random {np.mean(random):.3f}, unsteered {np.mean(unsteered):.3f}"
    leaks = (low if math.isfinite(low) else value) >= rule["mass"]
    return ClaimValue(run.model, value, low, high, control, bool(leaks), f"dose {dose:g}")


def every_scale(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, chances = [], []
    runs = runs_by_model(at_hand)
    for model, run in runs.items():
        gains = [_gain(run, name) for name in _emotions(run)]
        known = [g for g in gains if g is not None]
        # The emotion, its controls and the unsteered text: any is as likely the highest where emotions do nothing.
        chance = 1 / (2 + len(run.controls))
        size = f"{at_hand.parameters[model] / 1e6:,.0f}M"
        if not known:
            values.append(ClaimValue(model, NAN, NAN, NAN, size, None, "its witness knows none of the emotions"))
            continue
        k = sum(g > 0 for g in known)
        low, high = wilson_interval(k, len(known))
        chances.append(chance)
        of = f"{model}: {k} of {counted(len(known), 'emotion')}"
        values.append(ClaimValue(of, k / len(known), low, high, f"{size}; chance {chance:.2f}", low > chance))
    told = [v for v in values if v.holds is not None]
    models = [m for m in runs if any(v.of.startswith(f"{m}:") for v in told)]
    values.sort(key=lambda v: v.value if math.isfinite(v.value) else math.inf)
    control = f"chance {span(chances)}" if chances else ""
    sizes = {at_hand.parameters[m] for m in models}
    if len(sizes) < 2:
        lacking = ["models of one size only" if models else "no dose-response run that can tell"]
        quiet = [ClaimValue(v.of, v.value, v.low, v.high, v.control, None, v.note) for v in values]
        return decided(
            rule,
            quiet,
            "{:.0%}",
            what="model",
            control=control,
            missing=[*lacking, *_without_run(at_hand)],
            command=_make_run(rule, at_hand),
        )
    ratio = _ratio(at_hand, models)
    support = [v for v in told if v.holds]
    outcome: str | None = None
    why = ""
    if len(support) == len(told) and ratio < rule["span"]:
        outcome, why = PART, f"in all {len(told)}, but over {ratio:.1f} times the parameters only"
    return decided(
        rule,
        values,
        "{:.0%}",
        what="model",
        control=control,
        outcome=outcome,
        why=why,
        missing=_without_run(at_hand),
    )


def _gain(run: DoseResponse, name: str) -> float | None:
    """`dose_curves.gain` over the usable doses; 0 where none is usable, None where the witness does not know it."""
    curve = dose_curves.curves(run, name)
    if "witness" in curve.reasons:
        return None
    low, high, _ = dose_curves.usable_window(curve)
    if not math.isfinite(low):
        return 0.0
    gain = dose_curves.gain(curve, low, high)
    return gain if math.isfinite(gain) else None
