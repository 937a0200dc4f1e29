"""What a number in a sentence does to its scores, over one sentence or several that say the same."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import chain

import numpy as np

from ..errors import InputError
from ..extract.norms import fitting
from ..geometry.layers import layer_of
from ..models.loaded import LoadedModel, loaded_model
from ..numerals import parted, several, value_of
from ..types import Variation, VectorSet
from .reading import read_text
from .summary import text_scores

MAX_NUMBERS, MAX_TEMPLATES = 20, 20
# Which tokens a score is of.
MEAN, LAST = "mean", "last"


def parse_numbers(text: str) -> list[str]:
    """Numbers as they are written into a sentence: `1, 10, 100`, `1,000, 2,000` or `1,000; 2,000`, see `numerals`.

    Raises InputError for anything else, and names the first that is no number.
    """
    # As it is written; of a range what it stands for.
    found = [[part] if len(of := several(f"{part};")) == 1 else [f"{v:g}" for v in of] for part in parted(text)]
    values = list(dict.fromkeys(chain.from_iterable(found)))
    if not 2 <= len(values) <= MAX_NUMBERS:
        raise InputError(
            f"numbers {text[:40]!r} were given; 2 to {MAX_NUMBERS} different numbers are needed, such as 1, 10, 100."
        )
    return values


def checked_templates(given: str | Sequence[str]) -> list[str]:
    """Sentences with {n} once. Raises InputError for others, and for none or too many."""
    templates = [given] if isinstance(given, str) else list(given)
    if not 1 <= len(templates) <= MAX_TEMPLATES:
        raise InputError(f"{len(templates)} sentences were given; 1 to {MAX_TEMPLATES} are allowed.")
    for template in templates:
        if not isinstance(template, str) or template.count("{n}") != 1:
            raise InputError(f"sentence {template!r:.60} needs {{n}} once, where the number goes.")
    return templates


def vary(
    model: LoadedModel,
    vectors: VectorSet | None,
    templates: str | Sequence[str],
    numbers: str | Sequence[str | float],
    *,
    where: str = MEAN,
    layer: int | float | str = "best",
) -> Variation:
    """The scores of a sentence with one number after another in it, and of its paraphrases.

    vectors : a set of this very model; None for the one that it uses. templates : sentences with {n} where the number
    stands. numbers : as text (`parse_numbers`) or a list. where : the `mean` over the sentence, or its `last` token.
    layer : as in `layer_of`.
    Returns : Variation, scores (templates, numbers, C); `to_frame()` has a row for each sentence.
    Raises  : InputError for a sentence without {n} or with several, for numbers that are none, and as `read_text`.
    Source  : docs/dashboard.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> ez.vary(model, None, "He drives home after {n} hours without sleep.", "2, 48").scores.shape
    (1, 2, 21)
    """
    steps = varied(model, vectors, templates, numbers, where=where, layer=layer)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def varied(
    model: LoadedModel,
    vectors: VectorSet | None,
    templates: str | Sequence[str],
    numbers: str | Sequence[str | float],
    *,
    where: str = MEAN,
    layer: int | float | str = "best",
) -> Generator[tuple[int, int], None, Variation]:
    """As `vary`; yields how many sentences are read, and of how many."""
    vectors = fitting(vectors, loaded_model(model))
    templates = checked_templates(templates)
    if where not in (MEAN, LAST):
        raise InputError(f"where {where!r:.40} was given; {MEAN} and {LAST} are allowed.")
    written = parse_numbers(numbers if isinstance(numbers, str) else "; ".join(_written(value) for value in numbers))
    at = layer_of(vectors, layer)
    scores = np.full((len(templates), len(written), len(vectors.classes)), np.nan)
    for k, template in enumerate(templates):
        for n, value in enumerate(written):
            found = read_text(model, vectors, template.replace("{n}", value))
            scores[k, n] = text_scores(found, at) if where == MEAN else found.scores[at, -1]
            yield k * len(written) + n + 1, len(templates) * len(written)
    return Variation(
        model=model.name,
        set=vectors.name,
        layer=at,
        where=where,
        templates=tuple(templates),
        numbers=tuple(written),
        values=np.array([value_of(value) for value in written]),
        classes=vectors.classes,
        scores=scores,
    )


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
