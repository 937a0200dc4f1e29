"""What became of the papers' claims on some vector sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Value, frame_html

if TYPE_CHECKING:
    import pandas as pd

HOLDS, PART, FAILS, UNTESTED = "holds", "holds in part", "does not hold", "cannot be tested with these sets"
OUTCOMES = (HOLDS, PART, FAILS, UNTESTED)


@dataclass(frozen=True, slots=True)
class ClaimValue:
    """What a claim's quantity is for one model, pair or run.

    of : which it is, in words. low, high : 95 % interval, NaN where there is none. control : what the value is to be
    read beside, in words. holds : whether it supports the claim; None where it cannot tell, with the reason in `note`.
    """

    of: str
    value: float
    low: float
    high: float
    control: str
    holds: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ClaimCheck(Value):
    """One claim of the papers, decided by its rule.

    title, claim : in a few words, and in a sentence. published, source : what the paper says, and where. quantity :
    what is measured. rule : how it is decided, with its thresholds, as `reference/data/claims.json` has it.
    values : what was measured, what speaks most against the claim first; value, ci_low, ci_high are the first's, NaN
    where nothing was measured. measured, control : all of it in one line. outcome : one of `OUTCOMES`. why : of an
    outcome in part. missing : what cannot be told, and what else is needed. command : makes it. tab, controls : the
    figure that shows it, by the names that links have.
    """

    id: str
    paper: str
    title: str
    claim: str
    published: str
    source: str
    quantity: str
    rule: str
    value: float
    ci_low: float
    ci_high: float
    measured: str
    control: str
    outcome: str
    why: str
    missing: tuple[str, ...]
    command: str
    values: tuple[ClaimValue, ...]
    tab: str
    controls: dict[str, str]

    @property
    def verdict(self) -> str:
        """The outcome, with why or with what is missing and the command that makes it."""
        if self.outcome == UNTESTED:
            return f"{UNTESTED}: {'; '.join(self.missing)}. {self.command}"
        return f"{PART}: {self.why}" if self.outcome == PART else self.outcome


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Claims(Value):
    """The claims of both papers on some sets, in the order of the papers. sets, models : what they were tested on."""

    checks: tuple[ClaimCheck, ...]
    sets: tuple[str, ...]
    models: tuple[str, ...]

    def __iter__(self) -> Iterator[ClaimCheck]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def __getitem__(self, id: str) -> ClaimCheck:
        """A claim by its id. Raises KeyError for one that there is not."""
        found = {check.id: check for check in self.checks}
        return found[id]

    def count(self, outcome: str) -> int:
        """How many claims came to it."""
        return sum(check.outcome == outcome for check in self.checks)

    def to_frame(self) -> pd.DataFrame:
        """One row per claim: id, paper, claim, published, source, quantity, value, ci_low, ci_high, measured, control,
        outcome, verdict, rule, missing."""
        import pandas as pd

        return pd.DataFrame([{name: _cell(check, name) for name in _COLUMNS} for check in self.checks])

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(outcome)} {outcome}" for outcome in OUTCOMES)
        return f"Claims({len(self.sets)} sets of {len(self.models)} models: {counts})"

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame()[["paper", "claim", "published", "measured", "verdict"]])


_COLUMNS = (
    "id",
    "paper",
    "claim",
    "published",
    "source",
    "quantity",
    "value",
    "ci_low",
    "ci_high",
    "measured",
    "control",
    "outcome",
    "verdict",
    "rule",
    "missing",
)


def _cell(check: ClaimCheck, name: str) -> object:
    value = getattr(check, name)
    return "; ".join(value) if name == "missing" else value
