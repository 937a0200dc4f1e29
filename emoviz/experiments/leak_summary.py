"""What a leak run says in a row per direction and dose. Without torch, for stored runs."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..steer.recipes import EMOVIZ, JEONG2026A
from ..types import LeakRun

LEAK_DOSES = "0.01, 0.02, 0.03, 0.05"
# Both, side by side: one keeps the text, the other pushes at all layers, as the paper that saw the leak did.
RECIPES = (EMOVIZ, JEONG2026A)


def summary(run: LeakRun) -> list[dict]:
    """Per recipe, direction and dose, over the prompts: mean visible and hidden leak, the hidden one by script (mean of
    each script's highest probability), and the earliest token at which it starts. The unsteered text has dose 0."""
    rows = []
    for recipe in run.recipes:
        for direction, dose in dict.fromkeys((t.direction, t.dose) for t in run.texts if t.recipe == recipe):
            own = [t for t in run.texts if (t.recipe, t.direction, t.dose) == (recipe, direction, dose)]
            scripts: Counter[str] = Counter()
            for text in own:
                scripts.update({name: mass / len(own) for name, mass in text.hidden.items()})
            starts = [t.starts for t in own if t.starts is not None]
            rows.append(
                {
                    "recipe": recipe,
                    "direction": direction,
                    "dose": dose,
                    "visible": float(np.mean([sum(t.visible.values()) for t in own])),
                    "hidden": float(np.mean([t.peak for t in own])),
                    "scripts": dict(scripts.most_common()),
                    "starts": min(starts) if starts else None,
                    "texts": len(own),
                }
            )
    return rows
