"""What precision and method do to a model's vectors: the figures of docs/methods.md, and those that the page ships.

Sets that are not at hand are extracted into the user's folder first, which takes minutes each; so these run only when
they are asked for by name (`python -m benchmarks precision methods`). `python -m benchmarks.comparisons FILE` writes
every contrast as the file that is shipped beside the vector sets.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

MODELS = ("SmolLM2-135M-Instruct", "gemma-3-270m")
PRECISIONS = ("bf16", "fp16", "int8")
# The other shipped sets by comprehension, and their precision.
READERS = ((MODELS[1], "fp32"), ("Qwen2.5-Coder-0.5B-Instruct", "fp32"), ("Qwen2.5-Coder-1.5B-Instruct", "bf16"))
# Gemma is a base model, which writes none.
WRITER, WRITTEN = MODELS[0], ("emoviz-stories", "jeong2026a", "jeong2026a-loose")
# Under greedy decoding another precision writes other stories: the published third layer of the decomposition.
WRITTEN_AGAIN = (("jeong2026a", "bf16"), ("jeong2026a", "int8"), ("emoviz-stories", "int8"))


def precision() -> dict:
    """Each precision against fp32 of the same model, both at the fp32 set's best layer by decoding."""
    sets = [_set(model, "emoviz", name) for model in MODELS for name in ("fp32", *PRECISIONS)]
    return {f"{c.models[0]} {c.precisions[1]}": _figures(c) for c in _contrasts(sets)}


def methods() -> dict:
    """Generation against comprehension, its sub-parameters and its precision, each set at the layer that it prefers."""
    from emoviz.geometry import best_layers, depth_curves
    from emoviz.geometry.layers import layers_of
    from emoviz.stats import contrast, difference, separation

    sets = _writer_sets()
    read = {s.provenance.protocol.name: s for s in sets if s.provenance.method == "comprehension"}
    layers = dict(zip((s.name for s in sets), layers_of(sets, "best"), strict=True))
    out: dict = {"contrasts": {}, "sets": {}}
    for c in _contrasts(sets):
        names = (f"{protocol} {name}" for protocol, name in zip(c.protocols, c.precisions, strict=True))
        out["contrasts"][f"{c.kind}: {' x '.join(names)}"] = _figures(c)
    for vectors in sets:
        curves, layer = depth_curves(vectors), layers[vectors.name]
        found = {
            "passages": vectors.provenance.n_passages,
            "preferred_layer": layer,
            "best_layers": best_layers(vectors),
            "decoding_accuracy_best": float(np.nanmax(curves["decoding_accuracy"].values)),
            "split_half_rho_best": float(np.nanmax(curves["split_half_rho"].values)),
            "mean_cosine_neutral_centred": float(separation(vectors, layer).cosines.mean()),
        }
        if vectors.provenance.method == "generation" and vectors.provenance.precision == "fp32":
            cosines = separation(vectors, layer).cosines
            found["separation"] = {
                name: asdict(difference(cosines, separation(other, layers[other.name]).cosines))
                for name, other in read.items()
            }
            same = contrast("method", read["emoviz"], vectors, (layer, layer))
            found["against_emoviz_at_its_layer_in_both"] = _figures(same)
        out["sets"][f"{vectors.provenance.protocol.name} {vectors.provenance.precision}"] = found
    out["same_stories"] = {
        f"{protocol} {name}": _same_stories(_set(WRITER, protocol, "fp32"), _set(WRITER, protocol, name))
        for protocol, name in WRITTEN_AGAIN
    }
    return out


def write(path: Path) -> None:
    """Every contrast and separation of the shipped models, as a file for the page."""
    from emoviz import __version__
    from emoviz.geometry.layers import layers_of
    from emoviz.stats import separation
    from emoviz.store import save_contrasts
    from emoviz.types import Measured

    sets = [
        *_writer_sets(),
        *(_set(model, "emoviz", name) for model in MODELS for name in PRECISIONS),
        *(_set(model, protocol, name) for model, name in READERS for protocol in ("emoviz", "jeong2026b")),
        _set(READERS[1][0], "emoviz-stories", "fp32"),
    ]
    exact = [s for s in sets if s.provenance.precision == "fp32" and s.provenance.model == WRITER]
    save_contrasts(
        Measured(
            tuple(_contrasts(sets)),
            tuple(separation(s, layer) for s, layer in zip(exact, layers_of(exact, "best"), strict=True)),
            datetime.now(UTC).isoformat(timespec="seconds"),
            {"emoviz": __version__, **{name: v for s in sets for name, v in s.provenance.versions.items()}},
        ),
        path,
    )


def _writer_sets() -> list:
    """The sets of the model that writes: by both methods in fp32, then by generation in other precisions."""
    exact = [_set(WRITER, protocol, "fp32") for protocol in ("emoviz", "jeong2026b", *WRITTEN)]
    return [*exact, *(_set(WRITER, protocol, name) for protocol, name in WRITTEN_AGAIN)]


def _contrasts(sets: list) -> list:
    from emoviz.geometry.layers import layers_of
    from emoviz.stats import contrast, find_contrasts

    layers = dict(zip((s.name for s in sets), layers_of(sets, "best"), strict=True))
    return [contrast(kind, a, b, (layers[a.name], layers[b.name])) for kind, a, b in find_contrasts(sets)]


def _figures(c) -> dict:
    cosines = c.cosines
    lowest = None if cosines is None else min(cosines, key=cosines.get)
    return {
        "layers": c.layers,
        "rho": c.rho,
        "p": c.p,
        "interval": (c.ci_low, c.ci_high),
        "noise_ceiling": c.ceiling,
        "emotion_cosine_mean": None if cosines is None else float(np.mean(list(cosines.values()))),
        "emotion_cosine_lowest": None if cosines is None else (lowest, cosines[lowest]),
        "nonfinite_layers": c.nonfinite_layers[1],
        "reasons": c.reasons,
    }


def _same_stories(first, second) -> int:
    """How many stories are the same to the last letter."""
    from emoviz.store import load_stories

    return sum(a.text == b.text for a, b in zip(load_stories(first), load_stories(second), strict=True))


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


if __name__ == "__main__":
    write(Path(sys.argv[1]))
