"""Side effects: what steering breaks, and what else it makes a model say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .base import Value
from .judging import WitnessCard
from .steering import Decoding, Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class OffTarget(Value):
    """What one reader finds of E emotions in the texts of the R rows of a run.

    before : (E,) mean over the unsteered texts. change : (R, E) mean difference of a row's texts from the unsteered
    texts of the same opening and seed. spread : (R, E) half the width of its 95 % interval (Student's t over the
    texts). All are NaN for an emotion that the reader does not judge; in fractions of the residual norm by projection,
    in probability by a witness. card : of the witness, None for the projection.
    """

    before: np.ndarray
    change: np.ndarray
    spread: np.ndarray
    card: WitnessCard | None = None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SideEffects(Value):
    """What each direction and dose does beside what it is for. See `experiments.side_effects`.

    rows : (direction, dose), R of them, the unsteered one first with dose 0. controls : directions that carry no
    emotion, the last rows of each dose. doses : increasing, without 0. emotions : E, the columns of what is read, which
    the projection reads at `layer`.
    losses : (R, P) nats per token of each passage. right : (R, Q) 1 where a question is answered right, else 0; kinds :
    (Q,) of the questions. lengths, repetitions : (R, T) of each text, in tokens and as a share of them, an opening's
    samples together. NaN where the model's numbers were no longer finite; a text that broke off there has no length.
    off_target : by `projection`, and by `witness` and `outside` where they are at hand.
    """

    name: str
    model: str
    set: str
    precision: str
    recipe: Recipe
    decoding: Decoding
    samples: int
    prompts: tuple[str, ...]
    directions: tuple[str, ...]
    controls: tuple[str, ...]
    doses: tuple[float, ...]
    emotions: tuple[str, ...]
    layer: int
    rows: tuple[tuple[str, float], ...]
    losses: np.ndarray
    right: np.ndarray
    kinds: tuple[str, ...]
    lengths: np.ndarray
    repetitions: np.ndarray
    off_target: dict[str, OffTarget]
    seconds: float
    created: str
    shipped: bool = False

    def to_frame(self) -> pd.DataFrame:
        """One row per direction and dose: model, set, direction, control, dose, loss, accuracy, length, repetition
        (means), and the change of every emotion by each reader (`projection afraid`, `witness afraid`, ...)."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "model": self.model,
                    "set": self.set,
                    "direction": direction,
                    "control": direction in self.controls,
                    "dose": dose,
                    "loss": self.losses[k].mean(),
                    "accuracy": self.right[k].mean(),
                    "length": _mean(self.lengths[k]),
                    "repetition": _mean(self.repetitions[k]),
                    **{
                        f"{reader} {emotion}": value
                        for reader, found in self.off_target.items()
                        for emotion, value in zip(self.emotions, found.change[k], strict=True)
                    },
                }
                for k, (direction, dose) in enumerate(self.rows)
            ]
        )

    def __repr__(self) -> str:
        return (
            f"SideEffects({self.name!r}: {len(self.directions)} directions and {len(self.controls)} controls x "
            f"{len(self.doses)} doses, read by {', '.join(self.off_target)})"
        )


def _mean(values: np.ndarray) -> float:
    """Of those that there are."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")
