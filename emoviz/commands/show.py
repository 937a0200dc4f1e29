"""`emoviz show SET`: curves over depth, best layers, U shape, controls."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import numpy as np

from ..words import written
from .arguments import CENTRING, Result
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("set", metavar="SET", help="name, beginning of a name, path, or URL")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--norms", metavar="FILE", help="your own ratings (CSV or TSV: word, valence, arousal)")


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..geometry import best_layers, depth_curves, preferred_layer
    from ..geometry.layers import layer_note, layer_rule
    from ..stats.controls import explained_by_controls
    from ..stats.two_lines import mean_cosine_shape, shape_words
    from ..stats.valence import valence_arousal
    from ..stimuli.norms import load_norms
    from ..store import find_set

    vectors = find_set(given.set)
    norms = None if given.norms is None else load_norms(given.norms)
    curves = depth_curves(vectors, given.centring)
    best = best_layers(vectors)
    shape = mean_cosine_shape(vectors, curves["mean_cosine"], given.centring)
    at = preferred_layer(vectors)
    traits = valence_arousal(vectors, norms, anchor=at)
    layers = list(range(vectors.n_layers))
    reasons = {name: curve.reason for name, curve in curves.items() if curve.reason}
    if layer_note(vectors):
        reasons["layer"] = layer_note(vectors)
    if shape is None:
        reasons["u_shape"] = shape_words(shape)
    result = {
        "set": vectors.name,
        "centring": given.centring,
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
        "layer": at,
        "layer_rule": layer_rule(vectors),
        "best_layer": best,
        "u_shape": None if shape is None else {**asdict(shape), "words": shape_words(shape)},
        "controls": {
            rule: {"layer": layer, "r_squared": explained_by_controls(vectors, layer)}
            for rule, layer in best.items()
            if layer is not None and vectors.control_rdms
        },
        "valence_arousal": traits.as_dict(),
        "reasons": {**vectors.notes, **reasons},
    }
    rows = [
        {
            "layer": layer,
            "depth": f"{vectors.depth(layer):.2f}",
            **{n: written(c.values[layer], ".4g") for n, c in curves.items()},
        }
        for layer in layers
    ]
    picks = ", ".join(
        f"{rule} {layer} (depth {vectors.depth(layer):.2f})" for rule, layer in best.items() if layer is not None
    )
    picks = picks if picks else f"none of the rules; the middle one is {at}"
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
