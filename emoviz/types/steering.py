"""How a model is pushed, and what it wrote."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .base import Value, frame_html
from .judging import Verdict

if TYPE_CHECKING:
    import pandas as pd


# The direction of a baseline. It is the one at dose 0: a class may have this name too.
UNSTEERED = "unsteered"


def written_number(value: float) -> str:
    """A number as directions are written: in six digits, never with an exponent, which would not be read again."""
    text = f"{value:g}"
    return text if "e" not in text else np.format_float_positional(value, precision=6, fractional=False, trim="-")


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """Where a model is pushed: emotions with weights, which add and scale as the unit vectors that they stand for.

    `0.7 * calm + 0.3 * grateful`, `happy - sad`, `-afraid`. A direction has no length: what is added is made unit, and
    the dose says how far, so that `2 * calm` pushes as `calm` does. Two directions are equal if they name the same
    emotions with the same weights.

    terms : (emotion, weight), none of them 0, in the order in which they were named.
    set : the vector set whose emotions they are, empty where they were only written down.
    """

    terms: tuple[tuple[str, float], ...]
    set: str = ""

    @property
    def label(self) -> str:
        """As it is shown and written: `0.7 calm + 0.3 grateful`, an emotion alone by its name."""
        if len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        text = " ".join(
            f"{'-' if weight < 0 else '+'} {written_number(abs(weight))} {name}" for name, weight in self.terms
        )
        return text[2:] if text.startswith("+") else text

    def __add__(self, other: Direction) -> Direction:
        if not isinstance(other, Direction):
            return NotImplemented
        if self.set and other.set and self.set != other.set:
            raise InputError(
                f"{self.label} of {self.set} and {other.label} of {other.set} do not add. Take both from one vector "
                "set."
            )
        weights = dict(self.terms)
        for name, weight in other.terms:
            weights[name] = weights.get(name, 0.0) + weight
        return self._of(weights, self.set or other.set)

    def __sub__(self, other: Direction) -> Direction:
        return self + -other if isinstance(other, Direction) else NotImplemented

    def __neg__(self) -> Direction:
        return -1.0 * self

    def __mul__(self, factor: float) -> Direction:
        if isinstance(factor, bool) or not isinstance(factor, (int, float, np.integer, np.floating)):
            return NotImplemented
        return self._of({name: float(factor) * weight for name, weight in self.terms}, self.set)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Direction:
        return self * (1 / divisor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Direction):
            return NotImplemented
        return dict(self.terms) == dict(other.terms) and (not self.set or not other.set or self.set == other.set)

    def __hash__(self) -> int:
        return hash(frozenset(self.terms))

    def __repr__(self) -> str:
        return f"Direction({self.label}{f', of {self.set}' if self.set else ''})"

    @staticmethod
    def _of(weights: dict[str, float], set: str) -> Direction:
        wrong = next((weight for weight in weights.values() if not math.isfinite(weight)), None)
        if wrong is not None:
            raise InputError(f"weight {wrong:g} was given; finite numbers are allowed.")
        terms = tuple((name, weight) for name, weight in weights.items() if weight)
        if not terms:
            raise InputError("the weights cancel out, so that no direction is left. Change the weights.")
        return Direction(terms, set)


# An emotion, a mixture, a control or an intervention as it is written, or a direction that was computed.
Towards = str | Direction


@dataclass(frozen=True, slots=True)
class Condition:
    """Where an intervention acts: at states whose reading is above a threshold, or below it.

    direction : an emotion or a mixture, as written. The reading of a state is its score as `ez.read` has it, at the
    layer that is steered, before anything is done to it there.
    """

    direction: str
    above: bool
    threshold: float

    @property
    def label(self) -> str:
        return f"when {self.direction} {'>' if self.above else '<'} {written_number(self.threshold)}"


@dataclass(frozen=True, slots=True)
class Intervention:
    """What is done to the states of one row. See `steer.grammar` for how it is written.

    how : `add` the direction, `ablate` it, `clamp` the projection on it, or `reflect` it.
    direction : an emotion, a mixture or a control, as written.
    amount : the dose of `add`, the value of `clamp`; None where the doses of the batch say it, or none is needed.
    when : None for always.
    window : the first and the last written token that it acts on, counted from 1, the last None for all that follow;
    None where the recipe's scope says it.
    """

    how: str
    direction: str
    amount: float | None = None
    when: Condition | None = None
    window: tuple[int, int | None] | None = None

    @property
    def plain(self) -> bool:
        """Whether it only adds, everywhere."""
        return self.how == "add" and self.when is None and self.window is None

    @property
    def label(self) -> str:
        """As it is written, without its amount."""
        return self._text("")

    @property
    def written(self) -> str:
        """As it is written."""
        return self._text("" if self.amount is None else written_number(self.amount))

    def _text(self, amount: str) -> str:
        how = "" if self.how == "add" and self.when is None and not amount else self.how
        when = "" if self.when is None else self.when.label
        return " ".join(part for part in (when, how, self.direction, amount, self._window()) if part)

    def _window(self) -> str:
        if self.window is None:
            return ""
        first, last = self.window
        if last is None:
            return f"after {first - 1}"
        return f"first {last}" if first == 1 else f"tokens {first}-{last}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a direction is added while a model writes. See `steer.recipes`.

    layers : the blocks after which it is added. vector_layer : the one layer whose vectors are added at all of them;
    None for each layer's own. centring : of the class means.
    scope : `all` positions, those of the `prompt` alone, or the `response`, which begins at the prompt's last position.
    norm : what a dose is a fraction of: `fixed`, the set's residual norm at the layer, or `live`, the mean length of
    the states in each pass.
    """

    layers: tuple[int, ...]
    vector_layer: int | None = None
    centring: str = "class"
    scope: str = "all"
    norm: str = "fixed"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the next tokens are chosen: greedy at temperature 0; `chat` puts the prompt as one user turn of the template.

    >>> import emoviz as ez
    >>> ez.Decoding(max_new_tokens=20, temperature=0.7, seed=1)
    Decoding(max_new_tokens=20, temperature=0.7, seed=1, chat=False)
    """

    max_new_tokens: int = 40
    temperature: float = 0.0
    seed: int = 0
    chat: bool = False


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SteeringVectors(Value):
    """Vectors that another program adds to a model's states, after each of some blocks.

    names : of the E directions. layers : the L blocks. values : (E, L, D) float32.
    residual_norm : (L,), what a dose is a fraction of; NaN where it is not known.
    about : where they come from, by name, as text and numbers, with the dose that strength 1 is where it is known.
    notes : what was left out, and why.
    """

    names: tuple[str, ...]
    layers: tuple[int, ...]
    values: np.ndarray
    residual_norm: np.ndarray
    about: dict[str, str | float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Generation(Value):
    """One row of a steered batch; at dose 0 it is the baseline.

    direction : an emotion, a mixture of emotions, or a control, as written. ids : the written tokens, without the end
    token.
    leak_mass : at each step, the probability on tokens in scripts that the prompt does not use.
    finished : whether the model wrote its end token. chat : whether the prompt stood in the chat template.
    verdict : None where nobody has judged it. classes : of the vector set, by which the direction is read.
    broken : in words, that the text ends where the model's numbers were no longer finite; empty where they were.
    """

    model: str
    set: str
    direction: str
    dose: float
    prompt: str
    text: str
    ids: tuple[int, ...]
    leak_mass: tuple[float, ...]
    finished: bool
    chat: bool = False
    verdict: Verdict | None = None
    classes: tuple[str, ...] = ()
    broken: str = ""

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return f"Generation({self.direction} {self.dose:g}: {shown!r})"


class Generations(tuple[Generation, ...]):
    """Texts of one comparison, the baseline first; a tuple of `Generation`."""

    __slots__ = ()

    def __new__(cls, made: Iterable[Generation] = ()) -> Generations:
        return super().__new__(cls, made)

    def to_frame(self) -> pd.DataFrame:
        """One row per text: model, set, direction, dose, prompt, text, n_tokens, finished, broken, leak_mass (the
        highest step), and, where they were judged, regime, ppl_ratio, repetition, leak and reason."""
        import pandas as pd

        return pd.DataFrame([_row(one) for one in self])

    def __repr__(self) -> str:
        first = self[0] if self else None
        of = "" if first is None else f" of {first.model}: {first.prompt[:40]!r}"
        return f"Generations({len(self)} texts{of})"

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame().drop(columns=["prompt", "set"], errors="ignore").round(3))


def _row(one: Generation) -> dict[str, object]:
    row: dict[str, object] = {
        name: getattr(one, name) for name in ("model", "set", "direction", "dose", "prompt", "text")
    }
    row |= {"n_tokens": len(one.ids), "finished": one.finished, "broken": one.broken}
    row["leak_mass"] = max(one.leak_mass, default=float("nan"))
    if one.verdict is not None:
        row |= {name: getattr(one.verdict, name) for name in ("regime", "ppl_ratio", "repetition", "leak", "reason")}
    return row


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Reply(Value):
    """One answer of one row of a conversation.

    direction, dose, recipe of the steering : as in `Generation`; those of this turn. user : what was said before it.
    ids : the written tokens. before, over : the emotional state as the unsteered model reads it, (C,), at the last
    position before the answer and as the mean over the answer; scores less those of neutral exchanges in the same
    template, NaN where there is nothing to read; None where nobody has read it. broken : as in `Generation`.
    """

    model: str
    set: str
    turn: int
    direction: str
    dose: float
    seed: int
    user: str
    text: str
    ids: tuple[int, ...]
    leak_mass: tuple[float, ...]
    finished: bool
    classes: tuple[str, ...] = ()
    before: np.ndarray | None = None
    over: np.ndarray | None = None
    verdict: Verdict | None = None
    broken: str = ""

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return f"Reply({self.turn}, {self.direction} {self.dose:g}: {shown!r})"
