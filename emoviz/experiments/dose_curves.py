"""What doses do to the texts, in numbers: curves, regimes, and the window in which steering is usable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..errors import InputError
from ..judge.regimes import COLLAPSE, EMPTY, EXPLOSIVE, REGIMES, SURGICAL, UNCHANGED
from ..steer.grammar import weights_of
from ..types import DoseCurve, DoseResponse, Measure, RegimeTable, SteeredText
from ..types.judging import BROKEN
from ..witness.targets import judged, target_weights
from ..words import counted

# The columns of counts: the regimes, and texts whose regime could not be told. Of equally many texts the worse wins.
OUTCOMES: tuple[str | None, ...] = (*REGIMES, None)
# Where a run has no witness.
UNJUDGED = "no witness judged these texts"
_WORST_FIRST = (EXPLOSIVE, COLLAPSE, EMPTY, None, UNCHANGED, SURGICAL)


def curves(response: DoseResponse, direction: str) -> DoseCurve:
    """The curves of one direction or control. Raises InputError for a direction that the run does not have."""
    known = (*response.directions, *response.controls)
    if direction not in known:
        raise InputError(f"direction {direction!r} is not in the run {response.name}; {', '.join(known)} are.")
    weights = None if direction in response.controls else weights_of(direction, response.classes)
    target = {direction: 1.0} if weights is None else weights
    rows = _rows(response, direction)
    outside, names = response.outside, response.classes
    taught = () if outside is None else outside.classes
    score, by_outside = (
        _scorer(classes, target, field)
        for classes, field in ((response.witness.classes, "probabilities"), (taught, "outside"))
    )
    onto = None if set(target) - set(names) else _weighted([target.get(name, 0.0) for name in names], "projections")
    judges: dict[str, tuple[tuple[str, ...], str]] = {
        "witness": (judged(response.witness.classes), f"the witness {response.witness.name}"),
        "projection": (names, f"the set {response.set}"),
    }
    if outside is not None:
        judges["outside"] = judged(taught), f"the outside witness {outside.name}"
    reasons = {
        what: f"{', '.join(missing)} is not among the {len(classes)} classes of {who}" if classes else UNJUDGED
        for what, (classes, who) in judges.items()
        if (missing := [name for name in target if name not in classes])
    }
    counts = _counts(rows)
    return DoseCurve(
        direction=direction,
        weights=target,
        doses=np.array(response.doses, float),
        texts=rows,
        ppl_ratio=_measure(rows, lambda t: t.verdict.ppl_ratio, geometric=True),
        repetition=_measure(rows, lambda t: t.verdict.repetition),
        witness=_measure(rows, score),
        projection=_measure(rows, onto),
        leak=_measure(rows, lambda t: t.verdict.leak),
        leak_mass=_measure(rows, lambda t: t.leak_mass),
        outside=_measure(rows, by_outside),
        controls={name: _measure(_rows(response, name), score).mean for name in response.controls},
        outside_controls={name: _measure(_rows(response, name), by_outside).mean for name in response.controls},
        counts=counts,
        majority=tuple(majority_regime(c) for c in counts),
        reasons=reasons,
    )


def majority_regime(counts: Sequence[int]) -> str | None:
    """The regime of most texts, of equally many the worse one; `surgical` only where more than half of the texts are.

    counts : per entry of `OUTCOMES`. None where nothing was written or most regimes could not be told.
    """
    of = dict(zip(OUTCOMES, counts, strict=True))
    total = sum(of.values())
    if total == 0:
        return None
    if 2 * of[SURGICAL] > total:
        return SURGICAL
    return max((o for o in _WORST_FIRST if o != SURGICAL), key=lambda o: of[o])


def broken_off(curve: DoseCurve, dose: int, precision: str) -> str:
    """How many texts at a dose, by its place, end where the model's numbers were no longer finite; empty for none."""
    texts = [text for text in curve.texts[dose] if text is not None]
    broken = sum(text.verdict.broken for text in texts)
    return f"{broken} of {counted(len(texts), 'text')} broke off: {BROKEN} in {precision}" if broken else ""


def usable_window(curve: DoseCurve) -> tuple[float, float, str]:
    """The longest run of neighbouring positive doses at which most texts are surgical: lowest, highest, and in words.

    NaN where there is none. Of equally long runs the one nearest to 0. Negative doses only add to the words: they are
    another direction.
    """
    return _window(curve.doses, curve.majority)


def span_words(low: float, high: float) -> str:
    """`from 0.02 to 0.06`, or `at 0.04 only`."""
    return f"at {low:g} only" if low == high else f"from {low:g} to {high:g}"


def gain(curve: DoseCurve, low: float, high: float) -> float:
    """How far the witness's score, averaged over the doses from low to high, rises above the unsteered texts and above
    every control at the same doses: the smallest of these differences. NaN where one of them is unknown.
    """
    inside = (curve.doses >= low) & (curve.doses <= high)
    if curve.zero is None or not inside.any():
        return float("nan")
    others = [curve.witness.mean[curve.zero], *(values[inside].mean() for values in curve.controls.values())]
    return float(curve.witness.mean[inside].mean() - np.max(others))


def regime_table(response: DoseResponse) -> RegimeTable:
    """The regimes of all directions and controls at all doses."""
    names = (*response.directions, *response.controls)
    doses = np.array(response.doses, float)
    rows = [_rows(response, name) for name in names]
    counts = np.array([_counts(r) for r in rows])
    majority = tuple(tuple(majority_regime(c) for c in of_row) for of_row in counts)
    return RegimeTable(
        directions=names,
        doses=doses,
        counts=counts,
        majority=majority,
        leaked=np.array([[sum(t is not None and t.verdict.leak > 0 for t in at) for at in r] for r in rows]),
        windows=tuple(_window(doses, regimes) for regimes in majority),
    )


def _rows(response: DoseResponse, direction: str) -> tuple[tuple[SteeredText | None, ...], ...]:
    """The texts of a direction, (D, P); the baselines stand at dose 0."""
    found = {(t.dose, t.prompt): t for t in response.texts if t.direction == direction and t.dose != 0}
    found |= {(0.0, t.prompt): t for t in response.texts if t.dose == 0}
    prompts = range(len(response.prompts))
    return tuple(tuple(found.get((dose, p)) for p in prompts) for dose in response.doses)


def _scorer(classes: tuple[str, ...], target: Mapping[str, float], field: str):
    """A function from a text to what a witness finds of the target; None where it cannot judge all of it."""
    if set(target) - set(judged(classes)):
        return None
    weights = np.sum([weight * target_weights(classes, name) for name, weight in target.items()], axis=0)
    return _weighted(weights.tolist(), field)


def _weighted(weights: Sequence[float], field: str):
    """A function from a text to the weighted sum of its numbers."""
    counted = [(k, weight) for k, weight in enumerate(weights) if weight]
    return lambda text: sum(weight * getattr(text, field)[k] for k, weight in counted)


def _measure(rows, value, *, geometric: bool = False) -> Measure:
    each = np.array(
        [[np.nan if t is None or value is None else value(t) for t in at] for at in rows], float
    ).reshape(len(rows), -1)  # fmt: skip
    each = np.where(np.isfinite(each) & ((each > 0) | (not geometric)), each, np.nan)
    n = np.isfinite(each).sum(1)
    scale = np.log(each) if geometric else each
    total = np.where(np.isnan(scale), 0, scale).sum(1)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return Measure(each, np.exp(mean) if geometric else mean, n)


def _counts(rows) -> np.ndarray:
    return np.array([[sum(t is not None and t.verdict.regime == o for t in at) for o in OUTCOMES] for at in rows])


def _window(doses: np.ndarray, majority: Sequence[str | None]) -> tuple[float, float, str]:
    up: list[list[float]] = []
    down: list[list[float]] = []
    for run in _surgical_runs(doses, majority):
        (up if run[0] > 0 else down).append(run)
    # Runs come with rising doses: of equally long ones, the first positive and the last negative lie nearest to 0.
    best = max(up, key=len, default=None)
    negative = max(reversed(down), key=len, default=None)
    beside = "" if negative is None else span_words(negative[0], negative[-1])
    if best is None:
        words = "no dose is surgical" if negative is None else f"no positive dose is surgical, but {beside}"
        return float("nan"), float("nan"), words
    words = f"surgical {span_words(best[0], best[-1])}" + (f" and {beside}" if beside else "")
    return best[0], best[-1], words


def _surgical_runs(doses: np.ndarray, majority: Sequence[str | None]) -> Iterator[list[float]]:
    """Neighbouring doses on one side of 0 that are surgical."""
    run: list[float] = []
    for dose, regime in zip(doses.tolist(), majority, strict=True):
        if run and (regime != SURGICAL or dose == 0 or run[-1] * dose < 0):
            yield run
            run = []
        if regime == SURGICAL and dose != 0:
            run.append(dose)
    if run:
        yield run
