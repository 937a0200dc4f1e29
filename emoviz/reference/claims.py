"""The headlines of both papers, each with the rule that decides whether it holds: data, applied elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .published import read_data


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One headline.

    paper : arXiv number. title, claim : in few of our words, and in a sentence. published, source : its value, and
    where it stands. quantity, control : what is measured, and beside what. thresholds : by name; they stand in `rule`,
    so that what is read is what is applied. needs, command : what a test takes, and what makes it. tab, controls : the
    figure that shows it.
    """

    id: str
    paper: str
    title: str
    claim: str
    published: str
    source: str
    quantity: str
    control: str
    thresholds: Mapping[str, Any]
    rule: str
    needs: str
    command: str
    tab: str
    controls: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        """A threshold."""
        return self.thresholds[name]


@cache
def claim_rules() -> tuple[ClaimRule, ...]:
    """The claims of arXiv 2604.04064, then those of 2604.11050."""
    return tuple(_rule(record) for record in read_data("claims.json")["claims"])


def _rule(record: dict) -> ClaimRule:
    words = {name: record[name].format(**record["thresholds"]) for name in ("rule", "needs")}
    return ClaimRule(**{**record, **words})
