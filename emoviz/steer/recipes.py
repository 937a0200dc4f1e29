"""Named ways of adding a direction, and their parts as text.

No torch, so that bad input is refused before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..geometry import preferred_layer
from ..geometry.directions import usual_centring, without_directions
from ..geometry.vectors import check_centring, check_exists, check_layer
from ..numerals import whole_numbers
from ..types import Recipe, VectorSet
from ..types.given import one_set
from ..types.vectors import IMPORTED
from ..words import ranges

# What layers can be asked for as: a text, one number or several.
Layers = str | int | Sequence[int]

SCOPES = {
    "all": "the prompt and what is written",
    "prompt": "the prompt alone",
    "response": "what is written, from the last position of the prompt on",
}
NORMS = {
    "fixed": "the set's median residual norm at the layer",
    "live": "the mean length of the states in each pass",
}
EMOVIZ, JEONG2026A = "emoviz", "jeong2026a"
WINDOW = "window"
PRESETS = {
    EMOVIZ: "each layer's own vectors in the middle third, fixed norm",
    JEONG2026A: "the best layer's vectors at all layers, live norm (arXiv 2604.04064)",
}
# The strengths at which the paper tested its regimes.
PRESET_DOSES = {EMOVIZ: "0, 0.02, 0.04, 0.1", JEONG2026A: "0, 0.005, 0.01, 0.02, 0.03, 0.05"}


def window(n_layers: int) -> tuple[int, ...]:
    """The default layers: the middle third, where the papers and the depth curves put the emotion geometry."""
    return tuple(range(n_layers // 3, 2 * n_layers // 3 + 1))


def usual_layers(vectors: VectorSet) -> tuple[int, ...]:
    """Those of the window at which the set has directions, else all at which it has them."""
    for asked in (window(vectors.n_layers), range(vectors.n_layers)):
        there = tuple(layer for layer in asked if layer in vectors.finite_layers)
        found = tuple(layer for layer in there if layer not in without_directions(vectors, there))
        if found:
            return found
    return vectors.finite_layers


def parse_layers(given: Layers, n_layers: int) -> tuple[int, ...]:
    """`window`, `all`, or layers and ranges of them (`12`, `10-20`, `3, 10-20`), or numbers.

    Each is named once. Raises InputError for anything else.
    """
    if not isinstance(given, str):
        numbers = list(given) if isinstance(given, Iterable) else [given]
        if any(isinstance(number, bool) or not isinstance(number, (int, np.integer)) for number in numbers):
            raise InputError(f"layers {given!r:.60} were asked for; {_allowed(n_layers)} are allowed.")
        return tuple(dict.fromkeys(int(number) for number in numbers))
    if given == WINDOW:
        return window(n_layers)
    if given == "all":
        return tuple(range(n_layers))
    try:
        return tuple(dict.fromkeys(whole_numbers(given, n_layers - 1)))
    except InputError:
        raise InputError(f"layers {given!r:.60} were asked for; {_allowed(n_layers)} are allowed.") from None


def _allowed(n_layers: int) -> str:
    return f"window, all, one layer or a range like 10-20 within 0-{n_layers - 1}"


def recipe(
    vectors: VectorSet,
    preset: str | Recipe = EMOVIZ,
    *,
    layers: Layers | None = None,
    scope: str | None = None,
    norm: str | None = None,
) -> Recipe:
    """How a direction is added: a preset for a vector set, with some of its parts changed.

    preset : `emoviz` (each layer's own vectors in the middle third, fixed norm), `jeong2026a` (the best layer's vectors
        at all layers, live norm), or a Recipe.
    layers : `window`, `all`, one layer, a range such as `10-20`, or numbers; layers that the set lacks are left out.
        The window of a set that has none of its layers is all that it has.
    scope, norm : see SCOPES and NORMS.
    Returns : Recipe.
    Raises  : InputError for an unknown preset, layers, scope or norm, and where no finite layer is left.
    Source  : Jeong 2026 (arXiv 2604.04064) for the preset of its name; docs/methods.md for the other.

    >>> import emoviz as ez
    >>> ez.recipe(ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32"), scope="response").layers
    (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
    """
    vectors = one_set(vectors)
    start = preset if isinstance(preset, Recipe) else _preset(vectors, preset)
    if isinstance(layers, str) and layers == WINDOW:
        asked = usual_layers(vectors)
    else:
        asked = start.layers if layers is None else parse_layers(layers, vectors.n_layers)
    for layer in asked:
        check_exists(vectors, layer)
    reached = _reached(vectors, start.vector_layer)
    left = tuple(layer for layer in asked if layer in reached)
    if asked and not left:
        check_layer(vectors, asked[0])
    found = replace(
        start,
        layers=left,
        scope=start.scope if scope is None else scope,
        norm=start.norm if norm is None else norm,
    )
    check_recipe(found, vectors)
    return found


def _reached(vectors: VectorSet, vector_layer: int | None) -> Sequence[int]:
    """Where its vectors can be added: at their own layers; those of one layer at any whose states are finite."""
    imported = vectors.provenance.method == IMPORTED
    return vectors.finite_layers if vector_layer is None or not imported else range(vectors.n_layers)


def _preset(vectors: VectorSet, name: str) -> Recipe:
    if name not in PRESETS:
        raise _unknown("recipe", name, PRESETS)
    if name == EMOVIZ:
        return Recipe(usual_layers(vectors), centring=usual_centring(vectors))
    everywhere = tuple(range(vectors.n_layers))
    return Recipe(everywhere, preferred_layer(vectors), vectors.provenance.protocol.centring, norm="live")


def check_recipe(found: Recipe, vectors: VectorSet) -> None:
    """Raises InputError for a scope, norm or centring that does not exist, and for a layer that the set lacks."""
    if found.scope not in SCOPES:
        raise _unknown("scope", found.scope, SCOPES)
    if found.norm not in NORMS:
        raise _unknown("norm", found.norm, NORMS)
    check_centring(found.centring, vectors.classes)
    if not found.layers:
        raise InputError("the recipe has no layers. Name one or more.")
    reached = _reached(vectors, found.vector_layer)
    own = [layer for layer in found.layers if layer not in reached]
    for layer in own if found.vector_layer is None else (*own, found.vector_layer):
        check_layer(vectors, layer)


def recipe_notes(found: Recipe, vectors: VectorSet) -> dict[str, str]:
    """What has to be said of a recipe with a set: what -> what stands in for it."""
    notes = {}
    if found.layers == usual_layers(vectors) and not set(found.layers) & set(window(vectors.n_layers)):
        middle = ranges(window(vectors.n_layers))
        notes["layers"] = f"the set has no vectors in the middle third (layers {middle}); those that it has are used"
    inside = tuple(layer for layer in window(vectors.n_layers) if layer in vectors.finite_layers)
    lacking = without_directions(vectors, inside)
    if found.vector_layer is None and lacking and found.layers == usual_layers(vectors):
        notes["left out"] = "; ".join(lacking.values())
    if not vectors.provenance.revision:
        notes["revision"] = "the set does not say of which revision of the model it is; its name and size fit"
    if "residual_norm" in vectors.notes and np.isfinite(vectors.residual_norm[list(found.layers)]).all():
        notes["residual_norm"] = f"residual norm {vectors.notes['residual_norm']}"
    return notes


def recipe_words(found: Recipe, vectors: VectorSet | None = None) -> str:
    """A recipe in words, for notes under texts and figures; with the set, what has to be said of it too."""
    at = f"layer{'' if len(found.layers) == 1 else 's'} {ranges(found.layers)}"
    whose = "" if found.vector_layer is None else f", vectors of layer {found.vector_layer}"
    scope = {"all": "all positions", "prompt": "prompt only", "response": "response only"}[found.scope]
    notes = [] if vectors is None else recipe_notes(found, vectors).values()
    return "; ".join([f"{at}{whose}, {scope}, {found.norm} norm", *notes])


def _unknown(what: str, given: str, allowed: Iterable[str]) -> InputError:
    return InputError(f"{what} {given!r} is unknown; {', '.join(allowed)} are allowed.")
