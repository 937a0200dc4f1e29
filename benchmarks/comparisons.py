"""What precision and method do to a model's vectors: the figures of docs/methods.md.

Sets that are not at hand are extracted into the user's folder first, which takes minutes each; so these run only when they
are asked for by name (`python -m benchmarks precision methods`).
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
PRECISIONS = ("bf16", "fp16", "int8")
# Model -> protocols by generation; Gemma is a base model, which writes none.
WRITERS = {"SmolLM2-135M-Instruct": ("emoviz-stories", "jeong2026a", "jeong2026a-loose")}


def precision() -> dict:
    """Each precision against fp32 of the same model, both at the fp32 set's best layer by decoding."""
    out = {}
    for model in MODELS:
        exact = _set(model, "emoviz", "fp32")
        out[model] = {name: _against(exact, _set(model, "emoviz", name)) for name in PRECISIONS}
    return out


def methods() -> dict:
    """Each protocol by generation against comprehension (protocol emoviz), at the layer that each protocol prefers."""
    from emoviz.geometry import best_layers, depth_curves, preferred_layer

    out = {}
    for model, protocols in WRITERS.items():
        read = _set(model, "emoviz", "fp32")
        for protocol in protocols:
            written = _set(model, protocol, "fp32")
            layer = preferred_layer(written, best_layers(written))
            curves = depth_curves(written)
            out[f"{model} {protocol}"] = {
                "stories": written.provenance.n_passages,
                "preferred_layer": layer,
                "best_layers": best_layers(written),
                "decoding_accuracy_best": float(np.nanmax(curves["decoding_accuracy"].values)),
                "split_half_rho_best": float(np.nanmax(curves["split_half_rho"].values)),
                "mean_cosine_neutral_centred": float(depth_curves(written, "neutral")["mean_cosine"].values[layer]),
                "at_preferred_layer": _against(read, written, (preferred_layer(read, best_layers(read)), layer)),
                "at_its_preferred_layer_in_both": _against(read, written, (layer, layer)),
            }
        # Under greedy decoding another precision writes other stories: the published third layer of the decomposition.
        exact = _set(model, "jeong2026a", "fp32")
        layer = preferred_layer(exact, best_layers(exact))
        for name in ("bf16", "int8"):
            other = _set(model, "jeong2026a", name)
            out[f"{model} jeong2026a, {name} against fp32"] = {
                **_against(exact, other, (layer, layer)),
                "same_stories": _same_stories(exact, other),
            }
    return out


def _same_stories(first, second) -> int:
    """How many stories are the same to the last letter."""
    from emoviz.store import load_stories

    return sum(a.text == b.text for a, b in zip(load_stories(first), load_stories(second), strict=True))


def _against(first, second, layers: tuple[int, int] | None = None) -> dict:
    """rho between the RDMs, and the cosine of each emotion's class-centred vectors where the layer is the same."""
    from emoviz.geometry import best_layers, class_vectors
    from emoviz.stats import compare

    if layers is None:
        layers = (best_layers(first)["decoding"],) * 2
    missing = second.provenance.nonfinite_layers
    if layers[1] in missing:
        return {"layers": layers, "rho": None, "nonfinite_layers": missing}
    found = compare([first, second], layers)
    a, b = (
        class_vectors(s.class_means[k], s.classes, "class")[0] for s, k in zip((first, second), layers, strict=True)
    )
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    same = layers[0] == layers[1]
    return {
        "layers": layers,
        "rho": round(float(found.rho[0, 1]), 4),
        "p": float(found.p[0, 1]),
        "noise_ceiling": round(float(found.ceiling[0, 1]), 3),
        "emotion_cosine_mean": round(float(cosine.mean()), 4) if same else None,
        "emotion_cosine_lowest": [first.classes[cosine.argmin()], round(float(cosine.min()), 4)] if same else None,
        "nonfinite_layers": missing,
    }


def _set(model: str, protocol: str, precision: str):
    """The set at hand with this recipe, extracted if there is none."""
    from emoviz.store import list_sets

    for _ in range(2):
        for vectors in list_sets():
            p = vectors.provenance
            if (p.model, p.protocol.name, p.precision) == (model, protocol, precision):
                return vectors
        call = [sys.executable, "-m", "emoviz", "extract", model, "--protocol", protocol, "--precision", precision]
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    raise RuntimeError(f"{model}, {protocol}, {precision} was extracted, but is not in the list")
