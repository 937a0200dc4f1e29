"""What a claim of the papers is decided from, and how its values become a verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..reference.claims import ClaimRule
from ..types import (
    ClaimCheck,
    ClaimValue,
    DoseResponse,
    LeakRun,
    Measured,
    VectorSet,
    Verification,
)
from ..types.claims import FAILS, HOLDS, PART, UNTESTED
from ..words import counted

NAN = float("nan")
# Names that are told one by one in a verdict.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is at hand on the models of some sets.

    sets : the chosen ones. known : by name, others of the same models too, which stored runs and contrasts may be of.
    family, parameters, base : by model: the name of its family, the number of weights, whether it is a base model.
    twins : base model -> its instruct twin. calls : model -> what a command calls it, where that is not its name. The
    rest is of the same models.
    """

    sets: tuple[VectorSet, ...]
    known: Mapping[str, VectorSet]
    family: Mapping[str, str]
    parameters: Mapping[str, int]
    base: Mapping[str, bool]
    twins: Mapping[str, str]
    calls: Mapping[str, str]
    measured: Measured
    runs: tuple[DoseResponse, ...] = ()
    verifications: tuple[Verification, ...] = ()
    leaks: tuple[LeakRun, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The models of the chosen sets, in their order."""
        return tuple(dict.fromkeys(s.provenance.model for s in self.sets))

    def command(self, command: str, model: str) -> str:
        """A command for a model, in the place of MODEL."""
        return command.replace("MODEL", self.calls.get(model, model))

    def of_family(self, family: str) -> tuple[str, ...]:
        return tuple(model for model in self.models if self.family[model] == family)


# A claim's rule and what is at hand, to what became of it.
Check = Callable[[ClaimRule, Evidence], ClaimCheck]


def decided(
    rule: ClaimRule,
    values: Sequence[ClaimValue],
    form: str = "{:.2f}",
    *,
    what: str = "set",
    control: str = "",
    outcome: str | None = None,
    why: str = "",
    missing: Iterable[str] = (),
    command: str | None = None,
) -> ClaimCheck:
    """A claim with its values, what speaks most against it first.

    form : of a value. what : one of them is a ... control : in one line. outcome : None where it follows from the
    values: those that support the claim, of those that can tell. missing : what else is needed. command : what makes
    it, where it is not the rule's.
    """
    if outcome is None:
        outcome, reason = _outcome(values, what)
        why = why if why else reason
    # What can tell comes first.
    values = sorted(values, key=lambda v: v.holds is None)
    lacking = list(dict.fromkeys([*missing, *(f"{v.of}: {v.note}" for v in values if v.holds is None and v.note)]))
    if outcome == UNTESTED:
        lacking.insert(0, f"needs {rule.needs}")
    first = values[0] if values else ClaimValue("", NAN, NAN, NAN, "", None)
    return ClaimCheck(
        id=rule.id,
        paper=rule.paper,
        title=rule.title,
        claim=rule.claim,
        published=rule.published,
        source=rule.source,
        quantity=rule.quantity,
        rule=rule.rule,
        value=first.value,
        ci_low=first.low,
        ci_high=first.high,
        measured=measured_words(values, form, what),
        control=control,
        outcome=outcome,
        why=why if outcome == PART else "",
        missing=tuple(lacking),
        command=rule.command if command is None else command,
        values=tuple(values),
        tab=rule.tab,
        controls=dict(rule.controls),
    )


def untested(rule: ClaimRule, *missing: str, command: str | None = None) -> ClaimCheck:
    """A claim that nothing at hand speaks of."""
    return decided(rule, [], missing=missing, command=command)


def _outcome(values: Sequence[ClaimValue], what: str) -> tuple[str, str]:
    told = [v for v in values if v.holds is not None]
    support = [v for v in told if v.holds]
    if not told:
        return UNTESTED, ""
    if len(support) in (0, len(told)):
        return (HOLDS if support else FAILS), ""
    alone = f": {support[0].of}" if len(support) == 1 else ""
    return PART, f"in {len(support)} of {counted(len(told), what)}{alone}"


def named(names: Sequence[str]) -> str:
    """The first of some names, and how many more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def measured_words(values: Sequence[ClaimValue], form: str, what: str) -> str:
    """`0.92 [0.88, 0.94]` of one value; of several the range and how many; empty where there is none. Values that
    cannot tell count only where none can."""
    told = [v for v in values if v.holds is not None]
    finite = [v for v in (told if told else values) if math.isfinite(v.value)]
    if len(finite) == 1:
        one = finite[0]
        spread = f" [{form.format(one.low)}, {form.format(one.high)}]" if math.isfinite(one.low) else ""
        return f"{form.format(one.value)}{spread}"
    if not finite:
        return ""
    return f"{span([v.value for v in finite], form)} in {counted(len(finite), what)}"


def span(values: Iterable[float], form: str = "{:.2f}") -> str:
    """`0.59 to 0.84`, one number where both ends read the same, `not known` where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "not known"
    low, high = form.format(min(finite)), form.format(max(finite))
    return low if low == high else f"{low} to {high}"


def reaches(value: float, high: float, bound: float) -> bool:
    """Whether a value or the upper end of its interval, where there is one, reaches a bound."""
    return (high if math.isfinite(high) else value) >= bound


def above(value: float, low: float, bound: float) -> bool:
    """Whether a value, with its whole interval where there is one, lies at a bound or above."""
    return (low if math.isfinite(low) else value) >= bound


def below(value: float, high: float, bound: float) -> bool:
    """Whether a value, with its whole interval where there is one, lies below a bound."""
    return (high if math.isfinite(high) else value) < bound
