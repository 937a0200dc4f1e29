"""What two or more vector sets have in common."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .base import Value, frame_html
from .missing import Missing

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = (
    "rho",
    "ci_low",
    "ci_high",
    "p",
    "ceiling",
    "rho_disjoint",
    "rho_disattenuated",
    "rho_partial_lexical",
    "rho_partial_controls",
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Comparison(Value):
    """RSA between K sets. Matrices are (K, K); NaN where not computable, with the reason in `missing`.

    layers : of each set, the block at which its RDM was taken.
    classes : those that all sets have; every pair is compared on the n_classes that its two sets have in common
        (neutral left out where it is the centring).
    rho : Spearman's correlation of the two RDMs. p : by n_permutations relabellings of the classes.
    ci_low, ci_high : 95 % interval of rho over topics, by n_bootstrap resamples.
    ceiling : the rho that two sets of one true geometry could reach, given the noise that their halves show; rho may
        lie above it where both read the same passages.
    rho_disjoint : A on one half of the topics against B on the other. rho_disattenuated : that without noise.
    rho_partial_lexical, rho_partial_controls : rho given the words of the passages, and given all control RDMs.
    missing : one entry per number and pair; a reason for `rho` holds for every number of its pair, and `ci` stands for
        both ends of the interval.
    """

    sets: tuple[str, ...]
    layers: tuple[int, ...]
    classes: tuple[str, ...]
    rho: np.ndarray
    p: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    ceiling: np.ndarray
    rho_disjoint: np.ndarray
    rho_partial_lexical: np.ndarray
    rho_disattenuated: np.ndarray
    rho_partial_controls: np.ndarray
    n_classes: np.ndarray
    n_permutations: int
    n_bootstrap: int
    seed: int
    missing: tuple[Missing, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row per pair: set_a, layer_a, set_b, layer_b, n_classes, every number, and what is missing in words."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "set_a": self.sets[i],
                    "layer_a": self.layers[i],
                    "set_b": self.sets[j],
                    "layer_b": self.layers[j],
                    "n_classes": int(self.n_classes[i, j]),
                    **{name: float(getattr(self, name)[i, j]) for name in _NUMBERS},
                    "missing": "; ".join(f"{m.number}: {m.why}" for m in self.missing if m.pair in ((i, j), None)),
                }
                for i, j in combinations(range(len(self.sets)), 2)
            ]
        )

    def __repr__(self) -> str:
        off = self.rho[np.triu_indices(len(self.sets), 1)]
        off = off[np.isfinite(off)]
        span = "no rho" if not len(off) else f"rho {off.min():.3f}"
        return f"Comparison({len(self.sets)} sets: {span}{f' to {off.max():.3f}' if len(off) > 1 else ''})"

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame().round(3))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PairedRDMs(Value):
    """The RDMs of two sets on the classes that both have.

    Values and ranks are (2, P); rank 1 is the most alike pair.
    """

    pairs: tuple[tuple[str, str], ...]
    values: np.ndarray
    ranks: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """The ranks as shares of the way from the most alike pair, 0, to the least alike one, 1; (2, P)."""
        return (self.ranks - 1) / max(1, len(self.pairs) - 1)

    @property
    def difference(self) -> np.ndarray:
        """The shares of the first set less those of the second, (P,), from -1 to 1.

        Dissimilarities of two models share no scale, since anisotropy and noise stretch them; their ranks do.
        """
        return self.shares[0] - self.shares[1]

    def most_different(self, n: int) -> list[int]:
        """The n pairs whose ranks differ most, the largest difference first; none whose ranks are the same."""
        gap = np.abs(self.ranks[1] - self.ranks[0])
        return [int(k) for k in np.argsort(-gap, kind="stable")[:n] if gap[k] > 0]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CurveDifference(Value):
    """A depth curve of one set less that of another, on the depths of the layers of both.

    depth, values : (N,). at : of each depth, the set whose layer it is and the layer. low, high : (N,) 95 % interval
    over topics that both sets share, None where it cannot be had, with the reason.
    """

    name: str
    sets: tuple[str, str]
    depth: np.ndarray
    values: np.ndarray
    at: tuple[tuple[str, int], ...]
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Contrast(Value):
    """How alike two vector sets are that differ in a known way. Pairs of values go with the two sets, reference first.

    kind : `method`, `sub-parameters`, `precision`, `conflated` (method and precision at once), `corpus` (other
    passages), or `variant` (base, instruct).
    differs : what else than the texts is not the same, in words.
    rho, p, ceiling, ci_low, ci_high : as in `Comparison`; cosines : per emotion, between the class-centred vectors of
    the two sets, None if there are none. What is NaN or None has its reason under `rho`, `p`, `ceiling`, `ci` or
    `cosines`.
    """

    kind: str
    models: tuple[str, str]
    sets: tuple[str, str]
    methods: tuple[str, str]
    protocols: tuple[str, str]
    precisions: tuple[str, str]
    corpora: tuple[str, str]
    layers: tuple[int | None, int | None]
    nonfinite_layers: tuple[tuple[int, ...], tuple[int, ...]]
    differs: tuple[str, ...]
    n_classes: int
    n_permutations: int
    rho: float
    p: float
    ceiling: float
    ci_low: float
    ci_high: float
    cosines: dict[str, float] | None
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class HalfCorpora:
    """What two corpora of half the size give that were drawn from the source of one: the halves of its passages, split
    by topic.

    rho : Spearman's, between the RDMs of the halves; whole : the same stepped up to two corpora of the whole size. NaN
    with a reason in `missing`. n_classes : emotions that the RDMs are of.
    """

    set: str
    model: str
    protocol: str
    precision: str
    corpus: str
    n_passages: int
    layer: int | None
    n_classes: int
    rho: float
    whole: float
    missing: str = ""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CorpusPair(Value):
    """One model on two corpora, beside what each corpus gives against itself, on the emotions that both have.

    halves : of each corpus, the reference first. across : mean rho between a half of the one and a half of the other,
    four pairs, as large as those of `halves`.
    """

    contrast: Contrast
    halves: tuple[HalfCorpora, HalfCorpora]
    across: float

    @property
    def without_noise(self) -> float:
        """`across` as a share of what halves of one corpus reach: 1 where the passages do not matter, but for noise.

        Source : Spearman 1904 (correction for attenuation).
        """
        within = np.array([half.rho for half in self.halves])
        return float(self.across / np.sqrt(within.prod())) if (within > 0).all() else float("nan")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Separation(Value):
    """How far apart the emotion vectors of one set point: the cosine of every pair, neutral-centred, at one layer.

    cosines : (C * (C - 1) / 2,), in scipy's squareform order; lower = further apart.
    reliability : Spearman's rho between the cosines of the two topic halves. noise_share : how much of the vectors'
    mean squared length is noise, by the difference of the halves; above 1 where it is overestimated. noise_cosine : the
    mean cosine that this noise would have without any geometry.
    """

    model: str
    set: str
    method: str
    protocol: str
    precision: str
    layer: int
    reliability: float
    noise_share: float
    noise_cosine: float
    cosines: np.ndarray


@dataclass(frozen=True, slots=True)
class Difference:
    """How two samples differ: signs are those of the first minus the second. See `stats.methods.difference`."""

    n: tuple[int, int]
    means: tuple[float, float]
    u: float
    p: float
    cohen_d: float
    pooled_sd: float
    rank_biserial: float


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Measured(Value):
    """Contrasts and separations that were measured before, when, and with which versions."""

    contrasts: tuple[Contrast, ...]
    separations: tuple[Separation, ...]
    created: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Spearman's rho between the RDMs of some pairs of models: mean, lowest, highest, how many."""

    name: str
    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class SizeEffect:
    """Spearman's rho over models, with scipy's two-sided p, and over the means of families."""

    name: str
    rho: float
    p: float
    n: int
    rho_families: float
    n_families: int
