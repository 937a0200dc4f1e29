"""What class vectors say about one model: RDMs, curves over depth, maps, components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Value, frame_html
from .condensed import pair_names, square

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RDM(Value):
    """Representational dissimilarity matrix, 1 - cosine, condensed in scipy's squareform order.

    condensed : (C * (C - 1) / 2,), values in [0, 2]. set : the vector set that it is of, empty for none.
    """

    condensed: np.ndarray
    classes: tuple[str, ...]
    layer: int
    centring: str
    set: str = ""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The two classes of every entry."""
        return pair_names(self.classes)

    def square(self) -> np.ndarray:
        """The symmetric (C, C) matrix, zero on the diagonal."""
        return square(self.condensed, len(self.classes))

    def to_frame(self) -> pd.DataFrame:
        """One row per pair: set, layer, centring, class_a, class_b, dissimilarity."""
        import pandas as pd

        frame = pd.DataFrame(self.pairs, columns=["class_a", "class_b"])
        frame["dissimilarity"] = self.condensed
        frame.insert(0, "set", self.set)
        frame.insert(1, "layer", self.layer)
        frame.insert(2, "centring", self.centring)
        return frame

    def __repr__(self) -> str:
        where = f"{self.set}, " if self.set else ""
        return f"RDM({where}layer {self.layer}: {len(self.classes)} classes, {self.centring} centring)"

    def _repr_html_(self) -> str:
        import pandas as pd

        return frame_html(pd.DataFrame(self.square(), index=self.classes, columns=self.classes).round(2))


@dataclass(frozen=True, slots=True)
class UShape:
    """Is a curve U-shaped over depth? Quadratic vertex and the two-lines test (Simonsohn 2018).

    vertex : depth of the quadratic's turning point, with its 95 % interval over topics; the interval is None where
        topics were not resampled. curvature : second derivative, positive for a U.
    break_depth, slopes, p_values : of the two lines; autocorrelation : of the noise in neighbouring layers.
    holds : share of the resampled curves that fall, then rise, on average; None without resampling.
    u_shaped : a falling and then a rising line, both significant.
    """

    vertex: float
    vertex_low: float | None
    vertex_high: float | None
    curvature: float
    break_depth: float
    slopes: tuple[float, float]
    p_values: tuple[float, float]
    autocorrelation: float
    holds: float | None
    u_shaped: bool


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class DepthCurve(Value):
    """One quantity of one vector set over its layers.

    depth, values : (L,), NaN where there is no value, with the reason; reference : the floor or chance line, or None.
    low, high : (L,) 95 % interval over topics (sentences for anisotropy), None where topics were not resampled.
    """

    name: str
    set: str
    depth: np.ndarray
    values: np.ndarray
    reference: float | None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    reason: str = ""

    def interval(self, layer: int) -> tuple[float, float] | None:
        """The interval at one layer, None where there is none."""
        if self.low is None or self.high is None or not np.isfinite(self.low[layer]):
            return None
        return float(self.low[layer]), float(self.high[layer])

    def to_frame(self) -> pd.DataFrame:
        """One row per layer: set, curve, layer, depth, value, low, high, reference (NaN where there is none)."""
        import pandas as pd

        missing = np.full(len(self.values), np.nan)
        return pd.DataFrame(
            {
                "set": self.set,
                "curve": self.name,
                "layer": np.arange(len(self.values)),
                "depth": self.depth,
                "value": self.values,
                "low": missing if self.low is None else self.low,
                "high": missing if self.high is None else self.high,
                "reference": np.nan if self.reference is None else self.reference,
            }
        )

    def __repr__(self) -> str:
        interval = "" if self.low is None else ", with interval"
        return f"DepthCurve({self.name!r} of {self.set}: {len(self.values)} layers{interval})"


class DepthCurves(Mapping[str, DepthCurve]):
    """The depth curves of one set, by name."""

    __slots__ = ("_curves", "set")

    def __init__(self, set: str, curves: Mapping[str, DepthCurve]):
        self.set, self._curves = set, dict(curves)

    def __getitem__(self, name: str) -> DepthCurve:
        return self._curves[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._curves)

    def __len__(self) -> int:
        return len(self._curves)

    def to_frame(self) -> pd.DataFrame:
        """All curves one after another, one row per curve and layer; columns as `DepthCurve.to_frame`."""
        import pandas as pd

        return pd.concat([curve.to_frame() for curve in self.values()], ignore_index=True)

    def __repr__(self) -> str:
        layers = max((len(curve.values) for curve in self.values()), default=0)
        return f"DepthCurves({self.set}: {len(self)} curves x {layers} layers)"

    def _repr_html_(self) -> str:
        wide = self.to_frame().pivot(index="layer", columns="curve", values="value")[list(self)]
        return frame_html(wide.round(3))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Projection(Value):
    """Two-dimensional map of the classes at one layer. points : (C, 2)."""

    points: np.ndarray
    classes: tuple[str, ...]
    layer: int
    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Components(Value):
    """Leading principal components of the class-centred unit vectors at one layer.

    scores : (C, 3), zero where the classes span fewer dimensions. explained : (3,), shares of the variance. told :
    (3,), whether a component is one direction and no other: those of the same variance can be turned at will.
    """

    scores: np.ndarray
    explained: np.ndarray
    told: np.ndarray


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TraitFit(Value):
    """Correlation of PC1 to PC3 with one trait over the layers of a set.

    r, p : (L, 3), p two-sided by relabelling the words; null_level : (L, 3), the |r| that 95 % of relabellings stay
    below.
    best : (L,), index of the component with the largest |r|, -1 where there is none. best_p, best_null_level : (L,), of
    the largest of the three |r| against the largest of the three under relabelling: picking the best is part of the
    test.
    words : those that were correlated. NaN where not computable; `reason` says why there is no r or no p, else is
    empty.
    """

    trait: str
    r: np.ndarray
    p: np.ndarray
    null_level: np.ndarray
    best: np.ndarray
    best_p: np.ndarray
    best_null_level: np.ndarray
    words: tuple[str, ...]
    reason: str

    @property
    def best_r(self) -> np.ndarray:
        """r of the best component, (L,), NaN where there is none."""
        picked = np.take_along_axis(self.r, np.maximum(self.best, 0)[:, None], axis=1)[:, 0]
        return np.where(self.best >= 0, picked, np.nan)

    def as_dict(self) -> dict[str, Any]:
        """Values by name, the best component as PC1 to PC3 or None; reason None where nothing is missing."""
        return {
            "r": self.r,
            "p": self.p,
            "null_level": self.null_level,
            "best": [f"PC{k + 1}" if k >= 0 else None for k in self.best],
            "best_p": self.best_p,
            "best_null_level": self.best_null_level,
            "words": self.words,
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ValenceArousal(Value):
    """Both fits of one set. source : `quadrant signs`, or the name of the norms file."""

    set: str
    source: str
    valence: TraitFit
    arousal: TraitFit
    n_permutations: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "components": [f"PC{k + 1}" for k in range(self.valence.r.shape[1])],
            "valence": self.valence.as_dict(),
            "arousal": self.arousal.as_dict(),
            "n_permutations": self.n_permutations,
            "seed": self.seed,
        }
