"""What a run of side effects says, in numbers and in words. Without torch, for stored runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import InputError
from ..stats.bootstrap import mean_intervals
from ..stats.wilson import wilson_interval
from ..steer.grammar import RANDOM, UNSTEERED, weights_of
from ..stimuli.effects import CHANCE, KINDS
from ..types import SideEffects
from ..types.judging import BROKEN
from ..words import counted, percent, written

# Half the usable dose of most emotions, the dose itself, and one beyond (docs/steering.md).
EFFECT_DOSES = "0.015, 0.03, 0.06"
RANDOMS = (RANDOM, f"{RANDOM} 1", f"{RANDOM} 2")
PROJECTION, WITNESS, OUTSIDE = "projection", "witness", "outside"
READERS = {
    PROJECTION: "projection of the texts on the emotion vectors, as the unsteered model reads them",
    WITNESS: "probability that the witness gives",
    OUTSIDE: "probability that the outside witness gives",
}
# Emotions that a sentence names at most.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A mean over passages or questions, unsteered and steered, with the 95 % interval of its change (bootstrap over
    these)."""

    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def told(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What one direction at one dose does. loss : nats per token. accuracy, by_kind : shares. length, repetition :
    means over the texts that were written, in tokens and as a share of them. broken : what of it could not be measured,
    in words; empty where all could."""

    direction: str
    dose: float
    control: bool
    loss: Change
    accuracy: Change
    by_kind: dict[str, float]
    length: float
    repetition: float
    broken: str


@lru_cache(maxsize=16)
def effects(run: SideEffects) -> Mapping[tuple[str, float], Effect]:
    """By direction and dose, in the order of the run's rows."""
    losses = _changes(run.losses)
    accuracies = _changes(run.right.astype(float))
    kinds = {kind: np.array([one == kind for one in run.kinds]) for kind in KINDS if kind in run.kinds}
    return {
        (direction, dose): Effect(
            direction,
            dose,
            direction in run.controls,
            losses[k],
            accuracies[k],
            {kind: float(run.right[k, of].mean()) for kind, of in kinds.items()},
            _mean(run.lengths[k]),
            _mean(run.repetitions[k]),
            _broken(run, k),
        )
        for k, (direction, dose) in enumerate(run.rows)
    }


def _broken(run: SideEffects, row: int) -> str:
    parts = {"passage": run.losses, "question": run.right, "text": run.lengths}
    lost = {what: (np.count_nonzero(~np.isfinite(each[row])), each.shape[1]) for what, each in parts.items()}
    said = ", ".join(f"{n} of {counted(total, what)}" for what, (n, total) in lost.items() if n)
    return f"{said}: {BROKEN} in {run.precision}" if said else ""


def can_tell(run: SideEffects) -> bool:
    """Whether the unsteered model answers clearly more questions than by guessing: the Wilson interval lies above."""
    if np.isnan(run.right[0]).any():
        return False
    return wilson_interval(int(run.right[0].sum()), run.right.shape[1])[0] > CHANCE


def targets_of(run: SideEffects, direction: str) -> tuple[str, ...]:
    """The emotions that a direction is for; none of a control."""
    weights = weights_of(direction, run.emotions)
    return () if weights is None else tuple(name for name in run.emotions if name in weights)


def row_of(run: SideEffects, direction: str, dose: float) -> int:
    """Raises InputError for what the run does not have."""
    if (direction, dose) not in run.rows:
        raise InputError(
            f"{direction!r} at {dose:g} is not in {run.name}; {', '.join((*run.directions, *run.controls))} at "
            f"{', '.join(f'{one:g}' for one in run.doses)} are."
        )
    return run.rows.index((direction, dose))


def stands_out(run: SideEffects, reader: str) -> np.ndarray:
    """(R, E), 1 where a row raises an emotion and -1 where it lowers it, else 0.

    It does where the 95 % interval of the change leaves out 0 and the change is beyond that of every control direction
    at the same dose. Controls themselves, whose changes are what chance does, are 0.
    """
    found = run.off_target[reader]
    out = np.zeros(found.change.shape, int)
    # Of changes that are not known, nothing is said; the comparisons with NaN are false.
    told = np.sign(found.change) * (np.abs(found.change) > found.spread)
    for dose in run.doses:
        at = [k for k, (_, own) in enumerate(run.rows) if own == dose]
        controls = found.change[[k for k in at if run.rows[k][0] in run.controls]]
        high, low = controls.max(0, initial=-np.inf), controls.min(0, initial=np.inf)
        for k in at:
            if run.rows[k][0] not in run.controls:
                raised, lowered = found.change[k] > high, found.change[k] < low
                out[k] = np.where((told[k] > 0) & raised, 1, np.where((told[k] < 0) & lowered, -1, 0))
    return out


def bled(run: SideEffects, direction: str, dose: float, reader: str) -> tuple[list[tuple[str, float]], ...]:
    """(raised, lowered): the emotions that are not the direction's own and stand out, with their change, the largest
    first."""
    k = row_of(run, direction, dose)
    marks, change = stands_out(run, reader)[k], run.off_target[reader].change[k]
    own = targets_of(run, direction)
    others = [e for e, name in enumerate(run.emotions) if name not in own]
    order = sorted(others, key=lambda e: -abs(change[e]))
    return tuple([(run.emotions[e], float(change[e])) for e in order if marks[e] == sign] for sign in (1, -1))


def effect_words(run: SideEffects, direction: str, dose: float, reader: str) -> tuple[str, str]:
    """(what broke, what else the model was made to say), each in a sentence or two."""
    found = effects(run)
    row_of(run, direction, dose)
    own = found[direction, dose]
    random = [one for one in found.values() if one.control and one.dose == dose and one.direction != direction]
    plain = found[UNSTEERED, 0.0]
    broke = (
        f"{direction} at {dose:g} {_loss_words(own.loss)}{_beside([one.loss.change for one in random], '+.2f')}; "
        f"{_accuracy_words(run, own.accuracy)}{_beside([one.accuracy.after for one in random], '.2f')}. Its texts have "
        f"{written(own.length, '.0f')} tokens instead of {written(plain.length, '.0f')} and repeat "
        f"{percent(own.repetition)} % instead of {percent(plain.repetition)} %."
    )
    broke += f" Missing: {own.broken}." if own.broken else ""
    return broke, _bled_words(run, direction, dose, reader)


def _loss_words(loss: Change) -> str:
    if not np.isfinite(loss.change):
        return "has no loss on plain passages"
    if not loss.told:
        interval = f"{loss.change:+.2f} nats per token [{loss.low:+.2f}, {loss.high:+.2f}]"
        return f"does not change the loss on plain passages for certain: {interval}"
    low, value, high = sorted(abs(one) for one in (loss.low, loss.change, loss.high))
    verb = "costs" if loss.change > 0 else "saves"
    return f"{verb} {value:.2f} nats per token [{low:.2f}, {high:.2f}] on plain passages"


def _accuracy_words(run: SideEffects, accuracy: Change) -> str:
    if not can_tell(run):
        return (
            "what it does to the questions cannot be told, since the unsteered model is right in "
            f"{accuracy.before:.2f} of them, not clearly above chance ({CHANCE:.2f})"
        )
    if not np.isfinite(accuracy.after):
        return "the share of right answers is missing"
    said = f"{accuracy.before:.2f} to {accuracy.after:.2f} [{accuracy.low:+.2f}, {accuracy.high:+.2f}]"
    if not accuracy.told:
        return f"the share of right answers does not change for certain: {said}"
    return f"the share of right answers {'falls' if accuracy.change < 0 else 'rises'} from {said}"


def _beside(values: Sequence[float], form: str) -> str:
    """What control directions do."""
    values = [value for value in values if np.isfinite(value)]
    if not values:
        return ""
    low, high = format(min(values), form), format(max(values), form)
    return f" (controls: {low if low == high else f'{low} to {high}'})"


def _bled_words(run: SideEffects, direction: str, dose: float, reader: str) -> str:
    found = run.off_target[reader]
    k = row_of(run, direction, dose)
    digits = ".3f" if reader == PROJECTION else ".2f"
    if direction in run.controls:
        low, high = (written(end.reduce(found.change[k]), "+" + digits) for end in (np.fmin, np.fmax))
        return f"By {reader}: a control direction, whose changes, {low} to {high}, are what chance does."
    own = targets_of(run, direction)
    said = []
    for name in own:
        value = found.change[k, run.emotions.index(name)]
        if np.isfinite(value):
            place = 1 + int((found.change[k] > value).sum())
            said.append(f"{name} changes by {format(value, '+' + digits)}, {_ordinal(place)} of all")
        else:
            said.append(f"{name} is not judged")
    raised, lowered = bled(run, direction, dose, reader)
    said.append(f"it also raises {_named(raised, digits)}" if raised else "it raises no other emotion")
    said.append(f"and lowers {_named(lowered, digits)}" if lowered else "and lowers none")
    beyond = "beyond every control direction" if run.controls else "no control direction was run"
    return f"By {reader}: {', '.join(said)} ({beyond})."


def _named(changes: Sequence[tuple[str, float]], digits: str) -> str:
    text = ", ".join(f"{name} ({format(value, '+' + digits)})" for name, value in changes[:_NAMED])
    return text if len(changes) <= _NAMED else f"{text} and {len(changes) - _NAMED} more"


def _ordinal(n: int) -> str:
    return {1: "most", 2: "second most", 3: "third most"}.get(n, f"{n}th most")


def _changes(values: np.ndarray) -> list[Change]:
    low, high = mean_intervals(values - values[0])
    means = values.mean(1)
    return [Change(float(means[0]), *map(float, one)) for one in zip(means, low, high, strict=True)]


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")
