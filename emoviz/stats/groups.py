"""What two groups of texts differ in: effect sizes with intervals, and p corrected over the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ..errors import InputError
from ..types import GroupDifference, TextReadings
from ..types.texts import SENTENCE, score_column
from ..words import counted

OTHERS = "all others"
# Resamples and relabellings, fewer of very many texts: together they draw at most so many labels.
RESAMPLES, RELABELLINGS = 2_000, 10_000
_DRAWS = 200_000_000
# Labels that are held at once.
_HELD = 4_000_000
# Values of a column that are named when none was chosen.
_NAMED = 8


def compare_groups(
    readings: TextReadings, column: str, first: str | None = None, second: str | None = None, *, seed: int = 0
) -> GroupDifference:
    """What two groups of the texts that were read differ in: Cohen's d of each class, with interval and corrected p.

    A text counts once, by the mean over its tokens, whatever its length. d : difference of the means over the pooled
    standard deviation. Interval : 95 %, percentiles over texts drawn anew within each group. p : two-sided, the share
    of random relabellings of the texts in which the largest |d| of all classes reaches this one (single step), so that
    it is corrected over the classes; the texts as they are count as one of them.

    readings : of `read_texts` or `load_readings`. column : it came with the texts and says the group. first, second :
    its two values; without them the column has just two, without the second all other texts are it. seed : of the
    resamples and relabellings.
    Returns : GroupDifference, d (C,) without a unit, p (C,); `to_frame()` has a row per class.
    Raises  : InputError for a column or a value that is not there, and for a group of fewer than two texts.
    Source  : Cohen 1988 (d); Westfall and Young 1993 (p).

    >>> import emoviz as ez
    >>> import pandas as pd
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> rows = [(f"She was so {word} that day.", group) for group, words in
    ...     {"dark": ("sad", "hurt", "lost"), "light": ("glad", "proud", "calm")}.items() for word in words]
    >>> read = ez.read_texts(model, None, pd.DataFrame(rows, columns=["text", "mood"]), progress=False)
    >>> ez.compare_groups(read, "mood").n
    (3, 3)
    """
    values, scores = group_scores(readings, column)
    counts = Counter(values.tolist())
    names = chosen_groups(counts, column, first, second)
    own = values == names[0]
    other = values == names[1] if names[1] in counts else ~own
    return difference_of(scores[own], scores[other], readings.classes, column, names, seed=seed)


def chosen_groups(counts: Counter[str], column: str, first: str | None, second: str | None) -> tuple[str, str]:
    """The two values that are compared. counts : how many texts have each value. Raises InputError as
    `compare_groups`."""
    some = ", ".join(value for value, _ in counts.most_common(_NAMED)) + (", ..." if len(counts) > _NAMED else "")
    if first is None:
        if len(counts) != 2:
            raise InputError(
                f"column {column!r} has {counted(len(counts), 'value')} ({some}); two groups are compared. Name one or "
                "two of them."
            )
        first, second = sorted(counts)
    for value in (first, second):
        if value is not None and value not in counts:
            raise InputError(f"column {column!r} has no value {value!r:.60}; it has {some}.")
    if first == second:
        raise InputError(f"{first!r:.60} was given as both groups of column {column!r}. Name two values.")
    other = counts.total() - counts[first] if second is None else counts[second]
    if min(counts[first], other) < 2:
        raise InputError(
            f"column {column!r} gives groups of {counts[first]} and {counted(other, 'text')}; two or more are needed "
            "in each."
        )
    return first, OTHERS if second is None else second


def difference_of(
    first: np.ndarray,
    second: np.ndarray,
    classes: tuple[str, ...],
    column: str = "group",
    names: tuple[str, str] = ("first", "second"),
    *,
    n_bootstrap: int = RESAMPLES,
    n_permutations: int = RELABELLINGS,
    seed: int = 0,
) -> GroupDifference:
    """The same of scores, (n, C) each. Raises InputError for fewer than two rows in one."""
    groups = [np.asarray(group, np.float64) for group in (first, second)]
    groups = [group[np.isfinite(group).all(1)] for group in groups]
    sizes = tuple(map(len, groups))
    if min(sizes) < 2:
        raise InputError(
            f"groups of {sizes[0]} and {counted(sizes[1], 'text')} that were read; two or more are needed in each."
        )
    n_bootstrap, n_permutations = (min(n, max(100, _DRAWS // sum(sizes))) for n in (n_bootstrap, n_permutations))
    rng = np.random.default_rng(seed)
    means = np.stack([group.mean(0) for group in groups])
    d = _cohen(*(moments for group in groups for moments in (group.mean(0), group.var(0))), *sizes)
    resampled = np.where(np.isnan(d), 0.0, _resampled(groups, n_bootstrap, rng))
    low, high = np.where(np.isnan(d), np.nan, np.nanpercentile(resampled, [2.5, 97.5], axis=0))
    # A rounding error must not make a relabelling smaller than itself.
    reached = np.zeros(len(d))
    for largest in _relabelled(np.concatenate(groups), sizes[0], n_permutations, rng):
        reached += (largest[:, None] >= np.abs(d) * (1 - 1e-9)).sum(0)
    p = np.where(np.isnan(d), np.nan, (1 + reached) / (1 + n_permutations))
    return GroupDifference(
        column, names, (sizes[0], sizes[1]), classes, means, d, low, high, p, n_bootstrap, n_permutations
    )


def group_scores(readings: TextReadings, column: str) -> tuple[np.ndarray, np.ndarray]:
    """The value of the column, (n,), and the scores, (n, C), of each text that was read and has one.

    Raises InputError for a column that did not come with the texts.
    """
    if column not in readings.columns:
        there = ", ".join(readings.columns) or "none"
        raise InputError(f"{readings.path.name} has no column {column!r}; {there} came with the texts.")
    names = [score_column(name) for name in readings.classes]
    values, scores = [], []
    for frame in readings.frames([SENTENCE, column, *names]):
        given = frame[column]
        whole = frame[(frame[SENTENCE] == 0) & given.notna() & (given.astype(str) != "") & frame[names[0]].notna()]
        values.append(whole[column].astype(str).to_numpy(object))
        scores.append(whole[names].to_numpy(np.float32))
    return np.concatenate(values), np.concatenate(scores)


def _cohen(mean_1, variance_1, mean_2, variance_2, n: int, m: int) -> np.ndarray:
    """d of groups by their means and variances (of n, not n - 1), NaN where nothing varies."""
    pooled = np.sqrt((n * variance_1 + m * variance_2) / (n + m - 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pooled > 0, (mean_1 - mean_2) / pooled, np.nan)


def _parts(n_rounds: int, n_rows: int) -> Iterator[int]:
    """Rounds that are done at once."""
    size = max(1, _HELD // n_rows)
    yield from (min(size, n_rounds - start) for start in range(0, n_rounds, size))


def _resampled(groups: list[np.ndarray], n_rounds: int, rng: np.random.Generator) -> np.ndarray:
    """d of texts that are drawn anew within each group, (rounds, C)."""
    found = []
    for rounds in _parts(n_rounds, sum(map(len, groups))):
        moments = []
        for group in groups:
            n = len(group)
            centre = group.mean(0)
            drawn = rng.integers(n, size=(rounds, n)) + np.arange(rounds)[:, None] * n
            share = np.bincount(drawn.ravel(), minlength=rounds * n).reshape(rounds, n) / n
            mean, square = share @ (group - centre), share @ (group - centre) ** 2
            moments += [mean + centre, np.maximum(square - mean**2, 0)]
        found.append(_cohen(*moments, *map(len, groups)))
    return np.concatenate(found)


def _relabelled(rows: np.ndarray, n: int, n_rounds: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The largest |d| of all classes where n of the rows, chosen at random, are the first group."""
    m = len(rows) - n
    rows = rows - rows.mean(0)
    total = (rows**2).sum(0)
    labels = np.arange(len(rows)) < n
    for rounds in _parts(n_rounds, len(rows)):
        first = rng.permuted(np.tile(labels, (rounds, 1)), axis=1).astype(np.float64) @ rows
        # Means of both groups, since all rows together sum to zero.
        gap = first / n + first / m
        within = total - first**2 / n - first**2 / m
        with np.errstate(invalid="ignore", divide="ignore"):
            d = np.abs(gap) / np.sqrt(np.maximum(within, 0) / (n + m - 2))
        yield np.nanmax(np.where(total > 0, d, 0.0), axis=1)
