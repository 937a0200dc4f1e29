"""Those claims that pairs of sets of one model decide: methods, precisions, base and instruct."""

from __future__ import annotations

import math
from dataclasses import replace

from ..reference.claims import ClaimRule
from ..types import ClaimCheck, ClaimValue, Contrast
from ..types.claims import FAILS, HOLDS, PART
from ..words import counted
from .claims import NAN, Check, Evidence, below, decided, named, reaches, span, untested
from .claims_geometry import anisotropy_at, papers_layer
from .contrasts import CHAINS, steps
from .methods import gap_interval, method_pairs, without_noise


def generation_separates(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, clean = [], []
    for written, read in method_pairs(at_hand.measured.separations):
        gap = float(written.cosines.mean() - read.cosines.mean())
        low, high = gap_interval(written.cosines, read.cosines)
        true = without_noise(written) - without_noise(read)
        clean.append(true)
        known = math.isfinite(true)
        values.append(
            ClaimValue(
                f"{written.model}: {written.protocol} less {read.protocol}",
                gap,
                low,
                high,
                f"without noise {true:+.2f}" if known else "noise fills the vectors",
                bool(high < 0 and true < 0) if known else None,
                "" if known else "noise fills the vectors; more texts are needed",
            )
        )
    values.sort(key=lambda v: -v.value)
    control = f"without noise {span(clean, '{:+.2f}')}"
    command = _generate(at_hand, rule.command)
    return decided(rule, values, "{:+.2f}", what="pair", control=control, command=command)


def _twins(at_hand: Evidence, bound: float) -> list[tuple[bool | None, Contrast]]:
    """(whether the base is immature, None where that is not known; contrast) of every pair of twins."""
    found: list[tuple[bool | None, Contrast]] = []
    for c in at_hand.measured.contrasts:
        if c.kind == "variant":
            base = at_hand.known.get(c.sets[0])
            value = NAN if base is None else anisotropy_at(base, papers_layer(base))
            found.append((value >= bound if math.isfinite(value) else None, c))
    return found


def _absent_twin(at_hand: Evidence) -> tuple[list[str], str | None]:
    """Which twins of the chosen models there are no sets of, and the command that makes the first."""
    both = {**at_hand.twins, **{instruct: base for base, instruct in at_hand.twins.items()}}
    absent = [both[model] for model in at_hand.models if model in both and both[model] not in at_hand.models]
    return [f"no set of {name}" for name in absent], at_hand.command(
        "emoviz extract MODEL", absent[0]
    ) if absent else None


def tuning_immature(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    pairs = _twins(at_hand, rule["immature"])
    young = [c for immature, c in pairs if immature and math.isfinite(c.rho)]
    mature = [c for immature, c in pairs if immature is False and math.isfinite(c.rho)]
    if not young:
        lacking, command = _absent_twin(at_hand)
        return untested(rule, *lacking, command=command)
    control = f"mature pairs {span([c.rho for c in mature])}"
    values = [
        *(_twin_value(c, below(c.rho, c.ci_high, rule["rho"]), "immature") for c in young),
        *(_twin_value(c, reaches(c.rho, c.ci_high, rule["rho"]), "mature") for c in mature),
    ]
    changed = [v for v in values[: len(young)] if v.holds]
    kept = [v for v in values[len(young) :] if v.holds]
    if not changed:
        outcome, why = FAILS, ""
    elif len(changed) == len(young) and mature and len(kept) == len(mature):
        outcome, why = HOLDS, ""
    else:
        outcome = PART
        why = f"{len(changed)} of {len(young)} immature pairs are reorganised, " + (
            f"{len(kept)} of {len(mature)} mature ones are kept" if mature else "no mature pair is at hand"
        )
    return decided(rule, values, what="pair", control=control, outcome=outcome, why=why)


def base_instruct(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, ceilings = [], []
    for immature, c in _twins(at_hand, rule["mature"]):
        noisy = math.isfinite(c.ceiling) and c.ceiling < rule["rho"]
        agrees = reaches(c.rho, c.ci_high, rule["rho"])
        note = ""
        if immature is not False:
            note = "the base model is not mature" if immature else "the anisotropy of the base model is not known"
        elif not math.isfinite(c.rho):
            note = c.reasons.get("rho", "no rho")
        elif noisy and not agrees:
            note = f"the noise ceiling is {c.ceiling:.2f}"
        ceilings.append(c.ceiling)
        values.append(_twin_value(c, None if note else agrees, note))
    if not values:
        lacking, command = _absent_twin(at_hand)
        return untested(rule, *lacking, command=command)
    values.sort(key=lambda v: v.value if math.isfinite(v.value) else math.inf)
    return decided(rule, values, what="pair", control=f"noise ceiling {span(ceilings)}")


def _twin_value(c: Contrast, holds: bool | None, note: str) -> ClaimValue:
    of = f"{' × '.join(c.models)}, {c.protocols[0]}"
    return ClaimValue(of, c.rho, c.ci_low, c.ci_high, f"noise ceiling {c.ceiling:.2f}", holds, note)


def decomposition(step: str) -> Check:
    """The check of one step of the layered decomposition."""

    def check(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
        values, ceilings = [], []
        for _, of, found in _chains(at_hand):
            c = found[step]
            if c is None:
                continue
            note = ""
            if not math.isfinite(c.rho):
                note = c.reasons.get("rho", "no rho")
            elif not c.ceiling >= rule["ceiling"]:
                note = "the noise ceiling is not known" if math.isnan(c.ceiling) else f"noise ceiling {c.ceiling:.2f}"
            else:
                ceilings.append(c.ceiling)
            supports = None if note else below(c.rho, c.ci_high, rule["rho"])
            values.append(ClaimValue(of, c.rho, c.ci_low, c.ci_high, f"noise ceiling {c.ceiling:.2f}", supports, note))
        values.sort(key=lambda v: -v.value if math.isfinite(v.value) else math.inf)
        control = f"noise ceiling {span(ceilings)}"
        return decided(rule, values, what="chain", control=control, command=_generate(at_hand, rule.command))

    return check


def decomposition_conflated(rule: ClaimRule, at_hand: Evidence) -> ClaimCheck:
    values, clean = [], []
    models = set()
    for model, of, found in _chains(at_hand):
        across, alone = found["conflated"], found["precision"]
        if across is None or alone is None:
            continue
        gap, beside = across.rho - alone.rho, f"precision alone {alone.rho:.2f}"
        if not math.isfinite(gap):
            values.append((model, ClaimValue(of, gap, NAN, NAN, beside, None, "no rho")))
            continue
        models.add(model)
        clean.append(alone.rho)
        values.append((model, ClaimValue(of, gap, NAN, NAN, beside, abs(gap) > rule["gap"])))
    control = f"precision alone {span(clean)}" if clean else ""
    if len(models) < rule["models"]:
        quiet = [replace(v, holds=None) for _, v in values]
        lacking = [f"sets of {counted(len(models), 'model')} only: {named(sorted(models))}"] if models else []
        command = _generate(at_hand, rule.command)
        return decided(rule, quiet, "{:+.2f}", what="chain", control=control, missing=lacking, command=command)
    up, down = ({model for model, v in values if sign * v.value > rule["gap"]} for sign in (1, -1))
    both = any(a != b for a in up for b in down)
    outcome = HOLDS if both else PART if up or down else FAILS
    why = "both ways in one model only" if up and down else f"{'above' if up else 'below'} only"
    chains = sorted((v for _, v in values), key=lambda v: abs(v.value) if math.isfinite(v.value) else math.inf)
    return decided(rule, chains, "{:+.2f}", what="chain", control=control, outcome=outcome, why=why)


def _chains(at_hand: Evidence) -> list[tuple[str, str, dict[str, Contrast | None]]]:
    """(model, words, steps) of every chain of protocols of every model."""
    return [
        (model, f"{model}, {label}", steps(at_hand.measured.contrasts, model, chain))
        for model in at_hand.models
        for label, chain in CHAINS.items()
    ]


def _generate(at_hand: Evidence, command: str) -> str:
    """The command for the first of the models that is not a base model, which is asked to write."""
    able = [model for model in at_hand.models if not at_hand.base[model]]
    return at_hand.command(command, able[0]) if able else command
