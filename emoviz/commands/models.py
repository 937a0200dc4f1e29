"""`emoviz models`: the models that emoviz knows by name."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .arguments import Result
from .printing import table


def arguments(_parser: ArgumentParser) -> None:
    pass


def run(_given: Namespace) -> Result:
    from ..models import REGISTRY, available
    from ..models.registry import TESTED_ARCHITECTURES

    rows: list[dict[str, Any]] = [
        {
            "id": e.id,
            "family": e.family,
            "variant": e.variant,
            "source": e.source,
            "available": available(e),
            "parameters": e.parameters,
            "gated": e.gated,
            "pair": e.pair,
            "badge": "tested" if e.architecture in TESTED_ARCHITECTURES else "untested",
        }
        for e in REGISTRY
    ]
    shown = [
        {**{k: v for k, v in row.items() if k != "pair"}, "parameters": f"{row['parameters'] / 1e9:.2f}B"}
        for row in rows
    ]
    return {"models": rows}, table(shown), 0
