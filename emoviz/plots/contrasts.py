"""How contrasts are named, and what they say when pointed at."""

from __future__ import annotations

import numpy as np

from ..stimuli import DEFAULT_CORPUS
from ..types import Contrast
from .wording import literal, minus, p_text


def set_label(protocol: str, precision: str) -> str:
    """A recipe as tables name it: the protocol, and the precision where it is not the usual one."""
    return protocol if precision == "fp32" else f"{protocol}, {precision}"


def recipe_labels(c: Contrast) -> tuple[str, str]:
    """What the two sets were made by: protocol, precision where it is not the usual one, passages likewise."""
    first, second = (
        set_label(protocol, precision)
        if method == "generation" or corpus == DEFAULT_CORPUS
        else f"{set_label(protocol, precision)} on {corpus}"
        for method, protocol, precision, corpus in zip(c.methods, c.protocols, c.precisions, c.corpora, strict=True)
    )
    return first, second


def contrast_text(c: Contrast) -> str:
    """Everything that is known of a contrast, line by line."""
    lines = [
        f"<b>{c.kind}</b>: {' / '.join(map(literal, dict.fromkeys(c.models)))}",
        *(f"{literal(recipe)}, layer {layer}" for recipe, layer in zip(recipe_labels(c), c.layers, strict=True)),
    ]
    if np.isfinite(c.rho):
        lines.append(f"rho = {c.rho:.4f} over {c.n_classes} classes")
    if np.isfinite(c.ci_low):
        lines.append(f"95 % interval over topics {c.ci_low:.3f} to {c.ci_high:.3f}")
    if np.isfinite(c.p):
        lines.append(f"{p_text(c.p, c.n_permutations)} (Mantel)")
    if np.isfinite(c.ceiling):
        lines.append(f"noise ceiling {c.ceiling:.3f}")
    if c.cosines is not None:
        lines.append(f"cosine per emotion {literal(cosines_text(c.cosines))}")
    lines += [literal(f"no {what}: {why}") for what, why in c.reasons.items()]
    if c.differs:
        lines += ["differs in:", *(f"· {literal(what)}" for what in c.differs)]
    return "<br>".join(lines)


def cosines_text(cosines: dict[str, float], *, named: bool = True) -> str:
    """Mean over emotions, and in brackets the lowest, with its emotion if `named`."""
    lowest = min(cosines, key=cosines.__getitem__)
    digits = 4 if cosines[lowest] > 0.9 else 2
    mean = np.mean(list(cosines.values()))
    return minus(f"{mean:.{digits}f} ({cosines[lowest]:.{digits}f}{f' {lowest}' if named else ''})")


def layers_text(layers: tuple[int, ...]) -> str:
    """`8 to 17`, or `3, 5` where they do not follow on each other."""
    if len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1:
        return f"{layers[0]} to {layers[-1]}"
    return ", ".join(map(str, layers))
