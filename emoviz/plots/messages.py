"""What some sets say at a glance: three to six messages with their numbers, each with the place that shows it.

Every rule says from where on it speaks, and why from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..geometry import depth_curves
from ..stats import letters
from ..types import Comparison, DepthCurve, PairedRDMs, VectorSet
from ..words import counted
from .rsa import AGREEMENT
from .theme import short_label
from .wording import minus, p_text

# More do not fit into ten seconds; the first of the rules win.
MOST = 6
# Sets that are named one by one; of more the range is given, and the number of those that a rule speaks of.
MOST_NAMED = 2
# Split-half rho from which a geometry counts as reliable: stepped up to all topics (Spearman-Brown) it is 0.75, so that
# a quarter of the RDM's variance is noise.
RELIABLE = 0.6
# Mean cosine of unrelated sentences from which raw cosines are called useless: all differences then lie in the last
# tenth of the scale.
ANISOTROPIC = 0.9
# A peak is called early up to this depth, where the accuracy at the last layer also lies below the peak's interval: a
# smaller fall could come from the topics alone.
EARLY = 0.8
# p from which two geometries are said to be related.
RELATED = 0.01


@dataclass(frozen=True, slots=True)
class Message:
    """lead : the message in a few words. text : its numbers. tab : the title of the tab that shows it. controls : what
    else the link to it changes, by the keys of a link."""

    lead: str
    text: str
    tab: str
    controls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; NaN where there is no value, None where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return minus(f"{self.value:.2f}{interval}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the messages are made from, of one set at the layer that is shown.

    texts : how many the set was made from. chance : of decoding. peak : the highest decoding over all layers, at
    layer peak_layer, depth peak_depth; last : that of the last layer that has one. why_no_interval : empty where there
    is one.
    """

    name: str
    model: str
    texts: int
    classes: int
    chance: float
    decoding: Estimate
    reliability: Estimate
    anisotropy: Estimate
    peak: Estimate
    peak_layer: int
    peak_depth: float
    last: float
    why_no_interval: str = ""


def facts(vectors: VectorSet, layer: int) -> Facts:
    curves, p = depth_curves(vectors), vectors.provenance
    decoding = curves["decoding_accuracy"]
    known = np.flatnonzero(np.isfinite(decoding.values))
    best = int(np.nanargmax(decoding.values)) if len(known) else layer
    return Facts(
        name=short_label(vectors),
        model=p.model,
        texts=p.n_passages,
        classes=len(vectors.classes),
        chance=1 / len(vectors.classes),
        decoding=_at(decoding, layer),
        reliability=_at(curves["split_half_rho"], layer),
        anisotropy=_at(curves["anisotropy"], layer),
        peak=_at(decoding, best),
        peak_layer=best,
        peak_depth=vectors.depth(best),
        last=float(decoding.values[known[-1]]) if len(known) else float("nan"),
        why_no_interval="" if vectors.resampled is not None else vectors.notes.get("intervals", "not resampled"),
    )


def _at(curve: DepthCurve, layer: int) -> Estimate:
    return Estimate(float(curve.values[layer]), *(curve.interval(layer) or ()))


def messages(
    sets: Sequence[Facts], comparison: Comparison | None = None, paired: PairedRDMs | None = None
) -> list[Message]:
    """Three to six messages, the most important first. At least one set.

    comparison : of two sets or more, in their order. paired : of exactly two.
    """
    sets = _named(sets)
    found = [
        _models(sets),
        _decoding(sets),
        _reliability(sets),
        _no_interval(sets),
        None if comparison is None else _agreement(sets, comparison, paired),
        _anisotropy(sets),
        _early_peak(sets),
    ]
    return [message for message in found if message is not None][:MOST]


def _named(sets: Sequence[Facts]) -> list[Facts]:
    """As short as they can still be told apart: sets of different models by the model, of one model by the protocol."""
    for names in ([one.model for one in sets], [one.name.removeprefix(f"{one.model} · ") for one in sets]):
        if len(set(names)) == len(names):
            return [replace(one, name=name) for one, name in zip(sets, names, strict=True)]
    return list(sets)


def _models(sets: Sequence[Facts]) -> Message:
    models = list(dict.fromkeys(one.model for one in sets))
    named = f"{_and(models)}; " if len(models) <= MOST_NAMED else ""
    lead = counted(len(models), "model") + (f", {counted(len(sets), 'set')}" if len(sets) > len(models) else "")
    classes = f"{_span([one.classes for one in sets], '{}')} classes"
    return Message(lead, f"{named}{_texts(sets)}{' each' if len(sets) > 1 else ''} in {classes}", "Library")


def _texts(sets: Sequence[Facts]) -> str:
    """How many texts the sets were made from, as far as that is known."""
    known = [one.texts for one in sets if one.texts]
    return f"{_span(known, '{:,}')} texts" if len(known) == len(sets) else "unknown texts"


def _decoding(sets: Sequence[Facts]) -> Message:
    """Emotions are read where the whole interval lies above chance; without an interval nobody can tell."""
    above = [one for one in sets if one.decoding.low is not None and one.decoding.low > one.chance]
    known = any(np.isfinite(one.decoding.value) for one in sets)
    none = "Emotions cannot be read for certain" if known else "Decoding not known"
    lead = _share(above, sets, "Emotions can be read", none)
    chance = _span([one.chance for one in sets], "{:.2f}")
    return Message(
        lead,
        f"held-out decoding {_values(sets, lambda one: one.decoding)}; chance {chance}",
        "Depth",
        {"depth.curve": "decoding_accuracy"},
    )


def _reliability(sets: Sequence[Facts]) -> Message:
    good = [one for one in sets if one.reliability.value >= RELIABLE]
    known = any(np.isfinite(one.reliability.value) for one in sets)
    lead = _share(good, sets, "The geometry is reliable", "The geometry is noisy" if known else "Reliability not known")
    return Message(
        lead,
        f"split-half rho {_values(sets, lambda one: one.reliability)}",
        "Depth",
        {"depth.curve": "split_half_rho"},
    )


def _no_interval(sets: Sequence[Facts]) -> Message | None:
    without = [one for one in sets if one.why_no_interval]
    if not without:
        return None
    first = without[0]
    return Message(
        "No interval",
        f"{_who(without, sets)}: {_texts(without)}; {first.why_no_interval}",
        "Depth",
        {"depth.curve": "decoding_accuracy"},
    )


def _agreement(sets: Sequence[Facts], found: Comparison, paired: PairedRDMs | None) -> Message | None:
    rows, columns = np.triu_indices(len(sets), 1)
    rho = found.rho[rows, columns]
    if not np.isfinite(rho).any():
        return None
    if len(sets) == 2:
        p, ceiling = found.p[0, 1], found.ceiling[0, 1]
        related = np.isfinite(p) and p < RELATED
        lead = "No agreement shown"
        if related:
            lead = "The two agree" if rho[0] >= AGREEMENT else "The two agree in part"
        numbers = [f"rho {rho[0]:.2f}"]
        numbers += [f"noise ceiling {ceiling:.2f}"] if np.isfinite(ceiling) else []
        numbers += [p_text(p, found.n_permutations)] if np.isfinite(p) else []
        top = [] if paired is None else paired.most_different(1)
        differ = f"; they differ most on {' and '.join(paired.pairs[top[0]])}" if paired is not None and top else ""
        return Message(lead, minus(", ".join(numbers)) + differ, "Models")
    short = letters(len(sets))
    low, high = int(np.nanargmin(rho)), int(np.nanargmax(rho))
    far = f"{short[rows[low]]} and {short[columns[low]]}"
    return Message(
        minus(f"rho {_span([r for r in rho if np.isfinite(r)], '{:.2f}')} between the sets"),
        f"most alike: {sets[rows[high]].name} and {sets[columns[high]].name}; least: {sets[rows[low]].name} and "
        f"{sets[columns[low]].name}",
        "Models",
        {"models.pair": far},
    )


def _anisotropy(sets: Sequence[Facts]) -> Message | None:
    high = [one for one in sets if one.anisotropy.value >= ANISOTROPIC]
    if not high:
        return None
    return Message(
        "Raw cosines say nothing",
        f"{_who(high, sets)}: anisotropy {_span([one.anisotropy.value for one in high], '{:.2f}')} of 1; look at "
        "centred ones",
        "Anisotropy",
    )


def _early_peak(sets: Sequence[Facts]) -> Message | None:
    early = [
        one for one in sets if one.peak_depth <= EARLY and one.peak.low is not None and one.last < one.peak.low
    ]  # fmt: skip
    if not early:
        return None
    if len(early) <= MOST_NAMED:
        peaks = _and([f"{one.name} at layer {one.peak_layer} (depth {one.peak_depth:.2f})" for one in early])
        text = f"decoding is highest in {peaks}; at the last layer it is {_and([f'{one.last:.2f}' for one in early])}"
    else:
        peak, end = (_span([getattr(one, name) for one in early], "{:.2f}") for name in ("peak_depth", "last"))
        text = f"{_who(early, sets)}: decoding is highest at depth {peak}; at the last layer it is {end}"
    return Message(
        "Best before the end",
        text,
        "Depth",
        {"depth.curve": "decoding_accuracy"},
    )


def _share(some: Sequence[Facts], sets: Sequence[Facts], all_of_them: str, none: str) -> str:
    if not some or len(some) == len(sets):
        return all_of_them if some else none
    return f"{all_of_them} in {len(some)} of {len(sets)}"


def _who(some: Sequence[Facts], sets: Sequence[Facts]) -> str:
    return _and([one.name for one in some]) if len(some) <= MOST_NAMED else f"{len(some)} of {len(sets)} sets"


def _values(sets: Sequence[Facts], value: Callable[[Facts], Estimate]) -> str:
    """One by one where they are few, else the range."""
    if len(sets) <= MOST_NAMED:
        return ", ".join(
            f"{one.name} {_or_missing(value(one))}" if len(sets) > 1 else _or_missing(value(one)) for one in sets
        )
    known = [value(one).value for one in sets if np.isfinite(value(one).value)]
    missing = f", missing in {len(sets) - len(known)}" if len(known) < len(sets) else ""
    return minus(f"{_span(known, '{:.2f}')}{missing}") if known else "missing"


def _or_missing(estimate: Estimate) -> str:
    return str(estimate) if np.isfinite(estimate.value) else "missing"


def _span(values: Sequence[float], form: str) -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
