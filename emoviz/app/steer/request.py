"""What is asked for on the page, checked before any model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from ...errors import InputError
from ...geometry.cleaning import NONE, parse_cleaning
from ...numerals import TOKENS, number, value_of, whole
from ...steer.doses import parse_doses
from ...steer.grammar import emotions_of, rows_of, with_controls
from ...steer.recipes import recipe
from ...types import Decoding
from ..library import library
from ..limits import check_asked, check_run, limits

_MAX_SEED = 2**32 - 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One run. directions : emotions, mixtures, controls and interventions, each once. doses : increasing, each once.

    preset, layers, scope and norm are those of `steer.recipes.recipe`, cleaning that of `geometry.cleaning`.
    """

    prompt: str
    directions: tuple[str, ...]
    doses: tuple[float, ...]
    models: tuple[str, ...]
    preset: str
    layers: str
    scope: str
    norm: str
    decoding: Decoding
    cleaning: str = NONE

    @property
    def emotions(self) -> tuple[str, ...]:
        """Every emotion that a vector set must have."""
        known = library().classes
        return tuple(dict.fromkeys(name for one in self.directions for name in emotions_of(one, known)))


def request(
    prompt: str,
    chosen: Sequence[str],
    controls: Sequence[str],
    doses: str,
    models: Sequence[str],
    preset: str,
    layers: str,
    scope: str,
    norm: str,
    tokens: str | None,
    temperature: str | None,
    seed: str | None,
    chat: bool,
    cleaning: str = NONE,
) -> Request:
    """The request that the page's fields make. Raises InputError for the first of them that cannot be used."""
    check_prompt(prompt)
    check_asked(len(chosen) + len(controls), str(doses).count(",") + 1)
    parse_cleaning(cleaning)
    directions = with_controls(chosen, controls, library().classes)
    if not directions:
        raise InputError("no emotion is chosen. Choose an emotion, a mixture or a control.")
    found = tuple(sorted(set(parse_doses(doses))))
    if not models:
        raise InputError("no model is chosen. Tick a set of a model on the left.")
    rows = [row for one in directions for row in rows_of(one, found, library().classes)]
    written = _field("number of tokens", whole, tokens, -inf, inf, TOKENS)
    check_run(len(models), len(models) * (1 + len(rows)), written)
    heat = _field("temperature", number, temperature, -inf)
    decoding = Decoding(written, heat, _field("seed", whole, seed, -inf, inf), chat)
    if not 0 <= decoding.seed <= _MAX_SEED:
        raise InputError(f"seed {decoding.seed} was given; 0 to {_MAX_SEED} are allowed.")
    for model in models:
        vectors = library().steerable.get(model)
        if vectors is not None:
            recipe(vectors, preset, layers=layers, scope=scope, norm=norm)
    return Request(prompt, directions, found, tuple(models), preset, layers, scope, norm, decoding, cleaning)


def check_prompt(prompt: str) -> None:
    """Raises InputError for a prompt that is empty or too long."""
    if not prompt.strip():
        raise InputError("the prompt is empty. Write a text to continue.")
    most = limits().prompt
    if len(prompt) > most:
        raise InputError(f"a prompt of {len(prompt):,} letters was given; up to {most:,} are allowed. Shorten it.")


def plain(given: str) -> str:
    """The number in a field as Python writes it; `nan` for what is none."""
    return f"{value_of(str(given), TOKENS):.10g}"


def _field(name: str, read: Callable[..., T], given: str | None, *limits: Any) -> T:
    """The number in a field. Raises InputError with the field's name."""
    if given is None or not str(given).strip():
        raise InputError(f"the {name} is empty. Enter a number.")
    try:
        return read(str(given), *limits)
    except InputError as error:
        raise InputError(f"{name} {error}.") from None
