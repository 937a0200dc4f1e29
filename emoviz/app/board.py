"""The board of the papers' claims as the page shows it: at once what the papers say, then what stands here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from ..experiments.claims import claims
from ..plots.wording import minus
from ..reference.claims import claim_rules
from ..types import ClaimCheck, Claims, ClaimValue
from ..types.claims import OUTCOMES
from .library import library

# What the board says of an outcome, and how often.
_COUNTED = {
    "holds": "hold",
    "holds in part": "hold in part",
    "does not hold": "do not hold",
    "cannot be tested with these sets": "cannot be tested",
}


def asked(names: Sequence[str]) -> dict[str, Any]:
    """What the browser asks for once the page is shown: the sets, and the key of what is said of them."""
    key = hashlib.sha256(repr((library().number, list(names))).encode()).hexdigest()[:16]
    return {"key": key, "sets": list(names), "claims": len(claim_rules())}


def told(names: Sequence[str]) -> dict[str, Any]:
    """The board of some sets, kept until a file comes or goes. Raises InputError where none of them is there."""
    sets = [library().sets[name] for name in names if name in library().sets]
    return library().kept(f"claims {names}", lambda: _board(claims(sets)))


def _board(found: Claims) -> dict[str, Any]:
    counts = [f"{found.count(outcome)} {_COUNTED[outcome]}" for outcome in OUTCOMES if found.count(outcome)]
    return {"models": ", ".join(found.models), "counts": ", ".join(counts), "rows": [_row(check) for check in found]}


def _row(check: ClaimCheck) -> dict[str, Any]:
    return {
        "id": check.id,
        "paper": check.paper,
        "title": check.title,
        "claim": check.claim,
        "published": check.published,
        "source": check.source,
        "quantity": check.quantity,
        "measured": minus(check.measured),
        "control": minus(check.control),
        "rule": check.rule,
        "outcome": OUTCOMES.index(check.outcome),
        "verdict": check.outcome,
        "why": minus(check.why),
        "missing": [minus(line) for line in check.missing],
        "command": check.command if check.missing else "",
        "values": [_value(v) for v in check.values],
        "figure": check.tab,
        "go": {"tab": check.tab, **check.controls},
    }


def _value(v: ClaimValue) -> dict[str, Any]:
    spread = f" [{v.low:.3g}, {v.high:.3g}]" if math.isfinite(v.low) and math.isfinite(v.high) else ""
    return {
        "of": v.of,
        "value": minus(f"{v.value:.3g}{spread}") if math.isfinite(v.value) else "–",
        "control": minus(v.control),
        "holds": v.holds,
        "note": minus(v.note),
    }
