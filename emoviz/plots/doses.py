"""What the figures of dose-response runs share: doses as labels, texts in the hover, how the texts were made."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from ..judge.regimes import regime_label
from ..types import Decoding, DoseResponse, LeakRun, SteeredText
from ..words import counted
from .wording import literal, minus

_FIRST_WORDS, _HOVER_WIDTH = 160, 60
_MAX_LAYERS_NAMED = 4
# Letters of a title that fit on the narrowest page.
MAX_TITLE = 96


def model_labels(responses: Sequence[DoseResponse | LeakRun]) -> list[str]:
    """The model of each run; the run's name where two are of one model."""
    models = [r.model for r in responses]
    return [r.model if models.count(r.model) == 1 else f"{r.model}, {r.name}" for r in responses]


def text_hover(text: SteeredText, *, numbers: Sequence[tuple[str, float, str]] = ()) -> str:
    """First words and verdict of one text. numbers : more of them, (name, value, format)."""
    verdict = text.verdict
    first = " ".join(text.text.split())
    first = first if len(first) <= _FIRST_WORDS else f"{first[:_FIRST_WORDS].rstrip()}..."
    values = [
        ("perplexity ×", verdict.ppl_ratio, ".3g"), ("repetition", verdict.repetition, ".0%"),
        ("leak", verdict.leak, ".0%"),
        ("leak in probability", text.leak_mass, ".0%"), *numbers,
    ]  # fmt: skip
    said = [minus(f"{name} {value:{form}}") for name, value, form in values if math.isfinite(value)]
    lines = [
        *(f"<i>{line}</i>" for line in wrapped(f"“{first}”" if first else "(nothing written)")),
        *wrapped(f"{regime_label(verdict.regime)}: {verdict.reason}"),
        *wrapped(", ".join(said)),
    ]
    return "<br>".join(lines)


def wrapped(text: str) -> list[str]:
    """Lines for a hover; what a model wrote is never read as markup."""
    return [literal(line) for line in textwrap.wrap(text, _HOVER_WIDTH)]


def run_notes(responses: Sequence[DoseResponse]) -> list[str]:
    """How the texts of every run were made and judged: one line per run, and what all of them share."""
    from .. import __version__

    own, witnesses = [], []
    for r in responses:
        own.append(
            f"{r.model} in {r.precision}, vectors {r.set}, {_recipe_words(r)}; "
            f"{decoding_words(r.decoding, len(r.prompts))}"
        )
        w = r.witness
        held_out = "accuracy not tested here" if w.accuracy is None else f"held-out accuracy {w.accuracy:.2f}"
        outside = (
            "" if r.outside is None else f"; outside witness {r.outside.name} (mean recall {r.outside.accuracy:.2f})"
        )
        by = f"witness {w.name} ({len(w.classes)} classes, {held_out}, chance {w.chance:.2f})"
        witnesses.append(f"{by if w.classes else 'no witness'}{outside}")
    if len(set(witnesses)) > 1:
        own = [f"{note}; {witness}" for note, witness in zip(own, witnesses, strict=True)]
        witnesses = []
    return [*own, ", ".join([*witnesses[:1], f"emoviz {__version__}"])]


def _recipe_words(r: DoseResponse) -> str:
    recipe, layers = r.recipe, r.recipe.layers
    ends = f"{layers[0]}-{layers[-1]}" if layers == tuple(range(layers[0], layers[-1] + 1)) else ""
    few = ", ".join(map(str, layers[:_MAX_LAYERS_NAMED])) + (" ..." if len(layers) > _MAX_LAYERS_NAMED else "")
    where = f"layer {layers[0]}" if len(layers) == 1 else f"layers {ends if ends else few}"
    whose = "" if recipe.vector_layer is None else f" with the vectors of layer {recipe.vector_layer}"
    return f"added after {where}{whose}, {recipe.centring} centring, at {_SCOPE[recipe.scope]}, {recipe.norm} norm"


_SCOPE = {"all": "all positions", "prompt": "the prompt", "response": "the response"}


def decoding_words(d: Decoding, n_prompts: int) -> str:
    """How the texts of a run were written."""
    how = "greedy" if d.temperature == 0 else f"temperature {d.temperature:g}, seed {d.seed}"
    chat = ", chat template" if d.chat else ""
    return f"{how}, {counted(d.max_new_tokens, 'token')}{chat}, {counted(n_prompts, 'prompt')}"
