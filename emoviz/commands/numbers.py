"""What the sets say: curves, matrices, comparisons."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..errors import InputError
from .layers import layer_number
from .printing import table


def show(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    from ..geometry import best_layers, depth_curves, preferred_layer
    from ..stats.controls import explained_by_controls
    from ..stats.two_lines import mean_cosine_shape, shape_words
    from ..stats.valence import valence_arousal
    from ..stimuli.norms import load_norms
    from ..store import find_set

    vectors = find_set(arguments.set)
    norms = None if arguments.norms is None else load_norms(arguments.norms)
    curves = depth_curves(vectors, arguments.centring)
    best = best_layers(vectors)
    shape = mean_cosine_shape(vectors, curves["mean_cosine"], arguments.centring)
    at = preferred_layer(vectors)
    traits = valence_arousal(vectors, norms, anchor=at)
    layers = list(range(vectors.n_layers))
    reasons = {name: curve.reason for name, curve in curves.items() if curve.reason}
    if shape is None:
        reasons["u_shape"] = shape_words(shape)
    result = {
        "set": vectors.name,
        "centring": arguments.centring,
        "provenance": vectors.provenance.as_dict(),
        "depth": {
            "layers": layers,
            "relative": curves["mean_cosine"].depth,
            **{name: curve.values for name, curve in curves.items()},
            "cosine_floor": curves["mean_cosine"].reference,
            "chance": curves["decoding_accuracy"].reference,
        },
        "intervals": {
            name: None if curve.low is None else {"low": curve.low, "high": curve.high}
            for name, curve in curves.items()
        },
        "best_layer": best,
        "u_shape": None if shape is None else {**asdict(shape), "words": shape_words(shape)},
        "controls": {
            rule: {"layer": layer, "r_squared": explained_by_controls(vectors, layer)}
            for rule, layer in best.items()
            if layer is not None and vectors.control_rdms
        },
        "valence_arousal": traits.as_dict(),
        "reasons": {**reasons, **vectors.notes},
    }
    rows = [
        {
            "layer": layer,
            "depth": f"{vectors.depth(layer):.2f}",
            **{n: f"{c.values[layer]:.4g}" for n, c in curves.items()},
        }
        for layer in layers
    ]
    picks = ", ".join(
        f"{rule} {layer} (depth {vectors.depth(layer):.2f})" for rule, layer in best.items() if layer is not None
    )
    missing = "".join(f"\nno {what}: {why}" for what, why in result["reasons"].items())
    words = f"mean cosine: {shape_words(shape)}\n{_traits_text(traits, at)}"
    return result, f"{table(rows)}\n\nbest layer by {picks}\n{words}{missing}", 0


def _traits_text(found, layer: int) -> str:
    parts = []
    for fit in (found.valence, found.arousal):
        p = "" if np.isnan(fit.best_p[layer]) else f" (p {fit.best_p[layer]:.2g}, best of three)"
        if fit.best[layer] >= 0:
            parts.append(f"{fit.trait} PC{fit.best[layer] + 1} r {fit.best_r[layer]:+.2f}{p}")
        if fit.reason:
            parts.append(fit.reason)
    return f"at layer {layer}, {found.source}, {len(found.valence.words)} words: {'; '.join(parts)}"


def rdm(arguments) -> tuple[dict, str, int]:
    from ..geometry import rdm
    from ..geometry.layers import layers_of
    from ..store import find_set

    vectors = find_set(arguments.set)
    layer = layers_of([vectors], "best")[0] if arguments.layer == "best" else layer_number(arguments.layer, vectors)
    found = rdm(vectors, layer, arguments.centring)
    result = {
        "set": vectors.name,
        "classes": found.classes,
        "layer": found.layer,
        "centring": found.centring,
        "condensed": found.condensed,
    }
    rows, columns = np.triu_indices(len(found.classes), 1)
    order = found.condensed.argsort()
    lines = [f"{found.condensed[k]:.3f}  {found.classes[rows[k]]} - {found.classes[columns[k]]}" for k in order]
    head = f"{vectors.name}, layer {layer}: most and least alike"
    return result, "\n".join([head, *lines[:8], "...", *lines[-8:]] if len(lines) > 16 else [head, *lines]), 0


def compare(arguments) -> tuple[dict, str, int]:
    from dataclasses import asdict

    from ..geometry.layers import layers_of
    from ..stats import class_lines, compare, letters, reason_lines, reasons_by_name
    from ..store import find_set

    sets = [find_set(name) for name in arguments.sets]
    layers = layers_of(sets, arguments.layer if arguments.layer == "best" else _depth_number(arguments.layer))
    found = compare(
        sets,
        layers,
        centring=arguments.centring,
        n_permutations=arguments.permutations,
        n_bootstrap=arguments.bootstrap,
        seed=arguments.seed,
    )

    def shown(name: str, i: int, j: int, form: str = ".3f") -> str:
        value = getattr(found, name)[i, j]
        return format(value, form) if np.isfinite(value) else "-"

    short = letters(len(sets))
    rows = [
        {
            "pair": f"{short[i]} and {short[j]}",
            "a": f"{found.sets[i]} @{layers[i]}",
            "b": f"{found.sets[j]} @{layers[j]}",
            "classes": str(found.n_classes[i, j]),
            "rho": shown("rho", i, j),
            "95 % interval of the observed rho": f"{shown('ci_low', i, j)} to {shown('ci_high', i, j)}",
            "p": shown("p", i, j, ".2g"),
            "ceiling": shown("ceiling", i, j),
            "disjoint": shown("rho_disjoint", i, j),
            "disattenuated": shown("rho_disattenuated", i, j),
            "given words": shown("rho_partial_lexical", i, j),
            "given all controls": shown("rho_partial_controls", i, j),
        }
        for i, j in combinations(range(len(sets)), 2)
    ]
    notes = [*class_lines(sets, short), *reason_lines(found.missing, short)]
    result = {**asdict(found), "reasons": reasons_by_name(found)}
    del result["missing"]
    return result, "\n".join([table(rows), *notes]), 0


def _depth_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"layer {text!r} was asked for; best or a relative depth above 0 and up to 1 is allowed; choose one."
        ) from None
