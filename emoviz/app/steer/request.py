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
from ...steer.grammar import rows_of, unfit, with_controls
from ...steer.recipes import recipe
from ...types import Decoding, VectorSet
from ..library import library
from ..limits import check_asked, check_run, limits

_MAX_SEED = 2**32 - 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One run. chosen : emotions, mixtures, controls and interventions, as written. controls : added beside them.

    doses : increasing, each once. sets : those that are ticked, which come first where they have the emotions. preset,
    layers, scope and norm are those of `steer.recipes.recipe`, cleaning that of `geometry.cleaning`.
    """

    prompt: str
    chosen: tuple[str, ...]
    controls: tuple[str, ...]
    doses: tuple[float, ...]
    models: tuple[str, ...]
    preset: str
    layers: str
    scope: str
    norm: str
    decoding: Decoding
    cleaning: str = NONE
    sets: tuple[str, ...] = ()

    def directions(self, vectors: VectorSet) -> tuple[str, ...]:
        """What rows are made for with a set, each once. Raises InputError for what cannot be read."""
        return with_controls(self.chosen, self.controls, vectors.classes)

    def unfit(self, vectors: VectorSet) -> tuple[bool, bool, int]:
        """How badly a set fits, for `store.choice`."""
        return unfit_ticked(self.chosen, self.sets)(vectors)


def unfit_ticked(chosen: Sequence[str], sets: Sequence[str]) -> Callable[[VectorSet], tuple[bool, bool, int]]:
    """As `steer.grammar.unfit`, the ticked sets before others that have the emotions too."""
    fits = unfit(chosen)

    def found(vectors: VectorSet) -> tuple[bool, bool, int]:
        lacks, others = fits(vectors)
        return lacks, vectors.name not in sets, others

    return found


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
    sets: Sequence[str] = (),
) -> Request:
    """The request that the page's fields make. Raises InputError for the first of them that cannot be used."""
    check_prompt(prompt)
    check_asked(len(chosen) + len(controls), str(doses).count(",") + 1)
    parse_cleaning(cleaning)
    if not chosen and not controls:
        raise InputError("no emotion is chosen. Choose an emotion, a mixture or a control.")
    found = tuple(sorted(set(parse_doses(doses))))
    if not models:
        raise InputError("no model is chosen. Tick a set of a model on the left.")
    written = _field("number of tokens", whole, tokens, -inf, inf, TOKENS)
    heat = _field("temperature", number, temperature, -inf)
    decoding = Decoding(written, heat, _field("seed", whole, seed, -inf, inf), chat)
    if not 0 <= decoding.seed <= _MAX_SEED:
        raise InputError(f"seed {decoding.seed} was given; 0 to {_MAX_SEED} are allowed.")
    how = (preset, layers, scope, norm, decoding, cleaning, tuple(sets))
    asked = Request(prompt, tuple(chosen), tuple(controls), found, tuple(models), *how)
    used = library().sets_of(models, asked.unfit)
    rows = [row for own in used for one in asked.directions(own) for row in rows_of(one, found, own.classes)]
    check_run(len(models), len(models) + len(rows), written)
    for vectors in used:
        recipe(vectors, preset, layers=layers, scope=scope, norm=norm)
    return asked


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
