"""What stands beside the numbers of an exported set."""

from __future__ import annotations

from typing import Any

from ...types import SteeringVectors
from ..jsonable import plain


def metadata(given: SteeringVectors) -> dict[str, Any]:
    """As JSON has it: where the vectors come from, their names and layers, and what a dose is a fraction of."""
    numbers = {"layers": given.layers, "residual_norm": given.residual_norm}
    return plain({"tool": "emoviz", **given.about, "emotions": given.names, **numbers})
