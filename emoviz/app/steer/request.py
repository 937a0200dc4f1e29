"""What is asked for on the page, checked before any model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from ...errors import InputError
from ...geometry.cleaning import NONE, parse_cleaning
from ...steer.doses import parse_doses
from ...steer.grammar import emotions_of, rows_of, with_controls
from ...steer.recipes import recipe
from ...types import Decoding
from ..library import library
from ..limits import check_asked, check_run, limits

_MAX_SEED = 2**32 - 1


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
    tokens: float | None,
    temperature: float | None,
    seed: float | None,
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
    written = _number("number of tokens", tokens, 40)
    check_run(len(models), len(models) * (1 + len(rows)), written)
    decoding = Decoding(
        int(written),
        _number("temperature", temperature, 0),
        int(_number("seed", seed, 0)),
        chat,
    )
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


def _number(name: str, value: float | None, usual: int) -> float:
    if value is None or not isfinite(value):
        raise InputError(f"the {name} is empty or no number. Enter a number; the default is {usual}.")
    return float(value)
